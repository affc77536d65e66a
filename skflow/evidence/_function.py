"""The log density of a user: numpy or torch, all rows at once or one by one; asked and counted."""

import numpy as np

from skflow._containers import on_host
from skflow.sampling import asked_of_torch, first_asked

__all__ = ["AskedDensity"]

BLOCK = 5_000  # rows a call
N_CHECKED = 3  # rows that are also evaluated one by one
HINT = " For a function of one point (d,) pass vectorized=False."
AGREEMENT = 1e-5  # within which values must not depend on the rows beside them, nor on the call


class AskedDensity:
    """A log density of rows that counts what it is asked.

    Parameters
    ----------
    function : callable
        Of an array or tensor (n, d), to (n,); of (d,), to a number if not ``vectorized``.
    vectorized : bool
    low, high : ndarray of shape (d,)
        Bounds, outside of which the density is 0 and the function is not asked.

    Attributes
    ----------
    n_evaluations, n_nonfinite : int
        Rows that the function was asked for, and those where it was not a finite number.
    """

    def __init__(self, function, vectorized, low, high):
        if not callable(function):
            raise TypeError(
                "log_density must be a function of parameters, up to a constant the same that the "
                f"draws are from; got {type(function).__name__}."
            )
        self.function, self.vectorized = function, vectorized
        self.low, self.high = low, high
        self.takes_torch = None  # until it was asked
        self.n_evaluations = 0
        self.n_nonfinite = 0

    def __call__(self, rows):
        """Log density (n,) of rows (n, d), -inf outside the bounds and where it is no number."""
        values = np.full(len(rows), -np.inf)
        inside = ((rows >= self.low) & (rows <= self.high)).all(axis=1)
        for part in np.array_split(np.flatnonzero(inside), -(-inside.sum() // BLOCK) or 1):
            values[part] = self._asked(rows[part])
        return values

    def check(self, rows):
        """Return values of a few rows; an error if they depend on the rows beside them."""
        together = self._asked(rows)
        alone = np.concatenate([self._asked(row[None]) for row in rows[:N_CHECKED]])
        for i, (one, other) in enumerate(zip(alone, together, strict=False)):
            if one != other and not abs(one - other) <= AGREEMENT * (1 + abs(one)):
                raise ValueError(
                    "log_density must treat each row by itself and return the same value every "
                    f"time: row {i} alone has {one:.6g}, among {len(rows)} rows {other:.6g}. Sum "
                    "over columns (axis 1) only; for a function of one point (d,) pass "
                    "vectorized=False."
                )
        return together

    def _asked(self, rows):
        if not len(rows):
            return np.empty(0)
        self.n_evaluations += len(rows)
        values = self._values(rows)
        finite = np.isfinite(values)
        self.n_nonfinite += int((~finite).sum())
        return np.where(finite, values, -np.inf)

    def _values(self, rows):
        if not self.vectorized:
            return np.array([self._number(self._call(row)) for row in rows])
        return _one_a_row(self._call(rows), rows.shape)

    def _call(self, x):
        """Value for a copy of rows or of a point; which kind of array it wants is tried once."""
        if self.takes_torch is None:
            hint = HINT if self.vectorized else ""
            value, self.takes_torch = first_asked(self.function, x, hint)
            return value
        return asked_of_torch(self.function, x) if self.takes_torch else self.function(x.copy())

    def _number(self, value):
        value = _as_array(value)
        if value.size != 1:
            raise ValueError(
                "with vectorized=False log_density must return one number for a point (d,), got "
                f"shape {value.shape}."
            )
        return float(value.ravel()[0])


def _one_a_row(value, shape):
    values = _as_array(value)
    if shape[0] == 1 and values.size == 1:
        return values.reshape(1)  # functions of scipy.stats leave out the row of a single one
    if values.shape != shape[:1]:
        raise ValueError(
            f"log_density must return one number for each row: for rows of shape {shape} "
            f"expected ({shape[0]},), got {values.shape}. Sum over columns (axis 1) only; for a "
            "function of one point (d,), as emcee and dynesty take them, pass vectorized=False."
        )
    return values


def _as_array(value):
    try:
        return np.array(on_host(value), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"log_density must return real numbers: {error}.") from error
