"""Pictures of what the checks of a density found, from the numbers that the findings keep."""

import numpy as np
from scipy import stats

from skflow._pages import Picture
from skflow.diagnostics.displays._coverage import CoverageDisplay
from skflow.diagnostics.displays._pit import count_band
from skflow.diagnostics.displays._style import (
    BLUE,
    DATA,
    GREY,
    LIGHT,
    SAMPLES,
    legend,
    legend_above,
)
from skflow.diagnostics.displays._training import TrainingCurveDisplay
from skflow.diagnostics.measures._coverage import Coverage
from skflow.diagnostics.measures._latents import LatentNormality
from skflow.diagnostics.measures._marginals import MarginalPITs
from skflow.diagnostics.measures._normalization import Normalization
from skflow.diagnostics.measures._round_trip import RoundTrip
from skflow.diagnostics.measures._sampler import SamplerAgreement
from skflow.diagnostics.measures._tails import TailComparison
from skflow.diagnostics.measures._training import TrainingCurves
from skflow.diagnostics.measures._two_sample import TwoSampleTest
from skflow.diagnostics.pages._drawn import draw_bars, draw_estimate, named

__all__ = ["picture_of", "picture_of_rows"]

N_BINS = 10
MOST_PANELS, MOST_BARS = 4, 8
LINE, BARS = (5.4, 1.7), (5.4, 3.0)


def picture_of(finding):
    """Return the Picture of a finding, None where words say it all."""
    draw, size = PICTURES.get(type(finding), (None, None))
    return None if draw is None else Picture(lambda figure: draw(figure, finding), size)


def picture_of_rows(sketch):
    """Return the Picture of a Sketch: rows and draws, column against column."""
    return Picture(lambda figure: _draw_rows(figure, sketch), (5.4, 4.2))


def _draw_training(figure, found):
    fields = ("epochs", "training", "validation", "best_epoch")
    display = TrainingCurveDisplay(**{name: getattr(found, name) for name in fields})
    display.plot(figure.subplots())


def _draw_coverage(figure, found):
    fields = ("nominal", "observed", "band", "bias")
    CoverageDisplay(**{name: getattr(found, name) for name in fields}).plot(figure.subplots())


def _draw_margins(figure, found):
    """Draw where rows rank among draws, in the columns that differ most."""
    worst = np.argsort(found.p_values, kind="stable")[:MOST_PANELS]
    n_columns = min(2, len(worst))
    panels = figure.subplots(-(-len(worst) // n_columns), n_columns, squeeze=False, sharey=True)
    band = np.array(count_band(len(found.values), 1 / N_BINS)) * N_BINS / len(found.values)
    for panel, column in zip(panels.flat, worst, strict=False):
        counts, edges = np.histogram(found.values[:, column], N_BINS, range=(0, 1))
        panel.axhspan(*band, color=LIGHT, linewidth=0)
        panel.axhline(1, color=GREY, linestyle="--", linewidth=1)
        panel.stairs(counts * N_BINS / len(found.values), edges, color=BLUE, linewidth=1.6)
        panel.set_title(named(found.feature_names[column]), fontsize="medium")
        panel.set(xlim=(0, 1), ylim=(0, None))
    for panel in panels.flat[len(worst) :]:
        panel.set_axis_off()
    figure.supxlabel("rank of the rows among draws", fontsize="medium")


def _draw_tails(figure, found):
    """Draw shares of the rows beyond the draws' outer hundredths, the least likely on top."""
    worst = np.argsort(found.p_values.min(axis=0), kind="stable")[:MOST_BARS]
    ax, places = figure.subplots(), np.arange(len(worst))
    ax.axvline(100 * found.share, color=GREY, linestyle="--", linewidth=1, label="of draws")
    for shares, marker, name in ((found.lower, "<", "below"), (found.upper, ">", "above")):
        ax.plot(100 * shares[worst], places, marker, color=BLUE, label=name)
    names = [named(found.feature_names[column]) for column in worst]
    ax.set_yticks(places, names, fontsize="small")
    ax.set_ylim(len(worst) - 0.5, -0.5)
    ax.set_xlim(left=0)
    ax.set_xlabel("% of the rows beyond the outer hundredth of draws")
    legend_above(ax)


def _draw_classifier(figure, found):
    ax = figure.subplots()
    low = min(0.45, found.interval[0])
    draw_estimate(ax, found.auc, found.interval, 0.5, "area under the curve", (low, 1))


def _draw_integral(figure, found):
    reach = 1.96 * found.standard_error
    interval = found.integral - reach, found.integral + reach
    ends = min(0.8, interval[0]), max(1.2, interval[1])
    draw_estimate(figure.subplots(), found.integral, interval, 1.0, "integral", ends)


def _draw_drifts(figure, found):
    worst = sorted(found.drifts, key=lambda name: -abs(found.drifts[name]))[:MOST_BARS]
    reach = stats.norm.isf(0.025 / len(found.drifts))  # of all together
    label = "drift, standard errors (grey: chance)"
    drifts = [found.drifts[name] for name in worst]
    draw_bars(figure.subplots(), worst, drifts, (-reach, reach), label)


def _draw_latents(figure, found):
    ax = figure.subplots()
    ends = found.chi2_quantiles[[0, -1]]
    ax.plot(ends, ends, color=GREY, linestyle="--", linewidth=1, label="standard normal")
    style = {"color": BLUE, "marker": "o", "markersize": 3, "linestyle": "none"}
    ax.loglog(found.chi2_quantiles, found.squared_norms, label="rows", **style)
    ax.set(xlabel="squared norm, expected", ylabel="squared norm of latents")
    legend_above(ax)


def _draw_round_trip(figure, found):
    ax = figure.subplots()
    errors = np.log10(np.maximum(found.errors, 1e-17))
    ax.hist(errors, bins=20, color=BLUE)
    ax.set(xlabel="log10 of the error, standard deviations of the columns", ylabel="rows")


def _draw_rows(figure, sketch):
    first, second = sketch.rows.T, sketch.draws.T
    n = len(sketch.names)
    ax = figure.subplots()
    if n == 1:
        both = np.concatenate([first[0], second[0]])
        edges = np.histogram_bin_edges(both, 20)
        for values, style, label in ((first[0], DATA, "rows"), (second[0], SAMPLES, "draws")):
            shares = np.histogram(values, edges)[0] / len(values)
            ax.stairs(shares, edges, color=style["color"], linewidth=1.6, label=label)
        ax.set_ylabel("share")
    else:
        points = {"linestyle": "none", "markersize": 3.5, "alpha": 0.55}
        ax.plot(*first, label="rows", **DATA | points)
        ax.plot(*second, label="draws", **SAMPLES | points)
        ax.set_ylabel(named(sketch.names[1]))
    ax.set_xlabel(named(sketch.names[0]))
    legend(ax, loc="best")


PICTURES = {
    TrainingCurves: (_draw_training, (5.4, 3.4)),
    Coverage: (_draw_coverage, (4.4, 4.0)),
    MarginalPITs: (_draw_margins, (5.4, 4.0)),
    TailComparison: (_draw_tails, BARS),
    TwoSampleTest: (_draw_classifier, LINE),
    SamplerAgreement: (_draw_drifts, BARS),
    Normalization: (_draw_integral, LINE),
    LatentNormality: (_draw_latents, (4.8, 3.6)),
    RoundTrip: (_draw_round_trip, (5.4, 2.4)),
}
