"""Training rows as a flow takes them."""

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["Table", "n_start_rows"]

# Whatever starts from data starts from so many rows and entries at most, and of wide tables from
# so many rows at least: more tell hardly more, and cost their share of time and memory.
START_ROWS = 20_000
START_ENTRIES = 2**19  # of each member, and of all together
START_ENTRIES_OF_ALL = 2**20
FEWEST_START_ROWS = 1_000


def n_start_rows(n_features, n_members=1):
    """How many rows, at most, what looks at the data before training may look at."""
    entries = min(START_ENTRIES, START_ENTRIES_OF_ALL // n_members)
    return int(np.clip(entries // n_features, FEWEST_START_ROWS, START_ROWS))


@dataclass
class Table:
    """Distinct rows, strictly inside their bounds, repeated values spread.

    The rows lie in ``values`` in the order in which they came, and an index says which of them
    stand for the distinct ones: a sorted copy would be as large as what the user holds already.

    Attributes
    ----------
    values : ndarray of shape (n_values, n_features), float64
        Often the user's own array: never written to.
    index : ndarray of shape (n_rows,)
        Where in ``values`` the distinct rows are, in the order of their numbers.
    weight : ndarray of shape (n_rows,) or None
        With mean 1, None if all are equal; rows of weight 0 are gone.
    source : ndarray of shape (n_samples,)
        Which of the rows each row of X became, -1 where its weight is 0.
    observation : Observation
        How they were made of the rows of X.
    holder : ndarray of shape (n_rows,) or None
        The member that is to hold each row out, -1 for none; None leaves that open.
    context : ndarray of shape (n_rows, n_context) or None
        What each row is given.
    """

    values: np.ndarray
    index: np.ndarray
    weight: np.ndarray | None
    source: np.ndarray
    observation: object
    holder: np.ndarray | None = None
    context: np.ndarray | None = None

    def __len__(self):
        return len(self.index)

    @property
    def n_features(self):
        """Columns of the table."""
        return self.values.shape[1]

    @property
    def n_context(self):
        """Columns of the context."""
        return 0 if self.context is None else self.context.shape[1]

    @property
    def bounds(self):
        """Declared bounds low and high, (n_features,) each."""
        return self.observation.bounds[:2]

    def rows(self, which=slice(None)):
        """Rows (m, n_features) of the given numbers, a copy; all by default."""
        return self.values[self.index[which]]

    def let_go(self):
        """Let go of the rows, of which a copy may be as long as the table; only numbers stay."""
        self.values = np.empty((0, self.n_features))

    def start(self):
        """Return the table of those rows, all or drawn, that stand for it where a fit starts."""
        n = n_start_rows(self.n_features)
        if len(self) <= n:
            return self
        which = np.sort(np.random.default_rng(0).permutation(len(self))[:n])
        weight, holder, context = (
            None if t is None else t[which] for t in (self.weight, self.holder, self.context)
        )
        return replace(
            self, index=self.index[which], weight=weight, holder=holder, context=context
        )
