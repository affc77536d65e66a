"""Arithmetic of sorted distinct values: gaps, grids, spreads. Used by the search for ties."""

import numpy as np

from skflow._rounding import is_rounding

__all__ = [
    "distinct_values",
    "grid_points",
    "lattice_gap",
    "nearest",
    "nearest_comparable",
    "on_lattice",
    "row_keys",
    "spread",
    "up_the_grid",
]

EPS, LARGEST = np.finfo(np.float64).eps, np.finfo(np.float64).max
LATTICE_TOLERANCE = 0.01
DECIMALS = 3  # of a gap, that figures on a grid may have


def distinct_values(x):
    """Distinct values of x (n,), sorted; those that differ by rounding error are one.

    A run of neighbours is one value if it is no longer than rounding error; in a longer one
    every figure counts by itself, as in a column so far from 0 that all its steps are small.

    Returns
    -------
    lower, upper : ndarray of shape (n_values,)
        The smallest and the largest figure of each value.
    counts : ndarray of shape (n_values,)
    constant : bool
        Whether the whole range is rounding error.
    """
    x = np.sort(x)
    start, end = _runs(x, ~is_rounding(x[:-1], x[1:], EPS))
    long = np.repeat(~is_rounding(x[start], x[end], EPS), end - start + 1)
    own = (x[1:] > x[:-1]) & long[1:] & long[:-1]
    own[start[1:] - 1] = True
    start, end = _runs(x, own)
    return x[start], x[end], end - start + 1, bool(is_rounding(x[0], x[-1], EPS))


def _runs(x, new):
    """Numbers of the first and the last entry of each run; ``new`` (n - 1,) begins one."""
    start = np.flatnonzero(np.append(True, new))
    return start, np.append(start[1:], len(x)) - 1


def row_keys(X):
    """One 64-bit hash of the bits of each row of X (n, d), as uint64 (n,)."""
    key = np.zeros(len(X), dtype=np.uint64)
    for column in X.T:
        # The finaliser of splitmix64; adding 0.0 makes -0.0 and 0.0 the same bits.
        key = key * np.uint64(0x9E3779B97F4A7C15) + (column + 0.0).view(np.uint64)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key ^= key >> np.uint64(31)
    return key


def lattice_gap(values):
    """Find the gap g of which all gaps of sorted distinct values are multiples, or 0.0.

    Each gap is compared with a multiple of g up to the rounding error of the two values and of g
    itself, and 1 % of g; gaps too many g long to tell are left out.
    """
    unit = 4.0 if np.abs(values).max() > LARGEST / 4 else 1.0
    values = values / unit  # so that no gap overflows
    gaps = np.diff(values)
    smallest = gaps.min()
    if smallest == 0:  # numbers next to 0 beside the largest
        return 0.0
    gap = float(np.median(gaps[gaps < 1.5 * smallest]))
    multiple = gaps / gap
    size = np.maximum(np.abs(values[1:]), np.abs(values[:-1]))
    closest = size[int(gaps.argmin())]
    error = 2 * EPS * (size + multiple * closest) / gap
    telling = error < 0.1
    if telling.mean() < 0.5:
        return 0.0
    off = np.abs(multiple - np.round(multiple))[telling]
    regular = (off <= LATTICE_TOLERANCE + error[telling]).all()
    return gap * unit if regular and gap <= LARGEST / unit else 0.0


def on_lattice(values, gap):
    """Whether sorted distinct values are multiples of a gap apart, up to rounding error."""
    multiple = (values - values[0]) / gap
    error = 4 * EPS * np.abs(values).max() / gap
    return bool((np.abs(multiple - np.round(multiple)) <= LATTICE_TOLERANCE + error).all())


def grid_points(values, gap):
    """Those of sorted distinct values on a grid from which the others follow, digit by digit."""
    first = values[:1]
    follow = np.array_equal(up_the_grid(first, np.round((values - first) / gap), gap), values)
    return first if follow else values


def up_the_grid(start, steps, gap):
    """Points so many steps up a grid from start, without the rounding error of short decimals."""
    points = start + gap * steps
    with np.errstate(over="ignore"):  # of points far out on a fine grid, which are kept
        short = np.round(points, DECIMALS - int(np.floor(np.log10(gap))))
    meant = (steps != 0) & (np.abs(short - points) <= 1e-6 * gap)
    return np.where(meant, short, points)


def nearest(values, x):
    """Which of sorted values (m,) is nearest to each of x (n,), as indices (n,)."""
    middles = values[:-1] / 2 + values[1:] / 2
    return np.searchsorted(middles, x)


def spread(values, counts):
    """Return the smaller of the standard deviation and the distinct values' 16-84 % range."""
    _, exponent = np.frexp(max(abs(values[0]), abs(values[-1])))
    u = np.ldexp(values, -exponent)  # squares neither overflow nor vanish, whatever the unit
    mean = np.average(u, weights=counts)
    std = np.sqrt(np.average((u - mean) ** 2, weights=counts))
    low, high = np.quantile(u, [0.16, 0.84])
    return float(np.ldexp(min(std, high - low), exponent))


def nearest_comparable(values, counts):
    """Distance from each value to the nearest other that repeats about as often; inf if none.

    "About as often" is at least a quarter of the largest power of two in the count, and twice.
    """
    out = np.full(len(values), np.inf)
    level = np.frexp(counts)[1] - 1
    for k in np.unique(level[counts > 1]):
        mine = (level == k) & (counts > 1)
        pool = values[counts >= max(2, 2.0 ** (k - 2))]
        padded = np.concatenate([[-np.inf], pool, [np.inf]])
        at = np.searchsorted(pool, values[mine]) + 1
        here = values[mine]
        out[mine] = np.minimum(here - padded[at - 1], padded[at + 1] - here)
    return out
