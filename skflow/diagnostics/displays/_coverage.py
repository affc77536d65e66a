"""What regions of high density claim to hold, against what they hold."""

import numpy as np

from skflow._random import draw_seed
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, legend, new_axes
from skflow.diagnostics.displays._tables import like, require_density, spread_like
from skflow.diagnostics.measures._coverage import hdr_coverage
from skflow.estimators._drawing import draw_from

__all__ = ["CoverageDisplay"]


class CoverageDisplay:
    """Share of rows inside regions of high density against the share that these claim.

    Under a good fit the points lie in the band. Below it the density is overconfident: its
    regions are too small, as after overfitting. Above it the regions are too large.

    Make it with :meth:`from_estimator`.

    Parameters
    ----------
    nominal, observed : ndarray of shape (n_levels,)
        Probability of each region under the density, and the share of the rows inside.
    band : tuple of two ndarray of shape (n_levels,)
        Where each share lies with a probability of 95 % if the density is true.
    bias : float
        Mean of nominal minus observed: positive if overconfident.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skflow.diagnostics.hdr_coverage : The numbers, with a test.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> from skflow.plots import CoverageDisplay
    >>> X = load_iris().data
    >>> density = MixtureFlowDensity(random_state=0).fit(X[::2])
    >>> display = CoverageDisplay.from_estimator(density, X[1::2])
    >>> display.nominal.shape == display.observed.shape
    True
    """

    def __init__(self, *, nominal, observed, band, bias):
        self.nominal = nominal
        self.observed = observed
        self.band = band
        self.bias = bias

    @classmethod
    def from_estimator(
        cls, estimator, X, *, levels=None, n_samples=2_000, random_state=0, ax=None, **kwargs
    ):
        """Score draws and rows with a fitted density and draw the coverage.

        Parameters
        ----------
        estimator : fitted estimator
            With ``score_samples`` and ``sample``.
        X : array-like of shape (n_samples, n_features)
            Rows that the estimator has not seen, at least 8. Those it was fitted to make any
            density look well calibrated. Repeated values are spread as those of the fit were.
        levels : array-like of shape (n_levels,), default=None
            Between 0 and 1; None takes 0.05 to 0.95 in twentieths, and 0.99.
        n_samples : int, default=2000
            Draws.
        random_state : int, RandomState instance or None, default=0
            Of the draws and of spreading repeated values.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : CoverageDisplay
        """
        for method in ("score_samples", "sample"):
            require_density(estimator, method, cls)
        seed = draw_seed(random_state)
        rows = spread_like(estimator, X, seed)
        draws = draw_from(estimator, n_samples, seed)
        of_draws = estimator.score_samples(like(X, draws))
        found = hdr_coverage(of_draws, estimator.score_samples(rows), levels)
        shares = {"nominal": found.nominal, "observed": found.observed}
        return cls(band=found.band, bias=found.bias, **shares).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the shares over the band.

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
        display : CoverageDisplay
        """
        ax = new_axes(ax, (4.6, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        order = np.argsort(self.nominal)
        nominal, observed = self.nominal[order], self.observed[order]
        low, high = (side[order] for side in self.band)
        ax.fill_between(nominal, low, high, color=LIGHT, linewidth=0, label="95% band")
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as claimed")
        marks = {"marker": "o", "markersize": 4, "color": BLUE, "label": name or "observed"}
        ax.plot(nominal, observed, **(marks | kwargs))
        ax.set(xlabel="probability that the region claims", ylabel="share of the rows inside")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        legend(ax, loc="best")  # the curve bends to either side
        return self
