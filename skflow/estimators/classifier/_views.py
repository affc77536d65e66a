"""What all class densities share: repeated values spread once, columns preprocessed once."""

from skflow._persistence import stored
from skflow._random import seeded

__all__ = ["SharedViews"]

KINDS = "standardize", "gaussianize"
BLOCK = 2_048  # rows that are preprocessed together


@stored
class SharedViews:
    """From rows in the units of X to those that class densities see, with the log-det of the way.

    Attributes
    ----------
    observation : ContinuousRows
        Bounds and repeated values of all rows, whatever their class.
    maps : dict {str: Chain}
        Bijections fitted to all rows, by the name of the preprocessing.
    """

    def __init__(self, observation, maps):
        self.observation, self.maps = observation, maps

    @classmethod
    def fit(cls, X, weight, kinds, rng, **declared):
        """Learn them from rows X (n, d); also return these rows with repeated values spread.

        Parameters
        ----------
        X : ndarray of shape (n, d)
        weight : ndarray of shape (n,)
        kinds : sequence of str
            Preprocessings that are wanted.
        rng : numpy.random.Generator
        **declared
            ``support``, ``resolution`` and ``names``, as in ``ContinuousRows.read``.
        """
        import torch

        from skflow.fitting._preprocessing import fit_preprocessing
        from skflow.tables._observation import ContinuousRows
        from skflow.tables._table import n_start_rows

        observation = ContinuousRows.read(X, weight, **declared)
        rows = observation.made_continuous(X, rng)
        some = rng.permutation(len(rows))[: n_start_rows(rows.shape[1])]
        start, start_weight = torch.tensor(rows[some]), torch.tensor(weight[some])
        constant = torch.from_numpy(observation.ties.constant)
        with seeded(int(rng.integers(2**31))):
            maps = {
                kind: fit_preprocessing(
                    kind, observation.bounds, start, start_weight, constant=constant
                )
                for kind in kinds
            }
        return cls(observation, maps), rows

    def place(self, X):
        """Rows X (n, d) moved inside declared bounds, and whether they were outside, (n,)."""
        return self.observation.place(X)

    def apply(self, rows):
        """Rows (n, d) inside the bounds in every view: dict of z (n, d) and log-det (n,)."""
        import torch

        views = {}
        with torch.no_grad():
            blocks = torch.tensor(rows).split(BLOCK)
            for kind, way in self.maps.items():
                parts = zip(*(way(block) for block in blocks), strict=True)
                views[kind] = tuple(torch.cat(part).numpy() for part in parts)
        return views
