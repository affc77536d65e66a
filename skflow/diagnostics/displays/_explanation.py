"""Why rows are odd: how surprising each of their cells is given the others."""

import datetime
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import _num_samples

from skflow._containers import rows_at
from skflow._escapes import escaped
from skflow._input import names_of, refuse_lazy
from skflow.diagnostics.displays._style import BLUE, DARK, GREY, VERMILLION, PanelsMixin
from skflow.diagnostics.displays._tables import check_keywords, require
from skflow.tables._schema import Schema

__all__ = ["ExplanationDisplay"]

ODD = 3.0  # nats: e^3, twenty times, less likely than usual
MOST_NAME, MOST_VALUE, MOST_LABEL = 24, 18, 40  # characters
# white strokes tell the odd bars in grey, where both colours are alike
USUAL_BAR = {"color": BLUE}
ODD_BAR = {"facecolor": VERMILLION, "edgecolor": "white", "hatch": "///", "linewidth": 0}


class ExplanationDisplay(PanelsMixin):
    """How odd the cells of rows are given the rest of their row, a panel for each row.

    Bars are nats above what is usual, the oddest columns on top; those above 3 nats, the dotted
    line, are hatched. A wrong cell makes others of its row look odd, too: go by the largest. A
    bar to the edge marked "inf" is impossible, by a declared support. Cells without a surprise,
    such as holes, have no bar.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    surprise : ndarray of shape (n_samples, n_features)
        In nats; larger is odder, NaN is not drawn.
    feature_names : list of str
    values : ndarray of shape (n_samples, n_features), dtype=object
        The cells as they came; None in columns that the table lacks.
    row_labels : list of str
        Titles of the panels.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One for each row of the table, from left to right in lines of two; the last may be empty.
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around all panels, if they were drawn into one.

    See Also
    --------
    skflow.FlowOutlierDetector.explain : Surprises of tables of numbers.
    skflow.TableDensity.explain : Surprises of tables of any kinds, with holes.
    OutlierDisplay : Scores of whole rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skflow import FlowOutlierDetector
    >>> from skflow.plots import ExplanationDisplay
    >>> wine = load_wine(as_frame=True)
    >>> detector = FlowOutlierDetector(random_state=0).fit(wine.data)
    >>> odd = wine.data[:1].assign(alcohol=25.0)
    >>> display = ExplanationDisplay.from_estimator(detector, odd)
    >>> display.feature_names[display.surprise[0].argmax()]
    'alcohol'
    >>> [label.get_text() for label in display.axes_[0, 0].get_yticklabels()][0]
    'alcohol = 25'
    """

    def __init__(self, *, surprise, feature_names, values, row_labels):
        self.surprise = surprise
        self.feature_names = feature_names
        self.values = values
        self.row_labels = row_labels

    @classmethod
    def from_estimator(cls, estimator, X, *, max_rows=6, max_columns=10, ax=None, **kwargs):
        """Explain the first rows of a table with a fitted estimator and draw the surprises.

        Parameters
        ----------
        estimator : fitted estimator
            With ``explain``: a :class:`skflow.FlowOutlierDetector` or
            :class:`skflow.TableDensity`.
        X : array-like or data frame of shape (n_samples, n_features)
            Best the rows that stand out, the oddest first.
        max_rows : int, default=6
            Rows of X after so many are left out: they are neither explained nor drawn.
        max_columns : int, default=10
            Bars of a row; its less odd columns are left out of the picture.
        ax : matplotlib Axes or an array of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ExplanationDisplay
        """
        check_keywords(cls, kwargs)
        remedy = "Take a FlowOutlierDetector or a TableDensity."
        require(estimator, "explain", cls.__name__, remedy)
        for name, count in {"max_rows": max_rows, "max_columns": max_columns}.items():
            _check_count(name, count)
        refuse_lazy(X)
        n = _num_samples(X)
        if not n:
            raise ValueError("X has no rows: pass one or more to be explained.")
        first = rows_at(X, np.arange(min(n, max_rows)))
        surprise = np.asarray(estimator.explain(first))
        names, values = _names_and_values(estimator, first)
        found = {"feature_names": names, "values": values, "row_labels": _row_labels(first)}
        display = cls(surprise=surprise, **found)
        return display.plot(ax, max_columns=max_columns, **kwargs)

    def plot(self, ax=None, *, max_columns=10):
        """Draw a panel of bars for each row.

        Parameters
        ----------
        ax : matplotlib Axes or an array of them, default=None
            None makes a figure. Several panels are drawn inside one axes, or into as many as
            ``axes_`` has: two in a line. Labels need room: make it ``layout="constrained"``.
        max_columns : int, default=10
            Bars of a row; its less odd columns are left out.

        Returns
        -------
        display : ExplanationDisplay
        """
        _check_count("max_columns", max_columns)
        n = len(self.surprise)
        n_lines, n_across = -(-n // 2), min(n, 2)
        n_bars = min(max_columns, self.surprise.shape[1])
        size = 0.4 + 4.6 * n_across, 0.3 + n_lines * (0.75 + 0.24 * n_bars)
        self._panels(ax, (n_lines, n_across), size, wspace=1.4, hspace=0.5)
        for i, panel in enumerate(self.axes_.flat):
            if i < n:
                self._draw_row(panel, i, max_columns)
            else:
                panel.set_axis_off()
        for panel in self.axes_.flat[max(0, n - 2) : n]:  # none lies below these
            panel.set_xlabel(f"surprise in nats (hatched: above {ODD:g})")
        return self

    def _draw_row(self, ax, i, max_columns):
        known = np.flatnonzero(~np.isnan(self.surprise[i]))
        order = known[np.argsort(-self.surprise[i, known], kind="stable")][:max_columns]
        nats, places = self.surprise[i, order], np.arange(len(order))
        finite = nats[np.isfinite(nats)]
        low, high = 1.05 * finite.min(initial=0.0), 1.05 * finite.max(initial=ODD)
        for odd, style in ((False, USUAL_BAR), (True, ODD_BAR)):
            mask = (nats > ODD) == odd
            ax.barh(places[mask], nats[mask].clip(low, high), height=0.7, **style)
        for place in places[np.isinf(nats)]:
            where = {"xytext": (3, 0), "textcoords": "offset points", "va": "center"}
            beside = (float(nats[place] > 0), place)
            side = {"xycoords": ("axes fraction", "data"), "fontsize": 8, "color": DARK}
            ax.annotate(f"{nats[place]:g}", beside, **where, **side)
        if not len(order):
            middle = {"ha": "center", "va": "center", "transform": ax.transAxes}
            ax.text(0.5, 0.5, "no known cells", color=GREY, **middle)
        ax.axvline(0, color=DARK, linewidth=0.8)
        ax.axvline(ODD, color=GREY, linewidth=0.8, linestyle=":")
        labels = [self._label(i, j) for j in order]
        ax.set_yticks(places, labels, fontsize=8, parse_math=False)
        ax.tick_params(axis="y", length=0)
        ax.set(xlim=(low, high), ylim=(max(len(order), 1) - 0.5, -0.5))  # the first on top
        ax.set_title(self.row_labels[i], fontsize=10, parse_math=False)

    def _label(self, i, j):
        name = _cut(escaped(self.feature_names[j]), MOST_NAME)
        return f"{name} = {_short(self.values[i, j])}"


def _check_count(name, count):
    if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
        raise ValueError(f"{name} must be a whole number, 1 or more, got {count!r}.")


def _names_and_values(estimator, X):
    """Names of the columns of the fit, and the cells of X (n, d) in their order."""
    # a TableDensity takes frames whose columns stand in another order, or are not all there
    schema = estimator.reader_.schema if hasattr(estimator, "reader_") else Schema.read(X)
    columns = schema.columns(X)
    names = next(
        (
            found
            for found in (
                getattr(estimator, "feature_names_in_", None),
                schema.labels,
                names_of(X),
            )
            if found is not None
        ),
        [f"column {j}" for j in range(len(columns))],
    )
    values = np.full((_num_samples(X), len(columns)), None, dtype=object)
    for j, column in enumerate(columns):
        for i, value in enumerate(() if column is None else column):
            values[i, j] = value
    return [str(name) for name in names], values


def _row_labels(X):
    """Return "row 3", or what pandas' index has in the place of a number."""
    index = X.index if hasattr(X, "iloc") else range(_num_samples(X))
    return [
        f"row {label}" if isinstance(label, Integral) else _cut(_words(label), MOST_LABEL)
        for label in index
    ]


def _short(value):
    """Return a value in few characters; strings in quotes, which tell them from numbers."""
    return _cut(repr(str(value)) if isinstance(value, str) else _words(value), MOST_VALUE)


def _words(value):
    if isinstance(value, np.datetime64):
        return np.datetime_as_string(value, unit="auto")
    if isinstance(value, datetime.datetime):
        return str(value).removesuffix(" 00:00:00")
    if isinstance(value, Real) and not isinstance(value, Integral):
        return f"{value:.6g}"
    return escaped(value)


def _cut(text, most):
    return text if len(text) <= most else f"{text[: most - 1]}…"
