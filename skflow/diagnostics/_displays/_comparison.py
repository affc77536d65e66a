"""Pictures of what the diagnostics measured; matplotlib is imported when one is drawn."""

import numpy as np

__all__ = ["DensityComparisonDisplay"]

# Okabe and Ito's blue, and a grey of clearly other lightness.
OURS = {"color": "#0072B2", "marker": "o", "label": "compared"}
CLASSICAL = {"color": "#8c8c8c", "marker": "s", "label": "classical"}


class DensityComparisonDisplay:
    """Held-out gains over the best classical estimator, with bars of two standard errors.

    Make it with :meth:`from_scores`. Shapes tell the kinds apart as well as colours do. A gain too
    far to the left is a triangle at the edge, with its value beside it.

    Parameters
    ----------
    names : list of str
        From the best to the worst.
    gains, errors : ndarray of shape (n_estimators,)
        Mean paired differences to the reference in nats a row, and their standard errors; NaN
        for the reference itself and for estimators without a finite score.
    reference : str
        The best classical estimator.
    classical : collection of str
        Names of the classical estimators.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skflow.compare_densities : Makes the table.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import KernelFlowDensity, compare_densities
    >>> from skflow.plots import DensityComparisonDisplay
    >>> table = compare_densities(load_iris().data, KernelFlowDensity(), cv=2)
    >>> display = DensityComparisonDisplay.from_scores(table)
    >>> display.reference in display.names
    True
    """

    def __init__(self, *, names, gains, errors, reference, classical):
        self.names = names
        self.gains = gains
        self.errors = errors
        self.reference = reference
        self.classical = classical

    @classmethod
    def from_scores(cls, table):
        """Take the gains from the table of :func:`skflow.compare_densities`.

        Parameters
        ----------
        table : ScoreTable

        Returns
        -------
        display : DensityComparisonDisplay
        """
        from skflow.diagnostics._compare import BASELINES

        rivals = [row for row in table if row["name"] in BASELINES and np.isnan(row["gain"])]
        if not rivals:
            raise ValueError("expected a table of compare_densities, which has classical rows")
        return cls(
            names=[row["name"] for row in table],
            gains=np.array([row["gain"] for row in table]),
            errors=np.array([row["gain_error"] for row in table]),
            reference=rivals[0]["name"],
            classical=BASELINES,
        )

    def plot(self, ax=None):
        """Draw the gains.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.

        Returns
        -------
        display : DensityComparisonDisplay
        """
        import matplotlib.pyplot as plt

        if ax is None:
            size = (6, 1.2 + 0.4 * len(self.names))
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_, self.figure_ = ax, ax.figure
        ax.axvline(0, color="0.3", linewidth=1, zorder=0)
        left = self._left_edge()
        for place, name in enumerate(self.names):
            style = CLASSICAL if name in self.classical else OURS
            self._draw(ax, place, self._gain(place), self.errors[place], style, left)
        ax.set_xlim(left=left)
        ax.margins(x=0.1)
        ax.set_yticks(range(len(self.names)), self.names)
        ax.set_ylim(len(self.names) - 0.5, -0.5)
        ax.set_xlabel(f"held-out gain over {self.reference}, nats a row (bars: 2 standard errors)")
        ax.grid(axis="x", color="0.9")
        ax.set_axisbelow(True)
        handles, labels = ax.get_legend_handles_labels()
        unique = dict(zip(labels, handles, strict=True))
        above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2}
        ax.legend(unique.values(), unique.keys(), frameon=False, **above)
        return self

    def _gain(self, place):
        return 0.0 if self.names[place] == self.reference else self.gains[place]

    def _left_edge(self):
        """Return the gain below which points would squeeze the others."""
        reach = np.abs(self.gains) + 2 * self.errors
        ours = [r for r, n in zip(reach, self.names, strict=True) if n not in self.classical]
        near = np.nanmax([*(r for r in ours if np.isfinite(r)), np.nanmin(reach), 1e-3])
        lowest = np.nanmin([*(self.gains - 2 * self.errors), 0.0])
        return max(lowest * 1.1, -2.5 * near)

    @staticmethod
    def _draw(ax, place, gain, error, style, left):
        marks = {"color": style["color"], "label": style["label"], "linestyle": "none"}
        if not np.isfinite(gain):
            ax.text(0, place, " no finite score", va="center", color="0.3")
        elif gain < left:
            ax.plot(left, place, marker="<", clip_on=False, **marks)
            ax.text(left, place, f"    {gain:.1f}", va="center", color="0.3")
        else:
            bar = None if np.isnan(error) else 2 * error
            filled = style["color"] if style is OURS else "white"
            shape = {"marker": style["marker"], "markerfacecolor": filled, "capsize": 3}
            ax.errorbar(gain, place, xerr=bar, **shape, **marks)
