"""Flows given a context: every flow with nets of rows takes one, and tells the truth with it."""

import copy

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.stats import multivariate_normal, norm
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.fixes import parse_version

import skflow
import skflow.diagnostics
import skflow.plots
from skflow.testing import check_conditional_density
from skflow.testing._conditional import _draw, _true_log_density
from tests.instances import ESTIMATORS, FLOWS, TRAINED, accepted

GIVEN = {
    name: build
    for name, build in ESTIMATORS.items()
    if type(build()) in FLOWS and build()._family().takes_context
}
NOT_GIVEN = {
    name: build
    for name, build in ESTIMATORS.items()
    if name not in GIVEN and "Stacked" not in name
}
# one map of a column, that stretches it alike everywhere, cannot move rows from mode to mode
AFFINE = ("NICE", "RealNVP", "MADE", "MAF", "IAF", "Glow", "Residual")


def rows(n=200, seed=0):
    """Draw rows (n, 2) and what they depend on (n, 3)."""
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(n, 3)) * [1, 1e3, 1e-3] + [0, 1e6, 0]
    slope = np.array([[1.0, 0.0], [1e-3, -1e-3], [0.0, 500.0]])
    return (context - [0, 1e6, 0]) @ slope + 0.3 * rng.normal(size=(n, 2)), context


def quick(name):
    density = GIVEN[name]()
    least = {"max_epochs": 2, "n_layers": 1, "hidden_features": (8,)}
    return density.set_params(**accepted(type(density), least))


def test_flows_with_nets_kernels_and_mixtures_take_a_context():
    names = {type(build()).__name__ for build in GIVEN.values()}
    steered = {cls.__name__ for cls in TRAINED if "hidden_features" in cls.__dataclass_fields__}
    assert names == {*steered, "KernelFlowDensity", "MixtureFlowDensity"}


@pytest.mark.parametrize("name", GIVEN)
def test_a_context_goes_through_every_method(name):
    X, context = rows()
    density = quick(name).fit(X, context=context)
    assert (density.n_context_, density.n_features_in_) == (3, 2)
    scores = density.score_samples(X, context=context)
    assert density.score(X, context=context) == pytest.approx(scores.mean())
    # the regression on the context alone is worth nats
    assert scores.mean() > density.score(X, context=context[::-1]) + 0.5
    Z = density.transform(X, context)
    tolerance = 1e-2 if "Residual" in name or "Continuous" in name else 1e-4
    np.testing.assert_allclose(density.inverse_transform(Z, context), X, atol=tolerance)
    draws = density.sample(4, random_state=0, context=context[:3])
    assert draws.shape == (3, 4, 2)
    assert np.isfinite(draws).all()


@pytest.mark.parametrize("name", NOT_GIVEN)
def test_other_flows_say_that_they_take_none(name):
    X, context = rows(40)
    with pytest.raises(ValueError, match="takes no context with these parameters"):
        NOT_GIVEN[name]().fit(X, context=context)


def test_images_take_none():
    glow = skflow.GlowDensity(image_shape=(1, 2, 2))
    with pytest.raises(ValueError, match="takes no context"):
        glow.fit(np.random.default_rng(0).normal(size=(20, 4)), context=np.zeros((20, 1)))


@pytest.mark.parametrize(
    "density",
    [
        skflow.NSFDensity(
            n_layers=1, n_members=1, hidden_features=(32,), preprocessing="standardize"
        ),
        skflow.MixtureFlowDensity(),
        skflow.StackedDensity(
            [
                ("gaussian", skflow.MixtureFlowDensity(n_components=1)),
                ("mixture", skflow.MixtureFlowDensity(n_components=8)),
            ],
            cv=2,
        ),
    ],
    ids=lambda density: type(density).__name__,
)
def test_check_conditional_density(density):
    check_conditional_density(density)


def test_check_conditional_density_of_kernels():
    check_conditional_density(skflow.KernelFlowDensity(), skip=["pit"])  # 300 integrals are slow


@pytest.mark.slow
@pytest.mark.parametrize("name", GIVEN)
def test_check_conditional_density_with_defaults(name):
    density = type(GIVEN[name]())()
    affine = type(density).__name__.startswith(AFFINE)
    check_conditional_density(density, skip=["truth"] if affine else [])


def test_nearly_the_truth_where_spread_and_modes_change():
    """Within 0.05 nats at 5,000 rows: a simulator whose density is known."""
    rng = check_random_state(0)
    (X, context), (X_new, context_new) = _draw(rng, 5_000), _draw(rng, 5_000)
    density = skflow.NSFDensity(n_layers=2, n_members=1, max_epochs=30, random_state=0)
    scores = density.fit(X, context=context).score_samples(X_new, context=context_new)
    assert abs((_true_log_density(X_new, context_new) - scores).mean()) < 0.05


@pytest.mark.parametrize(
    "density",
    [
        skflow.NSFDensity(n_layers=1, n_members=1, max_epochs=3, random_state=0),
        skflow.KernelFlowDensity(),
    ],
    ids=lambda density: type(density).__name__,
)
def test_an_exact_answer_for_a_linear_gaussian(density):
    rng = np.random.default_rng(0)
    slope, root = rng.normal(size=(3, 2)), np.array([[0.3, 0.0], [0.2, 0.4]])

    def draw(n):
        context = rng.normal(size=(n, 3))
        return context @ slope + rng.normal(size=(n, 2)) @ root.T, context

    X, context = draw(5_000)
    X_new, context_new = draw(5_000)
    density = clone(density).fit(X, context=context)
    scores = density.score_samples(X_new, context=context_new)
    truth = multivariate_normal(np.zeros(2), root @ root.T).logpdf(X_new - context_new @ slope)
    assert abs((truth - scores).mean()) < 0.05


def test_kernels_near_the_truth_of_two_branches():
    """Within 0.1 nats at 800 rows of y = x or -x, and noise; one mode alone costs 0.69."""

    def draw(n):
        context = rng.uniform(-1, 1, size=(n, 1))
        return rng.choice([-1, 1], size=(n, 1)) * context + 0.1 * rng.normal(size=(n, 1)), context

    rng = np.random.default_rng(0)
    (X, context), (X_new, context_new) = draw(800), draw(4_000)
    density = skflow.KernelFlowDensity(random_state=0).fit(X, context=context)
    scores = density.score_samples(X_new, context=context_new)
    branches = [norm(sign * context_new, 0.1).logpdf(X_new) for sign in (-1, 1)]
    truth = np.logaddexp(*branches)[:, 0] - np.log(2)
    assert 0 < (truth - scores).mean() < 0.1
    draws = density.sample(2_000, random_state=0, context=[[0.8]])
    assert (draws > 0).mean() == pytest.approx(0.5, abs=0.15)
    assert (np.abs(np.abs(draws) - 0.8) < 0.4).mean() > 0.97


@pytest.fixture(scope="module")
def table():
    X, context = rows(300)
    frame = pd.DataFrame(np.column_stack([X, context]), columns=["y", "z", "a", "b", "c"])
    frame["kind"] = np.where(frame.a > 0, "high", "low")
    frame.loc[5, "b"] = np.nan
    return frame


SMALL = {"n_layers": 1, "n_members": 1, "max_epochs": 2, "hidden_features": (8,)}
SMALL = {**SMALL, "base": "normal", "preprocessing": "standardize"}
NAMES = ["a", "b", "c", "kind"]


def small(**settings):
    return skflow.NSFDensity(**SMALL, random_state=0, **settings)


def test_columns_of_X_as_the_context(table):
    named = small(context_columns=NAMES).fit(table)
    passed = small().fit(table[["y", "z"]], context=table[NAMES])
    expected = passed.score_samples(table[["y", "z"]], context=table[NAMES])
    np.testing.assert_array_equal(named.score_samples(table), expected)
    np.testing.assert_array_equal(
        named.transform(table), passed.transform(table[["y", "z"]], table[NAMES])
    )
    assert list(named.feature_names_in_) == ["y", "z"]
    assert named.sample(2, context=table[NAMES][:3]).shape == (3, 2, 2)
    with pytest.raises(ValueError, match="takes the context out of X"):
        named.score_samples(table, context=table[NAMES])


def test_searches_with_columns_of_X(table):
    search = GridSearchCV(small(context_columns=NAMES), {"n_layers": [1, 2]}, cv=2)
    with pytest.warns(UserWarning, match="column 1 \\('b'\\), holds a hole"):  # in one fold
        search.fit(table)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_metadata_routing_hands_a_context_on(table):
    X, context = table[["y", "z"]], table[["a", "c"]]
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(StandardScaler(), small()).fit(X, context=context)
        alone = small().fit(StandardScaler().fit_transform(X), context=context)
        expected = alone.score(StandardScaler().fit_transform(X), context=context)
        assert pipeline.score(X, context=context) == pytest.approx(expected)
        if parse_version(sklearn.__version__) < parse_version("1.8"):
            return  # its searches hand nothing on to score
        grid = {"nsfdensity__n_layers": [1, 2]}
        search = GridSearchCV(pipeline, grid, cv=2).fit(X, context=context.to_numpy())
        assert np.isfinite(search.best_score_)


def test_fit_transform_and_weights(table):
    X, context = table[["y", "z"]], table[NAMES]
    latents = small().fit_transform(X, context=context)
    np.testing.assert_array_equal(latents, small().fit(X, context=context).transform(X, context))
    weight = np.arange(300) % 2
    kept = weight > 0
    weighted = small().fit(X, sample_weight=weight, context=table[["a", "c"]])
    left_out = small().fit(X[kept], context=table.loc[kept, ["a", "c"]])
    for density in (weighted, left_out):
        assert density.held_out_scores_.shape == (len(X[kept]) if density is left_out else 300,)
    np.testing.assert_allclose(
        weighted.score_samples(X, table[["a", "c"]]),
        left_out.score_samples(X, table[["a", "c"]]),
        rtol=1e-4,
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "the fit had a context of 4 columns \\['a', 'b', 'c', 'kind'\\]: pass context="),
        ({"context": [[1.0, 2.0]] * 300}, "has 2 columns, and the fit had 4"),
    ],
)
def test_a_context_that_is_forgotten_or_another(table, given, message):
    density = small().fit(table[["y", "z"]], context=table[NAMES])
    for ask in (density.score_samples, density.transform, density.score):
        with pytest.raises(ValueError, match=message):
            ask(table[["y", "z"]], **given)


def test_a_context_that_the_fit_had_not(table):
    density = small().fit(table[["y", "z"]])
    assert density.n_context_ == 0
    with pytest.raises(ValueError, match="the fit had no context"):
        density.sample(2, context=[[1.0]])


def test_a_warm_start_reads_the_context_as_before(table):
    X, context = table[["y", "z"]], table[NAMES]
    density = small(warm_start=True).fit(X, context=context)
    before = copy.deepcopy(density.context_)
    assert density.fit(X[:100], context=context[:100]).context_ == before
    with pytest.raises(ValueError, match="pass context="):
        density.fit(X)
    with pytest.raises(ValueError, match="fitted without a context"):
        small(warm_start=True).fit(X).fit(X, context=context)


@pytest.mark.parametrize(
    "cls", [skflow.NSFDensity, skflow.KernelFlowDensity, skflow.MixtureFlowDensity]
)
def test_files_keep_the_context(table, tmp_path, cls):
    settings = accepted(cls, {**SMALL, "n_components": 2})
    density = cls(context_columns=NAMES, random_state=0, **settings).fit(table)
    density.save(tmp_path / "density.safetensors")
    again = skflow.load(tmp_path / "density.safetensors")
    np.testing.assert_array_equal(again.score_samples(table), density.score_samples(table))


@pytest.mark.parametrize(
    "look",
    [
        skflow.diagnose,
        skflow.diagnostics.standard_latents,
        skflow.plots.DensityDisplay.from_estimator,
    ],
)
def test_diagnostics_say_that_they_look_at_whole_rows(table, look):
    density = small(context_columns=NAMES).fit(table)
    with pytest.raises(ValueError, match="fitted with a context of 4 columns"):
        look(density, table)


def test_a_stack_of_densities_that_take_their_context_out_of_X(table):
    X = table[["y", "z", "a", "c"]].to_numpy()
    pairs = [("shallow", small(context_columns=[2, 3]).set_params(n_members=2))]
    stack = skflow.StackedDensity(pairs, cv=2, random_state=0).fit(X)
    assert np.isfinite(stack.score_samples(X)).all()


def test_programs_take_none(table, tmp_path):
    density = small().fit(table[["y", "z"]], context=table[["a"]])
    with pytest.raises(skflow.NotExportableError, match="had a context of 1 columns"):
        density.export(tmp_path / "density.pt2")


def test_distilling_says_that_it_takes_none(table):
    teacher = small().fit(table[["y", "z"]], context=table[["a"]])
    with pytest.raises(ValueError, match="fitted with a context of 1 columns"):
        skflow.distill(teacher)
