"""What a regressor predicts of y: quantiles over a column of X, densities of single rows."""

import numpy as np
from sklearn.utils.validation import _num_samples

from skflow._containers import as_table, rows_at
from skflow._input import names_of
from skflow.diagnostics.displays._style import (
    BLUE,
    DARK,
    SEQUENTIAL,
    PanelsMixin,
    legend_above,
    thin_out,
)
from skflow.diagnostics.displays._tables import (
    check_keywords,
    chosen_columns,
    chosen_target,
    framed_like,
    inner_range,
)
from skflow.metrics._asking import ask
from skflow.metrics._losses import check_share, check_targets

__all__ = ["PredictiveDisplay"]

CELLS = 400  # of a density
REACH = 0.001, 0.999  # quantiles between which densities are drawn
LINES = ("-", "--", "-.", ":")
PANEL = 4.8, 3.6


class PredictiveDisplay(PanelsMixin):
    """Predicted distributions of y: a fan of quantiles over one column of X, densities of rows.

    The fan shows the median and central intervals, the darker the narrower, while one column of
    X runs over its range and the others stay as they are in one row. With several columns that is
    what the regressor makes of this row, and the points of the table, whose other columns differ,
    need not lie in it.

    Densities are averages over cells of y, differences of ``cdf``, so that their areas are right
    also where a density has spikes.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    grid : ndarray of shape (n_points,), default=None
        Values of the column; None without a fan.
    quantiles : ndarray of shape (n_points, 2 * n_coverages + 1), default=None
        Predicted there, from the lowest to the highest; the median is in the middle.
    coverages : tuple of float, default=()
        Of the intervals, from the narrowest to the widest.
    points : ndarray of shape (n_samples, 2), default=None
        The column and y of the rows.
    edges : ndarray of shape (n_cells + 1,), default=None
        Cells of y; None without densities.
    densities : ndarray of shape (n_rows, n_cells), default=None
    rows : tuple of int, default=()
        Of which rows of X the densities are.
    row_values : ndarray of shape (n_rows,), default=None
        The values of y of these rows.
    name : str, default="column"
        Of the column.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (1, 1) or (1, 2)
    ax_ : matplotlib Axes
        The first panel.
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around both panels, if they were drawn into one.

    See Also
    --------
    PITDisplay, ReliabilityDisplay : Whether the distributions hold what they claim.
    skflow.FlowRegressor : A regressor that predicts distributions.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow import FlowRegressor, NSFDensity
    >>> from skflow.plots import PredictiveDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1))
    >>> y = X[:, 0] + rng.normal(size=200)
    >>> density = NSFDensity(n_layers=1, n_members=1, max_epochs=5)  # little of it, to be quick
    >>> model = FlowRegressor(features=[], density=density, random_state=0).fit(X, y)
    >>> display = PredictiveDisplay.from_estimator(model, X, y, rows=[0, 1])
    >>> display.quantiles.shape, display.densities.shape
    ((100, 7), (2, 400))
    """

    def __init__(
        self,
        *,
        grid=None,
        quantiles=None,
        coverages=(),
        points=None,
        edges=None,
        densities=None,
        rows=(),
        row_values=None,
        name="column",
    ):
        self.grid = grid
        self.quantiles = quantiles
        self.coverages = coverages
        self.points = points
        self.edges = edges
        self.densities = densities
        self.rows = rows
        self.row_values = row_values
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y=None,
        *,
        column=0,
        rows=(),
        coverages=(0.5, 0.8, 0.95),
        target=0,
        given=None,
        n_points=100,
        ax=None,
        **kwargs,
    ):
        """Ask a fitted regressor for quantiles and densities and draw them.

        Parameters
        ----------
        estimator : fitted regressor
            With ``predict_quantiles`` and, for densities, ``cdf``; alone, in a pipeline, a search
            or a ``TransformedTargetRegressor``.
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Drawn as points in the fan and as ticks below the densities.
        column : int, str or None, default=0
            The column of numbers that the fan runs over; None draws densities alone.
        rows : sequence of int, default=()
            Numbers of the rows of X whose densities are drawn.
        coverages : sequence of float, default=(0.5, 0.8, 0.95)
            Of the central intervals of the fan.
        target : int, default=0
            Which column of y, if there are several.
        given : int, default=None
            The row of X that the other columns are taken from; None takes the most central one,
            nearest to the medians of all columns of numbers.
        n_points : int, default=100
            Values of the column that the fan is computed at.
        ax : matplotlib Axes or two of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PredictiveDisplay
        """
        check_keywords(cls, kwargs)
        X = as_table(X)
        if column is None and not len(rows):
            raise ValueError("column is None and rows is empty: there is nothing to draw.")
        values = None if y is None else chosen_target(check_targets(y, "y"), target)
        found = {"rows": tuple(int(row) for row in rows)}
        if column is not None:
            levels = tuple(sorted(check_share(share, "coverages") for share in coverages))
            found |= {"coverages": levels}
            found |= _fan(estimator, X, column, levels, target, given, n_points)
            line = found.pop("line")
            found["points"] = None if values is None else np.column_stack([line, values])
        if found["rows"]:
            found |= _densities(estimator, rows_at(X, list(found["rows"])), target)
            found["row_values"] = None if values is None else values[list(found["rows"])]
        return cls(**found).plot(ax, **kwargs)

    def plot(self, ax=None):
        """Draw the fan, the densities, or both side by side.

        Parameters
        ----------
        ax : matplotlib Axes or two of them, default=None
            None makes a figure. Two panels are drawn inside one axes, or into two.

        Returns
        -------
        display : PredictiveDisplay
        """
        draw = [self._draw_fan] if self.grid is not None else []
        draw += [self._draw_densities] if self.densities is not None else []
        size = PANEL[0] * len(draw), PANEL[1]
        axes = self._panels(ax, (1, len(draw)), size, wspace=0.3)
        self.ax_ = axes[0, 0]
        for draw_into, panel in zip(draw, axes[0], strict=True):
            draw_into(panel)
        return self

    def _draw_fan(self, ax):
        from matplotlib import colormaps

        n = len(self.coverages)
        for i in reversed(range(n)):
            ends = self.quantiles[:, n - 1 - i], self.quantiles[:, n + 1 + i]
            style = {"color": colormaps[SEQUENTIAL](0.5 - 0.35 * i / n), "linewidth": 0}
            ax.fill_between(self.grid, *ends, label=f"{self.coverages[i]:.0%} interval", **style)
        ax.plot(self.grid, self.quantiles[:, n], color=BLUE, label="median")
        if self.points is not None:
            marks = {"s": 7, "color": DARK, "linewidths": 0, "label": "rows"}
            ax.scatter(*thin_out(self.points).T, **marks)
        ax.set(xlabel=self.name, ylabel="y")
        legend_above(ax)

    def _draw_densities(self, ax):
        middles = (self.edges[1:] + self.edges[:-1]) / 2
        for i, (row, density) in enumerate(zip(self.rows, self.densities, strict=True)):
            (line,) = ax.plot(
                middles, density, linestyle=LINES[i % len(LINES)], label=f"row {row}"
            )
            if self.row_values is not None:
                ticks = {"marker": "|", "markersize": 14, "clip_on": False}
                ax.plot(self.row_values[i], 0, color=line.get_color(), **ticks)
        ax.set(xlabel="y", ylabel="density")
        ax.set_ylim(bottom=0)
        legend_above(ax)


def _fan(estimator, X, column, coverages, target, given, n_points):
    names, lines = names_of(X), _lines(X)
    names = None if names is None else [str(name) for name in names]
    number, *others = chosen_columns(column, names or [f"column {j}" for j in range(len(lines))])
    if others or lines[number] is None:
        raise ValueError(f"column must name one column of finite numbers, got {column!r}.")
    line = lines[number]
    grid = np.linspace(*inner_range(line), n_points)
    row = _central_row(lines) if given is None else given
    table = _replaced(rows_at(X, [row] * n_points), number, grid)
    tails = [(1 - share) / 2 for share in reversed(coverages)]
    levels = [*tails, 0.5, *(1 - tail for tail in reversed(tails))]
    quantiles = ask(estimator, "predict_quantiles", table, quantiles=levels)
    name = names[number] if names else f"column {number}"
    quantiles = chosen_target(quantiles, target, axis=1, n_axes=3)
    return {"grid": grid, "quantiles": quantiles, "line": line, "name": name}


def _densities(estimator, X, target):
    """Average density in cells of y, of each row of X."""
    found = ask(estimator, "predict_quantiles", X, quantiles=[REACH[0], 0.5, REACH[1]])
    reach = chosen_target(found, target, axis=1, n_axes=3)
    edges = np.linspace(reach.min(), reach.max(), CELLS + 1)
    n = _num_samples(X)
    values = np.repeat(found[..., 1], CELLS + 1, axis=0)  # other columns of y at their medians
    if values.ndim == 1:
        values = np.tile(edges, n)
    else:
        values[:, target] = np.tile(edges, n)
    table = rows_at(X, np.repeat(np.arange(n), CELLS + 1))
    below = chosen_target(ask(estimator, "cdf", table, y=values), target)
    return {"edges": edges, "densities": np.diff(below.reshape(n, -1), axis=1) / np.diff(edges)}


def _lines(X):
    """Columns of X as finite numbers; None in the place of others."""
    names = names_of(X)
    columns = list(np.asarray(X).T) if names is None else [X[name] for name in names]
    lines = []
    for column in columns:
        try:
            line = np.asarray(column, dtype=np.float64)
        except (TypeError, ValueError):
            line = None
        lines.append(line if line is not None and np.isfinite(line).all() else None)
    return lines


def _central_row(lines):
    """Return the number of the row that is nearest to the medians of all columns."""
    numbers = np.column_stack([line for line in lines if line is not None])
    apart = np.abs(numbers - np.median(numbers, axis=0))
    scale = apart.mean(axis=0)
    return int((apart / np.where(scale > 0, scale, 1.0)).sum(axis=1).argmin())


def _replaced(X, number, line):
    """X with another column in the place of one."""
    names = names_of(X)
    if names is not None:
        return framed_like(X, {name: X[name] for name in names} | {names[number]: line})
    X = np.array(X)
    X = X if X.dtype == object else X.astype(np.float64)
    X[:, number] = line
    return X
