"""The function of a user: numpy or torch, with one output or several; asked and counted."""

import numpy as np

from skflow.sampling import asked_of_torch, first_asked

__all__ = ["Integrand"]

BLOCK = 50_000  # rows a call
N_PROBES = 4  # rows that are asked together and one by one
AGREEMENT = 1e-6  # within which values must not depend on the rows beside them


class Integrand:
    """A function of rows in a domain as one of rows in the unit cube, which counts its calls.

    Parameters
    ----------
    function : callable
        Of an array or tensor (n, d), to (n,), or (n, k) for k outputs.
    domain : Domain

    Attributes
    ----------
    n_calls : int
        Rows that the function was asked for.
    n_outputs : int or None
        None if it returns (n,).
    """

    def __init__(self, function, domain):
        if not callable(function):
            raise TypeError(
                "f must be a function of rows, an array (n, d), to their values (n,); got "
                f"{type(function).__name__}."
            )
        self.function, self.domain = function, domain
        self.n_calls = 0
        self.takes_torch, self.n_outputs = None, None

    def probe(self, u):
        """Find out by a few rows of the cube what the function takes and returns.

        Raises
        ------
        TypeError, ValueError
            If it returns no numbers, another shape, or depends on the rows beside a row; what
            the function raises itself passes through with a note.
        """
        u = u[:N_PROBES]
        x, _ = self.domain.rows(u)
        value, self.takes_torch = first_asked(self.function, x)
        self.n_calls += len(x)
        values = _array(value)
        if values.ndim == 2 and values.shape[0] == len(x) and values.shape[1] > 0:
            self.n_outputs = values.shape[1]
        together = self._checked(values, x)
        alone = np.concatenate([self._asked(row[None]) for row in x])
        for i, (one, other) in enumerate(zip(alone, together, strict=True)):
            if not np.allclose(one, other, rtol=AGREEMENT, atol=1e-300):
                raise ValueError(
                    "f must treat each row by itself and return the same value every time: row "
                    f"{i} alone has {one}, among {len(x)} rows {other}. Work along columns "
                    "(axis 1) only."
                )

    def __call__(self, u):
        """Values (n, k) at rows u (n, d) of the cube, times the volume element of the domain."""
        x, log_det = self.domain.rows(u)
        parts = np.array_split(x, max(1, -(-len(x) // BLOCK)))
        values = np.concatenate([self._asked(part) for part in parts])
        with np.errstate(over="ignore", invalid="ignore"):
            # what is zero stays zero, however far out
            found = np.where(values == 0, 0.0, values * np.exp(log_det)[:, None])
        self._check_finite(found, x)
        return found

    def _asked(self, x):
        self.n_calls += len(x)
        f = self.function
        value = asked_of_torch(f, x) if self.takes_torch else f(x.copy())
        return self._checked(_array(value), x)

    def _checked(self, values, x):
        wanted = (len(x),) if self.n_outputs is None else (len(x), self.n_outputs)
        if values.shape != wanted:
            shown = ", ".join(map(str, wanted))
            raise ValueError(
                f"f must return one number for each row: for rows of shape {x.shape} expected "
                f"({shown}{',' if len(wanted) == 1 else ''}), got {values.shape}. It gets many "
                "rows at once: work along columns, f(x) = g(x[:, 0], x[:, 1], ...). For k "
                "integrals at once return (n, k), always with the same k."
            )
        values = values.reshape(len(x), -1)
        self._check_finite(values, x)
        return values

    def _check_finite(self, values, x):
        wrong = ~np.isfinite(values).all(axis=1)
        if wrong.any():
            i = int(wrong.argmax())
            shown = ", ".join(f"{value:.6g}" for value in x[i, :8])
            more = ", ..." if x.shape[1] > 8 else ""
            raise ValueError(
                f"f must be finite everywhere within the bounds, and with infinite bounds fall "
                f"at least as 1 / x^2; it is {values[i]} at x = ({shown}{more}). Return 0 where "
                "nothing is to be counted."
            )


def _array(value):
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value)
        if np.iscomplexobj(array):
            raise TypeError("it is complex: integrate real and imaginary parts as two outputs")
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"f must return real numbers: {error}.") from error
