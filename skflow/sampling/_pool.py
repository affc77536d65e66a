"""Several proposals as one."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

__all__ = ["PooledProposal", "fit_shares"]

STEPS = 200
LEAST = 0.02  # share below which a proposal is left out


@dataclass(frozen=True, eq=False)
class PooledProposal:
    """A mixture of proposals.

    Attributes
    ----------
    proposals : list
        Each with ``draw(n, rng)`` and ``log_density(rows)``.
    shares : ndarray of shape (k,)
        With sum 1.
    """

    proposals: list
    shares: np.ndarray

    @classmethod
    def equal(cls, proposals):
        """Pool proposals with equal shares."""
        return cls(proposals, np.full(len(proposals), 1 / len(proposals)))

    def log_density(self, x):
        """Log densities (n,) of rows x (n, d)."""
        parts = [proposal.log_density(x) for proposal in self.proposals]
        return logsumexp(parts, b=self.shares[:, None], axis=0)

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState, in random order."""
        counts = rng.multinomial(n, self.shares)
        pairs = zip(self.proposals, counts, strict=True)
        rows = [proposal.draw(count, rng) for proposal, count in pairs if count]
        return np.concatenate(rows)[rng.permutation(n)]


def fit_shares(proposals, x, weight):
    """Pool proposals with the shares that make weighted rows likeliest, by EM.

    Parameters
    ----------
    proposals : list
    x : ndarray of shape (n, d)
        Rows, best such that no proposal was fitted to.
    weight : ndarray of shape (n,)
        With sum 1.

    Returns
    -------
    PooledProposal
        Without those whose share would be below 0.02.
    """
    used = weight > 0
    log_density = np.array([proposal.log_density(x[used]) for proposal in proposals])
    shares = np.full(len(proposals), 1 / len(proposals))
    for _ in range(STEPS):
        parts = log_density + np.log(np.maximum(shares, 1e-300))[:, None]
        shares = np.exp(parts - logsumexp(parts, axis=0)) @ weight[used]
    kept = np.flatnonzero(shares > LEAST)
    return PooledProposal([proposals[k] for k in kept], shares[kept] / shares[kept].sum())
