"""The region that is integrated over, as an image of the unit cube."""

import numpy as np

from skflow._validation import is_real

__all__ = ["Domain", "read_bounds"]

FORM = "bounds must be one pair (low, high) for each variable, None or infinite for no bound"


class Domain:
    r"""A box, of which any side may be infinite, and the unit cube that it is the image of.

    Column by column, for u in (0, 1):

    .. math::
        x = a + (b - a) u, \qquad x = a + \frac{u}{1 - u}, \qquad x = b - \frac{1 - u}{u},
        \qquad x = \tan \pi (u - \tfrac12),

    for two bounds, one below, one above, and none. The tails of the last three are those of
    :math:`1 / x^2`, so that what falls as fast stays finite in the cube.

    Parameters
    ----------
    low, high : ndarray of shape (d,)
    """

    def __init__(self, low, high):
        self.low, self.high = low, high
        below, above = np.isfinite(low), np.isfinite(high)
        self.between = below & above
        self.upward, self.downward = below & ~above, above & ~below
        self.free = ~below & ~above

    def rows(self, u):
        """Rows x (n, d) of rows u of the cube, and log|det dx/du| (n,)."""
        x, log_slope = np.empty_like(u), np.empty_like(u)
        width = self.high[self.between] - self.low[self.between]
        x[:, self.between] = self.low[self.between] + width * u[:, self.between]
        log_slope[:, self.between] = np.log(width)
        inner = u[:, self.upward]
        x[:, self.upward] = self.low[self.upward] + inner / (1 - inner)
        log_slope[:, self.upward] = -2 * np.log1p(-inner)
        inner = u[:, self.downward]
        x[:, self.downward] = self.high[self.downward] - (1 - inner) / inner
        log_slope[:, self.downward] = -2 * np.log(inner)
        x[:, self.free] = np.tan(np.pi * (u[:, self.free] - 0.5))
        log_slope[:, self.free] = np.log(np.pi) + np.log1p(x[:, self.free] ** 2)
        return x, log_slope.sum(axis=1)


def read_bounds(bounds):
    """Read pairs of bounds.

    Returns
    -------
    Domain

    Raises
    ------
    TypeError, ValueError
        If they are no pairs of numbers, or a low bound is not below its high one.
    """
    try:
        pairs = [tuple(pair) for pair in bounds]
    except TypeError as error:
        raise TypeError(f"{FORM}; got {bounds!r}.") from error
    if not pairs:
        raise ValueError(f"{FORM}; got none.")
    read = [_read_pair(pair, j) for j, pair in enumerate(pairs)]
    return Domain(*np.array(read, dtype=np.float64).T)


def _read_pair(pair, j):
    if len(pair) != 2:
        raise ValueError(f"{FORM}; got {pair!r} for variable {j}.")
    found = []
    for bound, missing in zip(pair, (-np.inf, np.inf), strict=True):
        if bound is not None and not is_real(bound):
            raise TypeError(f"{FORM}; got {bound!r} for variable {j}.")
        found.append(missing if bound is None else float(bound))
    low, high = found
    if not low < high or low == np.inf or high == -np.inf:
        raise ValueError(
            f"the low bound of variable {j} must be below its high one, got ({low:g}, {high:g}). "
            "For an integral the other way round swap them and change its sign."
        )
    return low, high
