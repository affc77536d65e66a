"""Whether latents lead back to the rows that they came from."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_array

from skflow.diagnostics.measures._finding import Finding

__all__ = ["RoundTrip", "round_trip_error"]

# of a column's deviation: the rounding of float32 over a few layers
TOLERANCE = 1e-3


@dataclass(frozen=True, repr=False)
class RoundTrip(Finding):
    """What :func:`round_trip_error` finds.

    Attributes
    ----------
    errors : ndarray of shape (n_samples,)
        Largest error of each row, in standard deviations of the columns.
    largest, median : float
    worst_row : int
    reading : str
    """

    errors: np.ndarray
    largest: float
    median: float
    worst_row: int
    reading: str


def round_trip_error(X, X_back):
    """Compare rows with what ``inverse_transform`` of their latents gives back.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
    X_back : array-like of shape (n_samples, n_features)
        ``estimator.inverse_transform(estimator.transform(X))``.

    Returns
    -------
    RoundTrip

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import round_trip_error
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> print(round_trip_error(X, X + 1e-7))
    rows come back from their latents to 1e-07 standard deviations
    """
    X = check_array(X, dtype=np.float64, input_name="X")
    back = check_array(X_back, dtype=np.float64, ensure_all_finite=False, input_name="X_back")
    if X.shape != back.shape:
        raise ValueError(f"expected two tables of one shape, got {X.shape} and {back.shape}")
    spread = X.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    errors = np.nan_to_num(np.abs(back - X) / spread, nan=np.inf, posinf=np.inf).max(axis=1)
    worst, largest = int(errors.argmax()), float(errors.max())
    reading = f"rows come back from their latents to {largest:.0e} standard deviations"
    if largest > TOLERANCE:
        reading = (
            f"row {worst} comes back from its latents wrong by {largest:.2g} standard deviations"
        )
    return RoundTrip(errors, largest, float(np.median(errors)), worst, reading)
