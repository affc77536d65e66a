"""Bad input is refused in words that name the column, the value and the remedy."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator

from skflow._validation import (
    check_data,
    check_finite,
    check_rows,
    check_sample_weight,
    resolve_device,
    resolve_dtype,
)
from skflow.tables._bounds import (
    boundary_positions,
    check_inside_support,
    move_inside,
    outside_support,
    resolve_support,
)
from skflow.tables._ties import find_ties

INF = np.inf
X5 = np.arange(10.0).reshape(5, 2)


class Model(BaseEstimator):
    def fit(self, X):
        self.X_ = check_data(self, X, reset=True)
        return self


class TestData:
    @pytest.mark.parametrize("make", [np.asarray, list, pd.DataFrame, pl.DataFrame])
    def test_tables_become_float64(self, make):
        X = Model().fit(make([[1, 2], [3, 4]])).X_
        assert X.dtype == np.float64
        assert X.shape == (2, 2)

    def test_arrays_as_in_fit_are_returned_themselves(self):
        model = Model().fit(X5)
        assert check_data(model, X5, reset=False) is X5
        assert check_data(model, X5[:1], reset=False).base is X5.base
        with pytest.raises(ValueError, match="column 1 has 1 NaN value in row 0"):
            check_data(model, np.array([[0.0, np.nan]]), reset=False)
        with pytest.raises(ValueError, match="X has 3 features, but Model is expecting 2"):
            check_data(model, np.ones((1, 3)), reset=False)
        with pytest.raises(ValueError, match="Found array with 0 sample"):
            check_data(model, X5[:0], reset=False)

    def test_arrays_without_the_names_of_fit_are_warned_about(self):
        model = Model().fit(pd.DataFrame(X5, columns=["a", "b"]))
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            check_data(model, X5, reset=False)

    def test_nan_and_inf_name_the_column(self):
        frame = pd.DataFrame({"age": [1.0, np.nan, np.nan], "size": [1.0, 2.0, -INF]})
        with pytest.raises(ValueError, match=r"NaN.*column 0 \('age'\) has 2 NaN.*row 1") as info:
            Model().fit(frame)
        assert "column 1 ('size') has 1 infinite (inf) value in row 2" in str(info.value)
        assert "FlowImputer" in str(info.value)

    def test_many_bad_columns_are_summarised(self):
        with pytest.raises(ValueError, match="column 4 has 3 NaN.*and 15 more"):
            check_finite(np.full((3, 20), np.nan))

    @pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
    def test_text_names_the_cell(self, make):
        frame = make({"age": [1.0, 2.0], "city": ["7", "Rome"]})
        with pytest.raises(ValueError, match=r"column 1 \('city'\) holds 'Rome' in row 1"):
            Model().fit(frame)

    def test_cells_that_are_neither_numbers_nor_text_are_named(self):
        frame = pd.DataFrame({"age": [1.0, 2.0, 3.0], "span": pd.interval_range(0, 3)})
        message = r"column 1 \('span'\) holds Interval\(.*in row 0 \(float"
        with pytest.raises(TypeError, match=message):
            Model().fit(frame)

    @pytest.mark.parametrize("rows", [[[1, "a"], [2, "b"]], np.array([["a"], ["b"]])])
    def test_text_without_names(self, rows):
        with pytest.raises(ValueError, match="column [01] holds 'a' in row 0"):
            Model().fit(rows)

    @pytest.mark.parametrize(
        ("X", "message"),
        [
            (np.ones((2, 2), dtype=complex), "Complex data not supported"),
            (np.ones((0, 2)), "0 sample"),
            (np.ones((2, 0)), "0 feature"),
            (np.ones(3), "Reshape your data"),
        ],
    )
    def test_shapes_and_complex(self, X, message):
        with pytest.raises(ValueError, match=message):
            Model().fit(X)

    def test_wrong_width(self):
        model = Model().fit(X5)
        with pytest.raises(ValueError, match="X has 3 features, but Model is expecting 2"):
            check_data(model, np.ones((2, 3)), reset=False)

    @pytest.mark.parametrize("n", [0, 1])
    def test_too_few_rows(self, n):
        with pytest.raises(ValueError, match=f"{n} sample.*n_samples = {n}"):
            check_rows(np.ones((n, 3)))

    def test_too_few_rows_of_positive_weight(self):
        check_rows(X5, 2, np.array([1.0, 0, 0, 0, 1]))
        with pytest.raises(ValueError, match="1 sample with a positive sample_weight"):
            check_rows(X5, 2, np.array([1.0, 0, 0, 0, 0]))


class TestSampleWeight:
    def test_absent(self):
        assert check_sample_weight(None, X5) is None

    @pytest.mark.parametrize(
        "weight", [[1, 0, 2, 3, 4], (1.0, 0, 2, 3, 4), pd.Series([1, 0, 2, 3, 4])]
    )
    def test_kinds(self, weight):
        checked = check_sample_weight(weight, X5)
        assert checked.dtype == np.float64
        np.testing.assert_array_equal(checked, [1, 0, 2, 3, 4])

    def test_one_number_and_copy(self):
        np.testing.assert_array_equal(check_sample_weight(2, X5), np.full(5, 2.0))
        weight = np.ones(5)
        assert check_sample_weight(weight, X5) is not weight

    @pytest.mark.parametrize(
        ("weight", "message"),
        [
            ([1, 1, -2, 1, 1], r"zero or positive: -2.0 in row 2"),
            ([1, np.nan, 1, 1, 1], "finite: nan in row 1"),
            ([1, INF, 1, 1, 1], "finite: inf in row 1"),
            (np.zeros(5), "sample_weight is zero"),
            (0, "sample_weight is zero"),
            (np.ones(4), r"expected shape \(5,\), got \(4,\)"),
            (np.ones((5, 2)), r"expected shape \(5,\), got \(5, 2\)"),
            (list("abcde"), "real numbers"),
            (1j * np.ones(5), "real numbers"),
            ([1, [2, 3], 1, 1, 1], "real numbers"),
        ],
    )
    def test_refused(self, weight, message):
        with pytest.raises(ValueError, match=message):
            check_sample_weight(weight, X5)


class TestSupport:
    def test_none(self):
        low, high = resolve_support(None, 2)
        np.testing.assert_array_equal([low, high], [[-INF, -INF], [INF, INF]])

    def test_a_message_does_not_list_all_of_many_columns(self):
        names = [f"column{j}" for j in range(12)]
        with pytest.raises(ValueError, match="'column9' and 2 more"):
            resolve_support({"age": (0, 1)}, 12, names)

    def test_by_index_and_name(self):
        support = {np.int64(0): (0, None), "b": (-INF, 1.5)}
        low, high = resolve_support(support, 3, ["a", "b", "c"])
        np.testing.assert_array_equal(low, [0, -INF, -INF])
        np.testing.assert_array_equal(high, [INF, 1.5, INF])

    @pytest.mark.parametrize(
        ("support", "message"),
        [
            ({"age": (0, 1)}, "unknown column 'age': the columns are 'a', 'b'"),
            ({"B": (0, 1)}, r"unknown column 'B': did you mean 'b'\? All columns are 'a', 'b'"),
            ({2: (0, 1)}, "unknown column 2: X has 2 columns"),
            ({-1: (0, 1)}, "unknown column -1"),
            ({1: (1, 1)}, r"column 1 \('b'\) must have low < high, got low=1.0"),
            ({1: (2, 1)}, r"column 1 \('b'\) must have low < high"),
            ({1: (INF, None)}, "low < high"),
            ({1: 0}, r"column 1 \('b'\) must be a pair"),
            ({1: (0, 1, 2)}, "must be a pair"),
            ({1: "01"}, "must be a pair"),
            ({1: (np.nan, 1)}, "NaN"),
            ({1: ("0", 1)}, "must be a pair .* of numbers .* got '0'"),
            ({1: (False, 1)}, "got False"),
            ({1: (0, 1), "b": (0, 1)}, "names column 1 twice"),
        ],
    )
    def test_refused(self, support, message):
        with pytest.raises(ValueError, match=message):
            resolve_support(support, 2, ["a", "b"])

    @pytest.mark.parametrize("support", [[(0, 1)], "a", {True: (0, 1)}, {0.0: (0, 1)}])
    def test_wrong_types(self, support):
        with pytest.raises(TypeError, match="support"):
            resolve_support(support, 2)

    def test_name_without_names(self):
        with pytest.raises(ValueError, match="without column names"):
            resolve_support({"a": (0, 1)}, 2)

    def test_outside(self):
        X = np.array([[0.0, 5], [-1, 5], [1, 5], [2, 5], [0.5, 1e300]])
        low, high = resolve_support({0: (0, 1)}, 2)
        np.testing.assert_array_equal(outside_support(X, low, high), [0, 1, 0, 1, 0])
        with pytest.raises(ValueError, match=r"column 0 \('p'\) has the value -1.0 in row 1") as e:
            check_inside_support(X, low, high, ["p", "q"])
        assert "2 such rows" in str(e.value)
        check_inside_support(X[[0, 2, 4]], low, high)

    def test_boundary_values_move_halfway_to_the_nearest(self):
        X = np.array([[0.0], [0.2], [0.9], [1.0]])
        low, high = resolve_support({0: (0, 1)}, 1)
        low_at, high_at = boundary_positions(X, low, high)
        np.testing.assert_allclose([low_at[0], high_at[0]], [0.1, 0.95])
        moved = move_inside(X, low, high, low_at, high_at)
        np.testing.assert_allclose(moved[:, 0], [0.1, 0.2, 0.9, 0.95])
        assert X[0, 0] == 0

    def test_tied_boundary_values_move_to_the_middle_of_their_jitter(self):
        X = np.repeat([[0.0], [1.0], [2.0]], 10, axis=0)
        low, high = resolve_support({0: (0, None)}, 1)
        low_at, high_at = boundary_positions(X, low, high, find_ties(X))
        assert low_at[0] == 0.25
        assert high_at[0] == INF

    def test_nothing_on_a_bound_is_no_copy(self):
        low, high = resolve_support({0: (-1, None)}, 2)
        assert move_inside(X5, low, high, *boundary_positions(X5, low, high)) is X5

    def test_values_move_in_place_only_where_asked(self):
        X = np.array([[0.0], [0.5]])
        low, high = resolve_support({0: (0, 1)}, 1)
        bounds = low, high, *boundary_positions(X, low, high)
        assert move_inside(X, *bounds, in_place=True) is X
        assert X[0, 0] == 0.25

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(
        st.lists(st.floats(0, 1), min_size=1, max_size=8),
        st.sampled_from([1e-12, 1.0, 3.0, 1e12]),
        st.sampled_from([0.0, 1e3, -1e9]),
        st.sampled_from([(True, True), (True, False), (False, True)]),
    )
    def test_positions_are_strictly_inside(self, values, scale, shift, sides):
        x = shift + scale * np.array([0.0, *values, 1.0])
        bounds = tuple(
            value if has else None for value, has in zip((x[0], x[-1]), sides, strict=True)
        )
        if not x[0] < np.nextafter(x[0], INF) < x[-1]:
            return
        low, high = resolve_support({0: bounds}, 1)
        X = np.clip(x, low, high)[:, None]
        moved = move_inside(X, low, high, *boundary_positions(X, low, high))
        assert (moved > low).all()
        assert (moved < high).all()
        inside = ~np.isin(X, [low, high])
        np.testing.assert_array_equal(moved[inside], X[inside])


class TestDevice:
    def test_known(self):
        import torch

        assert resolve_device("cpu") == torch.device("cpu")
        assert resolve_device(torch.device("cpu")) == torch.device("cpu")
        assert resolve_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")

    @pytest.mark.parametrize("device", ["gpu", "tpu:0", None, 0, "cpu:1"])
    def test_unknown(self, device):
        with pytest.raises(ValueError, match='device must be "auto", "cpu", "cuda"'):
            resolve_device(device)

    def test_no_gpu(self, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        with pytest.raises(ValueError, match="device='cuda' but no GPU was found"):
            resolve_device("cuda")

    def test_missing_gpu(self, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: True)
        monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
        with pytest.raises(ValueError, match="'cuda:3' but torch finds 1"):
            resolve_device("cuda:3")

    def test_dtype(self):
        import torch

        for dtype in ("float32", np.float32, np.dtype("float32"), torch.float32):
            assert resolve_dtype(dtype) == torch.float32
        assert resolve_dtype("float64") == torch.float64

    @pytest.mark.parametrize("dtype", ["float16", "double precision", None, 3, "int32"])
    def test_unknown_dtype(self, dtype):
        if dtype is None:  # numpy reads None as float64
            assert str(resolve_dtype("float64")) == "torch.float64"
            return
        with pytest.raises(ValueError, match='dtype must be "float32" or "float64"'):
            resolve_dtype(dtype)


def test_importing_loads_no_torch():
    code = (
        "import sys, skflow.tables._bounds, skflow._validation, skflow.tables._ties;"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
