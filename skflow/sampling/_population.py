"""Rows that a density was asked of, wherever they were drawn from, as one weighted sample."""

import numpy as np
from scipy.special import logsumexp

__all__ = ["Population", "effective_number", "shares_of"]


class Population:
    r"""Rows drawn from several proposals, each weighed by the mixture of them all.

    .. math::
        w_i = \frac{p(x_i)}{\sum_t (n_t / n)\, q_t(x_i)}, \qquad n = \sum_t n_t,

    the deterministic mixture weights of [1]_, eq. 4: no row is ever thrown away, and one that a
    narrow proposal missed by much is held down by the wide ones.

    Parameters
    ----------
    log_target : callable
        Of rows (n, d), to log densities (n,), -inf where there are none.
    n_features : int

    Attributes
    ----------
    rows : ndarray of shape (n, d)
    value : ndarray of shape (n,)
        Log densities of the target.
    counts : list of int
        Rows of each proposal.
    base : callable
        Of rows, to log densities: what a power of the target begins at; constant at first.

    References
    ----------
    .. [1] Cornuet, Marin, Mira & Robert (2012), Adaptive multiple importance sampling,
       Scandinavian Journal of Statistics 39(4).
    """

    def __init__(self, log_target, n_features):
        self.log_target = log_target
        self.rows = np.empty((0, n_features))
        self.value = np.empty(0)
        self.base = _flat
        self.proposals, self.counts = [], []
        self._log_q = np.empty((0, 0))

    def __len__(self):
        return len(self.rows)

    def add(self, proposal, n, rng):
        """Draw n rows of a proposal, with ``draw`` and ``log_density``, and ask for their value.

        Returns
        -------
        log_weights : ndarray of shape (n,)
            Of the new rows by this proposal alone.
        """
        rows = proposal.draw(n, rng)
        value = self.log_target(rows)
        log_q = proposal.log_density(np.concatenate([self.rows, rows]))
        older = [q.log_density(rows) for q in self.proposals]
        self._log_q = np.vstack(
            [np.column_stack([self._log_q, np.reshape(older, (len(older), n))]), log_q]
        )
        self.rows = np.concatenate([self.rows, rows])
        self.value = np.concatenate([self.value, value])
        self.proposals.append(proposal)
        self.counts.append(n)
        return value - log_q[-n:]

    def log_weights(self, power=1.0):
        r"""Log weights (n,) for :math:`b^{1 - \beta} p^\beta`, between base and target.

        Parameters
        ----------
        power : float, default=1.0
            That of the target, beta.
        """
        return self.log_density(power) - self.log_mixture()

    def log_evidence(self):
        """Log of the target's integral, by all rows."""
        return float(logsumexp(self.log_weights()) - np.log(len(self)))

    def log_mixture(self):
        """Log density (n,) of all proposals together, by the rows of each."""
        mixed = logsumexp(self._log_q, b=np.reshape(self.counts, (-1, 1)), axis=0)
        return mixed - np.log(len(self))

    def log_density(self, power=1.0):
        """Log density (n,) between base and target, not normalised."""
        start = 0.0 if power == 1 else (1 - power) * self.base(self.rows)
        with np.errstate(invalid="ignore"):
            found = start + power * self.value
        return np.where(np.isfinite(self.value), found, -np.inf)


def effective_number(log_weights):
    """Effective number of draws with such weights; 0 where none counts."""
    if not np.isfinite(log_weights).any():
        return 0.0
    return float(np.exp(2 * logsumexp(log_weights) - logsumexp(2 * log_weights)))


def shares_of(log_weights):
    """Weights with sum 1."""
    return np.exp(log_weights - logsumexp(log_weights))


def _flat(rows):
    return np.zeros(len(rows))
