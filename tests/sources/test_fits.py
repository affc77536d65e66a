"""Fits of sources that fit in memory are those of the table; the others say what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import Ridge

import skflow
from tests.sources.tables import ARRAYS, FRAME, ROWS, SOURCES, Blocks, lazy_frame

SMALL = {"n_members": 1, "hidden_features": (16,), "max_steps": 20, "random_state": 0}
STACK = [("linear", skflow.LinearFlowDensity())]
MIXTURE = skflow.MixtureFlowDensity(
    n_components=2, covariance_type="full", reg_covar=1e-3, random_state=0
)


def ridge():
    return skflow.FlowRegressor(regressor=Ridge(), density=MIXTURE, n_folds=2, random_state=0)


# estimators that need all rows at once, fitted to X
AT_ONCE = {
    "mixture": skflow.MixtureFlowDensity(random_state=0).fit,
    "kernel": skflow.KernelFlowDensity(background=False).fit,
    "stack": skflow.StackedDensity(STACK, cv=2, random_state=0).fit,
    "detector": skflow.FlowOutlierDetector(skflow.LinearFlowDensity(), random_state=0).fit,
    "table": skflow.TableDensity(**SMALL).fit,
    "imputer": skflow.FlowImputer(density=skflow.TableDensity(**SMALL)).fit,
    "regressor": lambda X: ridge().fit(X, ROWS[:, 0]),
    "regressor's y": lambda y: ridge().fit(ROWS, y),
}


QUICK = {"n_layers": 1, "hidden_features": (8,), "n_members": 1, "max_epochs": 2}
FLOWS = {
    "nsf": skflow.NSFDensity(**QUICK, random_state=0),
    "mixture": MIXTURE,
}


@pytest.fixture(scope="module")
def scores():
    """Scores of the array and of the frame by flows that were fitted to them."""
    return {
        (name, kind): clone(density).fit(table).score_samples(table)
        for name, density in FLOWS.items()
        for kind, table in (("array", ROWS), ("frame", FRAME))
    }


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("name", SOURCES)
def test_a_fit_is_that_of_the_table(name, flow, scores, tmp_path):
    kind, table = ("array", ROWS) if name in ARRAYS else ("frame", FRAME)
    density = clone(FLOWS[flow]).fit(SOURCES[name](tmp_path))
    np.testing.assert_array_equal(density.score_samples(table), scores[flow, kind])
    assert hasattr(density, "feature_names_in_") == (kind == "frame")


def test_weights_and_context_columns(tmp_path):
    weight = np.random.default_rng(0).random(len(ROWS))
    density = skflow.NSFDensity(**QUICK, context_columns=["b"], random_state=0)
    scores = density.fit(FRAME, sample_weight=weight).score_samples(FRAME)
    again = density.fit(lazy_frame(tmp_path), sample_weight=weight)
    np.testing.assert_array_equal(again.score_samples(FRAME), scores)


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_needs_all_rows_takes_what_fits(name):
    fitted = AT_ONCE[name](pl.DataFrame(FRAME).lazy())
    assert fitted is not None


@pytest.mark.parametrize("name", AT_ONCE)
def test_what_needs_all_rows_says_so(name):
    X = "y" if name.endswith("y") else "X"
    message = rf"learns from tables that fit in memory, and {X}, a polars LazyFrame of an unknown "
    message += rf"number of rows x 3 columns, .*{X}.collect\(\).*working_memory"
    with config_context(working_memory=0), pytest.raises(ValueError, match=message):
        AT_ONCE[name](pl.DataFrame(FRAME).lazy())


def test_a_failed_fit_leaves_the_last(tmp_path):
    density = skflow.LinearFlowDensity().fit(ROWS)
    with config_context(working_memory=0), pytest.raises(ValueError, match="500 rows x 3 columns"):
        density.fit(SOURCES["list of arrays"](tmp_path))
    assert density.score_samples(ROWS).shape == (500,)


@pytest.mark.parametrize("make", [skflow.LinearFlowDensity, skflow.NSFDensity])
def test_a_context_beside_a_source(make):
    with pytest.raises(ValueError, match=r"context cannot be passed beside .*context_columns"):
        make().fit(Blocks(), context=ROWS)


def test_holes_are_named():
    holes = FRAME.copy()
    holes.loc[7, "b"] = np.nan
    with pytest.raises(ValueError, match=r"column 1 \('b'\) has 1 NaN value in row 7"):
        skflow.LinearFlowDensity().fit(Blocks(holes))


def test_a_table_of_a_query_answers_in_its_kind():
    table = pd.DataFrame({"size": ROWS[:, 0], "kind": np.where(ROWS[:, 1] > 0, "x", "y")})
    density = skflow.TableDensity(**SMALL).fit(pl.DataFrame(table).lazy())
    assert isinstance(density.sample(3, random_state=0), pl.DataFrame)
