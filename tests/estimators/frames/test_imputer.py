"""Holes filled inside pipelines."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from skflow import FlowImputer
from tests.estimators.frames.tables import mixed_table, quick, standardized

TABLE = mixed_table(120)


def imputer(**settings):
    """Return an imputer whose fit takes a moment."""
    return FlowImputer(**({"density": quick(max_steps=20), "random_state": 0} | settings))


# Where a bound on the least number of rows is asked for, the message names it.
@parametrize_with_checks(
    [imputer(density=quick(max_steps=2, n_members=1, hidden_features=(4, 4)))]
)
def test_sklearn_checks(estimator, check, monkeypatch):
    standardized(monkeypatch)  # shapes of columns are nothing to these checks
    check(estimator)


def test_only_holes_are_filled():
    filled = imputer().fit_transform(TABLE)
    assert not filled.isna().any(axis=None)
    known = TABLE.notna()
    pd.testing.assert_frame_equal(filled.where(known), TABLE.where(known))


def test_draws_are_the_same_again():
    fitted = imputer(strategy="draw").fit(TABLE)
    pd.testing.assert_frame_equal(fitted.transform(TABLE), fitted.transform(TABLE))
    medians = imputer().fit(TABLE).transform(TABLE)
    hole = TABLE["size"].isna()
    assert (fitted.transform(TABLE)["size"] != medians["size"])[hole].mean() > 0.9


def test_the_density_passed_is_not_touched():
    density = quick(max_steps=2, random_state=None)
    FlowImputer(density=density, random_state=0).fit(TABLE)
    assert not hasattr(density, "nets_")
    assert density.random_state is None


def test_in_a_pipeline():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    y = X[:, 0] + X[:, 1] > 0
    X[rng.random(X.shape) < 0.2] = np.nan
    model = make_pipeline(imputer(), LogisticRegression()).fit(X, y)
    assert model.score(X, y) > 0.7


def test_a_table_of_other_columns():
    with pytest.raises(ValueError, match="feature names"):
        imputer().fit(TABLE).transform(TABLE.rename(columns={"size": "width"}))
