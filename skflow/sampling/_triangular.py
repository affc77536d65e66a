"""Columns one after another, each with a mean and a scale that the ones before it set."""

from dataclasses import dataclass

import numpy as np

from skflow.sampling._normals import fit_normals, rows_that_count

__all__ = ["TriangularProposal", "fit_triangular"]

STEPS = 12  # of scoring, for means and scales in turn
SURE = 4.0  # standard errors that a coefficient must differ from zero by
RIDGE = 1e-6
LONGEST = 1.0  # change of a log scale in a step
BEYOND = 2.0  # how far log scales may go beyond those of the rows


@dataclass(frozen=True, eq=False)
class Regression:
    """Mean and log scale of a column given k others.

    Attributes
    ----------
    shift, size : ndarray of shape (k,)
        Of the others, which are centred and scaled first.
    mean, scale : ndarray
        Coefficients.
    reach : tuple of float
        Between which the log scale stays.
    """

    shift: np.ndarray
    size: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    reach: tuple

    def __call__(self, before):
        """Mean (n,) and log scale (n,) given rows (n, k)."""
        u = (before - self.shift) / self.size
        log_scale = _lines(u) @ self.scale
        return _squares(u) @ self.mean, np.clip(log_scale, *self.reach)


@dataclass(frozen=True, eq=False)
class TriangularProposal:
    r"""One autoregressive layer with means, scales and noise of any shape.

    .. math::
        x_j = m_j(x_{<j}) + e^{s_j(x_{<j})} z_j, \qquad
        \log q(x) = \sum_j \log h_j(z_j) - s_j(x_{<j}),

    in some order of the columns: a masked autoregressive flow [1]_, eq. 3, whose nets are
    polynomials. The means are quadratic (squares, and products with the first column), the log
    scales linear, and h is a mixture of normals. Hierarchies with a common scale (funnels),
    bananas, and products of columns with several modes are of this form.

    Attributes
    ----------
    order : ndarray of shape (d,)
        Of the columns.
    columns : list of Regression
    noise : list of NormalMixture

    References
    ----------
    .. [1] Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density
       estimation, arXiv:1705.07057.
    """

    order: np.ndarray
    columns: list
    noise: list

    def log_density(self, x):
        """Log densities (n,) of rows x (n, d)."""
        x, total = x[:, self.order], 0.0
        for j, (column, noise) in enumerate(zip(self.columns, self.noise, strict=True)):
            mean, log_scale = column(x[:, :j])
            z = (x[:, j] - mean) * np.exp(-log_scale)
            total = total + noise.log_density(z[:, None]) - log_scale
        return total

    def draw(self, n, rng):
        """Draw rows (n, d) with a numpy RandomState."""
        x = np.empty((n, len(self.order)))
        for j, (column, noise) in enumerate(zip(self.columns, self.noise, strict=True)):
            mean, log_scale = column(x[:, :j])
            x[:, j] = mean + np.exp(log_scale) * noise.draw(n, rng)[:, 0]
        rows = np.empty_like(x)
        rows[:, self.order] = x
        return rows


def fit_triangular(x, weight, rng):
    """Fit means, scales and noise to weighted rows, after an order has been found for them.

    A column goes before another one where it tells more of that one's mean and scale than the
    other way round. Coefficients that are not four standard errors from zero are left out.

    Parameters
    ----------
    x : ndarray of shape (n, d)
    weight : ndarray of shape (n,)
        With sum 1.
    rng : RandomState

    Returns
    -------
    TriangularProposal
    """
    x, weight = rows_that_count(x, weight, rng)
    order = _order(x, weight)
    # what is told by all others together, as a mean of several is, may as well tell each of them
    orders = [order, np.append(order[:1], order[:0:-1])][: max(1, len(order) - 1)]
    fits = [_in_order(x[:, order], order, weight, rng) for order in orders]
    return max(fits, key=lambda fit: weight @ fit.log_density(x))


def _in_order(x, order, weight, rng):
    columns, noise = [], []
    for j in range(x.shape[1]):
        column = _regress(x[:, :j], x[:, j], weight)
        mean, log_scale = column(x[:, :j])
        z = (x[:, j] - mean) * np.exp(-log_scale)
        columns.append(column)
        noise.append(fit_normals(z[:, None], weight, rng).with_tails())
    return TriangularProposal(order, columns, noise)


def _squares(u):
    """Columns 1, u, u^2 and products with the first column, of rows (n, k)."""
    return np.hstack([np.ones((len(u), 1)), u, u**2, u[:, :1] * u[:, 1:]])


def _lines(u):
    """Columns 1 and u."""
    return np.hstack([np.ones((len(u), 1)), u])


def _order(x, weight):
    """Put first what tells most of the others, and of what they tell least."""
    d = x.shape[1]
    tells = np.zeros((d, d))
    for j in range(d):
        alone = _likelihood(x[:, :0], x[:, j], weight)
        for i in range(d):
            if i != j:
                tells[i, j] = _likelihood(x[:, [i]], x[:, j], weight) - alone
    return np.argsort((tells.T - tells).sum(axis=1), kind="stable")


def _likelihood(before, y, weight):
    mean, log_scale = _regress(before, y, weight)(before)
    return -(weight @ (0.5 * ((y - mean) * np.exp(-log_scale)) ** 2 + log_scale))


def _regress(before, y, weight):
    """Fit means and log scales; what is not surely different from zero is left out."""
    shift = weight @ before
    size = np.maximum(np.sqrt(weight @ (before - shift) ** 2), 1e-300)
    u = (before - shift) / size
    mean_of, scale_of = _squares(u), _lines(u)
    n_effective = 1 / (weight**2).sum()
    use_mean, use_scale = (np.ones(f.shape[1], dtype=bool) for f in (mean_of, scale_of))
    for last in (False, True):
        found = _scored(mean_of[:, use_mean], scale_of[:, use_scale], y, weight)
        if last:
            break
        for use, (value, variance) in zip((use_mean, use_scale), found, strict=True):
            use[1:] = np.abs(value[1:]) > SURE * np.sqrt(variance[1:] / n_effective)
    mean, scale = np.zeros(len(use_mean)), np.zeros(len(use_scale))
    mean[use_mean], scale[use_scale] = found[0][0], found[1][0]
    log_scale = scale_of @ scale
    reach = (log_scale.min() - BEYOND, log_scale.max() + BEYOND)
    return Regression(shift, size, mean, scale, reach)


def _scored(mean_of, scale_of, y, weight):
    """Coefficients of mean and log scale, each with n times its variance, by Fisher's scoring."""
    scale = np.zeros(scale_of.shape[1])
    center = weight @ y
    y = y - center  # so that the ridge draws no mean towards zero
    scale[0] = 0.5 * np.log(max(weight @ y**2, 1e-300))
    information = 2 * (scale_of.T * weight) @ scale_of
    information += RIDGE * np.eye(len(information))
    for _ in range(STEPS):
        base = scale[0]
        precise = weight * np.exp(-2 * (scale_of @ scale - base))
        gram = (mean_of.T * precise) @ mean_of
        gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        mean = np.linalg.solve(gram, mean_of.T @ (precise * y))
        ratio = (y - mean_of @ mean) ** 2 * np.exp(-2 * (scale_of @ scale))
        step = np.linalg.solve(information, scale_of.T @ (weight * (ratio - 1)))
        scale += step * min(1.0, LONGEST / max(np.abs(scale_of @ step).max(), 1e-300))
    mean[0] += center
    variance = np.diagonal(np.linalg.inv(gram)) * np.exp(2 * base)
    return (mean, variance), (scale, np.diagonal(np.linalg.inv(information)))
