"""What default fits cost, by measured curves over rows and over columns."""

from dataclasses import dataclass

import numpy as np

__all__ = ["Cost", "cost_of"]

MEASURED_COLUMNS = 10
# By rows, seconds of one core and the MiB by which the fit grows memory, of tables with 10 columns
# of a mixture of bent normals, 10 at least: benchmarks/cost.py
FEW, ALL = (300, 1_000, 3_000), (300, 1_000, 3_000, 10_000, 30_000)
CURVES: dict[str, tuple] = {
    "MixtureFlowDensity": (ALL, (0.3, 0.6, 1.0, 1.2, 1.5), (10, 20, 90, 90, 110)),
    "KernelFlowDensity": (ALL, (0.7, 1.9, 3.0, 3.6, 6.2), (10, 30, 110, 170, 210)),
    "NSFDensity": (ALL, (1.6, 2.7, 6.2, 7.3, 30), (20, 40, 90, 150, 130)),
    "StackedDensity": (ALL, (16, 32, 41, 18, 32), (30, 80, 190, 140, 110)),
    "TableDensity": (FEW, (39, 68, 130), (70, 80, 80)),
    "FlowOutlierDetector": (ALL, (0.2, 1.3, 3.1, 4.5, 4.5), (10, 110, 110, 470, 450)),
    "FlowRegressor": (ALL, (14, 20, 23, 39, 103), (110, 190, 150, 430, 1140)),
    "FlowClassifier": (ALL, (4.2, 8.4, 30, 29, 52), (30, 50, 140, 1270, 1420)),
    "SimulationPosterior": (FEW, (3.9, 12, 30), (20, 70, 440)),
}
# by what power of the number of columns these grow: 1,000 rows of 3 and of 30 columns
POWERS: dict[str, tuple] = {
    "MixtureFlowDensity": (0.0, 0.0),
    "KernelFlowDensity": (0.4, 0.0),
    "NSFDensity": (0.2, 0.4),
    "StackedDensity": (0.2, 0.4),
    "TableDensity": (0.3, 0.4),
    "FlowOutlierDetector": (0.0, 0.0),
    "FlowRegressor": (0.3, 0.0),
    "FlowClassifier": (0.0, 0.0),
    "SimulationPosterior": (0.0, 0.0),
}


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
        To a regressor each level of a category is a column: of 1,000 rows with four numbers and
        four categories, 18 s where these have 5 levels, 34 s where two have 50, 66 s where all do.
    """
    wider = n_columns / MEASURED_COLUMNS
    rows, *curves = CURVES[name]
    figures = (
        _on_curve(n_rows, rows, curve) * wider**power
        for curve, power in zip(curves, POWERS[name], strict=True)
    )
    return Cost(*figures)


def _on_curve(n, rows, curve):
    """Interpolate between logarithms; beyond the last two go on as between them, at most as n."""
    x, y = np.log(rows), np.log(curve)
    if n <= rows[-1]:
        return float(np.exp(np.interp(np.log(n), x, y)))
    slope = min(max(0.0, (y[-1] - y[-2]) / (x[-1] - x[-2])), 1.0)
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
