"""Columns one after another, each with a mean and a scale that the ones before it set."""

from dataclasses import dataclass

import numpy as np

from skflow.sampling._normals import PRICE, NormalMixture, fit_normals, rows_that_count
from skflow.sampling._pool import PooledProposal

__all__ = ["TriangularProposal", "fit_triangular"]

STEPS = 12  # of scoring, for means and scales in turn
SURE = 4.0  # standard errors that a coefficient must differ from zero by
RIDGE = 1e-6
LONGEST = 1.0  # change of a log scale in a step
BEYOND = 2.0  # how far log scales may go beyond those of the rows
MOST_LEADERS, LEADERS_ROWS = 12, 500  # columns that are each tried as the first, on so many rows
ROWS_A_COEFFICIENT = 4  # least rows for each, in bases richer than the first
# Draws of the first column, by share, from a normal of so many times its deviation.
FARTHER, FAR_SHARE = NormalMixture(np.ones(1), np.zeros((1, 1)), np.full((1, 1, 1), 3.0)), 0.1


@dataclass(frozen=True)
class Basis:
    """What means and log scales of a column are linear in: the columns before it, and more.

    Attributes
    ----------
    squares : bool
        Means are bent by the square of every column, as those of bananas are.
    bends : tuple of float
        Places, in deviations of the first column, at which lines in it may bend: scales of
        effects grow with what steers them until their own data hold them.
    """

    squares: bool = False
    bends: tuple = ()

    def __call__(self, u):
        """Columns (n, a) and (n, b) for means and log scales, of rows (n, k) of mean 0."""
        first = u[:, :1]
        steering = [first, *(np.maximum(first - bend, 0.0) for bend in self.bends)]
        lines = [np.ones((len(u), 1)), u, *steering[1:]]
        products = [each * u[:, 1:] for each in steering]
        squares = [u**2] if self.squares else []
        return np.hstack([*lines, *squares, *products]), np.hstack(lines)


# Squares would be the ruin of necks, where a mean must be right to a small part of its range.
BASES = Basis(), Basis(squares=True), Basis(bends=(0.0,)), Basis(bends=(0.0, 1.0))


@dataclass(frozen=True, eq=False)
class Regression:
    """Mean and log scale of a column given k others.

    Attributes
    ----------
    basis : Basis
    shift, size : ndarray of shape (k,)
        Of the others, which are centred and scaled first.
    mean, scale : ndarray
        Coefficients.
    reach : tuple of float
        Between which the log scale stays.
    """

    basis: Basis
    shift: np.ndarray
    size: np.ndarray
    mean: np.ndarray
    scale: np.ndarray
    reach: tuple

    def __call__(self, before):
        """Mean (n,) and log scale (n,) given rows (n, k)."""
        mean_of, scale_of = self.basis((before - self.shift) / self.size)
        return mean_of @ self.mean, np.clip(scale_of @ self.scale, *self.reach)


@dataclass(frozen=True, eq=False)
class TriangularProposal:
    r"""One autoregressive layer with means, scales and noise of any shape.

    .. math::
        x_j = m_j(x_{<j}) + e^{s_j(x_{<j})} z_j, \qquad
        \log q(x) = \sum_j \log h_j(z_j) - s_j(x_{<j}),

    in some order of the columns: a masked autoregressive flow [1]_, eq. 3, in place of whose nets
    are lines. Means are linear in the columns, in their products with the first, and in one of the
    ``BASES`` in more; log scales are linear, with bends along the first column; h is a mixture of
    normals. Hierarchies with a common scale (funnels), bananas, and products of columns with
    several modes are of this form.

    Attributes
    ----------
    order : ndarray of shape (d,)
        Of the columns.
    columns : list of Regression
    noise : list of NormalMixture
        That of the first column in a pool with ``FARTHER``.

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
    other way round; of few columns each is tried as the first. Of a column's bases that is taken
    which loses least when each coefficient costs 1.5 nats; those not four standard errors from
    zero are left out. A tenth of the draws of the first column is spread three times as wide: a
    neck of a funnel, or its wide end, that few rows have met is met by the next.

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
    if 2 < len(order) <= MOST_LEADERS:
        orders.append(_led(x, order, weight, rng))
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
    noise[0] = PooledProposal([noise[0], FARTHER], np.array([1 - FAR_SHARE, FAR_SHARE]))
    return TriangularProposal(order, columns, noise)


def _order(x, weight):
    """Put first what tells most of the others, and of what they tell least."""
    d = x.shape[1]
    tells = np.zeros((d, d))
    for j in range(d):
        alone = _told(x[:, :0], x[:, j], weight)
        for i in range(d):
            if i != j:
                tells[i, j] = _told(x[:, [i]], x[:, j], weight) - alone
    return np.argsort((tells.T - tells).sum(axis=1), kind="stable")


def _led(x, order, weight, rng):
    """Find the first column, order kept behind it, that makes rows likeliest by lines.

    What steers the scales of others given a third, as those of effects about their mean, is not
    to be seen in pairs.
    """
    chosen = rng.choice(len(x), LEADERS_ROWS, p=weight)
    x, weight = x[chosen], np.full(LEADERS_ROWS, 1 / LEADERS_ROWS)
    orders = [np.append(first, order[order != first]) for first in order]

    def likelihood(order):
        columns = range(len(order))
        return sum(_told(x[:, order[:j]], x[:, order[j]], weight, BASES[:1]) for j in columns)

    return max(orders, key=likelihood)


def _told(before, y, weight, bases=BASES):
    return _likelihood(*_regress(before, y, weight, bases)(before), y, weight)


def _likelihood(mean, log_scale, y, weight):
    return -(weight @ (0.5 * ((y - mean) * np.exp(-log_scale)) ** 2 + log_scale))


def _regress(before, y, weight, bases=BASES):
    """Fit means and log scales in the basis that is worth its coefficients."""
    shift = weight @ before
    size = np.maximum(np.sqrt(weight @ (before - shift) ** 2), 1e-300)
    u, n_effective, fits = (before - shift) / size, 1 / (weight**2).sum(), []
    for basis in bases if before.shape[1] else bases[:1]:
        mean_of, scale_of = basis(u)
        n_coefficients = mean_of.shape[1] + scale_of.shape[1]
        if fits and ROWS_A_COEFFICIENT * n_coefficients > n_effective:
            continue
        mean, scale = _surely(mean_of, scale_of, y, weight)
        log_scale = scale_of @ scale
        n_used = np.count_nonzero(mean) + np.count_nonzero(scale)
        score = n_effective * _likelihood(mean_of @ mean, log_scale, y, weight) - PRICE * n_used
        reach = log_scale.min() - BEYOND, log_scale.max() + BEYOND
        fits.append((score, Regression(basis, shift, size, mean, scale, reach)))
    return max(fits, key=lambda fit: fit[0])[1]


def _surely(mean_of, scale_of, y, weight):
    """Coefficients of mean and log scale, 0 where they are not surely different from it."""
    n_effective = 1 / (weight**2).sum()
    uses = [np.ones(f.shape[1], dtype=bool) for f in (mean_of, scale_of)]
    for use, (value, variance) in zip(uses, _scored(mean_of, scale_of, y, weight), strict=True):
        use[1:] = np.abs(value[1:]) > SURE * np.sqrt(variance[1:] / n_effective)
    found = _scored(mean_of[:, uses[0]], scale_of[:, uses[1]], y, weight)
    coefficients = [np.zeros(len(use)) for use in uses]
    for all_, use, (value, _) in zip(coefficients, uses, found, strict=True):
        all_[use] = value
    return coefficients


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
