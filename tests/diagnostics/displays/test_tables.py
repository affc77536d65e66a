"""Columns that are named, and bins that suit rounded values."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skflow import MixtureFlowDensity
from skflow.diagnostics.displays._tables import bin_edges, chosen_columns, like, rows_and_names


class TestBinEdges:
    def test_values_that_differ(self):
        values = np.random.default_rng(0).normal(size=100)
        np.testing.assert_array_equal(bin_edges(values, -3, 3, 6), np.arange(-3, 4))

    @pytest.mark.parametrize("n_bins", [3, 7, 10, 40])
    @pytest.mark.parametrize("step", [0.1, 1.0, 250.0])
    def test_rounded_values_make_no_comb(self, n_bins, step):
        values = step * np.repeat(np.arange(-12, 24), 5)
        low, high = values.min() - step, values.max() + step
        edges = bin_edges(values, low, high, n_bins)
        counts, _ = np.histogram(values, edges)
        assert counts.sum() == len(values)
        inner = counts[counts > 0][:-1]  # the last may be cut off by the end of the table
        assert len(set(inner)) == 1
        assert edges[0] <= low + 1e-9
        assert edges[-1] >= high - 1e-9

    def test_repeated_values_without_a_common_step(self):
        values = np.repeat([0.0, 1e-9, 1.0, 5.0], 10)
        np.testing.assert_array_equal(bin_edges(values, 0, 5, 5), np.arange(6))

    def test_one_value(self):
        assert len(bin_edges(np.ones(9), 0.5, 1.5, 4)) == 5


FRAMES = {
    "pandas": pd.DataFrame,
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "record batch": pa.RecordBatch.from_pydict,
    "narwhals": lambda columns: pytest.importorskip("narwhals").from_native(pl.DataFrame(columns)),
}


@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES)
def test_frames_of_any_make(make):
    rows = np.random.default_rng(0).normal(size=(40, 2))
    frame = make({"a": rows[:, 0], "b": rows[:, 1]})
    model = MixtureFlowDensity(n_components=1, random_state=0).fit(frame)
    found, names = rows_and_names(model, frame)
    np.testing.assert_array_equal(found, rows)
    assert names == ["a", "b"]
    new, expected = rows + 1, make({"a": rows[:, 0] + 1, "b": rows[:, 1] + 1})
    found = model.score_samples(like(frame, new))
    np.testing.assert_array_equal(found, model.score_samples(expected))


def test_columns_by_name_and_number():
    names = ["a", "b", "c"]
    assert chosen_columns("b", names) == [1]
    assert chosen_columns([np.int64(2), "a"], names) == [2, 0]
    assert chosen_columns(-1, names) == [2]
