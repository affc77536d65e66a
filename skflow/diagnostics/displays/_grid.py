"""Where a density of one or two columns is evaluated for its picture."""

import numpy as np

from skflow.diagnostics.displays._tables import inner_range, like

__all__ = ["density_on_grid"]

TAIL = 0.04  # share of the draws that need not be in the picture, on either side
MARGIN = 0.1  # of the range of a column, around it
FINER = 5  # times as many points on a line as on a side of a map


def density_on_grid(estimator, X, rows, draws, numbers, resolution):
    """Log density on a line or a grid a little beyond rows and most draws, if there are any.

    Those far out in a heavy tail are left out: among them the density would be a dot.
    """
    low, high = np.transpose([inner_range(column) for column in rows.T])
    if draws is not None:
        far = np.quantile(draws, [TAIL, 1 - TAIL], axis=0)
        low, high = np.minimum(low, far[0]), np.maximum(high, far[1])
    margin = MARGIN * np.where(high > low, high - low, 1.0)
    n = resolution * FINER if len(numbers) == 1 else resolution
    lines = list(np.linspace(low - margin, high + margin, n).T)
    points = np.stack(np.meshgrid(*lines), axis=-1)
    scores = estimator.score_samples(like(X, points.reshape(-1, len(lines))))
    # a table of two columns may have been asked for the other way round
    log_density = np.asarray(scores).reshape(points.shape[:-1])
    if numbers == [1, 0]:
        log_density = log_density.T
    return {"grid": [lines[j] for j in numbers], "log_density": log_density}
