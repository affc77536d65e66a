"""Two views of a posterior, one learnt as such and one by the likelihood, pooled."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow._persistence import stored
from skflow.sampling import Ends, tempered

__all__ = ["FEWEST_DRAWS", "Asked", "PosteriorPool"]

BLOCK_ROWS = 200_000  # of candidates that are held at a time
CANDIDATES = 4  # for each draw that is wanted
FEWEST_DRAWS = 128  # of each posterior, whose differences are directions of moves
FOR_CONSTANT = 256, 16_384  # draws of which a normalising constant is the mean, fewest and most
CONSTANT_ROWS = 200_000  # of all observations together
PRIOR_SHARE = 0.2  # of the draws to start with, beside those of the learnt posterior


@stored
@dataclass(frozen=True)
class Asked:
    """What posteriors are asked for, as the two views read it.

    Attributes
    ----------
    summaries : ndarray of shape (m, c)
        That the learnt posterior is given.
    rows : ndarray of shape (m, r, k)
        Observations, r of each theta, that the likelihood is of.
    """

    summaries: np.ndarray
    rows: np.ndarray

    def __len__(self):
        return len(self.summaries)

    def some(self, index):
        """Return those of an index."""
        return Asked(self.summaries[index], self.rows[index])

    def distinct(self):
        """Return those that differ, and which of them each is (m,)."""
        flat = np.concatenate([self.summaries, self.rows.reshape(len(self), -1)], axis=1)
        _, first, inverse = np.unique(flat, axis=0, return_index=True, return_inverse=True)
        return self.some(first), inverse.ravel()


@stored
@dataclass(frozen=True)
class PosteriorPool:
    r"""The log density :math:`\log p + a (\log q - \log p) + b \log l`, up to a constant.

    Without a prior it is that of q.

    Attributes
    ----------
    prior : IndependentPrior, JointPrior or None
    posterior, likelihood : density given a context, or None
        q of theta given x, and l of x given theta.
    weights : tuple of float
        The exponents a and b; that of a view which is missing is 0.
    """

    prior: Any
    posterior: Any
    likelihood: Any
    weights: tuple

    def by_likelihood(self, likelihood):
        """Return the pool in which the likelihood alone counts."""
        return PosteriorPool(self.prior, None, likelihood, (0.0, 1.0))

    @property
    def is_exact(self):
        """Whether scores and draws are those of one density, without a search for draws."""
        return self.weights == (1.0, 0.0)

    def views(self, theta, asked, group):
        """Score rows (n, d) by what each view adds to the prior, given the asked of an index (n,).

        Returns
        -------
        views : ndarray of shape (n, 2)
            log q - log p, and log l; 0 where the prior is zero, and for a view without weight.
        log_prior : ndarray of shape (n,)
        """
        a, b = self.weights
        log_prior = self._log_prior(theta)
        found, inside = np.zeros((len(theta), 2)), np.isfinite(log_prior)
        if inside.any():
            rows, group = theta[inside], group[inside]
            if a:
                own = self.posterior.score_samples(rows, asked.summaries[group])
                found[inside, 0] = own - log_prior[inside]
            if b:
                found[inside, 1] = self._log_likelihood(rows, asked.rows[group])
        return found, log_prior

    def log_density(self, theta, asked, group):
        """Log density (n,) of the pool, not normalised; -inf outside the prior's support."""
        views, log_prior = self.views(theta, asked, group)
        return log_prior + views @ self.weights

    def log_start(self, theta, asked, group):
        """Log density (n,) of where draws start: the learnt posterior and some of the prior."""
        if self.posterior is None:
            return self.prior.log_density(theta)
        own = self.posterior.score_samples(theta, asked.summaries[group])
        if self.prior is None:
            return own
        return np.logaddexp(
            own + np.log1p(-PRIOR_SHARE), self.prior.log_density(theta) + np.log(PRIOR_SHARE)
        )

    def start(self, asked, n, rng):
        """Draws (m, n, d) of that."""
        m = len(asked)
        if self.posterior is None:
            return self.prior.draw(m * n, rng).reshape(m, n, -1)
        own = self.posterior.sample_given(asked.summaries, n, rng)
        if self.prior is None:
            return own
        wide = self.prior.draw(m * n, rng).reshape(own.shape)
        return np.where(rng.random_sample((m, n, 1)) < PRIOR_SHARE, wide, own)

    def sample(self, asked, n, rng):
        """Draws (m, n, d)."""
        if self.is_exact:
            draws = self.posterior.sample_given(asked.summaries, n, rng)
            if self.prior is None or self._inside(draws.reshape(-1, draws.shape[-1])).all():
                return draws
        enough = max(n, FEWEST_DRAWS)
        parts = [
            self._reached(part, CANDIDATES * enough, enough, rng).theta[:, :n]
            for part in _parts(asked, CANDIDATES * enough)
        ]
        return np.concatenate(parts)

    def log_constant(self, asked, rng):
        """Log of what the density must be divided by, (m,)."""
        if self.is_exact:
            return self._log_share_inside(asked, rng)
        n = int(np.clip(CONSTANT_ROWS // len(asked), *FOR_CONSTANT))
        parts = [
            self._reached(part, n, FEWEST_DRAWS, rng, draws=False).log_constant
            for part in _parts(asked, n)
        ]
        return np.concatenate(parts)

    def _log_share_inside(self, asked, rng):
        """Log of the share (m,) of the learnt posterior that the prior allows."""
        if self.prior is None:
            return np.zeros(len(asked))
        draws = self.posterior.sample_given(asked.summaries, FOR_CONSTANT[0], rng)
        inside = self._inside(draws.reshape(-1, draws.shape[-1])).reshape(draws.shape[:2])
        # not even one of so many draws inside counts as half a draw
        return np.log(np.maximum(inside.mean(axis=1), 0.5 / FOR_CONSTANT[0]))

    def _reached(self, asked, n_first, n, rng, *, draws=True):
        ends = Ends(
            lambda rows, group: self.log_start(rows, asked, group),
            lambda rows, group: self.log_density(rows, asked, group),
        )
        return tempered(ends, self.start(asked, n_first, rng), n, rng, draws=draws)

    def _log_prior(self, theta):
        """Log density (n,) of the prior, 0 where none is known."""
        return np.zeros(len(theta)) if self.prior is None else self.prior.log_density(theta)

    def _inside(self, theta):
        return np.isfinite(self._log_prior(theta))

    def _log_likelihood(self, theta, rows):
        """Log likelihood (n,) of parameters by observations (n, r, k)."""
        n, r, k = rows.shape
        given = np.repeat(theta, r, axis=0)
        return self.likelihood.score_samples(rows.reshape(n * r, k), given).reshape(n, r).sum(1)


def _parts(asked, n_each):
    """Asked, in parts with candidates that fit in memory."""
    size = max(1, BLOCK_ROWS // n_each)
    return [asked.some(slice(a, a + size)) for a in range(0, len(asked), size)]
