"""What simulations and observations are: their axes, and the summaries of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from skflow._containers import as_table
from skflow._input import refuse_masked, refuse_times
from skflow._notices import warn
from skflow._persistence import stored
from skflow.estimators.simulation._pool import Asked

__all__ = ["ObservationReader", "read_embedding", "read_simulations", "without_failures_of"]

MOST_COLUMNS = 50  # of an observation, beyond which "auto" summarises it


@stored
@dataclass(frozen=True)
class ObservationReader:
    """How the observations of a fit were, and what is made of new ones.

    Attributes
    ----------
    shape : tuple of int
        Of x at the fit without its first axis: (k,), or (r, k).
    is_series : bool
        Whether the last two axes are times and channels of one observation.
    embedding : object or None
        With ``transform``, of (n, r, k) or, if it is none of ours, of (n, r * k).
    """

    shape: tuple
    is_series: bool
    embedding: Any

    @property
    def n_repeats(self):
        """Observations of each theta."""
        return 1 if self.is_series or len(self.shape) == 1 else self.shape[0]

    @property
    def likelihood_is_of_rows(self):
        """Whether the likelihood is of single observations, and not of their summaries."""
        return self.embedding is None or self.n_repeats > 1

    def asked(self, x):
        """Return what the two views are asked of observations (n, r, k)."""
        # of another number of observations than the fit had, the likelihood alone tells
        fits = x.shape[1:] == self._full_shape
        summaries = self._summaries(x) if fits else np.full((len(x), 1), np.nan)
        return Asked(summaries, x if self.likelihood_is_of_rows else summaries[:, None])

    def read(self, x_o):
        """Return observations (m, r, k) of x_o, and whether it was a single one."""
        x_o = _numbers(x_o, "x_o")
        single = x_o.ndim == len(self.shape)
        whole = x_o[None] if single else x_o
        whole = self.with_axes(whole)
        wanted = self._full_shape
        fits = whole.ndim == 3 and whole.size and whole.shape[-1] == wanted[-1]
        if not fits or (self.is_series and whole.shape[1:] != wanted):
            raise ValueError(f"x_o has shape {x_o.shape}; {self._expected()}")
        if not np.isfinite(whole).all():
            raise ValueError(
                "x_o holds NaN or infinite numbers; what was not observed cannot be given. Fit "
                "to simulations without those columns."
            )
        return whole, single

    def with_axes(self, x):
        """Observations (m, r, k) of those that lack an axis."""
        if len(self.shape) == 2 or x.ndim != 2:
            return x
        return x[:, :, None] if self.is_series else x[:, None]

    @property
    def _full_shape(self):
        if len(self.shape) == 2:
            return self.shape
        (k,) = self.shape
        return (k, 1) if self.is_series else (1, k)

    def _summaries(self, x):
        if self.embedding is None:
            return x.reshape(len(x), -1)
        ours = hasattr(self.embedding, "scaled")
        return np.asarray(
            self.embedding.transform(x if ours else x.reshape(len(x), -1)), dtype=np.float64
        )

    def _expected(self):
        if len(self.shape) == 1:
            (k,) = self.shape
            repeats = (
                ""
                if self.is_series
                else (f", or r observations of each of m parameters (m, r, {k})")
            )
            return (
                f"the simulations had {k} columns: pass one observation ({k},), m of them "
                f"(m, {k}){repeats}."
            )
        r, k = self.shape
        what = "series" if self.is_series else "sets of observations"
        return f"the simulations were {what} ({r}, {k}): pass one of them, or m (m, {r}, {k})."


def read_simulations(theta, x, is_series):
    """Return the shape of an observation as x has it, and observations (n, r, k), float64.

    Series that come without channels, (n, length), have one.
    """
    x = _numbers(x, "x")
    if x.ndim not in (2, 3) or not x.size:
        raise ValueError(
            f"x must have shape (n, k), or (n, r, k) with r observations of each theta; got "
            f"{x.shape}. One column is x.reshape(-1, 1)."
        )
    if len(x) != len(theta):
        raise ValueError(
            f"theta has {len(theta)} rows and x {len(x)}: each row of x must be simulated with "
            "the row of theta beside it."
        )
    reader = ObservationReader(x.shape[1:], is_series, None)
    return reader.shape, reader.with_axes(x)


def without_failures_of(theta, x):
    """Leave out simulations that gave no numbers, with a warning that says how many."""
    fine = np.isfinite(x).all(axis=(1, 2))
    if fine.all():
        return theta, x
    n = int((~fine).sum())
    if fine.sum() < 2:
        raise ValueError(f"{n} of {len(x)} simulations hold NaN or infinite numbers: too many.")
    warn(
        f"{n} of {len(x)} simulations hold NaN or infinite numbers and are left out: the "
        "posterior is that of parameters whose simulations come through.",
        UserWarning,
    )
    return theta[fine], x[fine]


def read_embedding(embedding, theta, x, is_series, rng):
    """Return what summarises observations (n, r, k), fitted; None if they stay as they are."""
    n_repeats = 1 if is_series else x.shape[1]
    if isinstance(embedding, str) and embedding == "auto":
        long = n_repeats > 1 or x.shape[1] * x.shape[2] > MOST_COLUMNS
        embedding = "perceptron" if long else None
    if embedding is None:
        return None
    if hasattr(embedding, "transform"):
        return clone(embedding).fit(x.reshape(len(x), -1), theta)
    from skflow.estimators.simulation._embedding import fit_summaries

    return fit_summaries(theta, x, embedding, rng.randint(np.iinfo(np.int32).max))


def _numbers(x, name):
    """Return what was observed as a float64 array of any shape, NaN and infinity included."""
    x = as_table(x, name)
    refuse_times(x, name)
    return np.asarray(refuse_masked(x, name), dtype=np.float64)
