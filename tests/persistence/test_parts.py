"""Files of estimators that may hold others: regressors, and posteriors with a prior of scipy's."""

import gc
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from scipy import stats
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge

import skflow
from skflow._persistence._decode import decode
from skflow._persistence._encode import encode
from tests.estimators.simulation.simulators import cheap
from tests.instances import quick
from tests.persistence.test_round_trip import equal, reloaded, rows


def mixture():
    return quick(skflow.MixtureFlowDensity)


def regressor(**settings):
    return skflow.FlowRegressor(density=mixture(), random_state=0, **settings)


def table(n=60):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"size": rng.normal(size=n), "kind": rng.choice(["a", "b", "c"], size=n)})


def check_predictions(model, again, X, y):
    for method in ("predict", "predict_std", "predict_interval"):
        expected = getattr(model, method)(X)
        np.testing.assert_array_equal(getattr(again, method)(X), expected)
    np.testing.assert_array_equal(again.log_density(X, y), model.log_density(X, y))
    draws = model.sample(X, 3, random_state=0)
    np.testing.assert_array_equal(again.sample(X, 3, random_state=0), draws)


@pytest.fixture(scope="module")
def default():
    """Rows, targets and a fit with the features that are the default."""
    X = table()
    y = X["size"].to_numpy() + np.random.default_rng(1).normal(size=len(X))
    model = skflow.FlowRegressor(density=quick(skflow.NSFDensity), calibrate=True, n_folds=2)
    return X, y, model.fit(X, y)


class TestRegressor:
    def test_of_default_features(self, default, tmp_path):
        X, y, model = default
        assert "extra trees" in model.features_
        again = reloaded(model, tmp_path)
        assert equal(model.context_, again.context_)
        assert equal(model.calibration_, again.calibration_)
        check_predictions(model, again, X, y)

    def test_of_histograms(self, tmp_path):
        X = np.random.default_rng(0).normal(size=(3_000, 2))
        model = regressor(n_folds=2).fit(X, X[:, 0] ** 2)
        again = reloaded(model, tmp_path)
        check_predictions(model, again, X[:50], X[:50, 0])

    def test_of_several_columns_without_features(self, tmp_path):
        X = rows()
        model = regressor(features=[]).fit(X, X[:, :2] + 1)
        check_predictions(model, reloaded(model, tmp_path), X, X[:, :2])

    @pytest.mark.parametrize(
        "settings", [{"features": [Ridge()]}, {"regressor": Ridge()}], ids=str
    )
    def test_others_are_refused_and_named(self, settings, tmp_path):
        model = regressor(**settings).fit(rows(), rows()[:, 0])
        with pytest.raises(TypeError, match=r"Ridge, cannot be saved: .*joblib.dump"):
            model.save(tmp_path / "model")

    def test_skops_takes_them(self):
        model = regressor(features=[Ridge()]).fit(rows(), rows()[:, 0])
        data = skops.io.dumps(model)
        untrusted = skops.io.get_untrusted_types(data=data)
        assert all(each.startswith("skflow.") for each in untrusted)
        again = skops.io.loads(data, trusted=untrusted)
        np.testing.assert_array_equal(again.predict(rows()), model.predict(rows()))

    def test_skops_of_the_default_asks_for_the_estimator_alone(self, default):
        X, _, model = default
        data = skops.io.dumps(model)
        untrusted = skops.io.get_untrusted_types(data=data)
        assert untrusted == ["skflow.estimators.regressor._regressor.FlowRegressor"]
        again = skops.io.loads(data, trusted=untrusted)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))


def simulations(n=60, r=None):
    rng = np.random.default_rng(0)
    theta = rng.uniform(-1, 1, size=(n, 2))
    shape = (n, 2) if r is None else (n, r, 2)
    mean = theta if r is None else theta[:, None]
    return theta, mean + 0.3 * rng.normal(size=shape)


def check_posterior(model, again, theta, x):
    # a pool is normalised by many draws for each observation: two tell as much as sixty
    few = theta[:2], x[:2]
    np.testing.assert_array_equal(again.score_samples(*few), model.score_samples(*few))
    draws = model.sample(9, x[0], random_state=0)
    np.testing.assert_array_equal(again.sample(9, x[0], random_state=0), draws)


PAST = mixture().fit(simulations()[0])
# the first four of them uniform on the square, or so wide that all agree with it
PRIORS = {
    "none": None,
    "bounds": {0: (-1, 1), 1: (-1, 1)},
    "laws": [stats.uniform(-1, 2), stats.truncnorm(a=-0.1, b=0.1, scale=10)],
    "normals": stats.multivariate_normal([0, 0], [[0.3, 0.0], [0.0, 0.3]]),
    "density": PAST,
}


class TestPosterior:
    @pytest.mark.parametrize("prior", PRIORS)
    @pytest.mark.filterwarnings("ignore:theta does not look drawn")
    def test_every_prior(self, prior, tmp_path):
        theta, x = simulations()
        method = "auto" if prior == "none" else "both"
        model = cheap(PRIORS[prior], method=method).fit(theta, x)
        check_posterior(model, reloaded(model, tmp_path), theta, x)

    @pytest.mark.parametrize("embedding", ["perceptron", "convolution"])
    def test_learnt_summaries(self, embedding, tmp_path):
        theta, x = simulations(r=6)
        model = cheap(embedding=embedding, method="npe").fit(theta, x)
        again = reloaded(model, tmp_path)
        assert equal(model.embedding_, again.embedding_)
        check_posterior(model, again, theta, x)

    def test_it_is_refined_as_before(self, tmp_path):
        theta, x = simulations()
        model = cheap(PRIORS["bounds"], method="npe").fit(theta, x)
        again = reloaded(model, tmp_path)
        asked = {"n_simulations": 50, "random_state": 0}
        for each in (model, again):
            each.refine(lambda theta: theta + 0.3, x[0], **asked)
        np.testing.assert_array_equal(again.refined_at_, model.refined_at_)
        refined = reloaded(again, tmp_path)
        draws = model.sample(9, x[0], random_state=0)
        np.testing.assert_array_equal(refined.sample(9, x[0], random_state=0), draws)

    @pytest.mark.parametrize(
        ("settings", "match"),
        [
            ({"prior": stats.multivariate_t([0, 0])}, "prior, a scipy.*multivariate_t_frozen, "),
            ({"prior": [stats.norm(loc=np.zeros(1))] * 2}, "must be single numbers"),
            ({"embedding": PCA(1)}, "embedding, a sklearn.*PCA, "),
            ({"embedding": torch.nn.Linear(2, 1)}, "embedding, a torch.*Linear, "),
        ],
        ids=["law", "numbers of a law", "transformer", "net"],
    )
    def test_what_is_refused_and_named(self, settings, match, tmp_path):
        with pytest.raises(TypeError, match=match) as caught:
            cheap(**settings).save(tmp_path / "model")
        assert "joblib.dump" in str(caught.value)

    def test_a_family_of_the_users(self, tmp_path):
        class Mine(stats.rv_continuous):
            pass

        prior = [Mine(name="norm")(), Mine(name="mine")()]
        with pytest.raises(TypeError, match="those that scipy.stats has by name"):
            cheap(prior).save(tmp_path / "model")


def test_many_distributions_take_little_memory():
    """A family of its own for each would take ten kilobytes for a line of the file."""
    document, arrays = encode(cheap([stats.norm(loc=k) for k in range(100)]))
    decode(document, arrays)
    tracemalloc.start()
    try:
        again = decode(document, arrays)
        gc.collect()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again.prior[7].mean() == 7
    assert taken < 100 * 1_500
