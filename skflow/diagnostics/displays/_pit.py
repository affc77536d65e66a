"""Whether predicted distributions of y hold what they claim: a histogram."""

import numpy as np
from scipy import stats

from skflow._random import draw_seed
from skflow._validation import is_real
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, legend_above, new_axes
from skflow.diagnostics.displays._tables import chosen_target
from skflow.metrics._asking import ask
from skflow.metrics._losses import check_targets

__all__ = ["PITDisplay", "check_pits", "count_band", "predicted_pits"]

BAND = 0.95
MIN_ROWS = 8


class PITDisplay:
    """Histogram of the probability integral transforms F(y | x) of held-out rows.

    Under the right distributions they are spread evenly, and each bar ends in the band with a
    probability of 95 %. A hump in the middle: distributions too wide; high ends: too narrow; a
    slope: shifted.

    Make it with :meth:`from_estimator`, or with :meth:`from_predictions` from P(Y <= y | x).

    Parameters
    ----------
    pits : ndarray of shape (n_samples,)
        Between 0 and 1.
    edges : ndarray of shape (n_bins + 1,)
    heights : ndarray of shape (n_bins,)
        Share of the rows in each bin over what evenly spread ones have: 1 is right.
    band : tuple of two float
        Where each height lies with a probability of 95 % (binomial) if the distributions are
        right. Of twenty bars one may well be outside.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ReliabilityDisplay : The same numbers as a curve.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.plots import PITDisplay
    >>> pits = np.random.default_rng(0).uniform(size=500)
    >>> display = PITDisplay.from_predictions(pits, n_bins=10)
    >>> low, high = display.band
    >>> bool(((low <= display.heights) & (display.heights <= high)).mean() > 0.7)
    True
    """

    def __init__(self, *, pits, edges, heights, band):
        self.pits = pits
        self.edges = edges
        self.heights = heights
        self.band = band

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        n_bins="auto",
        target=0,
        resolution=None,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Take P(Y <= y | x) of rows from a fitted regressor and draw their histogram.

        Parameters
        ----------
        estimator : fitted regressor
            With ``cdf``, alone, in a pipeline, a search or a ``TransformedTargetRegressor``.
        X : array-like of shape (n_samples, n_features)
            Rows that the estimator has not seen, at least 8.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        n_bins : int or "auto", default="auto"
            "auto" is the square root of the number of rows, between 5 and 20.
        target : int, default=0
            Which column of y, if there are several.
        resolution : float, default=None
            The step that y is rounded to. Transforms of rounded values are not spread evenly
            even if all is right; each is then drawn at random between F(y - resolution / 2) and
            F(y + resolution / 2), which are. None takes F(y).
        random_state : int, RandomState instance or None, default=0
            Of these draws.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PITDisplay
        """
        pits = predicted_pits(estimator, X, y, target, resolution, random_state)
        return cls.from_predictions(pits, n_bins=n_bins, ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, pits, *, n_bins="auto", ax=None, **kwargs):
        """Draw the histogram of P(Y <= y | x).

        Parameters
        ----------
        pits : array-like of shape (n_samples,)
            At least 8.
        n_bins : int or "auto", default="auto"
            "auto" is the square root of the number of rows, between 5 and 20.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PITDisplay
        """
        pits = check_pits(pits)
        n = len(pits)
        n_bins = int(np.clip(np.sqrt(n), 5, 20)) if n_bins == "auto" else n_bins
        counts, edges = np.histogram(pits, n_bins, range=(0, 1))
        low, high = (float(end) * n_bins / n for end in count_band(n, 1 / n_bins))
        found = {"edges": edges, "heights": counts * n_bins / n, "band": (low, high)}
        return cls(pits=pits, **found).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw the histogram over the band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to the bars.

        Returns
        -------
        display : PITDisplay
        """
        ax = new_axes(ax, (5.2, 3.6))
        self.ax_, self.figure_ = ax, ax.figure
        ax.axhspan(*self.band, color=LIGHT, linewidth=0, label="95% band of a bar")
        ax.axhline(1, color=GREY, linestyle="--", linewidth=1, label="as claimed")
        style = {"color": BLUE, "linewidth": 1.6, "label": "rows"}
        ax.stairs(self.heights, self.edges, **(style | kwargs))
        ax.set(xlabel="probability below y, F(y | x)", ylabel="rows over those claimed")
        ax.set_xlim(0, 1)
        ax.set_ylim(bottom=0)
        legend_above(ax)
        return self


def predicted_pits(estimator, X, y, target, resolution, random_state):
    """Return P(Y <= y | x) (n,) of one column of y, spread over a step if y is rounded to one."""
    y = check_targets(y, "y")
    values = y[:, 0] if y.shape[1] == 1 else y
    if resolution is None:
        return chosen_target(ask(estimator, "cdf", X, y=values), target)
    if not is_real(resolution) or not resolution > 0:
        raise ValueError(f"resolution must be None or a number above 0, got {resolution!r}.")
    low, high = (
        chosen_target(ask(estimator, "cdf", X, y=values + side * resolution / 2), target)
        for side in (-1, 1)
    )
    return low + (high - low) * np.random.default_rng(draw_seed(random_state)).uniform(size=len(y))


def check_pits(pits):
    """Return probabilities as an array (n,), checked."""
    pits = np.asarray(pits, dtype=np.float64)
    if pits.ndim != 1 or len(pits) < MIN_ROWS or not ((pits >= 0) & (pits <= 1)).all():
        raise ValueError(
            f"pits must be at least {MIN_ROWS} probabilities P(Y <= y | x) in one array, between "
            f"0 and 1, got {pits}."
        )
    return pits


def count_band(n, share):
    """Return how many of n rows are in a share of them, at least and at most, 95 % of the time."""
    return tuple(stats.binom.ppf(side, n, share) for side in ((1 - BAND) / 2, (1 + BAND) / 2))
