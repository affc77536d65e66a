"""What default fits cost, by measured curves over rows and over columns."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Cost", "cost_of"]

MEASURED_COLUMNS = 10
# Seconds of one core, and MiB by which the fit grows memory, of tables with 10 columns of a
# mixture of bent normals: benchmarks/cost.py
ROWS = (300, 1_000, 3_000, 10_000, 30_000)
CURVES: dict[str, tuple] = {}
# by what power of the number of columns these grow: the same, 3,000 rows of 3 and of 30 columns
POWERS: dict[str, tuple] = {}


@dataclass(frozen=True)
class Cost:
    """What a fit will take, within a factor of three or so.

    Attributes
    ----------
    seconds : float
        Of one core of a server of 2024; a laptop's is about as fast.
    mebibytes : float
        By which memory grows, the table not counted.
    """

    seconds: float
    mebibytes: float

    def __str__(self):
        return f"about {_duration(self.seconds)} on one core and {_size(self.mebibytes)}"


def cost_of(name, n_rows, n_columns):
    """Return the Cost of a default fit of the estimator of this name.

    Parameters
    ----------
    name : str
        One of ``CURVES``.
    n_rows, n_columns : int
    """
    wider = n_columns / MEASURED_COLUMNS
    figures = (
        _on_curve(n_rows, curve) * wider**power
        for curve, power in zip(CURVES[name], POWERS[name], strict=True)
    )
    return Cost(*figures)


def _on_curve(n, curve):
    """Interpolate between logarithms; beyond the last two go on as between them, at least as n."""
    x, y = np.log(ROWS), np.log(curve)
    if n <= ROWS[-1]:
        return float(np.exp(np.interp(np.log(n), x, y)))
    slope = min(max(0.0, (y[-1] - y[-2]) / (x[-1] - x[-2])), 1.5)
    return float(np.exp(y[-1] + slope * (np.log(n) - x[-1])))


def _duration(seconds):
    if seconds < 90:
        return f"{max(1, round(seconds)):d} s"
    if seconds < 5400:
        return f"{round(seconds / 60):d} minutes"
    return f"{seconds / 3600:.1f} hours"


def _size(mebibytes):
    if mebibytes < 1000:
        return f"{max(10, round(mebibytes, -1)):.0f} MiB"
    return f"{mebibytes / 1024:.1f} GiB"
