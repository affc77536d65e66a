"""Whether, and where at one observation, parameters can be told from draws: pictures."""

import numpy as np

from skflow._random import draw_seed
from skflow.diagnostics.displays._simulated import asked, check_finding
from skflow.diagnostics.displays._style import GREY, LIGHT, VERMILLION, PanelsMixin, legend_above
from skflow.diagnostics.displays._tables import check_keywords, chosen_columns
from skflow.diagnostics.measures._local import LocalTwoSampleTest, local_two_sample_test
from skflow.diagnostics.report._posterior import draws_at

__all__ = ["LocalTwoSampleDisplay"]

PANEL = 4.0, 3.4
MAX_POINTS = 1_000
DIVERGING = "RdBu_r"


class LocalTwoSampleDisplay(PanelsMixin):
    """Local two-sample test of a posterior: the statistic, and where the posterior is off.

    The left panel has the statistic over its null distribution. With an ``x_o``, the right one has
    draws there, coloured by the log odds of being a parameter: red where the posterior is too low,
    blue where it is too high; of one parameter, the log odds as a curve.

    Make it with :meth:`from_estimator`, or with :meth:`from_finding`.

    Parameters
    ----------
    statistic : float
    null : ndarray of shape (n_null,)
    p_value : float
    draws : ndarray of shape (n, n_features), default=None
        At x_o; None draws the left panel alone.
    log_odds : ndarray of shape (n,), default=None
        Of the draws.
    bias, spread : ndarray of shape (n_features,), default=None
        How the odds would move each parameter: those that move most are drawn.
    names : list of str, default=()
        Of the parameters.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (1, 1) or (1, 2)
    ax_ : matplotlib Axes
        The first panel.
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around both panels, if they were drawn into one.

    See Also
    --------
    skflow.diagnostics.local_two_sample_test : The numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import local_two_sample_test
    >>> from skflow.plots import LocalTwoSampleDisplay
    >>> rng = np.random.default_rng(0)
    >>> theta, draws = np.split(rng.normal(size=(300, 100, 2)), [1], axis=1)
    >>> found = local_two_sample_test(theta[:, 0], draws, rng.normal(size=(300, 1)))
    >>> LocalTwoSampleDisplay.from_finding(found).axes_.shape
    (1, 1)
    """

    def __init__(
        self,
        *,
        statistic,
        null,
        p_value,
        draws=None,
        log_odds=None,
        bias=None,
        spread=None,
        names=(),
    ):
        self.statistic = statistic
        self.null = null
        self.p_value = p_value
        self.draws = draws
        self.log_odds = log_odds
        self.bias = bias
        self.spread = spread
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        posterior,
        theta,
        x,
        *,
        x_o=None,
        n_draws=99,
        n_local=1_000,
        feature_names=None,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Draw from a posterior given fresh simulations, and at x_o, test and plot.

        Parameters
        ----------
        posterior, theta, x, x_o, n_draws, feature_names, random_state
            As :func:`skflow.check_posterior` takes them.
        n_local : int, default=1000
            Draws at x_o.
        ax : matplotlib Axes or two of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LocalTwoSampleDisplay
        """
        check_keywords(cls, kwargs)
        made, seed = asked(posterior, theta, x, n_draws, False, random_state)
        given = {"feature_names": feature_names, "random_state": seed}
        if x_o is not None:
            rng = np.random.RandomState(draw_seed(seed))
            given |= {"x_o": x_o, "draws_o": draws_at(posterior, x_o, n_local, rng)}
        found = local_two_sample_test(made.theta, made.draws, made.x, **given)
        return cls.from_finding(found, ax=ax, **kwargs)

    @classmethod
    def from_finding(cls, finding, *, ax=None, **kwargs):
        """Draw what :func:`skflow.diagnostics.local_two_sample_test` found.

        Parameters
        ----------
        finding : LocalTwoSampleTest
            Also that of a check, ``check_posterior(...).findings["two samples at x_o"]``.
        ax : matplotlib Axes or two of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : LocalTwoSampleDisplay
        """
        check_finding(finding, LocalTwoSampleTest, "local_two_sample_test")
        fields = ("statistic", "null", "p_value", "draws", "log_odds", "bias", "spread", "names")
        return cls(**{name: getattr(finding, name) for name in fields}).plot(ax, **kwargs)

    def plot(self, ax=None, *, columns=None):
        """Draw the statistic, and the draws at x_o if there are any.

        Parameters
        ----------
        ax : matplotlib Axes or two of them, default=None
            None makes a figure. Two panels are drawn inside one axes, or into two.
        columns : sequence of one or two int or str, default=None
            Parameters to draw, by number or name; None takes the two that move most.

        Returns
        -------
        display : LocalTwoSampleDisplay
        """
        chosen = None if self.draws is None else self._columns(columns)
        n = 1 if self.draws is None else 2
        axes = self._panels(ax, (1, n), (PANEL[0] * n, PANEL[1]), wspace=0.35)
        self.ax_ = axes[0, 0]
        self._draw_null(axes[0, 0])
        if chosen is not None:
            (self._draw_curve if len(chosen) == 1 else self._draw_cloud)(axes[0, 1], chosen)
        return self

    def _columns(self, columns):
        if columns is None:
            moved = np.maximum(np.abs(self.bias), np.abs(np.log(self.spread)))
            return sorted(np.argsort(-moved)[:2].tolist())
        chosen = chosen_columns(columns, list(self.names))
        if len(chosen) > 2:
            raise ValueError(f"columns must name one or two parameters, got {columns!r}.")
        return chosen

    def _draw_null(self, ax):
        style = {"density": True, "color": LIGHT, "edgecolor": GREY, "linewidth": 0.6}
        ax.hist(self.null, 30, label="if right", **style)
        label = f"found (p = {self.p_value:.2g})"
        ax.axvline(self.statistic, color=VERMILLION, linewidth=2, label=label)
        where = "over all x" if self.draws is None else "at x_o"
        ax.set(xlabel=f"variance of the log odds {where}", yticks=[], xlim=(0, None))
        legend_above(ax, width=1.7)

    def _draw_curve(self, ax, chosen):
        order = np.argsort(self.draws[:, chosen[0]])
        marks = {"s": 10, "c": self.log_odds[order], "linewidths": 0, **self._colours()}
        ax.axhline(0, color=GREY, linestyle="--", linewidth=1)
        ax.scatter(self.draws[order, chosen[0]], self.log_odds[order], **marks)
        ax.set(xlabel=self.names[chosen[0]], ylabel="log odds of being a parameter")

    def _draw_cloud(self, ax, chosen):
        points, odds = self.draws[:MAX_POINTS, chosen], self.log_odds[:MAX_POINTS]
        # light rims, since draws near zero are nearly white
        marks = {"s": 18, "c": odds, "edgecolors": GREY, "linewidths": 0.3, **self._colours()}
        dots = ax.scatter(*points.T, **marks)
        ax.set(xlabel=self.names[chosen[0]], ylabel=self.names[chosen[1]])
        # inside, so that nothing is left over when it is drawn anew
        inset = ax.inset_axes([1.03, 0, 0.04, 1])
        ax.figure.colorbar(dots, cax=inset, label="log odds of being a parameter")

    def _colours(self):
        # a few draws far out would leave all others white
        reach = float(np.quantile(np.abs(self.log_odds), 0.98)) or 1.0
        return {"cmap": DIVERGING, "vmin": -reach, "vmax": reach}
