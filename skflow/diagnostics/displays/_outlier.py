"""Scores of an outlier detector and the threshold between them."""

import numpy as np

from skflow.diagnostics.displays._style import BLUE, DARK, VERMILLION, PanelsMixin, legend_above
from skflow.diagnostics.displays._tables import check_keywords, require, rows_and_names

__all__ = ["OutlierDisplay"]

N_BINS = 40
REACH = 2.0  # how far left of the threshold is drawn, beside the distance of the best row from it
P_BINS = 20


class OutlierDisplay(PanelsMixin):
    """How an outlier detector scores rows, its threshold, and p-values if it has some.

    Bars are shares of a group of rows, so that few outliers are seen beside many normal rows.
    Scores too far left to be drawn are counted in the first bar. The p-values of new normal rows
    are spread evenly, along the dotted line; those of outliers are small.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    scores : ndarray of shape (n_samples,)
        The larger, the more normal.
    threshold : float
        Rows that score less are taken for outliers.
    outlier : ndarray of shape (n_samples,), bool, default=None
        Which rows are outliers in truth, if it is known.
    p_values : ndarray of shape (n_samples,), default=None
    false_alarms : float, default=None
        Share of the normal rows (of all rows, if the truth is not known) that score less than the
        threshold.
    found : float, default=None
        Share of the outliers that do.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (1, 1) or (1, 2)
    ax_ : matplotlib Axes
        The panel of the scores.
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around both panels, if they were drawn into one.

    See Also
    --------
    skflow.FlowOutlierDetector : A detector that has p-values.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skflow import FlowOutlierDetector
    >>> from skflow.plots import OutlierDisplay
    >>> X, kind = load_wine(return_X_y=True)
    >>> detector = FlowOutlierDetector(random_state=0).fit(X[kind == 0])
    >>> y = [1 if k == 0 else -1 for k in kind]
    >>> display = OutlierDisplay.from_estimator(detector, X, y)
    >>> bool(display.found > 0.9), bool(display.false_alarms < 0.1)
    (True, True)
    """

    def __init__(
        self,
        *,
        scores,
        threshold,
        outlier=None,
        p_values=None,
        false_alarms=None,
        found=None,
    ):
        self.scores = scores
        self.threshold = threshold
        self.outlier = outlier
        self.p_values = p_values
        self.false_alarms = false_alarms
        self.found = found

    @classmethod
    def from_estimator(cls, detector, X, y=None, *, p_values=False, ax=None, **kwargs):
        """Score rows with a fitted detector and draw the scores.

        Parameters
        ----------
        detector : fitted estimator
            With ``score_samples`` and ``offset_``, as :class:`skflow.FlowOutlierDetector` and
            scikit-learn's detectors; with ``p_values`` if they are wanted.
        X : array-like of shape (n_samples, n_features)
            Best rows that the detector has not seen.
        y : array-like of shape (n_samples,), default=None
            1 for normal rows, -1 for outliers, as ``predict`` gives them.
        p_values : bool, default=False
            Draw p-values in a second panel.
        ax : matplotlib Axes or two of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : OutlierDisplay
        """
        check_keywords(cls, kwargs)
        rows, _ = rows_and_names(detector, X)
        for name in ("score_samples", "offset_"):
            require(detector, name, cls.__name__, "Take an outlier detector.")
        outlier = None if y is None else _outliers(y, len(rows))
        scores = np.asarray(detector.score_samples(X))
        below = scores < detector.offset_
        found = {"threshold": float(detector.offset_), "outlier": outlier}
        if p_values:
            require(detector, "p_values", "p_values=True", "Take a FlowOutlierDetector.")
            found["p_values"] = np.asarray(detector.p_values(X))
        normal = np.ones(len(rows), dtype=bool) if outlier is None else ~outlier
        shares = {"false_alarms": _share(below[normal])}
        shares["found"] = None if outlier is None else _share(below[outlier])
        return cls(scores=scores, **found, **shares).plot(ax, **kwargs)

    def plot(self, ax=None):
        """Draw the scores, and the p-values if there are some.

        Parameters
        ----------
        ax : matplotlib Axes or two of them, default=None
            None makes a figure. With p-values both panels are drawn inside one axes, or into two.

        Returns
        -------
        display : OutlierDisplay
        """
        panels = 1 if self.p_values is None else 2
        self._panels(ax, (1, panels), (0.6 + 4.8 * panels, 3.6), wspace=0.3)
        self.ax_ = self.axes_[0, 0]
        self._draw_scores(self.ax_)
        if self.p_values is not None:
            self._draw_p_values(self.axes_[0, 1])
        return self

    def _groups(self):
        """Rows of each kind, as a mask, with the style of their bars."""
        normal = {"fill": True, "color": BLUE, "alpha": 0.55}
        if self.outlier is None:
            return [(np.ones(len(self.scores), dtype=bool), {**normal, "label": "rows"})]
        hatched = {"color": VERMILLION, "linewidth": 1.8, "hatch": "///"}
        return [
            (~self.outlier, {**normal, "label": "normal rows"}),
            (self.outlier, {**hatched, "label": "outliers"}),
        ]

    def _draw_scores(self, ax):
        left, right = self._range()
        edges = np.linspace(left, right, N_BINS + 1)
        _draw_shares(ax, self._groups(), self.scores.clip(left, right), edges)
        ax.axvline(self.threshold, color=DARK, linestyle="--", label="threshold")
        if self.outlier is None:  # bars of a few rows are too low to be seen
            flagged = self.scores[self.scores < self.threshold].clip(left)
            marks = {"marker": "|", "markersize": 18, "linestyle": "none", "color": VERMILLION}
            ax.plot(flagged, np.zeros(len(flagged)), label="flagged", **marks)
        hidden = int((self.scores < left).sum())
        if hidden:
            text = f" first bar: {hidden} rows further left,\n down to {self.scores.min():.3g}"
            where = (edges[1], 0.95)
            ax.annotate(text, where, xycoords=("data", "axes fraction"), va="top", fontsize=8)
        ax.set(xlabel="score (larger is more normal)", ylabel="share of the group")
        legend_above(ax)

    def _range(self):
        """Range of the scores to draw, without those so far out that they squeeze the others."""
        finite = self.scores[np.isfinite(self.scores)]
        right = max(finite.max(initial=self.threshold), self.threshold)
        width = max(right - np.median(finite), right - self.threshold, 1e-9)
        left = min(finite.min(initial=self.threshold), self.threshold)
        return max(left, self.threshold - REACH * width), right + 0.02 * width

    def _draw_p_values(self, ax):
        edges = np.linspace(0, 1, P_BINS + 1)
        _draw_shares(ax, self._groups(), self.p_values, edges)
        ax.axhline(1 / P_BINS, color=DARK, linestyle=":", label="evenly spread")
        ax.set(xlabel="p-value", ylabel="share of the group", xlim=(0, 1))
        legend_above(ax)


def _draw_shares(ax, groups, values, edges):
    for mask, style in groups:
        counts = np.histogram(values[mask], edges)[0]
        ax.stairs(counts / max(1, mask.sum()), edges, **style)


def _share(mask):
    return float(mask.mean()) if len(mask) else float("nan")


def _outliers(y, n):
    y = np.asarray(y)
    if y.shape != (n,):
        raise ValueError(
            f"y must have one label for each row: expected shape ({n},), got {y.shape}."
        )
    if not np.isin(y, (1, -1)).all():
        others = sorted(set(y.tolist()) - {1, -1}, key=str)[:5]
        raise ValueError(
            f"y must hold 1 for normal rows and -1 for outliers, as predict gives them; it holds "
            f"{others}. With a boolean mask of outliers, pass np.where(mask, -1, 1)."
        )
    return y == -1
