"""Fitted regressors as arrays: the predictions that scikit-learn's have."""

import numpy as np
import pytest

import skflow
from skflow.estimators.regressor._arrays import RegressionTrees, in_arrays
from skflow.estimators.regressor._features import default_regressors

RNG = np.random.default_rng(0)


def fitted(n, name):
    """A default regressor of n rows, some of whose columns repeat values."""
    X = RNG.normal(size=(n, 4))
    X[:, 1], X[:, 2] = X[:, 1].round(), X[:, 2] > 0
    y = X[:, 0] * X[:, 1] + X[:, 2] + RNG.normal(size=n)
    regressor = dict(default_regressors(n, X.shape[1]))[name]
    return regressor.set_params(**SMALLER.get(type(regressor).__name__, {})).fit(X, y), X


SMALLER = {
    "GradientBoostingRegressor": {"n_estimators": 50},
    "HistGradientBoostingRegressor": {"max_iter": 50},
    "ExtraTreesRegressor": {"n_estimators": 20},
}


@pytest.mark.parametrize("n", [5, 400, 3_000])
@pytest.mark.parametrize("name", ["boosted trees", "extra trees", "kernel ridge"])
def test_predictions_are_those_of_scikit_learn(name, n):
    model, X = fitted(n, name)
    own = in_arrays(model)
    # kernels of columns that repeat values are nearly singular, which magnifies rounding
    atol = 1e-6 if name == "kernel ridge" else 1e-12
    for rows in (X, RNG.normal(size=(1_000, 4)), X[:1]):
        np.testing.assert_allclose(own.predict(rows), model.predict(rows), rtol=0, atol=atol)


def test_rows_on_a_threshold_go_where_they_went():
    model, X = fitted(400, "extra trees")
    tree = model.estimators_[0].tree_
    inner = tree.children_left >= 0
    rows = np.repeat(X[:1], inner.sum(), axis=0)
    rows[np.arange(len(rows)), tree.feature[inner]] = tree.threshold[inner]
    np.testing.assert_allclose(in_arrays(model).predict(rows), model.predict(rows), rtol=1e-12)


def test_they_take_a_fraction_of_the_bytes():
    model, _ = fitted(400, "extra trees")
    own = sum(part.nbytes for part in vars(in_arrays(model)).values() if np.ndim(part))
    assert 3 * own < sum(each.tree_.__getstate__()["nodes"].nbytes for each in model.estimators_)


def test_ways_end_whatever_a_file_holds():
    trees = RegressionTrees.__new__(RegressionTrees)
    steps = np.random.default_rng(0).integers(1, 2**32, size=(50, 2), dtype=np.uint32)
    parts = {"feature": np.zeros(50, np.int32), "number": np.zeros(50), "roots": np.arange(3)}
    vars(trees).update(steps=steps, offset=0.0, single=True, **parts)
    with pytest.raises(IndexError):
        trees.predict(np.zeros((2, 1)))


def test_rows_beyond_what_trees_compare():
    X = RNG.normal(size=(60, 2))
    flow = skflow.MixtureFlowDensity(n_components=1)
    model = skflow.FlowRegressor(density=flow, n_folds=2, random_state=0).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="beyond 3.4e.38, the largest"):
        model.predict([[0.0, 1e39]])
