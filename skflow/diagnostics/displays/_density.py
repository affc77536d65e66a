"""A density, looked at: a curve, a map, or draws beside the table."""

from itertools import cycle

import numpy as np

from skflow._random import draw_seed
from skflow.diagnostics.displays._corner import draw_corner
from skflow.diagnostics.displays._grid import density_on_grid
from skflow.diagnostics.displays._style import (
    BLUE,
    DARK,
    LIGHT,
    SEQUENTIAL,
    PanelsMixin,
    legend_above,
    thin_out,
)
from skflow.diagnostics.displays._tables import (
    bin_edges,
    check_keywords,
    chosen_columns,
    like,
    require_density,
    rows_and_names,
)
from skflow.estimators._drawing import draw_from

__all__ = ["DensityDisplay"]

MAX_COLUMNS = 6
DEPTH = 20.0  # nats that a map of the log density goes down
FLOOR = 1e3  # nats below the top where a map takes a density for nothing
LINES = ("solid", "dashed", "dotted")
MAX_POINTS = 400


class DensityDisplay(PanelsMixin):
    """A fitted density beside the rows of a table.

    What is drawn depends on the number of columns:

    - of one, the density as a curve over a histogram of the rows;
    - of two, a map of the density, with some of the rows and the outlines of the smallest regions
      that hold given shares of the probability;
    - of more, or where some of the columns were chosen, rows against draws from the density: each
      column by itself on the diagonal, each pair below it. Draws from a good fit cannot be told
      from the rows.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    rows : ndarray of shape (n_samples, n_columns)
    names : list of str
        Of the columns.
    grid : list of ndarray of shape (n_points,), default=None
        Coordinates along the one or two columns, for a curve or a map.
    log_density : ndarray of shape (n_points,) or (n_points, n_points), default=None
        In nats and the units of the rows; ``log_density[i, j]`` is that of
        ``(grid[0][j], grid[1][i])``.
    regions : ndarray of shape (n_regions,), default=()
        Shares of the probability.
    thresholds : ndarray of shape (n_regions,), default=()
        Log densities above which these shares lie.
    samples : ndarray of shape (n_draws, n_columns), default=None
        Draws from the density.
    n_features : int, default=None
        Columns of the table, if ``names`` are not all.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        A single one for a curve or a map; of rows against draws, one for each pair of columns,
        those above the diagonal empty.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around several panels, if they were drawn into one.
    n_outside_ : int
        Rows that lie outside of the picture: far out in a heavy tail. The legend says so too.

    See Also
    --------
    CoverageDisplay : Whether the regions hold as many new rows as they should.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.plots import DensityDisplay
    >>> X = load_iris(as_frame=True).data[["petal length (cm)", "petal width (cm)"]]
    >>> display = DensityDisplay.from_estimator(MixtureFlowDensity().fit(X), X)
    >>> display.log_density.shape
    (100, 100)
    >>> display.ax_.get_xlabel()
    'petal length (cm)'
    """

    def __init__(
        self,
        *,
        rows,
        names,
        grid=None,
        log_density=None,
        regions=(),
        thresholds=(),
        samples=None,
        n_features=None,
    ):
        self.rows = rows
        self.names = names
        self.grid = grid
        self.log_density = log_density
        self.regions = regions
        self.thresholds = thresholds
        self.samples = samples
        self.n_features = n_features

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        columns=None,
        resolution=100,
        regions=(0.5, 0.9),
        n_samples=2_000,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Evaluate a fitted density and draw it.

        Parameters
        ----------
        estimator : fitted estimator
            With ``score_samples``, and ``sample`` if draws are needed: for regions, and for
            tables of more than two columns.
        X : array-like of shape (n_samples, n_features)
            Rows to compare with, best some that the estimator has not seen.
        columns : int, str or list of these, default=None
            Columns to look at, by number or name. None takes all, at most the first six.
        resolution : int, default=100
            Points on each side of a map; a curve has five times as many.
        regions : sequence of float, default=(0.5, 0.9)
            Shares of the probability whose smallest regions a map outlines. Their bounds
            are quantiles of the density of draws.
        n_samples : int, default=2000
            Draws.
        random_state : int, RandomState instance or None, default=0
            Of the draws.
        ax : matplotlib Axes or array of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : DensityDisplay
        """
        check_keywords(cls, kwargs)
        rows, names = rows_and_names(estimator, X)
        numbers = chosen_columns(range(min(len(names), MAX_COLUMNS)), names)
        if columns is not None:
            numbers = chosen_columns(columns, names)
        on_grid = len(names) <= 2 and len(numbers) == len(names)
        require_density(estimator, "score_samples" if on_grid else "sample", cls)
        draws = None
        if not on_grid or len(names) == 2:
            try:
                draws = draw_from(estimator, n_samples, draw_seed(random_state))
            except TypeError:  # it cannot draw: its map has no regions
                if not on_grid:
                    raise
        if on_grid:
            found = density_on_grid(estimator, X, rows, draws, numbers, resolution)
            if draws is not None:
                scores = estimator.score_samples(like(X, draws))
                found["regions"] = np.asarray(regions, dtype=float)
                found["thresholds"] = np.quantile(scores, 1 - found["regions"])
        else:
            found = {"samples": draws[:, numbers], "n_features": len(names)}
        names = [names[j] for j in numbers]
        return cls(rows=rows[:, numbers], names=names, **found).plot(ax, **kwargs)

    def plot(self, ax=None, *, log=False, show_rows=True, colorbar=True, cmap=SEQUENTIAL):
        """Draw the curve, the map, or rows against draws.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            None makes a figure. Several panels are drawn inside one axes, or into an array of
            axes, one for each pair of columns.
        log : bool, default=False
            Show the log density of a curve or map instead of the density.
        show_rows : bool, default=True
            Show the rows on a map.
        colorbar : bool, default=True
            Show the scale of a map.
        cmap : str or Colormap, default="Blues"
            Of a map.

        Returns
        -------
        display : DensityDisplay
        """
        if self.samples is not None:
            draw_corner(self, ax)
        else:
            again = ax is not None and getattr(self, "ax_", None) is ax
            axes = self._panels(ax, (1, 1), (5.6, 4.4))
            if len(self.grid) == 1:
                self._draw_curve(axes[0, 0], log)
            else:
                self._draw_map(axes[0, 0], log, show_rows, colorbar and not again, cmap)
        self.ax_ = self.axes_[0, 0]
        return self

    def _label_of_rows(self, low, high):
        """Count the rows that lie outside of the limits (n_columns,), and name the rows."""
        outside = ((self.rows < low) | (self.rows > high)).any(axis=1)
        self.n_outside_ = int(outside.sum())
        n = len(self.rows)
        return f"rows ({self.n_outside_} of {n} outside)" if self.n_outside_ else "rows"

    def _draw_curve(self, ax, log):
        (points,) = self.grid
        n_bins = int(np.clip(2 * np.sqrt(len(self.rows)), 10, 60))
        label = self._label_of_rows(points[0], points[-1])
        values = self.rows[:, 0]
        inside = values[(points[0] <= values) & (values <= points[-1])]
        ends = (inside.min(), inside.max()) if np.ptp(inside) else points[[0, -1]]
        edges = bin_edges(inside, *ends, n_bins)
        # shares of all rows, also of those outside
        heights = np.histogram(inside, edges)[0] / np.diff(edges) / len(values)
        density, bottom = np.exp(self.log_density), 0.0
        if log:
            heights = np.log(heights, where=heights > 0, out=np.full(len(heights), np.nan))
            density = self.log_density
            bottom = min(np.nanmin(heights), density[np.isfinite(density)].min())
        bars = {"bottom": bottom, "width": np.diff(edges), "align": "edge"}
        ax.bar(edges[:-1], heights - bottom, color=LIGHT, label=label, **bars)
        ax.plot(points, density, color=BLUE, label="density")
        ax.set(xlabel=self.names[0], ylabel="log density (nats)" if log else "density")
        legend_above(ax)

    def _draw_map(self, ax, log, show_rows, colorbar, cmap):
        levels = np.maximum(self.log_density, self.log_density.max() - FLOOR)
        values = levels if log else np.exp(levels)
        peak = values.max()
        image = ax.pcolormesh(
            *self.grid,
            values,
            cmap=cmap,
            shading="gouraud",
            vmax=peak,
            rasterized=True,
            vmin=max(peak - DEPTH, values.min()) if log else 0.0,
        )
        (left, right), (bottom, top) = ((line[0], line[-1]) for line in self.grid)
        label = self._label_of_rows((left, bottom), (right, top))
        if show_rows:
            marks = {"s": 7, "color": DARK, "edgecolors": "white", "linewidths": 0.5}
            ax.scatter(*thin_out(self.rows, MAX_POINTS).T, label=label, **marks)
        self._draw_regions(ax, levels)
        if show_rows or len(self.regions):
            legend_above(ax, width=1.9 if self.n_outside_ else 1.2)
        if colorbar:
            label = "log density (nats)" if log else "density"
            ax.figure.colorbar(image, ax=ax, label=label, extend="min" if log else "neither")
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        ax.set(xlim=(left, right), ylim=(bottom, top))

    def _draw_regions(self, ax, levels):
        from matplotlib.patheffects import withStroke

        halo = [withStroke(linewidth=2.6, foreground="white", alpha=0.7)]
        for share, threshold, line in zip(
            self.regions, self.thresholds, cycle(LINES), strict=False
        ):
            if not levels.min() < threshold < levels.max():
                continue  # between two points of the grid
            style = {"colors": DARK, "linestyles": line, "linewidths": 1.2}
            outline = ax.contour(*self.grid, levels, [threshold], **style)
            outline.set_path_effects(halo)
            ax.plot([], [], color=DARK, linestyle=line, label=f"{share:.0%} region")
