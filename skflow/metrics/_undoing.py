"""A transformer of y undone: what a regressor says of t = T(y), said of y."""

import numpy as np
from scipy.differentiate import jacobian

from skflow.metrics._losses import check_targets

__all__ = ["TargetTransform"]

TOLERANCE = 1e-4  # of a derivative, relative to it: the error in nats
NUDGE = 1e-3  # in which direction a map goes is seen that far from a value, relative to it
STEPS = 2.0 ** np.arange(-1, -32, -6)  # of the spread of t, tried one after the other
SAME = 1e-6  # of a value or of the spread: how near y comes back to itself
REMEDY = (
    "Take another, such as PowerTransformer or a pair of functions, or score without log "
    "densities: get_scorer('neg_crps')."
)
ROUNDING = 1e-9  # of the range of a column, within which values count as equal


class TargetTransform:
    """A fitted transformer of y as a change of variables.

    Draws go back through any transformer. Quantiles, intervals and distribution functions need
    one that takes each column of y by itself and keeps or reverses its order; log densities one
    with a smooth inverse. Whatever a transformer does not allow is refused, not guessed.

    Parameters
    ----------
    transformer : fitted transformer
        With ``inverse_transform``; t = T(y) has as many columns as y.
    """

    def __init__(self, transformer):
        self.transformer = transformer

    def forward(self, y):
        """Return t = T(y) (n, k) of y (n,) or (n, k)."""
        y = check_targets(y, "y")
        with np.errstate(all="ignore"):
            t = np.asarray(self.transformer.transform(y), dtype=np.float64).reshape(len(y), -1)
        bad = ~np.isfinite(t).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"The transformer of y, {self.transformer}, maps y = {y[row].tolist()} in row "
                f"{row} to {t[row].tolist()} ({bad.sum()} such rows): no density of t has such a "
                "value. Leave these rows out, or take a transformer that is finite there."
            )
        return t

    def log_volume(self, y, t):
        """Return log |det dy/dt| at t = T(y) (n, k): what log densities of y are below those of t.

        By finite differences of the inverse. Their steps shrink until two estimates agree, and
        start smaller where the inverse does not reach that far.
        """
        self._check_round_trip(y, t)
        volume = np.full(len(t), np.nan)
        spread = np.where(np.ptp(t, axis=0) > 0, t.std(axis=0), 1.0)
        for step in STEPS:
            rows = np.isnan(volume)
            if not rows.any():
                return volume
            volume[rows] = self._differentiate(t[rows], step * spread)
        row = int(np.isnan(volume).argmax())
        if not np.isnan(volume[row]):
            return volume
        raise ValueError(
            f"The transformer of y, {self.transformer}, has no smooth inverse at t = "
            f"{t[row].tolist()} in row {row} ({np.isnan(volume).sum()} such rows), and a log "
            f"density in the units of y needs one. {REMEDY}"
        )

    def _check_round_trip(self, y, t):
        y, back = check_targets(y, "y"), self._raw_inverse(t)
        apart = ~np.isclose(back, y, rtol=SAME, atol=SAME * y.std(axis=0)).all(axis=1)
        if apart.any():
            row = int(apart.argmax())
            raise ValueError(
                f"The transformer of y, {self.transformer}, maps y = {y[row].tolist()} in row "
                f"{row} to {t[row].tolist()} and that back to {back[row].tolist()} ({apart.sum()} "
                f"such rows): there is no density in the units of y. {REMEDY}"
            )

    def _differentiate(self, t, step):
        """Return log |det dy/dt| (n,) at t (n, k); NaN where estimates do not agree."""
        settings = {"initial_step": step[:, np.newaxis], "tolerances": {"rtol": TOLERANCE / 10}}
        with np.errstate(all="ignore"):
            found = jacobian(self._by_columns, t.T, **settings)
            slopes, errors = (np.moveaxis(a, -1, 0) for a in (found.df, found.error))
            largest = np.abs(slopes).max(axis=2, keepdims=True)
            agree = np.all(errors <= TOLERANCE * largest, axis=(1, 2))
            volume = np.linalg.slogdet(np.where(agree[:, None, None], slopes, 0))[1]
        return np.where(np.isfinite(volume), volume, np.nan)

    def undo_draws(self, draws):
        """Return draws of y, of those of t (n, m) or (n, m, k)."""
        n_columns = draws.shape[2] if draws.ndim == 3 else 1
        return self._inverse(draws.reshape(-1, n_columns)).reshape(draws.shape)

    def undo_intervals(self, intervals):
        """Return ends of intervals of y, of those of t (n, 2) or (n, k, 2)."""
        self._rises(_as_rows(intervals))
        return np.sort(self._undo_each(intervals), axis=-1)

    def undo_quantiles(self, ask_quantiles, quantiles):
        """Return quantiles of y (n, q) or (n, k, q), of a function from levels to those of t."""
        levels = np.ravel(quantiles)
        found = ask_quantiles(levels)
        rises = self._rises(_as_rows(found))
        values = self._undo_each(found)
        if rises.all():
            return values
        mirrored = self._undo_each(ask_quantiles(1 - levels))
        return np.where(rises[:, np.newaxis] if found.ndim == 3 else rises, values, mirrored)

    def flip_where_falling(self, probabilities, t):
        """Return P(Y <= y) of P(T <= t), both (n, k), at t (n, k)."""
        return np.where(self._rises(t), probabilities, 1 - probabilities)

    def _undo_each(self, values):
        columns = values.reshape(len(values), -1, values.shape[-1])
        undone = self._inverse(_as_rows(values)).reshape(len(values), -1, columns.shape[1])
        return np.moveaxis(undone, 1, -1).reshape(values.shape)

    def _inverse(self, t):
        """Return y (n, k) of t (n, k), checked to be finite."""
        y = self._raw_inverse(t)
        bad = ~np.isfinite(y).all(axis=1)
        if bad.any():
            row = int(bad.argmax())
            raise ValueError(
                f"The transformer of y, {self.transformer}, cannot be undone at t = "
                f"{t[row].tolist()}, where its inverse is {y[row].tolist()}, but the regressor "
                "predicts such values. Take a transformer whose inverse holds for all numbers."
            )
        return y

    def _raw_inverse(self, t):
        with np.errstate(all="ignore"):
            y = self.transformer.inverse_transform(t)
        return np.asarray(y, dtype=np.float64).reshape(len(t), -1)

    def _by_columns(self, t):
        """Inverse of t (k, ...), as finite differences want it."""
        y = self._raw_inverse(t.reshape(len(t), -1).T)
        return y.T.reshape(-1, *t.shape[1:])

    def _rises(self, t):
        """Whether y rises with t (n, k): (k,); an error unless each column has its own order."""
        t = np.concatenate([t, t + NUDGE * np.maximum(1.0, np.abs(t))])
        order = np.argsort(t, axis=0)
        y = np.take_along_axis(self._raw_inverse(t), order, axis=0)
        # sorted, every column of t stands beside others than before
        alone = self._raw_inverse(np.take_along_axis(t, order, axis=0))
        close = ROUNDING * np.abs(y).max(axis=0, initial=0, where=np.isfinite(y))
        with np.errstate(invalid="ignore"):
            steps, apart = np.diff(alone, axis=0), np.abs(y - alone)
        in_order = ~((steps < -close).any(axis=0) & (steps > close).any(axis=0))
        if (apart > close).any() or not in_order.all():
            raise ValueError(
                f"The transformer of y, {self.transformer}, does not keep or reverse the order of "
                "each column of y by itself, so that quantiles, intervals and distribution "
                "functions cannot be carried back. Draws can: get_scorer('neg_crps')."
            )
        return np.nansum(steps, axis=0) >= 0


def _as_rows(values):
    """Values (n, q) or (n, k, q) as rows (n * q, k)."""
    columns = values.reshape(len(values), -1, values.shape[-1])
    return np.moveaxis(columns, -1, 1).reshape(-1, columns.shape[1])
