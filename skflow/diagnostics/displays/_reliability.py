"""Whether predicted distributions of y hold what they claim: a curve."""

import numpy as np

from skflow.diagnostics.displays._pit import check_pits, count_band, predicted_pits
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, legend, new_axes
from skflow.metrics._losses import check_share

__all__ = ["ReliabilityDisplay"]


class ReliabilityDisplay:
    """Share of the rows below each predicted quantile against the probability of the quantile.

    Under the right distributions each point lies in the band with a probability of 95 %. Below
    the diagonal on the left and above it on the right: distributions too wide; the other way
    round: too narrow; below it everywhere: quantiles too low.

    Make it with :meth:`from_estimator`, or with :meth:`from_predictions` from P(Y <= y | x).

    Parameters
    ----------
    nominal, observed : ndarray of shape (n_levels,)
        Probability of each quantile, and the share of the rows below it.
    band : tuple of two ndarray of shape (n_levels,)
        Where each share lies with a probability of 95 % (binomial) if the distributions are right.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    PITDisplay : The same numbers as a histogram.
    CoverageDisplay : Regions of high density of whole rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.plots import ReliabilityDisplay
    >>> pits = np.random.default_rng(0).uniform(size=500)
    >>> display = ReliabilityDisplay.from_predictions(pits)
    >>> bool(np.abs(display.observed - display.nominal).max() < 0.1)
    True
    """

    def __init__(self, *, nominal, observed, band):
        self.nominal = nominal
        self.observed = observed
        self.band = band

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        levels=None,
        target=0,
        resolution=None,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Take P(Y <= y | x) of rows from a fitted regressor and draw the curve.

        Parameters
        ----------
        estimator, X, y, target, resolution, random_state
            As :meth:`PITDisplay.from_estimator` takes them.
        levels : array-like of shape (n_levels,), default=None
            Between 0 and 1; None takes 0.05 to 0.95 in twentieths.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
        """
        pits = predicted_pits(estimator, X, y, target, resolution, random_state)
        return cls.from_predictions(pits, levels=levels, ax=ax, **kwargs)

    @classmethod
    def from_predictions(cls, pits, *, levels=None, ax=None, **kwargs):
        """Draw the curve of P(Y <= y | x).

        Parameters
        ----------
        pits : array-like of shape (n_samples,)
            At least 8.
        levels : array-like of shape (n_levels,), default=None
            Between 0 and 1; None takes 0.05 to 0.95 in twentieths.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ReliabilityDisplay
        """
        pits = check_pits(pits)
        levels = np.arange(1, 20) / 20 if levels is None else np.ravel(levels)
        nominal = np.sort([check_share(level, "levels") for level in levels])
        observed = (pits[:, np.newaxis] <= nominal).mean(axis=0)
        band = tuple(end / len(pits) for end in count_band(len(pits), nominal))
        return cls(nominal=nominal, observed=observed, band=band).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curve over the band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure. Several displays may be drawn into the same axes.
        name : str, default=None
            Of the estimator, for the legend.
        **kwargs : dict
            Passed to the line of points.

        Returns
        -------
        display : ReliabilityDisplay
        """
        ax = new_axes(ax, (4.6, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        style = {"color": LIGHT, "linewidth": 0, "label": "95% band"}
        ax.fill_between(self.nominal, *self.band, **style)
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as claimed")
        marks = {"marker": "o", "markersize": 4, "color": BLUE, "label": name or "observed"}
        ax.plot(self.nominal, self.observed, **(marks | kwargs))
        ax.set(xlabel="probability of the quantile", ylabel="share of the rows below it")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        legend(ax, loc="best")
        return self
