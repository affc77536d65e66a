"""FlowRegressor: scikit-learn's contract, and one distribution behind every answer."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest, norm
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skflow import FlowRegressor, MixtureFlowDensity, NSFDensity, StackedDensity
from skflow.exceptions import ConvergenceWarning
from skflow.metrics import get_scorer

# what a density chooses by itself is tested with densities
TINY = NSFDensity(
    n_layers=1,
    hidden_features=(8,),
    max_epochs=3,
    n_members=1,
    base="normal",
    preprocessing="standardize",
)
SMALL = clone(TINY).set_params(hidden_features=(16,), max_epochs=40, n_members=2)
# weights choose folds and batches by rows, as they do in scikit-learn's forests
UNEQUAL = {
    "check_sample_weight_equivalence_on_dense_data": (
        "rows that are held out are drawn, so that a weight of 2 is not a row twice"
    )
}
OF_THE_DEFAULT = UNEQUAL | {
    "check_regressors_train": (
        "rows of the fit are predicted by trees that have seen them, unlike those that the "
        "density was fitted to, so that R^2 is low there (0.47 where it is 0.85 on new rows)"
    )
}
REGRESSORS = {
    "default density": FlowRegressor(density=SMALL, features=[], calibrate=False, random_state=0),
    "features": FlowRegressor(density=SMALL, features=[Ridge()], n_folds=3, random_state=0),
    "any regressor": FlowRegressor(
        density=SMALL, regressor=RandomForestRegressor(20), n_folds=3, random_state=0
    ),
    "mixture": FlowRegressor(density=MixtureFlowDensity(), features=[], random_state=0),
    "calibrated": FlowRegressor(density=SMALL, features=[], random_state=0),
}
every_regressor = pytest.mark.parametrize("name", REGRESSORS)


def rows(n=300, seed=0):
    """Draw X (n, 2) and y (n,) with a spread that changes."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, size=(n, 2))
    return X, 100 + 30 * X[:, 0] + np.exp(X[:, 1]) * rng.normal(size=n)


@pytest.fixture(scope="module")
def fitted():
    X, y = rows()
    return {name: clone(model).fit(X, y) for name, model in REGRESSORS.items()}


@parametrize_with_checks(
    [
        FlowRegressor(density=TINY, features=[]),
        FlowRegressor(density=TINY, features=[LinearRegression()], n_folds=2),
    ],
    expected_failed_checks=lambda _: UNEQUAL,
)
def test_sklearns_checks(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([FlowRegressor()], expected_failed_checks=lambda _: OF_THE_DEFAULT)
def test_sklearns_checks_of_the_default(estimator, check):
    check(estimator)


@every_regressor
class TestOneDistribution:
    def test_shapes(self, fitted, name):
        model, X = fitted[name], rows(7, seed=1)[0]
        assert model.predict(X).shape == model.predict_std(X).shape == (7,)
        assert model.predict_quantiles(X, [0.1, 0.2]).shape == (7, 2)
        assert model.predict_interval(X).shape == (7, 2)
        assert model.sample(X, 5, random_state=0).shape == (7, 5)
        assert len(model.predict_region(X)) == 7
        assert model.held_out_scores_.shape == (300,)

    def test_the_distribution_function_is_that_of_the_density(self, fitted, name):
        model, X = fitted[name], rows(3, seed=2)[0]
        for row in X:
            low, high = model.predict_quantiles(row[None], (1e-6, 0.6))[0]
            points = np.linspace(low, high, 4_001)
            repeated = np.repeat(row[None], len(points), axis=0)
            densities = np.exp(model.log_density(repeated, points))
            assert np.trapezoid(densities, points) == pytest.approx(0.6, abs=2e-3)
            assert model.cdf(row[None], [high])[0] == pytest.approx(0.6, abs=1e-6)

    def test_draws_moments_and_intervals_agree(self, fitted, name):
        model, X = fitted[name], rows(4, seed=3)[0]
        draws = model.sample(X, 4_000, random_state=0)
        np.testing.assert_allclose(model.predict(X), draws.mean(axis=1), atol=0.2)
        middle = np.abs(draws - draws.mean(axis=1, keepdims=True)) < 20  # tails are heavy
        deviation = draws.std(axis=1, where=middle)
        np.testing.assert_allclose(model.predict_std(X), deviation, rtol=0.25)
        for row, own in zip(X, draws, strict=True):
            shares = model.cdf(np.repeat(row[None], len(own), axis=0), own)
            assert kstest(shares, "uniform").pvalue > 1e-3
        low, high = model.predict_interval(X, 0.8).T[..., None]
        np.testing.assert_allclose(((low < draws) & (draws < high)).mean(axis=1), 0.8, atol=0.03)

    def test_a_row_does_not_depend_on_those_beside_it(self, fitted, name):
        model, X = fitted[name], rows(40, seed=4)[0]
        for method in (model.predict, model.predict_std, model.predict_interval):
            np.testing.assert_allclose(method(X)[5:6], method(X[5:6]), rtol=1e-6)

    def test_the_density_is_near_the_truth(self, fitted, name):
        X, y = rows(2_000, seed=5)
        truth = norm(100 + 30 * X[:, 0], np.exp(X[:, 1])).logpdf(y).mean()
        assert truth - fitted[name].log_density(X, y).mean() < 0.4

    def test_intervals_hold_what_they_say(self, fitted, name):
        X, y = rows(2_000, seed=6)
        low, high = fitted[name].predict_interval(X, 0.9).T
        assert 0.84 < ((low <= y) & (y <= high)).mean() < 0.96

    def test_regions_hold_what_they_say_and_are_no_longer_than_intervals(self, fitted, name):
        model, X = fitted[name], rows(5, seed=7)[0]
        interval = np.diff(model.predict_interval(X, 0.7), axis=1)[:, 0]
        for row, region, length in zip(X, model.predict_region(X, 0.7), interval, strict=True):
            ends = model.cdf(np.repeat(row[None], region.size, axis=0), region.ravel())
            assert np.diff(ends.reshape(-1, 2), axis=1).sum() == pytest.approx(0.7, abs=0.01)
            assert np.diff(region, axis=1).sum() <= 1.01 * length

    def test_pickled(self, fitted, name, tmp_path):
        model, (X, y) = fitted[name], rows(20, seed=8)
        joblib.dump(model, tmp_path / "model.joblib")
        again = joblib.load(tmp_path / "model.joblib")
        np.testing.assert_array_equal(again.log_density(X, y), model.log_density(X, y))

    def test_other_units_of_y(self, fitted, name):
        X, y = rows()
        other = clone(REGRESSORS[name]).fit(X, 2.0**10 * y)
        expected = fitted[name].log_density(X, y) - 10 * np.log(2)
        np.testing.assert_allclose(other.log_density(X, 2.0**10 * y), expected, atol=0.02)


def test_several_columns_of_y():
    X, y = rows()
    Y = np.column_stack([y, -2 * y + np.random.default_rng(1).normal(size=len(y))])
    model = FlowRegressor(density=SMALL, features=[Ridge()], n_folds=3, random_state=0).fit(X, Y)
    new = X[:4]
    assert model.predict(new).shape == model.predict_std(new).shape == (4, 2)
    assert model.predict_quantiles(new).shape == (4, 2, 3)
    assert model.predict_interval(new).shape == (4, 2, 2)
    assert model.sample(new, 3, random_state=0).shape == (4, 3, 2)
    assert model.cdf(new, Y[:4]).shape == (4, 2)
    assert model.log_density(new, Y[:4]).shape == (4,)
    np.testing.assert_allclose(model.predict(X[:20])[:, 1], -2 * y[:20], atol=25)
    np.testing.assert_array_equal(model.predict(new)[2:3], model.predict(new[2:3]))
    with pytest.raises(ValueError, match="one column of y"):
        model.predict_region(new)


def test_a_feature_that_helps_is_kept_and_one_that_does_not_is_left_out():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, size=(400, 3))
    y = np.sign(X[:, 0]) * np.sign(X[:, 1]) + 0.1 * rng.normal(size=400)
    forest, mean = RandomForestRegressor(50), Ridge(alpha=1e12)
    model = FlowRegressor(density=SMALL, features=[forest, mean], n_folds=5, random_state=0)
    assert model.fit(X, y).features_ == ["X", "RandomForestRegressor"]


def test_a_regressor_becomes_a_density_no_worse_than_normal_residuals():
    X, y = rows(400)
    X_new, y_new = rows(2_000, seed=9)
    for regressor in (LinearRegression(), RandomForestRegressor(50, random_state=0)):
        flow = FlowRegressor(density=SMALL, regressor=regressor, random_state=0).fit(X, y)
        alone = clone(regressor).fit(X, y)
        predicted = alone.predict(X_new)  # whose errors are told, in favour of normal residuals
        deviation = np.sqrt(np.mean((y_new - predicted) ** 2))
        normal = norm(predicted, deviation).logpdf(y_new).mean()
        assert flow.log_density(X_new, y_new).mean() > normal - 0.02


def test_frames_with_categories_holes_and_dates():
    rng = np.random.default_rng(0)
    n = 200
    X = pd.DataFrame(
        {
            "size": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "kind": rng.choice(["a", "b"], n),
            "day": pd.to_datetime("2020-01-01") + pd.to_timedelta(rng.integers(0, 99, n), "D"),
        }
    )
    y = (X["kind"] == "a") * 5.0 + rng.normal(size=n)
    model = FlowRegressor(density=SMALL, features=[], random_state=0).fit(X, y)
    predicted = model.predict(X)
    is_a = (X["kind"] == "a").to_numpy()
    assert predicted[is_a].mean() - predicted[~is_a].mean() == pytest.approx(5, abs=1)
    assert list(model.feature_names_in_) == ["size", "kind", "day"]
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(X[["kind", "size", "day"]])


def test_bounds_of_y_hold():
    X, y = rows()
    y = np.exp(0.05 * (y - 100))
    model = FlowRegressor(density=SMALL, features=[], support={0: (0, None)}, random_state=0)
    model.fit(X, y)
    assert (model.sample(X, 20, random_state=0) > 0).all()
    assert (model.predict_quantiles(X, [1e-6]) > 0).all()
    assert model.log_density(X[:1], [-1.0])[0] == -np.inf


def test_in_pipelines_searches_and_behind_transformed_targets():
    X, y = rows(120)
    tiny = FlowRegressor(density=TINY, features=[], random_state=0)
    scores = cross_val_score(make_pipeline(StandardScaler(), tiny), X, y, cv=2)
    assert (scores > 0).all()
    search = GridSearchCV(
        make_pipeline(StandardScaler(), tiny),
        {"flowregressor__density__max_epochs": [1, 3]},
        scoring=get_scorer("log_density"),
        cv=2,
    )
    assert np.isfinite(search.fit(X, y).best_score_)
    target = TransformedTargetRegressor(tiny, func=np.log, inverse_func=np.exp).fit(X, y)
    assert np.isfinite(get_scorer("log_density")(target, X, y))


def test_calibration_mends_intervals_that_are_too_wide():
    X, y = rows(800)
    X_new, y_new = rows(4_000, seed=10)
    wide = NSFDensity(n_layers=1, hidden_features=(8,), max_epochs=1, n_members=2, input_noise=0.5)
    off = {}
    for calibrate in (False, True):
        model = FlowRegressor(density=wide, features=[], random_state=0, calibrate=calibrate)
        low, high = model.fit(X, y).predict_interval(X_new, 0.9).T
        off[calibrate] = abs(((low <= y_new) & (y_new <= high)).mean() - 0.9)
    assert off[True] < 0.04 < off[False]


def test_the_time_is_kept_and_what_is_left_out_is_said():
    X, y = rows(60)
    model = FlowRegressor(density=TINY, max_seconds=0.01, n_folds=2, random_state=0)
    with pytest.warns(ConvergenceWarning, match="the feature extra trees"):
        model.fit(X, y)
    assert "extra trees" not in model.features_
    assert np.isfinite(model.log_density(X, y)).all()


@pytest.mark.parametrize("frame", [False, True])
def test_a_row_of_weight_zero_is_left_out(frame):
    X, y = rows(60)
    wild, weight = y.copy(), np.ones(60)
    wild[::6], weight[::6] = 1e12, 0.0
    table = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "up", "down")}) if frame else X
    used = np.flatnonzero(weight)
    seen = table.iloc[used] if frame else table[used]
    settings = {"features": [], "regressor": None if frame else KNeighborsRegressor()}
    model = FlowRegressor(density=TINY, random_state=0, **settings)
    model.fit(table, wild, sample_weight=weight)
    alone = FlowRegressor(density=TINY, random_state=0, **settings).fit(seen, y[used])
    np.testing.assert_allclose(model.predict(seen), alone.predict(seen), rtol=1e-5)
    np.testing.assert_allclose(model.held_out_scores_[used], alone.held_out_scores_, rtol=1e-4)
    assert np.isnan(model.held_out_scores_[::6]).all()


class TestBadInput:
    def test_y(self):
        X, y = rows(30)
        for bad, message in (
            (np.where(np.arange(30) == 3, np.nan, y), "y contains NaN"),
            (y[:-1], "inconsistent numbers of samples"),
            (None, "requires y to be passed"),
        ):
            with pytest.raises(ValueError, match=message):
                FlowRegressor(density=TINY, features=[]).fit(X, bad)

    def test_columns_of_intervals_are_named(self):
        """Their dtype begins with "int", as those of numbers do."""
        pandas = pytest.importorskip("pandas")
        X = pandas.DataFrame({"a": np.arange(30.0)})
        X["span"] = pandas.arrays.IntervalArray.from_breaks(np.arange(31))
        with pytest.raises(ValueError, match="'span'.* must hold numbers"):
            FlowRegressor(density=TINY, features=[]).fit(X, np.arange(30.0))

    def test_too_few_rows(self):
        X, y = rows(4)
        with pytest.raises(ValueError, match="at least 5"):
            FlowRegressor(density=TINY, features=[]).fit(X, y)

    def test_columns_of_y_later(self, fitted):
        X, y = rows(6)
        with pytest.raises(ValueError, match="y has 2 columns, and the fit had 1"):
            fitted["default density"].log_density(X, np.column_stack([y, y]))

    @pytest.mark.parametrize("coverage", [0, 1, -0.5])
    def test_coverage(self, fitted, coverage):
        with pytest.raises(ValueError, match="coverage must lie strictly between 0 and 1"):
            fitted["default density"].predict_interval(rows(3)[0], coverage)

    def test_quantiles(self, fitted):
        with pytest.raises(ValueError, match="quantiles must be"):
            fitted["default density"].predict_quantiles(rows(3)[0], [0.5, 1.0])

    def test_bounds_set_twice(self):
        X, y = rows(30)
        density = clone(TINY).set_params(support={0: (0, None)})
        with pytest.raises(ValueError, match="support is set twice"):
            FlowRegressor(density=density, features=[], support={0: (0, None)}).fit(X, y)

    @pytest.mark.parametrize(
        ("density", "message"),
        [
            (GaussianMixture(), "a single flow of skflow.*got GaussianMixture"),
            (StackedDensity(), "a single flow of skflow.*got StackedDensity"),
            (NSFDensity(periodic={0: 360}), "a periodic y has no mean"),
        ],
    )
    def test_densities_that_will_not_do(self, density, message):
        with pytest.raises(ValueError, match=message):
            FlowRegressor(density=density, features=[]).fit(*rows(30))

    def test_calibration_of_several_columns(self):
        X, y = rows(30)
        with pytest.raises(ValueError, match="calibrate=True is for one column"):
            FlowRegressor(density=TINY, features=[], calibrate=True).fit(X, np.c_[y, y])
