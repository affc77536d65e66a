"""What is recommended for which table, and that the costs are about right."""

import re
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from skflow import (
    FlowClassifier,
    FlowOutlierDetector,
    FlowRegressor,
    FlowSampler,
    MixtureFlowDensity,
    NSFDensity,
    SimulationPosterior,
    StackedDensity,
    TableDensity,
    recommend,
)
from skflow.guidance._costs import CURVES, POWERS, cost_of
from skflow.guidance._look import look_at
from skflow.tables._context import ContextColumns

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(500, 4))
FRAME = pd.DataFrame(
    {
        "price": RNG.gamma(2.0, size=300),
        "kind": RNG.choice(["a", "b"], size=300),
        "day": pd.date_range("2026-01-01", periods=300),
    }
)
HOLES = NUMBERS.copy()
HOLES[3, 1] = np.nan

EXPECTED = {
    "numbers": (NUMBERS, "density", StackedDensity),
    "few rows": (NUMBERS[:30], "density", MixtureFlowDensity),
    "many rows": (np.zeros((200_000, 2)) + RNG.normal(size=(1, 2)), "density", NSFDensity),
    "a frame": (FRAME, "density", TableDensity),
    "holes": (HOLES, "density", TableDensity),
    "polars": (pl.from_pandas(FRAME), "density", TableDensity),
    "integers": (RNG.poisson(3, size=(100, 3)), "density", StackedDensity),
    "outliers": (NUMBERS, "outliers", FlowOutlierDetector),
    "odd cells": (FRAME, "outliers", TableDensity),
    "regression": (FRAME, "regression", FlowRegressor),
    "classes": (NUMBERS, "classification", FlowClassifier),
    "classes in a frame": (FRAME, "classification", TableDensity),
    "synthesis": (NUMBERS, "synthesis", TableDensity),
    "simulations": (NUMBERS, "posterior", SimulationPosterior),
    "a log density": (lambda z: -0.5 * (z**2).sum(-1), "posterior", FlowSampler),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_estimator(name):
    X, task, kind = EXPECTED[name]
    found = recommend(X, task=task)
    assert type(found.estimator) is kind
    clone(found.estimator)
    with pytest.raises(Exception, match="not fitted"):
        check_is_fitted(found.estimator)
    assert found.reasons
    assert all(type(other) is not kind and when for other, when in found.alternatives)


@pytest.mark.parametrize("name", ["numbers", "a frame", "holes"])
def test_what_was_seen_is_told(name):
    X, task, _ = EXPECTED[name]
    text = str(recommend(X, task=task))
    words = {"numbers": "500 rows, 4 columns", "a frame": "1 of time", "holes": "with holes"}
    assert words[name] in text
    assert "on one core" in text
    assert " because " in text


def test_repeated_values_are_told():
    rounded = np.column_stack([NUMBERS[:, :3], NUMBERS[:, 3].round()])
    assert "in 1 of the columns" in str(recommend(rounded))
    assert "repeated" not in str(recommend(NUMBERS))


@pytest.mark.parametrize("task", ["density", "regression"])
def test_dates_and_keys_that_are_text_are_told(task):
    named = FRAME.assign(day=FRAME["day"].astype(str), key=[f"k{i}" for i in range(300)])
    text = str(recommend(named, task=task))
    assert "mind: column 2 ('day') holds text" in text
    assert "mind: column 3 ('key') holds text" in text
    assert "mind" not in str(recommend(FRAME, task=task))


def test_methods_that_are_named_are_there():
    for task in ("outliers", "classification"):
        found = recommend(NUMBERS, task=task)
        named = re.findall(r"(\w+)\(X\)", " ".join(found.reasons))
        assert named
        assert all(hasattr(found.estimator, method) for method in named)


def test_rows_beyond_memory(tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame(NUMBERS, columns=list("abcd")).to_parquet(path)
    assert type(recommend(str(path)).estimator) is StackedDensity  # it fits

    class Blocks:
        def __iter__(self):
            return (RNG.normal(size=(400_000, 4)) for _ in range(3))

    found = recommend(Blocks())
    assert type(found.estimator) is NSFDensity
    assert "beyond memory" in found.table


@pytest.mark.parametrize(
    ("X", "task", "message"),
    [
        (NUMBERS, "clustering", "task must be one of density, outliers"),
        (len, "density", "X is a function"),
        (np.empty((5, 0)), "density", "0 feature"),
        ([1.0, 2.0], "density", "2D"),
        (None, "density", "2D"),
        (np.empty((0, 3)), "density", "no rows"),
        (pd.DataFrame({"a": []}), "synthesis", "no rows"),
    ],
)
def test_bad_input(X, task, message):
    with pytest.raises((ValueError, TypeError), match=message):
        recommend(X, task=task)


class TestCosts:
    def test_of_a_regressor_grow_with_levels(self):
        few, many = (
            FRAME.assign(kind=[f"level {k % n}" for k in range(len(FRAME))], holes=HOLES[:300, 1])
            for n in (2, 60)
        )
        costs = [recommend(X, task="regression").cost for X in (few, many)]
        # the price, the day, and holes with their mark; and the levels
        expected = [cost_of("FlowRegressor", len(FRAME), 4 + n) for n in (2, 60)]
        assert costs == expected
        assert costs[1].seconds > 1.5 * costs[0].seconds
        tables = [recommend(X, task="synthesis").cost for X in (few, many)]
        assert tables[0] == tables[1]

    @pytest.mark.parametrize("frame", [FRAME, pl.from_pandas(FRAME)], ids=["pandas", "polars"])
    def test_of_a_regressor_are_of_what_it_reads(self, frame):
        read = ContextColumns.read(frame, len(frame)).encode(frame).shape[1]
        assert look_at(frame).n_numbers == read == 4

    def test_of_a_regressor_count_rare_levels_once(self):
        text = FRAME.assign(kind=[f"level {k}" for k in range(len(FRAME))])
        expected = cost_of("FlowRegressor", len(FRAME), 2 + 101)
        assert recommend(text, task="regression").cost == expected

    @pytest.mark.parametrize("name", CURVES)
    def test_are_those_measured(self, name):
        for n, *figures in zip(*CURVES[name], strict=True):
            cost = cost_of(name, n, 10)
            np.testing.assert_allclose([cost.seconds, cost.mebibytes], figures)

    @pytest.mark.parametrize("name", CURVES)
    def test_grow_with_rows_and_columns(self, name):
        sizes = (30_000, 10), (3_000_000, 10), (30_000, 99)
        small, long, wide = (cost_of(name, *size) for size in sizes)
        assert small.seconds <= long.seconds
        assert POWERS[name][0] >= 0
        assert small.seconds <= wide.seconds

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["MixtureFlowDensity", "NSFDensity", "FlowClassifier"])
    def test_are_about_right(self, name):
        import skflow

        X = np.random.default_rng(1).normal(size=(2000, 6)) ** 3
        arguments = (X, X[:, 0] > 0) if name == "FlowClassifier" else (X,)
        start = time.process_time()
        getattr(skflow, name)(random_state=0).fit(*arguments)
        spent = time.process_time() - start
        assert 1 / 6 < spent / cost_of(name, *X.shape).seconds < 6
