"""The regressor of skpro passes skpro's checks, and says what FlowRegressor says."""

import pickle

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import ndtr
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

import skflow

# skpro 2.16 asks for pandas below 3.1, and works with 3.1 when it is installed so
pytest.importorskip("skpro", reason="pip install --no-deps skpro scikit-base")

import pandas as pd  # noqa: E402
from skpro.distributions import Empirical  # noqa: E402
from skpro.metrics import CRPS, LogLoss  # noqa: E402
from skpro.model_selection import GridSearchCV  # noqa: E402
from skpro.utils.estimator_checks import check_estimator  # noqa: E402

from skflow.adapters import SkproFlowDistribution, SkproFlowRegressor  # noqa: E402

QUICK = skflow.NSFDensity(n_members=2, n_layers=1, max_epochs=10)
LEVELS = [0.01, 0.3, 0.5, 0.99]


def rows(n=200, seed=0):
    """X with a name that is a number, and positive y with a spread that grows with it."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.uniform(0, 2, (n, 2)), columns=[0, "b"], index=np.arange(n) + 7)
    y = np.exp(X[0] + (0.1 + 0.3 * X["b"]) * rng.normal(size=n))
    return X, y.to_frame("y")


def regressor(**settings):
    return skflow.FlowRegressor(features=[], density=QUICK, random_state=0, **settings)


@pytest.fixture(scope="module")
def fitted():
    return SkproFlowRegressor(regressor(support={0: (0, None)}, calibrate=True)).fit(*rows())


@pytest.fixture(scope="module")
def predicted(fitted):
    return fitted.predict_proba(rows(6, seed=1)[0])


@pytest.mark.parametrize(
    ("cls", "fewest"), [(SkproFlowRegressor, 60), (SkproFlowDistribution, 140)]
)
def test_skpros_checks(cls, fewest):
    results = check_estimator(cls, raise_exceptions=True, verbose=False)
    assert set(results.values()) == {"PASSED"}
    assert len(results) >= fewest


class TestRegressor:
    def test_answers_are_those_of_the_regressor(self, fitted):
        X, _ = rows(6, seed=1)
        named, own = X.set_axis(["0", "b"], axis=1), fitted.estimator_
        np.testing.assert_array_equal(fitted.predict(X), own.predict(named))
        np.testing.assert_array_equal(fitted.predict_var(X), own.predict_std(named) ** 2)
        np.testing.assert_array_equal(
            fitted.predict_quantiles(X, LEVELS), own.predict_quantiles(named, LEVELS)[:, 0]
        )
        np.testing.assert_array_equal(
            fitted.predict_interval(X, 0.8), own.predict_interval(named, 0.8)[:, 0]
        )

    def test_the_distribution_agrees_with_them(self, fitted, predicted):
        X, y = rows(6, seed=1)
        y.loc[8], y.loc[9] = -1.0, np.inf
        named = X.set_axis(["0", "b"], axis=1)
        pd.testing.assert_frame_equal(predicted.mean(), fitted.predict(X))
        pd.testing.assert_frame_equal(predicted.var(), fitted.predict_var(X))
        pd.testing.assert_frame_equal(
            predicted.quantile(LEVELS), fitted.predict_quantiles(X, LEVELS)
        )
        inside = y.index != 9
        scores = fitted.estimator_.log_density(named[inside], y[inside])
        np.testing.assert_array_equal(predicted.log_pdf(y)[inside].iloc[:, 0], scores)
        assert predicted.log_pdf(y).loc[[8, 9], "y"].tolist() == [-np.inf, -np.inf]
        assert predicted.cdf(y).loc[[8, 9], "y"].tolist() == [0, 1]

    def test_the_default_is_the_default_regressor(self, monkeypatch):
        monkeypatch.setattr(
            "skflow.adapters._regressor.FlowRegressor", lambda: regressor(max_seconds=9)
        )
        assert SkproFlowRegressor().fit(*rows(30)).estimator_.max_seconds == 9

    def test_arrays(self):
        X, y = rows(60)
        model = SkproFlowRegressor(regressor()).fit(X.to_numpy(), y["y"].to_numpy())
        assert model.predict(X.to_numpy()).shape == (60,)
        assert model.predict_proba(X.to_numpy()).shape == (60, 1)

    def test_holes(self):
        X, y = rows(60)
        X.iloc[::5, 0] = np.nan
        model = SkproFlowRegressor(regressor())
        assert model.get_tag("capability:missing")
        assert np.isfinite(model.fit(X, y).predict(X)).all(axis=None)
        needy = skflow.FlowRegressor(regressor=LinearRegression())
        assert not SkproFlowRegressor(needy).get_tag("capability:missing")

    def test_searches_and_pipelines_of_skpro(self):
        X, y = rows(40)
        X = X.set_axis(["a", "b"], axis=1)
        model = StandardScaler() * SkproFlowRegressor(regressor())
        scores = [metric(y, model.fit(X, y).predict_proba(X)) for metric in (CRPS(), LogLoss())]
        assert np.isfinite(scores).all()
        grid = {"estimator__density__n_layers": [1, 2]}
        search = GridSearchCV(
            SkproFlowRegressor(regressor()),
            cv=KFold(2),
            param_grid=grid,
            scoring=CRPS(),
            backend="None",
        )
        assert search.fit(X, y).best_params_["estimator__density__n_layers"] in (1, 2)

    def test_several_columns_of_y_are_draws_of_all_together(self):
        X, y = rows()
        y["z"] = 2 * y["y"]
        X_new = rows(4, seed=1)[0]
        model = SkproFlowRegressor(regressor()).fit(X, y)
        predicted = model.predict_proba(X_new)
        assert isinstance(predicted, Empirical)
        assert list(predicted.columns) == ["y", "z"]
        np.testing.assert_allclose(predicted.mean(), model.predict(X_new))
        np.testing.assert_allclose(predicted.var(), model.predict_var(X_new))
        pd.testing.assert_frame_equal(
            predicted.quantile([0.2, 0.9]), model.predict_quantiles(X_new, [0.2, 0.9]), rtol=0.02
        )
        draws = predicted.sample(500)
        assert np.corrcoef(draws["y"], draws["z"])[0, 1] > 0.9


class TestDistribution:
    def test_energies_and_norms_are_integrals(self, predicted):
        x = 3.0
        for name in predicted.index[:3]:
            one = predicted.loc[[name]]
            levels = ndtr(np.linspace(-5.5, 5.5, 2_000))
            points = one.answers.quantiles(levels, one.context)[0, 0]
            given = np.repeat(one.context, len(points), axis=0)
            density = np.exp(one.answers.log_density(points[:, None], given))
            share = one.answers.cdf(points[:, None], given)[:, 0]
            wanted = {
                "energy": 2 * trapezoid(share * (1 - share), points),
                "energy of x": trapezoid(density * np.abs(points - x), points),
                "norm": trapezoid(density**2, points),
            }
            found = {
                "energy": one.energy().iloc[0, 0],
                "energy of x": one.energy(x).iloc[0, 0],
                "norm": one.pdfnorm().iloc[0, 0],
            }
            assert found == pytest.approx(wanted, rel=2e-3)

    def test_energy_of_values_far_out_is_their_distance(self, predicted):
        for x in (-1e4, 1e4):
            far = predicted.energy(x)["energy"]
            np.testing.assert_allclose(far, np.abs(x - predicted.mean()["y"]), rtol=1e-6)

    def test_draws_follow_the_distribution_function(self, predicted):
        draws = predicted.sample(2_000)
        for name in predicted.index:
            own = draws.xs(name, level=1)["y"]
            below = own.to_numpy() <= predicted.loc[[name]].ppf(0.3).iloc[0, 0]
            assert below.mean() == pytest.approx(0.3, abs=0.05)

    def test_quantiles_of_each_row_by_itself_and_at_the_ends(self, predicted):
        p = pd.DataFrame({"y": [0, 0.1, 0.5, 0.9, 1, np.nan]}, index=predicted.index)
        values = predicted.ppf(p)["y"].tolist()
        assert values[0] == 0
        assert values[4] == np.inf
        assert np.isnan(values[5])
        for k in (1, 2, 3):
            one = predicted.iloc[[k]].ppf(p.iloc[k, 0]).iloc[0, 0]
            assert values[k] == pytest.approx(one, rel=1e-12)

    def test_scalars_and_parts_are_those_of_their_rows(self, predicted):
        mean = predicted.mean()["y"]
        assert predicted.iat[2, 0].mean() == pytest.approx(mean.iloc[2], rel=1e-12)
        assert predicted.at[9, "y"].shape == ()
        for part in (predicted.iloc[1:4], predicted.loc[[10, 8]], predicted.head(2)):
            np.testing.assert_allclose(part.mean()["y"], mean.loc[part.index], rtol=1e-12)
        with pytest.raises(ValueError, match=r"iat\[0, 0\]"):
            predicted.iat[2]

    def test_a_level_of_the_index_for_each_of_its_own(self, predicted):
        index = pd.MultiIndex.from_product([["a", "b"], [1, 2, 3]], names=["who", "when"])
        names = {"index": index, "columns": ["y"]}
        panel = SkproFlowDistribution(predicted.answers, predicted.context, **names)
        draws = panel.sample(4)
        assert draws.index.names == [None, "who", "when"]
        assert draws.index[7] == (1, "a", 2)

    def test_pickles_say_the_same(self, predicted):
        again = pickle.loads(pickle.dumps(predicted))
        pd.testing.assert_frame_equal(again.mean(), predicted.mean(), check_exact=True)
