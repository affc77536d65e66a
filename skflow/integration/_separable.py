"""A map for each column by itself, as VEGAS has it, refined where rows are sure of it."""

from dataclasses import dataclass

import numpy as np

__all__ = ["SeparableMap"]

N_KNOTS = 1_001
DEPTH = 9  # halvings, so that at most 512 parts are told apart
REFINEMENTS = 4
SURE = 2.0  # standard errors by which halves must differ
FEWEST = 4  # rows in each half that is compared
DOUBLINGS = 40  # of the width of a part, by which wider ones are approached
FLOOR = 0.01  # of the density before, that every part keeps


@dataclass(frozen=True, eq=False)
class SeparableMap:
    r"""Piecewise linear distribution functions of d columns on the unit interval.

    .. math::
        q(u) = \prod_j G_j'(u_j), \qquad u_j = G_j^{-1}(v_j),

    with 1,000 parts of equal probability each: the grid of [1]_, sec. II. It is refined as a
    grid of the grid: what weighted rows say of the density of :math:`v = G(u)`, which a good map
    makes uniform, is taken over part by part.

    Attributes
    ----------
    knots : ndarray of shape (d, n_knots)
        Quantiles of each column, from 0 to 1.

    References
    ----------
    .. [1] Lepage (2021), Adaptive multidimensional integration: VEGAS enhanced, Journal of
       Computational Physics 439, arXiv:2009.05112.
    """

    knots: np.ndarray

    @classmethod
    def uniform(cls, d):
        """Return the identity of d columns."""
        return cls(np.tile(np.linspace(0, 1, N_KNOTS), (d, 1)))

    @classmethod
    def fitted(cls, u, log_value, log_q):
        """Refine the identity as often as it gets better for every other row, which is left out.

        Parameters are those of :meth:`refined`.
        """
        weight = np.exp(log_value - log_q - (log_value - log_q).max())[1::2]
        fit, gains = cls.uniform(u.shape[1]), [0.0]
        for _ in range(REFINEMENTS):
            fit = fit.refined(u[::2], log_value[::2], log_q[::2])
            gains.append(weight @ fit.log_density(u[1::2]))
        fit = cls.uniform(u.shape[1])
        for _ in range(int(np.argmax(gains))):
            fit = fit.refined(u, log_value, log_q)
        return fit

    def draw(self, v, _pick=None):
        """Rows u (n, d) of uniform rows v."""
        levels = np.linspace(0, 1, N_KNOTS)
        return np.column_stack([np.interp(v[:, j], levels, k) for j, k in enumerate(self.knots)])

    def forward(self, u):
        """Rows v (n, d) of rows u, and log density (n,) of u."""
        v, log_density = np.empty_like(u), np.zeros(len(u))
        for j, knots in enumerate(self.knots):
            part = np.clip(np.searchsorted(knots, u[:, j], side="right") - 1, 0, N_KNOTS - 2)
            width = knots[part + 1] - knots[part]
            v[:, j] = (part + (u[:, j] - knots[part]) / width) / (N_KNOTS - 1)
            log_density -= np.log((N_KNOTS - 1) * width)
        return np.clip(v, 0, 1), log_density

    def log_density(self, u):
        """Log density (n,) of rows u."""
        return self.forward(u)[1]

    def refined(self, u, log_value, log_q):
        r"""Return a map nearer to the function that rows have values of.

        Each half of a column's range is compared with the other, then halves of halves: by means
        of :math:`f / g`, g the density of this map, so that it does not count how many rows came
        to lie where. What halves differ by is shrunk by its standard error.

        Parameters
        ----------
        u : ndarray of shape (n, d)
        log_value : ndarray of shape (n,)
            Logs of what the density is to be like, on any scale.
        log_q : ndarray of shape (n,)
            Log densities that the rows were drawn from.
        """
        v, log_density = self.forward(u)
        weight = np.exp(log_value - log_q - (log_value - log_q).max())
        count = np.exp(log_density - log_q)
        levels, steps = np.linspace(0, 1, 2**DEPTH + 1), np.linspace(0, 1, N_KNOTS)
        found = []
        for j, knots in enumerate(self.knots):
            below = np.concatenate([[0.0], _shares(v[:, j], weight, count).cumsum()])
            # v at equal steps of what the rows say, looked up in the knots there are
            at = np.interp(steps, below / below[-1], levels)
            found.append(_graded(np.interp(at, steps, knots)))
        return SeparableMap(_apart(np.array(found)))


def _shares(v, weight, count):
    """Probabilities of 2^DEPTH equal parts of (0, 1), by halving."""
    cell = np.minimum((v * 2**DEPTH).astype(int), 2**DEPTH - 1)
    terms = [weight, count, weight**2, weight * count, count**2]
    sums = np.array([np.bincount(cell, term, minlength=2**DEPTH) for term in terms])
    shares = np.ones(1)
    for level in range(DEPTH):
        halves = sums.reshape(len(terms), -1, 2, 2 ** (DEPTH - level - 1)).sum(axis=3)
        off = _difference(halves[:, :, 0], halves[:, :, 1])
        shares = (shares[:, None] * np.column_stack([0.5 + off, 0.5 - off])).ravel()
    return (1 - FLOOR) * shares + FLOOR / len(shares)


def _difference(left, right):
    """Share of the left halves above one half, shrunk by its standard error."""
    variance = _variance(left + right)  # of both: few rows alike look surer than they are
    (a, a_error), (b, b_error) = _mean(*left, variance), _mean(*right, variance)
    total = np.where(a + b > 0, a + b, 1.0)
    a, b, a_error, b_error = a / total, b / total, a_error / total, b_error / total
    off = (a - b) / 2
    # the variance of a / (a + b), by its derivatives
    variance = (b * a_error) ** 2 + (a * b_error) ** 2
    n = np.minimum(_effective(left), _effective(right))
    shrunk = np.maximum(0, 1 - SURE**2 * variance / np.maximum(off**2, 1e-300)) * n / (n + 2)
    return np.where(n >= FEWEST, off * shrunk, 0.0)


def _effective(sums):
    """Rows that a half is worth by their counts."""
    return sums[1] ** 2 / np.where(sums[4] > 0, sums[4], 1.0)


def _variance(sums):
    """Variance of weights about as many times the counts, for each unit of squared counts."""
    weight, count, weight_2, both, count_2 = sums
    n = _effective(sums)
    mean = weight / np.where(count > 0, count, 1.0)
    square = np.maximum(weight_2 - 2 * mean * both + mean**2 * count_2, 0)
    return square / np.where(count_2 > 0, count_2, 1.0) * n / np.maximum(n - 1, 1)


def _mean(weight, count, _weight_2, _both, count_2, variance):
    """Ratio of sums of weights and counts, and its standard error."""
    whole = np.where(count > 0, count, 1.0)
    return weight / whole, np.sqrt(variance * count_2) / whole


def _graded(knots):
    r"""Let parts grow no faster than by the distance from their narrower neighbours.

    Where a function ends the last row lies before its end, and a density that ended there would
    leave rows of any weight in between. The width of parts, at u, becomes
    :math:`\min_i w_i + |u - \text{part}_i|` with the widths w of all.
    """
    width = np.diff(knots)
    doubled = 2.0 ** np.arange(1, DOUBLINGS) - 1
    rising, falling = width[1:] > 2 * width[:-1], width[:-1] > 2 * width[1:]
    after = knots[1:-1][rising, None] + width[:-1][rising, None] * doubled
    before = knots[1:-1][falling, None] - width[1:][falling, None] * doubled
    points = np.unique(np.concatenate([knots, after.ravel(), before.ravel()]))
    points = points[(points >= 0) & (points <= 1)]
    middle = (points[1:] + points[:-1]) / 2
    part = np.clip(np.searchsorted(knots, middle, side="right") - 1, 0, len(width) - 1)
    from_left = np.minimum.accumulate(width - knots[1:])[np.maximum(part - 1, 0)] + middle
    from_right = np.minimum.accumulate((width + knots[:-1])[::-1])[::-1]
    from_right = from_right[np.minimum(part + 1, len(width) - 1)] - middle
    from_left[part == 0] = from_right[part == len(width) - 1] = np.inf
    density = 1 / np.minimum(width[part], np.minimum(from_left, from_right))
    below = np.concatenate([[0.0], (density * np.diff(points)).cumsum()])
    return np.interp(np.linspace(0, 1, N_KNOTS), below / below[-1], points)


def _apart(knots):
    """Keep knots from falling together where they are as close as floats can be."""
    least = 1e-13 * np.arange(knots.shape[1])
    rising = np.maximum.accumulate(knots - least, axis=1) + least
    return rising / rising[:, -1:]
