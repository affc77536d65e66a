"""Log densities in the units of papers on images."""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._finding import Finding

__all__ = ["BitsPerDim", "bits_per_dim"]


@dataclass(frozen=True, repr=False)
class BitsPerDim(Finding):
    """What :func:`bits_per_dim` finds.

    Attributes
    ----------
    bits : float
    standard_error : float
        Over rows.
    per_row : ndarray of shape (n_samples,)
    reading : str
    """

    bits: float
    standard_error: float
    per_row: np.ndarray
    reading: str


def bits_per_dim(log_density, n_features, cell=1.0):
    r"""Bits that a code made of a density needs for each column.

    .. math:: -\frac{1}{d \log 2} \bigl(\log p(x) + d \log c\bigr)

    with c the width of the cells that values are rounded to: 1 for integers, 1/256 for pixels that
    were divided by 256, where p is a density of the divided values.

    Parameters
    ----------
    log_density : array-like of shape (n_samples,)
        In nats.
    n_features : int
        Number of columns d: for images channels times height times width.
    cell : float, default=1.0

    Returns
    -------
    BitsPerDim

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import bits_per_dim
    >>> print(bits_per_dim(np.full(10, -64 * np.log(256)), n_features=64))
    8.000 +- 0.000 bits for each of 64 dimensions
    """
    values = check_array(log_density, dtype=np.float64, ensure_2d=False, input_name="log_density")
    if values.ndim != 1 or n_features < 1 or not cell > 0:
        raise ValueError(
            "expected log densities in one array, n_features of at least 1 and cell above 0, got "
            f"shape {values.shape}, {n_features} and {cell}"
        )
    per_row = -(values + n_features * math.log(cell)) / (n_features * math.log(2))
    bits = float(per_row.mean())
    error = float(per_row.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
    reading = f"{bits:.3f} +- {error:.3f} bits for each of {n_features} dimensions"
    return BitsPerDim(bits, error, per_row, reading)
