"""What regions of posteriors claim, against the parameters that they hold: a curve."""

import numpy as np

from skflow.diagnostics.displays._simulated import asked, check_finding
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, ORANGE, legend, new_axes
from skflow.diagnostics.measures._expected import ExpectedCoverage, expected_coverage

__all__ = ["ExpectedCoverageDisplay"]

# told apart in grey as well
STYLES = ({"color": BLUE, "linestyle": "-"}, {"color": ORANGE, "linestyle": "-."})


class ExpectedCoverageDisplay:
    """Share of parameters in regions of their posteriors against what the regions claim.

    A curve of the right posterior stays in the band as a whole with a probability of 95 %. Below
    the diagonal regions are too small: the posterior is too sure of itself. Above it they are too
    large. Regions are those around references that depend on x (TARP), and those of highest
    density if the posterior has one.

    Make it with :meth:`from_estimator`, or with :meth:`from_finding`.

    Parameters
    ----------
    nominal : ndarray of shape (n_levels,)
    observed : ndarray of shape (n_kinds, n_levels)
    kinds : tuple of str
        Of the regions.
    band : tuple of two ndarray of shape (n_levels,)
    p_values : dict {str: float}
        Of each kind.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skflow.diagnostics.expected_coverage : The numbers, with a test.
    CoverageDisplay : Regions of one density of whole rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import expected_coverage
    >>> from skflow.plots import ExpectedCoverageDisplay
    >>> theta, draws = np.split(np.random.default_rng(0).normal(size=(300, 100, 2)), [1], axis=1)
    >>> found = expected_coverage(theta[:, 0], draws, random_state=0)
    >>> display = ExpectedCoverageDisplay.from_finding(found)
    >>> display.observed.shape
    (1, 100)
    """

    def __init__(self, *, nominal, observed, kinds, band, p_values):
        self.nominal = nominal
        self.observed = observed
        self.kinds = kinds
        self.band = band
        self.p_values = p_values

    @classmethod
    def from_estimator(
        cls,
        posterior,
        theta,
        x,
        *,
        n_draws=99,
        use_log_density="auto",
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Draw from a posterior given fresh simulations, measure and plot.

        Parameters
        ----------
        posterior, theta, x, n_draws, use_log_density, random_state
            As :func:`skflow.check_posterior` takes them.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ExpectedCoverageDisplay
        """
        made, seed = asked(posterior, theta, x, n_draws, use_log_density, random_state)
        given = {"log_density": made.log_density, "random_state": seed}
        found = expected_coverage(made.theta, made.draws, made.x, **given)
        return cls.from_finding(found, ax=ax, **kwargs)

    @classmethod
    def from_finding(cls, finding, *, ax=None, **kwargs):
        """Draw what :func:`skflow.diagnostics.expected_coverage` found.

        Parameters
        ----------
        finding : ExpectedCoverage
            Also that of a check, ``check_posterior(...).findings["coverage"]``.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : ExpectedCoverageDisplay
        """
        check_finding(finding, ExpectedCoverage, "expected_coverage")
        fields = ("nominal", "observed", "kinds", "band", "p_values")
        return cls(**{name: getattr(finding, name) for name in fields}).plot(ax, **kwargs)

    def plot(self, ax=None, *, name=None, **kwargs):
        """Draw the curves over the band.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure. Several displays may be drawn into the same axes.
        name : str, default=None
            Of the posterior, for the legend.
        **kwargs : dict
            Passed to the curves.

        Returns
        -------
        display : ExpectedCoverageDisplay
        """
        ax = new_axes(ax, (4.6, 4.4))
        self.ax_, self.figure_ = ax, ax.figure
        ends = [np.append(0, side) for side in (self.nominal, *self.band)]
        ax.fill_between(*ends, color=LIGHT, linewidth=0, label="95% band")
        ax.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="as claimed")
        for kind, curve, style in zip(self.kinds, self.observed, STYLES, strict=False):
            label = {"label": f"{name}, {kind}" if name else kind}
            ax.plot(ends[0], np.append(0, curve), **(style | label | kwargs))
        ax.set(xlabel="probability that the region claims", ylabel="share of parameters inside")
        ax.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        legend(ax, loc="best")
        return self
