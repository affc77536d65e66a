"""Whether parameters rank evenly among draws of their posteriors: pictures."""

import numpy as np

from skflow.diagnostics.displays._simulated import asked, check_finding, checked_kind
from skflow.diagnostics.displays._style import BLUE, GREY, LIGHT, PanelsMixin, legend
from skflow.diagnostics.measures._calibration import SimulationCalibration, simulation_calibration

__all__ = ["RankDisplay"]

KINDS = "difference", "histogram"
PANEL = 2.9, 2.7
MAX_COLUMNS = 4
N_BINS = 20


class RankDisplay(PanelsMixin):
    """Ranks of parameters among draws of their posteriors, one panel a quantity (SBC).

    ``kind="difference"`` shows the distribution function of the ranks less that of even ones. A
    curve of a right posterior stays in its band as a whole with a probability of 95 %. A hump
    above zero on the left half and a trough on the right: draws too narrow; the other way round:
    too wide; a hump above zero alone: draws too high; a trough alone: draws too low.
    ``kind="histogram"`` shows how frequent ranks are, with bands of single bars: high ends are
    draws too narrow, a high middle too wide, a slope a bias.

    Make it with :meth:`from_estimator`, or with :meth:`from_finding`.

    Parameters
    ----------
    ranks : ndarray of shape (n_simulations, n_quantities)
        From 0 to ``n_draws``.
    n_draws : int
    names : list of str
        Of the quantities.
    band : tuple of two ndarray of shape (n_draws + 1,)
        Of the distribution function.
    p_values : dict {str: float}
        Of the quantities.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_lines, n_columns)
    figure_ : matplotlib Figure
    bounding_ax_ : matplotlib Axes or None
        The axes around all panels, if they were drawn into one.

    See Also
    --------
    skflow.diagnostics.simulation_calibration : The numbers, with tests.
    PITDisplay : The like for regressors.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import simulation_calibration
    >>> from skflow.plots import RankDisplay
    >>> theta, draws = np.split(np.random.default_rng(0).normal(size=(300, 100, 2)), [1], axis=1)
    >>> found = simulation_calibration(theta[:, 0], draws, random_state=0)
    >>> display = RankDisplay.from_finding(found)
    >>> display.axes_.shape
    (1, 4)
    """

    def __init__(self, *, ranks, n_draws, names, band, p_values):
        self.ranks = ranks
        self.n_draws = n_draws
        self.names = names
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
        feature_names=None,
        random_state=0,
        ax=None,
        **kwargs,
    ):
        """Draw from a posterior given fresh simulations, rank and plot.

        Parameters
        ----------
        posterior, theta, x, n_draws, use_log_density, feature_names, random_state
            As :func:`skflow.check_posterior` takes them.
        ax : matplotlib Axes or several of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : RankDisplay
        """
        made, seed = asked(posterior, theta, x, n_draws, use_log_density, random_state)
        quantities = {} if made.log_density is None else {"log density": made.log_density}
        given = {"feature_names": feature_names, "random_state": seed}
        found = simulation_calibration(made.theta, made.draws, quantities=quantities, **given)
        return cls.from_finding(found, ax=ax, **kwargs)

    @classmethod
    def from_finding(cls, finding, *, ax=None, **kwargs):
        """Draw what :func:`skflow.diagnostics.simulation_calibration` found.

        Parameters
        ----------
        finding : SimulationCalibration
            Also that of a check, ``check_posterior(...).findings["calibration"]``.
        ax : matplotlib Axes or several of them, default=None
            Where to draw, see :meth:`plot`.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : RankDisplay
        """
        check_finding(finding, SimulationCalibration, "simulation_calibration")
        fields = ("ranks", "n_draws", "names", "band", "p_values")
        return cls(**{name: getattr(finding, name) for name in fields}).plot(ax, **kwargs)

    def plot(self, ax=None, *, kind="difference", **kwargs):
        """Draw a panel for each quantity.

        Parameters
        ----------
        ax : matplotlib Axes or several of them, default=None
            None makes a figure. Panels are drawn inside one axes, or into as many.
        kind : {"difference", "histogram"}, default="difference"
        **kwargs : dict
            Passed to the curves.

        Returns
        -------
        display : RankDisplay
        """
        draw = {"difference": self._draw_difference, "histogram": self._draw_histogram}
        draw = draw[checked_kind(kind, KINDS)]
        n = len(self.names)
        n_columns = -(-n // -(-n // MAX_COLUMNS))
        shape = -(-n // n_columns), n_columns
        size = max(3.6, PANEL[0] * shape[1]), max(3.0, PANEL[1] * shape[0])
        axes = self._panels(ax, shape, size, wspace=0.45, hspace=0.7).ravel()
        for column, (panel, name) in enumerate(zip(axes, self.names, strict=False)):
            draw(panel, self.ranks[:, column], kwargs)
            panel.set_title(f"{name}\np = {self.p_values[name]:.2g}", fontsize="medium")
            panel.set_xlim(0, 1)
        for panel in axes[n:]:
            panel.set_axis_off()
        for panel in self.axes_[:, 0]:
            panel.set_ylabel(LABELS[kind])
        for panel in axes[max(0, n - n_columns) : n]:
            panel.set_xlabel("rank among draws")
        bottom, top = np.array([panel.get_ylim() for panel in axes[:n]]).T
        reach = bottom.min(), top.max()
        for panel in axes[:n]:  # one scale, with room for the legend
            panel.set_ylim(reach[0], reach[0] + 1.45 * (reach[1] - reach[0]))
        legend(axes[0], loc="upper left", fontsize="small", handlelength=1.4)
        return self

    def _draw_difference(self, ax, ranks, kwargs):
        even = np.arange(1, self.n_draws + 2) / (self.n_draws + 1)
        share = np.bincount(ranks, minlength=len(even)).cumsum() / len(ranks)
        low, high = (side - even for side in self.band)
        style = {"color": LIGHT, "linewidth": 0, "step": "mid", "label": "95% band"}
        ax.fill_between(even, low, high, **style)
        ax.axhline(0, color=GREY, linestyle="--", linewidth=1)
        ax.plot(even, share - even, **({"color": BLUE, "label": "parameters"} | kwargs))

    def _draw_histogram(self, ax, ranks, kwargs):
        from scipy.stats import binom

        n, n_ranks = len(ranks), self.n_draws + 1
        n_bins = max(k for k in range(1, N_BINS + 1) if n_ranks % k == 0)
        n_bins = n_bins if n_bins >= 5 else min(n_ranks, N_BINS)
        edges = np.linspace(0, n_ranks, n_bins + 1).round()
        counts, widths = np.histogram(ranks, edges)[0], np.diff(edges) / n_ranks
        low, high = (binom.ppf(side, n, widths) / (n * widths) for side in (0.025, 0.975))
        ends = edges / n_ranks
        band = {"color": LIGHT, "linewidth": 0, "label": "95% of bars"}
        ax.fill_between(ends, *(np.append(s, s[-1]) for s in (low, high)), step="post", **band)
        ax.axhline(1, color=GREY, linestyle="--", linewidth=1)
        style = {"color": BLUE, "label": "parameters"}
        ax.stairs(counts / (n * widths), ends, **(style | kwargs))
        ax.set_ylim(bottom=0)


LABELS = {"difference": "share below, less even", "histogram": "over even ones"}
