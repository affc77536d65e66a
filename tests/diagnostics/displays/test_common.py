"""What all displays have in common, those of one panel and those of several."""

import copy
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import FlowOutlierDetector, NSFDensity
from skflow.plots import (
    CoverageDisplay,
    DensityDisplay,
    ExpectedCoverageDisplay,
    ExplanationDisplay,
    FlowGridDisplay,
    LatentDisplay,
    LatentQQDisplay,
    LocalTwoSampleDisplay,
    OutlierDisplay,
    PITDisplay,
    PosteriorPredictiveDisplay,
    PredictiveDisplay,
    RankDisplay,
    ReliabilityDisplay,
    TrainingCurveDisplay,
)
from tests.diagnostics import posteriors

Y = np.random.default_rng(2).normal(size=300)
OBSERVATIONS = posteriors.Normal(2).simulate(100, np.random.default_rng(3))[1]
PAIRED = {"x": OBSERVATIONS, "n_draws": 19}
AT = {**PAIRED, "x_o": OBSERVATIONS[0]}


def simulator(theta):
    return posteriors.Normal(2).simulator(theta, np.random.default_rng(4))


# name: the class, its estimator and table, its options, its panels if there are several
CASES = {
    "map": (DensityDisplay, "gaussian", "plane", {"resolution": 5}, None),
    "corner": (DensityDisplay, "gaussian3", "space", {"n_samples": 20}, (3, 3)),
    "training": (TrainingCurveDisplay, "ensemble", None, {}, None),
    "latent": (LatentDisplay, "ensemble", "space", {}, None),
    "qq": (LatentQQDisplay, "ensemble", "space", {}, None),
    "grid": (FlowGridDisplay, "flow", "plane", {"n_lines": 3}, (1, 2)),
    "coverage": (CoverageDisplay, "gaussian3", "space", {"n_samples": 100}, None),
    "outlier": (OutlierDisplay, "detector", "space", {}, None),
    "p-values": (OutlierDisplay, "detector", "space", {"p_values": True}, (1, 2)),
    "explanation": (ExplanationDisplay, "detector", "space", {"max_rows": 2}, (1, 2)),
    "pit": (PITDisplay, "regressor", "plane", {"y": Y}, None),
    "reliability": (ReliabilityDisplay, "regressor", "plane", {"y": Y}, None),
    "fan": (PredictiveDisplay, "regressor", "plane", {"y": Y}, None),
    "fan and rows": (PredictiveDisplay, "regressor", "plane", {"y": Y, "rows": [0, 5]}, (1, 2)),
    "ranks": (RankDisplay, "posterior", "parameters", PAIRED, (1, 4)),
    "expected": (ExpectedCoverageDisplay, "posterior", "parameters", PAIRED, None),
    "two samples": (LocalTwoSampleDisplay, "posterior", "parameters", PAIRED, None),
    "at x_o": (LocalTwoSampleDisplay, "posterior", "parameters", AT, (1, 2)),
    "replicates": (
        PosteriorPredictiveDisplay,
        "posterior",
        "observed",
        {"simulator": simulator},
        (1, 3),
    ),
}
SEVERAL = [name for name, case in CASES.items() if case[-1]]
ONE = [name for name in CASES if name not in SEVERAL]


def make(name, request, **kwargs):
    cls, estimator, table, options, _ = CASES[name]
    given = [request.getfixturevalue(which) for which in (estimator, table) if which]
    return cls.from_estimator(*given, **options, **kwargs)


def stored(display):
    return copy.deepcopy({k: v for k, v in vars(display).items() if not k.endswith("_")})


@pytest.mark.parametrize("name", CASES)
class TestAll:
    def test_plotting_again_changes_no_numbers(self, name, request):
        display = make(name, request)
        before, first = stored(display), display.figure_
        assert display.plot() is display
        assert display.figure_ is not first
        np.testing.assert_equal(stored(display), before)

    def test_plot_takes_only_what_the_constructor_was_given(self, name, request):
        display = make(name, request)
        twin = type(display)(**stored(display))
        assert not hasattr(twin, "figure_")
        twin.plot().figure_.canvas.draw()

    def test_subplots_of_a_figure(self, name, request):
        figure, axes = plt.subplots(1, 2)
        display = make(name, request, ax=axes[1])
        assert display.figure_ is figure
        assert axes[0].get_position().x1 < min(ax.get_position().x0 for ax in figure.axes[1:])
        n_axes = len(figure.axes)
        display.plot(axes[1])
        assert len(figure.axes) == n_axes
        figure.canvas.draw()

    def test_subfigures_and_axes_placed_by_hand(self, name, request):
        figure = plt.figure()
        part, _ = figure.subfigures(1, 2)
        ax = part.add_axes([0.2, 0.2, 0.6, 0.6])
        display = make(name, request, ax=ax)
        assert display.figure_ is part
        figure.canvas.draw()

    def test_every_parameter_is_stored_and_keyword_only(self, name, request):
        display = make(name, request)
        with pytest.raises(TypeError, match="positional"):
            type(display)(*stored(display).values())


@pytest.mark.parametrize("name", ONE)
def test_one_axes(name, request):
    ax = plt.subplots()[1]
    assert make(name, request, ax=ax).ax_ is ax


@pytest.mark.parametrize("name", SEVERAL)
class TestPanels:
    def test_inside_one_axes(self, name, request):
        ax = plt.subplots()[1]
        display = make(name, request, ax=ax)
        assert display.bounding_ax_ is ax
        assert not ax.axison
        assert display.axes_.shape == CASES[name][-1]
        frame = ax.get_position()
        for panel in display.axes_.flat:
            place = panel.get_position()
            assert frame.x0 - 1e-9 <= place.x0 < place.x1 <= frame.x1 + 1e-9
            assert frame.y0 - 1e-9 <= place.y0 < place.y1 <= frame.y1 + 1e-9

    def test_array_of_axes(self, name, request):
        axes = plt.subplots(*CASES[name][-1])[1]
        display = make(name, request, ax=axes)
        assert display.bounding_ax_ is None
        assert list(display.axes_.flat) == list(axes.flat)


@pytest.mark.parametrize("name", ["map", "training", "grid", "outlier", "at x_o"])
def test_unknown_keywords_are_told_of_from_estimator(name, request):
    cls = CASES[name][0]
    what = rf"{cls.__name__}.from_estimator\(\) got an unexpected keyword argument 'features'"
    with pytest.raises(TypeError, match=what):
        make(name, request, features=[0])


@pytest.mark.parametrize("cls", [CoverageDisplay, DensityDisplay])
@pytest.mark.parametrize("estimator", [LinearRegression(), make_pipeline(StandardScaler(), PCA())])
def test_estimators_that_are_no_densities(cls, estimator, space):
    estimator.fit(space, space[:, 0])
    name = type(estimator).__name__
    what = rf"{cls.__name__} needs an estimator with `(sample|score_samples)`; {name} has none"
    with pytest.raises(TypeError, match=what):
        cls.from_estimator(estimator, space)


class TestUnfitted:
    @pytest.mark.parametrize("name", ["map", "latent", "qq", "grid", "coverage"])
    def test_flow(self, name, space):
        with pytest.raises(NotFittedError, match="NSFDensity instance is not fitted"):
            CASES[name][0].from_estimator(NSFDensity(), space)

    def test_training_and_outliers(self, space):
        with pytest.raises(NotFittedError, match="NSFDensity instance is not fitted"):
            TrainingCurveDisplay.from_estimator(NSFDensity())
        with pytest.raises(NotFittedError, match="FlowOutlierDetector instance is not fitted"):
            OutlierDisplay.from_estimator(FlowOutlierDetector(), space)


CONSTRUCT = """
import sys
import numpy as np
import skflow.plots as plots
x = np.linspace(0.1, 0.9, 5)
plots.CoverageDisplay(nominal=x, observed=x, band=(x, x), bias=0.0)
plots.DensityDisplay(rows=x[:, None], names=["a"], samples=x[:, None])
plots.TrainingCurveDisplay(epochs=x, training=x, validation=x, best_epoch=1)
plots.PITDisplay(pits=x, edges=x, heights=x[1:], band=(0.5, 1.5))
plots.PredictiveDisplay(grid=x, quantiles=x[:, None])
plots.ReliabilityDisplay(nominal=x, observed=x, band=(x, x))
plots.OutlierDisplay(scores=x, threshold=0.5)
plots.ExplanationDisplay(surprise=x, feature_names=["a"], values=x, row_labels=["row 0"])
plots.LatentQQDisplay(squared_norms=x, quantiles=x, band=(x, x), n_columns=1, outside=0.0)
plots.RankDisplay(ranks=x, n_draws=9, names=["a"], band=(x, x), p_values={"a": 0.5})
plots.ExpectedCoverageDisplay(nominal=x, observed=x, kinds=("a",), band=(x, x), p_values={})
plots.LocalTwoSampleDisplay(statistic=0.5, null=x, p_value=0.5)
print(sorted({"torch", "matplotlib"} & set(sys.modules)))
"""


def test_constructing_imports_neither_matplotlib_nor_torch():
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", CONSTRUCT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout.strip(), run.stderr) == ("[]", "")
