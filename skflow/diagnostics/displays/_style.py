"""Colours and axes of all displays; nothing here imports matplotlib before something is drawn."""

import numpy as np

__all__ = [
    "BLUE",
    "DARK",
    "DATA",
    "GREY",
    "LIGHT",
    "ORANGE",
    "SAMPLES",
    "SEQUENTIAL",
    "VERMILLION",
    "PanelsMixin",
    "legend",
    "legend_above",
    "new_axes",
    "thin_out",
]

# Okabe and Ito's colours. Whatever stands side by side also differs in shape or line, and either
# in lightness (blue and orange) or in being filled, so that it is told apart in grey.
BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
DARK, GREY, LIGHT = "0.15", "0.45", "0.85"
DATA = {"color": BLUE, "marker": "o"}
SAMPLES = {"color": ORANGE, "marker": "^"}
SEQUENTIAL = "Blues"  # its lightness falls steadily

MAX_POINTS = 1_000  # more of them in a cloud are a blot


def thin_out(rows, n=MAX_POINTS):
    """Return at most n of the rows, evenly spaced, so that the same ones are drawn each time."""
    return rows if len(rows) <= n else rows[np.linspace(0, len(rows) - 1, n).astype(int)]


def new_axes(ax, size):
    """Return ax, or the axes of a new figure of this size (width, height) in inches."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size, layout="constrained")[1]


def legend(ax, **kwargs):
    """Draw a legend that names each thing once, however often it was drawn."""
    handles, labels = ax.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    return ax.legend(unique.values(), unique.keys(), frameon=False, **kwargs)


def legend_above(ax, loc="lower left", width=1.2):
    """Put the legend where it hides nothing: above the axes, in as few lines as there is room for.

    ``width`` is that of an entry, in inches.
    """
    ncols = max(1, int(ax.bbox.width / ax.figure.dpi / width))
    side = {"lower left": 0.0, "lower right": 1.0}[loc]
    place = {"loc": loc, "bbox_to_anchor": (side, 1), "borderaxespad": 0.2}
    return legend(ax, handlelength=1.8, ncols=ncols, **place)


class PanelsMixin:
    """A display of several panels, in a figure of its own, in one axes or in given ones."""

    def _panels(self, ax, shape, size, **spacing):
        """Return axes of a shape (rows, columns) and keep them as ``axes_`` with ``figure_``.

        A single axes becomes an invisible frame around several panels, which is kept as
        ``bounding_ax_``; drawn into it again, panels take the place of the old ones.
        """
        frame = hasattr(ax, "get_subplotspec") and shape != (1, 1)
        if ax is None:
            import matplotlib.pyplot as plt

            axes = plt.subplots(*shape, figsize=size, squeeze=False, layout="constrained")[1]
        elif frame:
            axes = self._inside(ax, shape, spacing)
        else:
            axes = np.asarray(ax, dtype=object)
            if axes.size != shape[0] * shape[1]:
                raise ValueError(
                    f"expected one axes, or {shape[0]} x {shape[1]} of them, got {axes.size}."
                )
            axes = axes.reshape(shape)
        self.bounding_ax_ = ax if frame else None
        self.axes_, self.figure_ = axes, axes.flat[0].figure
        return axes

    def _inside(self, ax, shape, spacing):
        if getattr(self, "bounding_ax_", None) is ax:
            for old in self.axes_.flat:
                old.remove()
        ax.set_axis_off()
        cell = ax.get_subplotspec()
        if cell is None:  # the axes were placed by hand
            left, bottom, right, top = ax.get_position().extents
            sides = {"left": left, "bottom": bottom, "right": right, "top": top}
            grid = ax.figure.add_gridspec(*shape, **sides, **spacing)
        else:
            grid = cell.subgridspec(*shape, **spacing)
        axes = [
            [ax.figure.add_subplot(grid[i, j]) for j in range(shape[1])] for i in range(shape[0])
        ]
        return np.array(axes, dtype=object)
