"""Who is ahead of the classical estimators, and by how much: a picture of a comparison."""

from collections import Counter

import numpy as np

from skflow.diagnostics.displays._style import BLUE, legend_above, new_axes
from skflow.diagnostics.report._compare import BASELINES, compare_densities

__all__ = ["DensityComparisonDisplay"]

OURS = {"color": BLUE, "marker": "o", "label": "compared"}
CLASSICAL = {"color": "#8c8c8c", "marker": "s", "label": "classical"}
MAX_STEPS = 4  # between ticks: labels of small gains are long


class DensityComparisonDisplay:
    """Held-out gains over the best classical estimator, with bars of two standard errors.

    Shapes tell the kinds apart as well as colours do. A gain too far to the left is a triangle at
    the edge, with its value beside it. Make it with :meth:`from_estimators`, or with
    :meth:`from_scores` from a table.

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
    >>> X, flow = load_iris().data[:, 2:], KernelFlowDensity(preprocessing="standardize")
    >>> display = DensityComparisonDisplay.from_estimators([flow], X, cv=2)
    >>> display.reference in display.names
    True

    The same from a table that is there already:

    >>> table = compare_densities(X, flow, cv=2)
    >>> display = DensityComparisonDisplay.from_scores(table).plot()
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

    @classmethod
    def from_estimators(cls, estimators, X, *, ax=None, **kwargs):
        """Compare estimators on a table with the classical ones, and draw their gains.

        Parameters
        ----------
        estimators : list of estimators or (str, estimator)
            Not fitted. Those without a name have that of their class, and a number if several
            are of one class.
        X : array-like of shape (n_samples, n_features)
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :func:`skflow.compare_densities`: ``cv``, ``n_jobs``, ``random_state``,
            ``sample_weight``, ``verbose``.

        Returns
        -------
        display : DensityComparisonDisplay
        """
        table = compare_densities(X, _named(estimators), **kwargs)
        return cls.from_scores(table).plot(ax)

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
        ax = new_axes(ax, (6, 1.2 + 0.4 * len(self.names)))
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
        ax.locator_params(axis="x", nbins=MAX_STEPS)
        ax.grid(axis="x", color="0.9")
        ax.set_axisbelow(True)
        legend_above(ax, "lower right")
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
            # a loss of 0.0042 is not -0.0
            digits = max(1, 1 - int(np.floor(np.log10(-gain))))
            ax.text(left, place, f"    {gain:.{digits}f}", va="center", color="0.3")
        else:
            bar = None if np.isnan(error) else 2 * error
            filled = style["color"] if style is OURS else "white"
            shape = {"marker": style["marker"], "markerfacecolor": filled, "capsize": 3}
            ax.errorbar(gain, place, xerr=bar, **shape, **marks)


def _named(estimators):
    """Pairs of name and estimator."""
    if not isinstance(estimators, list | tuple):
        raise _no_list(estimators)
    pairs = [e if isinstance(e, tuple) else (type(e).__name__, e) for e in estimators]
    for pair, given in zip(pairs, estimators, strict=True):
        if len(pair) != 2 or not isinstance(pair[0], str) or not _is_estimator(pair[1]):
            raise _no_list(given)
    total, seen, named = Counter(name for name, _ in pairs), Counter(), []
    for name, estimator in pairs:
        seen[name] += 1
        named.append((f"{name} {seen[name]}" if total[name] > 1 else name, estimator))
    return named


def _is_estimator(thing):
    return hasattr(thing, "fit") and not isinstance(thing, type)


def _no_list(given):
    kind = f"class {given.__name__}" if isinstance(given, type) else type(given).__name__
    return TypeError(
        f"estimators must be a list of estimators or of (name, estimator), got {kind}; call "
        "from_estimators([NSFDensity(), KernelFlowDensity()], X)."
    )
