"""An observation among data that draws of its posterior produce: histograms."""

import numpy as np
from sklearn.utils import check_random_state

from skflow.diagnostics.displays._simulated import check_finding
from skflow.diagnostics.displays._style import GREY, LIGHT, VERMILLION, PanelsMixin, legend
from skflow.diagnostics.measures._replicates import PosteriorPredictive, posterior_predictive
from skflow.diagnostics.report._posterior import draws_at

__all__ = ["PosteriorPredictiveDisplay"]

PANEL = 2.7, 2.6
MAX_COLUMNS = 4
MAX_PANELS = 8


class PosteriorPredictiveDisplay(PanelsMixin):
    """Statistics of an observation among those of replicates from its posterior.

    One panel a statistic, and one for the distance of all of them from the middle. Of more than
    seven statistics the most extreme are drawn.

    Make it with :meth:`from_estimator`, or with :meth:`from_finding`.

    Parameters
    ----------
    names : list of str
        Of the statistics.
    observed : ndarray of shape (n_statistics,)
    replicated : ndarray of shape (n_replicates, n_statistics)
    p_values : dict {str: float}
    distance : float
    distances : ndarray of shape (n_replicates,)
    joint_p_value : float

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_lines, n_columns)
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around all panels, if they were drawn into one.

    See Also
    --------
    skflow.diagnostics.posterior_predictive : The numbers.
    PredictiveDisplay : What a regressor predicts.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import posterior_predictive
    >>> from skflow.plots import PosteriorPredictiveDisplay
    >>> replicates = np.random.default_rng(0).normal(size=(200, 2))
    >>> found = posterior_predictive([0.5, 3.0], replicates)
    >>> PosteriorPredictiveDisplay.from_finding(found).axes_.shape
    (1, 3)
    """

    def __init__(
        self, *, names, observed, replicated, p_values, distance, distances, joint_p_value
    ):
        self.names = names
        self.observed = observed
        self.replicated = replicated
        self.p_values = p_values
        self.distance = distance
        self.distances = distances
        self.joint_p_value = joint_p_value

    @classmethod
    def from_estimator(
        cls,
        posterior,
        x_o,
        simulator,
        *,
        statistics=None,
        n_draws=1_000,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Draw from a posterior given x_o, simulate, compare and plot.

        Parameters
        ----------
        posterior, x_o, simulator, statistics
            As :func:`skflow.check_posterior` takes them.
        n_draws : int, default=1000
            Replicates.
        random_state : int, RandomState instance or None, default=0
            Of the draws.
        ax : matplotlib Axes or several of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PosteriorPredictiveDisplay
        """
        draws = draws_at(posterior, x_o, n_draws, check_random_state(random_state))
        found = posterior_predictive(x_o, simulator(draws), statistics)
        return cls.from_finding(found, ax=ax, **kwargs)

    @classmethod
    def from_finding(cls, finding, *, ax=None, **kwargs):
        """Draw what :func:`skflow.diagnostics.posterior_predictive` found.

        Parameters
        ----------
        finding : PosteriorPredictive
            Also that of a check, ``check_posterior(...).findings["predictive"]``.
        ax : matplotlib Axes or several of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : PosteriorPredictiveDisplay
        """
        check_finding(finding, PosteriorPredictive, "posterior_predictive")
        fields = ("names", "observed", "replicated", "p_values", "distance", "distances")
        found = {name: getattr(finding, name) for name in (*fields, "joint_p_value")}
        return cls(**found).plot(ax, **kwargs)

    def plot(self, ax=None, **kwargs):
        """Draw a histogram for each statistic and one for the distance.

        Parameters
        ----------
        ax : matplotlib Axes or several of them, default=None
            None makes a figure. Panels are drawn inside one axes, or into as many.
        **kwargs : dict
            Passed to the histograms.

        Returns
        -------
        display : PosteriorPredictiveDisplay
        """
        p_values = [self.p_values[name] for name in self.names]
        chosen = np.sort(np.argsort(p_values, kind="stable")[: MAX_PANELS - 1])
        n = len(chosen) + 1
        n_columns = min(n, MAX_COLUMNS)
        shape = -(-n // n_columns), n_columns
        size = max(3.6, PANEL[0] * shape[1]), max(2.8, PANEL[1] * shape[0])
        axes = self._panels(ax, shape, size, wspace=0.3, hspace=0.8).ravel()
        for panel, j in zip(axes, chosen, strict=False):
            figures = self.replicated[:, j], self.observed[j], p_values[j]
            _draw(panel, self.names[j], *figures, kwargs)
        joint = self.distances, self.distance, self.joint_p_value
        _draw(axes[n - 1], "distance", *joint, kwargs)
        for panel in axes[n:]:
            panel.set_axis_off()
        legend(axes[0], loc="upper right", fontsize="small")
        return self


def _draw(ax, name, replicated, observed, p_value, kwargs):
    style = {"bins": 25, "color": LIGHT, "edgecolor": GREY, "linewidth": 0.6}
    ax.hist(replicated, **(style | {"label": "replicates"} | kwargs))
    ax.axvline(observed, color=VERMILLION, linewidth=2, label="observed")
    ax.set_title(f"{name}\np = {p_value:.2g}", fontsize="medium")
    ax.set(yticks=[])
    ax.set_ylim(top=1.4 * ax.get_ylim()[1])  # for the legend
