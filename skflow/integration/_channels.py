"""Several ways to draw rows as one proposal, with the shares that leave the least variance."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import logsumexp

__all__ = ["Channels", "Flat"]

STEPS = 100
LEAST = 0.01  # share below which a channel is left out
DEFENSE = 0.01  # share of the flat channel, so that nothing is ever out of reach


class Flat:
    """The uniform density of the unit cube."""

    def draw(self, v, _pick):
        """Return the uniform rows v themselves."""
        return v

    def log_density(self, u):
        """Zeros (n,)."""
        return np.zeros(len(u))


@dataclass(frozen=True, eq=False)
class Channels:
    r"""A mixture :math:`q = \sum_k \alpha_k q_k` of densities on the unit cube [1]_.

    Attributes
    ----------
    parts : dict of str to object
        By name, each with ``draw(v, pick)``, of uniform rows and numbers, and ``log_density(u)``.
        The first one is flat.
    shares : ndarray of shape (k,)
        With sum 1.

    References
    ----------
    .. [1] Kleiss & Pittau (1994), Weight optimization in multichannel Monte Carlo, Computer
       Physics Communications 83(2-3), arXiv:hep-ph/9405257.
    """

    parts: dict
    shares: np.ndarray

    @classmethod
    def flat(cls):
        """Return the uniform density alone."""
        return cls({"flat": Flat()}, np.ones(1))

    def draw(self, v):
        """Rows u (n, d) of uniform rows (n, d + 1), of which the first number picks the channel.

        Points that fill the cube evenly do so in each channel.
        """
        levels = np.concatenate([[0.0], self.shares.cumsum()])
        levels /= levels[-1]
        which = np.searchsorted(levels[1:-1], v[:, 0], side="right")
        u = np.empty((len(v), v.shape[1] - 1))
        for k, part in enumerate(self.parts.values()):
            rows = which == k
            if rows.any():
                pick = (v[rows, 0] - levels[k]) / (levels[k + 1] - levels[k])
                u[rows] = part.draw(v[rows, 1:], np.clip(pick, 0, 1))
        # a quantile may be rounded to the edge, where an infinite bound would lie
        return np.clip(u, 1e-16, 1 - 1e-16)

    def log_parts(self, u):
        """Log densities (k, n) of rows u under each channel."""
        return np.array([part.log_density(u) for part in self.parts.values()])

    def log_density(self, u):
        """Log density (n,) of rows u."""
        return logsumexp(self.log_parts(u), b=self.shares[:, None], axis=0)

    def with_best_shares(self, u, log_value, log_q):
        r"""Return it with shares that make the variance small that rows show.

        The variance :math:`\operatorname{E} f^2 / q^2` is convex in the shares, and stationary
        where all channels contribute alike, which is iterated for [1]_, eq. 17:
        :math:`\alpha_k \propto \alpha_k \sqrt{W_k}, W_k = \operatorname{E} f^2 q_k / q^3`.

        Parameters
        ----------
        u : ndarray of shape (n, d)
            Rows that no channel was fitted to.
        log_value : ndarray of shape (n,)
            Log of :math:`|f|`.
        log_q : ndarray of shape (n,)
            Log density that they were drawn from.
        """
        log_parts = self.log_parts(u)
        shares, least = self.shares.copy(), np.zeros(len(self.shares))
        least[0] = DEFENSE
        for _ in range(STEPS):
            mixed = logsumexp(log_parts, b=shares[:, None], axis=0)
            log_w = logsumexp(2 * log_value + log_parts - 2 * mixed - log_q, axis=1)
            if not np.isfinite(log_w.max()):
                return self
            shares = shares * np.exp((log_w - log_w.max()) / 2)
            shares = np.maximum(shares / shares.sum(), least)
            shares /= shares.sum()
        kept = [k for k in range(len(shares)) if k == 0 or shares[k] > LEAST]
        names = list(self.parts)
        return Channels(
            {names[k]: self.parts[names[k]] for k in kept}, shares[kept] / shares[kept].sum()
        )

    def held_open(self, least):
        """Return it with no share below ``least`` but the flat one's, to learn of them all."""
        shares = np.maximum(self.shares, np.where(np.arange(len(self.shares)) == 0, 0.0, least))
        return replace(self, shares=shares / shares.sum())
