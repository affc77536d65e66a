"""Mixtures of normal distributions, and how many of them weighted rows ask for."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

__all__ = ["NormalMixture", "fit_normals", "rows_that_count"]

LOG_2PI = np.log(2 * np.pi)
MOST = 128  # components to begin with
MOST_ROWS = 2_000  # that a fit looks at
MOST_SWEEPS = 60
GAIN = 1e-4  # nats a row, below which a fit has ended
FLOOR = 1e-6  # of the variance of all rows, added to that of each component
PRICE = 1.5  # nats a parameter must bring
TAILS = 0.1  # share of the wide copies
WIDER = 2.0  # times the standard deviations


@dataclass(frozen=True, eq=False)
class NormalMixture:
    """Normal distributions side by side.

    Attributes
    ----------
    weights : ndarray of shape (k,)
        Their shares, with sum 1.
    means : ndarray of shape (k, d)
    roots : ndarray of shape (k, d, d)
        Lower triangular, with the covariances ``root @ root.T``.
    """

    weights: np.ndarray
    means: np.ndarray
    roots: np.ndarray

    def distances(self, x):
        """Squared distances (n, k) of rows x (n, d) from each mean, in standard deviations."""
        k, d = self.means.shape
        inverse = np.linalg.inv(self.roots)
        z = x @ inverse.transpose(2, 0, 1).reshape(d, k * d)
        z = z.reshape(len(x), k, d) - np.einsum("kij,kj->ki", inverse, self.means)
        return (z**2).sum(axis=2)

    def parts(self, x):
        """Log densities (n, k) of rows x (n, d) under each component."""
        volume = np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1)
        return -0.5 * (self.distances(x) + x.shape[1] * LOG_2PI) - volume

    def log_density(self, x):
        """Log densities (n,) of rows x (n, d)."""
        return logsumexp(self.parts(x), b=self.weights, axis=1)

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        component = rng.choice(len(self.weights), n, p=self.weights)
        noise = rng.standard_normal((n, self.means.shape[1]))
        return self.means[component] + np.einsum("nij,nj->ni", self.roots[component], noise)

    def and_more(self, mean, share):
        """Return it with one more component, of the covariance of the smallest."""
        volume = np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1)
        return NormalMixture(
            np.append((1 - share) * self.weights, share),
            np.vstack([self.means, mean]),
            np.concatenate([self.roots, self.roots[volume.argmin()][None]]),
        )

    def with_tails(self):
        """Return it with a tenth of each component twice as wide: no tail is then left bare."""
        return NormalMixture(
            np.concatenate([(1 - TAILS) * self.weights, TAILS * self.weights]),
            np.concatenate([self.means, self.means]),
            np.concatenate([self.roots, WIDER * self.roots]),
        )


def rows_that_count(x, weight, rng):
    """Rows of a positive weight and these weights; of very many some, drawn by weight."""
    if np.count_nonzero(weight) > MOST_ROWS:
        weight = rng.multinomial(MOST_ROWS, weight) / MOST_ROWS
    return x[weight > 0], weight[weight > 0]


def fit_normals(x, weight, rng):
    r"""Fit a mixture to weighted rows that has as many components as they can bear.

    EM, one component after another, with the shares of [1]_, eq. 17,

    .. math::
        \pi_k \propto \max\bigl(0,\; n \textstyle\sum_i w_i r_{ik} - T / 2\bigr),
        \qquad T = d + d (d + 1) / 2,

    (2 d of diagonal covariances) where n is the effective number of rows: a component whose rows
    are fewer than half its parameters goes out. Fits begin with 1, 2, 4, ... components, of full
    and of diagonal covariances, until two in a row are worse; that one is taken which loses least
    when each parameter costs 1.5 nats.

    Parameters
    ----------
    x : ndarray of shape (n, d)
    weight : ndarray of shape (n,)
        With sum 1.
    rng : RandomState

    Returns
    -------
    NormalMixture

    References
    ----------
    .. [1] Figueiredo & Jain (2002), Unsupervised learning of finite mixture models, IEEE
       Transactions on Pattern Analysis and Machine Intelligence 24(3).
    """
    x, weight = rows_that_count(x, weight, rng)
    # columns alike, so that distances between rows mean something
    shift, scale = _moments(x, weight)
    fits = [
        _best_size((x - shift) / scale, weight, full, rng) for full in (True, False)[: x.shape[1]]
    ]
    found = max(fits, key=lambda each: each[0])[1].mixture()
    return NormalMixture(found.weights, shift + scale * found.means, scale[:, None] * found.roots)


def _moments(x, weight):
    mean = weight @ x
    deviation = np.sqrt(weight @ (x - mean) ** 2)
    return mean, np.where(deviation > 0, deviation, 1.0)


def _best_size(x, weight, full, rng):
    """Best criterion and fit of those that begin with 1, 2, 4, ... components."""
    best, worse = (-np.inf, None), 0
    for k in 2 ** np.arange(int(np.log2(MOST)) + 1):
        fit = _Fit(x, weight, full, k, rng)
        if k > 1 and k * fit.n_parameters > fit.n_effective:
            break
        score = fit.run()
        worse = 0 if score > best[0] else worse + 1
        best = max(best, (score, fit), key=lambda each: each[0])
        if worse == 2:
            break
    return best


class _Fit:
    """A mixture on its way, of which each sweep updates every component."""

    def __init__(self, x, weight, full, k, rng):
        d = x.shape[1]
        self.x, self.weight, self.full = x, weight, full
        self.n_effective = 1 / (weight**2).sum()
        self.n_parameters = d + (d * (d + 1) / 2 if full else d)
        means = _spread_out(x, weight, k, rng)
        self.shares = np.full(len(means), 1 / len(means))
        self.means, self.roots = means, np.empty((len(means), d, d))
        self.roots[:] = self._root(weight, weight @ x, 1.0) * len(means) ** (-1 / d)

    def run(self):
        """Sweep until nothing is gained; return the log likelihood less the price."""
        last = -np.inf
        for _ in range(MOST_SWEEPS):
            likelihood = self.sweep()
            if abs(likelihood - last) < GAIN:
                break
            last = likelihood
        n_parameters = len(self.shares) * (self.n_parameters + 1)
        return self.n_effective * likelihood - PRICE * n_parameters

    def mixture(self):
        return NormalMixture(self.shares / self.shares.sum(), self.means, self.roots)

    def sweep(self):
        """Update all components once; return the log likelihood a row had before."""
        logs = self.mixture().parts(self.x)
        top = (logs + np.log(self.shares)).max(axis=1)
        density = np.exp(logs - top[:, None])
        total = density @ self.shares
        likelihood = self.weight @ (np.log(total / self.shares.sum()) + top)
        alive = np.ones(len(self.shares), dtype=bool)
        for k in range(len(self.shares)):
            total -= self.shares[k] * density[:, k]
            total = np.maximum(total, 0)
            whole = total + self.shares[k] * density[:, k]
            # a row that no component reaches any more belongs to none
            mine = self.weight * np.divide(
                self.shares[k] * density[:, k], whole, out=np.zeros_like(whole), where=whole > 0
            )
            rows = mine.sum() ** 2 / max(mine @ self.weight, 1e-300)
            if rows <= 0.5 * self.n_parameters and alive.sum() > 1:
                alive[k], self.shares[k] = False, 0.0
                continue
            self.shares[k] = mine.sum() * max(1 - 0.5 * self.n_parameters / rows, 1e-3)
            self.means[k] = mine @ self.x / mine.sum()
            self.roots[k] = self._root(mine / mine.sum(), self.means[k], rows)
            one = NormalMixture(np.ones(1), self.means[k : k + 1], self.roots[k : k + 1])
            density[:, k] = np.exp(np.minimum(one.parts(self.x)[:, 0] - top, 500))
            total += self.shares[k] * density[:, k]
        self.shares, self.means, self.roots = (
            part[alive] for part in (self.shares, self.means, self.roots)
        )
        return likelihood

    def _root(self, share, mean, rows):
        off = self.x - mean
        covariance = (share[:, None] * off).T @ off
        if not self.full:
            covariance = np.diag(np.diag(covariance))
        return np.linalg.cholesky(covariance + FLOOR * np.eye(len(covariance)))


def _spread_out(x, weight, k, rng):
    """Choose k rows far from each other, as k-means++ does."""
    chosen = [rng.choice(len(x), p=weight)]
    distance = ((x - x[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < k:
        odds = weight * distance
        if not odds.sum() > 0:  # fewer rows than components
            break
        chosen.append(rng.choice(len(x), p=odds / odds.sum()))
        distance = np.minimum(distance, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return x[chosen].copy()
