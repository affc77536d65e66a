"""A grid pushed through a flow, in both directions."""

import numpy as np

from skflow.diagnostics.displays._style import BLUE, GREY, VERMILLION, PanelsMixin, thin_out
from skflow.diagnostics.displays._tables import check_keywords, like, require, rows_and_names

__all__ = ["FlowGridDisplay"]

MARGIN = 0.15  # of the range of a column, around it
POINTS = 20  # on a line, between two others that cross it
MAX_POINTS = 500


class FlowGridDisplay(PanelsMixin):
    """What a flow does to the plane: a grid of rows and what becomes of it, and the way back.

    Left are the latents: each line of a grid over the range of the rows, pushed through
    ``transform``. Right are the rows: each line of a grid over the range of the latents, pulled
    back by ``inverse_transform``. Where lines lie close together in the right panel the density
    is high; where a line of the left panel is long the flow has stretched space. Lines that were
    upright are solid and blue, level ones dashed and red.

    Of an ensemble these are the maps of one member, the one that ``transform`` takes. Make it
    with :meth:`from_estimator`.

    Parameters
    ----------
    rows, latents : ndarray of shape (n_samples, 2)
        Rows and where the flow sends them.
    grid, grid_latents : ndarray of shape (2, n_lines, n_points, 2)
        Upright lines, then level ones, over the range of the rows, and where the flow sends them.
    latent_grid, latent_grid_rows : ndarray of shape (2, n_lines, n_points, 2)
        The same over the range of the latents, and where the inverse sends them.
    names : list of str
        Of the two columns.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (1, 2)
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around both panels, if they were drawn into one.

    See Also
    --------
    LatentDisplay : The latents beside the circles of a standard normal.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skflow import RealNVPDensity
    >>> from skflow.plots import FlowGridDisplay
    >>> X, _ = make_moons(200, noise=0.1, random_state=0)
    >>> flow = RealNVPDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> display = FlowGridDisplay.from_estimator(flow, X, n_lines=9)
    >>> display.grid_latents.shape
    (2, 9, 161, 2)
    """

    def __init__(self, *, rows, latents, grid, grid_latents, latent_grid, latent_grid_rows, names):
        self.rows = rows
        self.latents = latents
        self.grid = grid
        self.grid_latents = grid_latents
        self.latent_grid = latent_grid
        self.latent_grid_rows = latent_grid_rows
        self.names = names

    @classmethod
    def from_estimator(cls, estimator, X, *, n_lines=15, ax=None, **kwargs):
        """Push grids through a fitted flow, both ways, and draw them.

        Parameters
        ----------
        estimator : fitted flow
            With ``transform`` and ``inverse_transform``.
        X : array-like of shape (n_samples, 2)
        n_lines : int, default=15
            In each direction, at least 2.
        ax : matplotlib Axes or two of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : FlowGridDisplay

        Raises
        ------
        ValueError
            If there are not two columns.
        TypeError
            If the estimator has no latents.
        """
        check_keywords(cls, kwargs)
        require(estimator, "inverse_transform", cls.__name__, "Take a flow, such as NSFDensity.")
        rows, names = rows_and_names(estimator, X)
        if len(names) != 2:
            raise ValueError(
                f"FlowGridDisplay draws flows of two columns; this table has {len(names)}. "
                "LatentDisplay and DensityDisplay take more."
            )
        latents = np.asarray(estimator.transform(X))
        grid, latent_grid = _grid_over(rows, n_lines), _grid_over(latents, n_lines)
        pushed = np.asarray(estimator.transform(like(X, grid.reshape(-1, 2))))
        pulled = np.asarray(estimator.inverse_transform(latent_grid.reshape(-1, 2)))
        return cls(
            rows=rows,
            latents=latents,
            grid=grid,
            grid_latents=pushed.reshape(grid.shape),
            latent_grid=latent_grid,
            latent_grid_rows=pulled.reshape(grid.shape),
            names=names,
        ).plot(ax, **kwargs)

    def plot(self, ax=None, *, show_rows=True):
        """Draw both panels.

        Parameters
        ----------
        ax : matplotlib Axes or two of them, default=None
            None makes a figure. Both panels are drawn inside one axes, or into two.
        show_rows : bool, default=True
            Show rows and latents behind the lines.

        Returns
        -------
        display : FlowGridDisplay
        """
        left, right = self._panels(ax, (1, 2), (9.2, 4.6), wspace=0.4)[0]
        points = (self.latents, self.rows) if show_rows else (None, None)
        _draw(left, self.grid_latents, self.latents, points[0])
        left.set_title("grid of rows, as latents", fontsize=10)
        left.set(xlabel="latent 0", ylabel="latent 1")
        _draw(right, self.latent_grid_rows, self.rows, points[1])
        right.set_title("grid of latents, as rows", fontsize=10)
        right.set(xlabel=self.names[0], ylabel=self.names[1])
        return self


def _grid_over(points, n_lines):
    """Upright and level lines (2, n_lines, n_points, 2) over the range of points."""
    x, y = np.linspace(points.min(axis=0), points.max(axis=0), n_lines).T
    n_points = POINTS * (n_lines - 1) + 1
    along_x, along_y = np.linspace(points.min(axis=0), points.max(axis=0), n_points).T
    upright = np.stack(np.meshgrid(x, along_y, indexing="ij"), axis=-1)
    level = np.stack(np.meshgrid(y, along_x, indexing="ij"), axis=-1)[..., ::-1]
    return np.stack([upright, level])


def _draw(ax, lines, frame, points):
    from matplotlib.collections import LineCollection

    if points is not None:
        ax.scatter(*thin_out(points, MAX_POINTS).T, s=5, color=GREY, linewidths=0, zorder=1)
    styles = [{"colors": BLUE, "linestyles": "-"}, {"colors": VERMILLION, "linestyles": "--"}]
    for family, style in zip(lines, styles, strict=True):
        ax.add_collection(LineCollection(list(family), linewidths=0.9, zorder=2, **style))
    # corners of a grid, far from all rows, may land far away
    low, high = frame.min(axis=0), frame.max(axis=0)
    margin = MARGIN * np.where(high > low, high - low, 1.0)
    (left, bottom), (right, top) = low - margin, high + margin
    ax.set(xlim=(left, right), ylim=(bottom, top))
