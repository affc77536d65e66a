"""Contexts of any kind become numbers, alike in the fit and after it."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skflow._input import names_of
from skflow.tables._context import MAX_LEVELS, ContextColumns, split_context

FRAME = pd.DataFrame(
    {
        "size": [1.0, np.nan, 3.0, 5.0],
        "kind": ["b", "a", None, "b"],
        "day": pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"]),
        "new": [True, False, False, True],
    }
)
# mean 3 in the hole, then what says "hole"; b before a, which is rarer; days; booleans
ENCODED = [
    [1, 0, 1, 0, 19723, 1],
    [3, 1, 0, 1, 19724, 0],
    [3, 0, 0, 0, 19725, 0],
    [5, 0, 1, 0, 19727, 1],
]


MAKES = {"pandas": lambda frame: frame, "polars": pl.from_pandas, "pyarrow": pa.Table.from_pandas}


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_frame_of_all_kinds(make):
    frame = make(FRAME)
    columns = ContextColumns.read(frame, 4)
    assert (len(columns), columns.names) == (4, ("size", "kind", "day", "new"))
    np.testing.assert_array_equal(columns.encode(frame), ENCODED)
    np.testing.assert_array_equal(columns.encode(frame[1:3]), ENCODED[1:3])


@pytest.mark.parametrize("dtype", ["category", "string", "object"])
def test_every_kind_of_text_is_a_category(dtype):
    frame = FRAME[["kind"]].astype(dtype)
    columns = ContextColumns.read(frame, 4)
    np.testing.assert_array_equal(columns.encode(frame), [row[2:4] for row in np.array(ENCODED)])


def test_numbers_stay_as_they_are():
    rows = np.random.default_rng(0).normal(size=(20, 3)) * 1e8
    columns = ContextColumns.read(rows, 20)
    assert columns.names is None
    np.testing.assert_array_equal(columns.encode(rows), rows)
    np.testing.assert_array_equal(columns.encode(rows.tolist()), rows)


def test_arrays_of_objects_may_hold_both():
    rows = np.array([[1, "x"], [2.5, "y"], [None, "x"]], dtype=object)
    columns = ContextColumns.read(rows, 3)
    np.testing.assert_array_equal(
        columns.encode(rows), [[1, 0, 1, 0], [2.5, 0, 0, 1], [1.75, 1, 1, 0]]
    )


def test_rare_levels_share_a_number():
    often = [f"level {k}" for k in range(MAX_LEVELS)] * 2
    frame = pd.DataFrame({"kind": [*often, "rare", "rarer"]})
    columns = ContextColumns.read(frame, len(frame))
    encoded = columns.encode(pd.DataFrame({"kind": ["rare", "rarer", "unheard of", None]}))
    assert encoded.shape == (4, MAX_LEVELS + 1)
    np.testing.assert_array_equal(encoded[:, -1], [1, 1, 1, 0])
    assert not encoded[:, :-1].any()


def test_what_the_fit_has_not_seen_counts_as_average_with_a_warning():
    seen = pd.DataFrame({"size": [1.0, 3.0], "kind": ["a", "b"]})
    columns = ContextColumns.read(seen, 2)
    new = pd.DataFrame({"size": [np.nan, 1.0], "kind": ["a", "z"]})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        encoded = columns.encode(new)
    np.testing.assert_array_equal(encoded, [[2, 1, 0], [1, 0, 0]])
    said = [str(w.message) for w in caught]
    assert "column 0 ('size'), holds a hole in row 0" in said[0]
    assert "column 1 ('kind'), holds the level 'z' in row 1" in said[1]


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ([1.0, 2.0], "two dimensions"),
        ([[1.0], [2.0], [3.0]], "one row for each of 2 rows; got 3"),
        (np.empty((2, 0)), "must have columns"),
        ([[1.0], [np.inf]], "column 0, is inf in row 1"),
    ],
)
def test_bad_contexts(context, message):
    with pytest.raises(ValueError, match=message):
        ContextColumns.read(context, 2)


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ([[1.0]], "has 1 columns, and the fit had 2: \\['a', 'b'\\]"),
        (pd.DataFrame({"b": [1.0], "a": [2.0]}), "same columns in the same order"),
        ([["x", 1.0]], "column 0 \\('a'\\), must hold numbers"),
    ],
)
def test_contexts_unlike_that_of_the_fit(context, message):
    columns = ContextColumns.read(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), 2)
    with pytest.raises(ValueError, match=message):
        columns.encode(context)


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_split_of_a_frame(make):
    rows, context = split_context(make(FRAME), ["day", 0])
    assert names_of(rows) == ["kind", "new"]
    assert names_of(context) == ["day", "size"]


def test_split_of_an_array():
    rows, context = split_context(np.arange(6).reshape(2, 3), [2])
    np.testing.assert_array_equal(rows, [[0, 1], [3, 4]])
    np.testing.assert_array_equal(context, [[2], [5]])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "it names 0 of 4"),
        ([0, 1, 2, 3], "it names 4 of 4"),
        ([0, 0], "a column twice"),
        (["size", 0], "twice"),
        (["sice"], "did you mean 'size'"),
        ([9], "X has 4 columns"),
    ],
)
def test_split_by_columns_that_are_not_there(columns, message):
    with pytest.raises(ValueError, match=message):
        split_context(FRAME, columns)
