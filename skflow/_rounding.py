"""What counts as rounding error: one rule, for arrays, tensors and plain numbers alike."""

__all__ = ["ROUNDING_ULPS", "is_rounding"]

# Figures of one value, come about in different ways, differ by so many relative roundings.
ROUNDING_ULPS = 4


def is_rounding(low, high, eps):
    """Whether numbers between low and high differ by rounding error alone.

    That is, by at most ``ROUNDING_ULPS * eps`` of their mean size. A column of such numbers is
    constant. At 1e15, where float64 tells 0.125 apart, a spread of 1 is none.

    Parameters
    ----------
    low, high : ndarray, tensor or float
        Finite, low <= high.
    eps : float
        Relative rounding of the dtype that the numbers come from.

    Returns
    -------
    is_rounding : bool, or an array or a tensor of bool
    """
    # halved first, since the difference of the largest numbers overflows
    low, high = 0.5 * low, 0.5 * high
    return high - low <= ROUNDING_ULPS * eps * (0.5 * abs(low) + 0.5 * abs(high))
