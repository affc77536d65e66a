"""Codes of tables: exact round trips, near the information, and errors that say what is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

import skflow
from skflow import Compressor
from skflow.exceptions import CompressedDataError

pytest.importorskip("constriction")

FEW = {"random_state": 0, "max_epochs": 3, "n_members": 2}
ONE = {**FEW, "n_members": 1}  # members are mixed alike, whatever their layers
PARTICLES = {"particles": 2, "dim": 2}
FLOWS = {
    "a mixture": lambda: skflow.MixtureFlowDensity(random_state=0),
    "one Gaussian": lambda: skflow.LinearFlowDensity(),
    "MADE": lambda: skflow.MADEDensity(**FEW),
    "one layer of NAF": lambda: skflow.NAFDensity(n_layers=1, **FEW),
    "MAF": lambda: skflow.MAFDensity(n_layers=2, **ONE),
    "NSF": lambda: skflow.NSFDensity(n_layers=1, **ONE),
    "a normal base": lambda: skflow.RealNVPDensity(base="normal", n_layers=2, **ONE),
    "residual": lambda: skflow.ResidualFlowDensity(n_layers=1, **ONE),
}


def small_table_density(**settings):
    return skflow.TableDensity(
        n_members=2, hidden_features=(32, 32), max_steps=60, random_state=0, **settings
    )


@pytest.fixture(scope="module")
def iris():
    X = load_iris().data
    return X[np.random.default_rng(0).permutation(len(X))]


@pytest.fixture(scope="module")
def frame():
    """A column of every kind, with holes, a copy and a sum."""
    rng, n = np.random.default_rng(0), 120
    size = np.round(rng.gamma(2, 10, n), 2)
    table = pd.DataFrame(
        {
            "price": size,
            "single": size.astype(np.float32) / np.float32(4),
            "count": rng.poisson(900, n),
            "few": rng.integers(0, 4, n),
            "kind": np.where(size > 15, "large", "small"),
            "flag": rng.random(n) < 0.3,
            "grade": pd.Categorical(rng.choice(["a", "b", "c"], n), ["a", "b", "c"], ordered=True),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D"),
            "maybe": pd.array(rng.integers(0, 50, n), dtype="Int64"),
            "constant": 7,
        }
    )
    table["single"] = table["single"].round(1)
    table["total"] = table["count"] + table["few"] * 100
    table["copy"] = table["kind"]
    table.loc[::5, "price"] = np.nan
    table.loc[::7, "kind"] = None
    table.loc[::11, "maybe"] = pd.NA
    return table


@pytest.fixture(scope="module")
def of_frame(frame):
    return Compressor(density=small_table_density()).fit(frame[:80])


def assert_near_information(compressor, X, more=0.01):
    data = compressor.compress(X)
    bits, overhead = compressor.bits_per_row(X).sum(), 8 * compressor.sizes(data)["else"]
    assert bits < 8 * len(data) <= (1 + more) * bits + overhead + 64
    return data


class TestTables:
    def test_unseen_rows_of_a_frame(self, frame, of_frame):
        rows = frame[80:].reset_index(drop=True)
        data = assert_near_information(of_frame, rows, more=0.03)
        pd.testing.assert_frame_equal(of_frame.decompress(data), rows, check_freq=False)
        assert of_frame.sizes(data)["text"] == 0

    def test_information_is_the_score_of_the_density(self, iris):
        compressor = Compressor(density=small_table_density()).fit(iris[:100])
        bits = -compressor.density_.score_samples(iris[100:]) / np.log(2)
        np.testing.assert_allclose(compressor.bits_per_row(iris[100:]), bits, atol=0.05)

    def test_rows_unlike_those_of_the_fit(self, frame, of_frame):
        odd = frame[80:92].reset_index(drop=True)
        odd.loc[0, "copy"] = "huge"
        odd.loc[1, "count"] = 10**12
        odd.loc[2, "total"] += 1
        odd.loc[3, "single"] = -0.0
        odd.loc[4, "constant"] = 8
        odd.loc[5, "day"] = pd.Timestamp("1950-05-05")
        odd.loc[6, ["kind", "flag"]] = None, True
        data = of_frame.compress(odd)
        again = of_frame.decompress(data)
        pd.testing.assert_frame_equal(again, odd, check_freq=False)
        assert np.signbit(again.loc[3, "single"])
        assert of_frame.sizes(data)["text"] > 0

    def test_one_odd_row_leaves_the_others(self):
        """A level that the fit had not has no code, and must not make floats of the others."""
        table = pd.DataFrame(np.random.default_rng(0).integers(0, 4, (90, 3)).astype(np.uint8))
        compressor = Compressor(density=small_table_density()).fit(table)
        rows = table.copy()
        rows.loc[0, 0] = 9
        plain, odd = compressor.compress(table), compressor.compress(rows)
        assert 0 < compressor.sizes(odd)["text"] < 30
        assert len(odd) < len(plain) + 40
        pd.testing.assert_frame_equal(compressor.decompress(odd), rows)

    def test_columns_in_another_order(self, frame, of_frame):
        rows = frame[80:90].reset_index(drop=True)
        data = of_frame.compress(rows[rows.columns[::-1]])
        pd.testing.assert_frame_equal(of_frame.decompress(data), rows, check_freq=False)

    def test_polars(self):
        rng = np.random.default_rng(0)
        table = pl.DataFrame({"x": rng.normal(size=60).round(2), "k": rng.integers(0, 9, 60)})
        compressor = Compressor(density=small_table_density()).fit(table)
        rows = table[:20]
        assert compressor.decompress(compressor.compress(rows)).equals(rows)

    @pytest.mark.parametrize("n", [0, 1, 2])
    def test_few_rows(self, n, of_frame, frame):
        rows = frame[:n]
        again = of_frame.decompress(of_frame.compress(rows))
        assert len(again) == n
        if n:
            pd.testing.assert_frame_equal(again, rows, check_freq=False)

    def test_the_order_of_the_columns_is_free(self):
        """Of K orders, naming one would cost log2(K) bits a row: 3 of 8 here."""
        X = load_wine().data[:, [0, 4, 12]]
        X = X[np.random.default_rng(0).permutation(len(X))]
        compressor = Compressor(density=small_table_density(n_orders=6)).fit(X[:60])
        many = np.tile(X[60:], (4, 1))
        bits = compressor.bits_per_row(many).sum()
        assert 8 * compressor.sizes(compressor.compress(many))["rows"] < bits + 0.5 * len(many)


class TestFlows:
    @pytest.mark.parametrize("name", FLOWS)
    def test_unseen_rows(self, name, iris):
        unseen = iris[100:112]
        compressor = Compressor(density=FLOWS[name]()).fit(iris[:100])
        data = compressor.compress(unseen)
        again = compressor.decompress(data)
        assert again.dtype == iris.dtype
        assert (again == unseen).all()
        # of so few rows some bits are lent only once
        bits = compressor.bits_per_row(unseen).sum()
        assert abs(8 * compressor.sizes(data)["rows"] - bits) < 0.01 * bits + 32 * 4 + 64
        cell = 4 * np.log(0.1)
        score = compressor.density_.score_samples(unseen) + cell
        assert bits == pytest.approx(-score.sum() / np.log(2), rel=0.02)

    def test_far_rows_are_text(self, iris):
        compressor = Compressor(density=skflow.MixtureFlowDensity(random_state=0)).fit(iris)
        rows = np.array([[1e6, 0.1, 0.1, 0.1], iris[0]])
        data = compressor.compress(rows)
        assert (compressor.decompress(data) == rows).all()
        assert compressor.sizes(data)["text"] > 0

    @pytest.mark.parametrize(
        ("density", "error"),
        [
            (skflow.KernelFlowDensity(preprocessing="standardize"), ValueError),
            (GaussianMixture(2), TypeError),
            (skflow.StackedDensity([("one", skflow.LinearFlowDensity())]), TypeError),
            (
                skflow.ContinuousFlowDensity(symmetry={"particles": 2, "dim": 2}, max_epochs=3),
                TypeError,
            ),
        ],
    )
    def test_densities_without_codes(self, density, error, iris):
        with pytest.raises(error, match="no codes"):
            Compressor(density=density).fit(iris)


@pytest.fixture(scope="module")
def fitted(iris):
    return Compressor(density=skflow.LinearFlowDensity()).fit(iris)


class TestData:
    def test_the_model_may_travel_along(self, fitted, iris):
        data = fitted.compress(iris, include_model=True)
        assert (Compressor().decompress(data) == iris).all()
        sizes = fitted.sizes(data)
        assert sizes["n_rows"] == len(iris)
        assert sum(sizes.values()) - len(iris) == len(data)
        assert sizes["model"] > 100

    def test_damage_is_told(self, fitted, iris):
        data = fitted.compress(iris)
        for bad in (data[:-1], data[:20], data[:40] + bytes([data[40] ^ 1]) + data[41:]):
            with pytest.raises(CompressedDataError, match="cut short or changed"):
                fitted.decompress(bad)

    @pytest.mark.parametrize("foreign", [b"", b"PK\x03\x04something else", b"skfl"])
    def test_foreign_bytes_are_told(self, foreign, fitted):
        with pytest.raises(CompressedDataError, match="none that compress wrote"):
            fitted.decompress(foreign)

    def test_other_formats_are_told(self, fitted, iris):
        data = bytearray(fitted.compress(iris))
        data[4] = 99
        with pytest.raises(CompressedDataError, match="format"):
            fitted.decompress(data)

    def test_other_models_are_told(self, fitted, iris):
        other = Compressor(density=skflow.LinearFlowDensity()).fit(iris[:80])
        with pytest.raises(CompressedDataError, match="another model"):
            other.decompress(fitted.compress(iris))

    def test_other_rounding_is_told(self, fitted, iris):
        """As if another machine had other probabilities for the same weights."""
        data = fitted.compress(iris)
        other = Compressor(density=skflow.LinearFlowDensity()).fit(iris[:80])
        other.fingerprint_ = fitted.fingerprint_
        with pytest.raises(CompressedDataError, match="not what was written"):
            other.decompress(data)


class TestInput:
    def test_numbers_off_the_grid(self, fitted, of_frame, frame, iris):
        """They are kept as text where nothing declares a grid."""
        data = fitted.compress(iris + 0.01)
        assert (fitted.decompress(data) == iris + 0.01).all()
        assert fitted.sizes(data)["text"] > 0
        rows = frame[80:84].reset_index(drop=True).assign(price=1.23456)
        pd.testing.assert_frame_equal(of_frame.decompress(of_frame.compress(rows)), rows)

    def test_a_few_numbers_of_all_digits(self, iris):
        """As means among rounded numbers are: they do not make the grid of all the others."""
        X = iris[:40].copy()
        X[::25, 2] += 1 / 3
        for density in (small_table_density(), skflow.LinearFlowDensity()):
            compressor = Compressor(density=density).fit(X)
            data = compressor.compress(X)
            assert (compressor.decompress(data) == X).all()
            assert compressor.sizes(data)["rows"] < 4 * len(X)

    def test_numbers_off_a_declared_grid(self, iris):
        density = skflow.LinearFlowDensity(resolution={0: 0.1})
        compressor = Compressor(density=density).fit(iris)
        for shift in (0.05, 0.01):
            with pytest.raises(ValueError, match=r"column 0.*(grid|decimals)"):
                compressor.compress(iris + [shift, 0, 0, 0])
        density = small_table_density(kinds={1: "decimal"})
        with pytest.raises(ValueError, match=r"column 1.*decimals"):
            Compressor(density=density).fit(iris).compress(iris + [0, 0.05, 0, 0])

    def test_integers_that_are_none(self):
        X = np.random.default_rng(0).integers(0, 400, (60, 2))
        compressor = Compressor(density=small_table_density()).fit(X)
        with pytest.raises(ValueError, match="integers"):
            compressor.compress(X + 0.5)

    @pytest.mark.parametrize("density", [small_table_density(), skflow.LinearFlowDensity()])
    def test_floats_of_all_digits(self, density):
        with pytest.raises(ValueError, match="round it"):
            Compressor(density=density).fit(np.random.default_rng(0).normal(size=(50, 2)))

    def test_kinds_without_probabilities(self, iris):
        density = small_table_density(kinds={0: "number"})
        with pytest.raises(ValueError, match="no probabilities"):
            Compressor(density=density).fit(iris)

    def test_a_column_is_missing(self, frame, of_frame):
        with pytest.raises(ValueError, match="lacks column 'few'"):
            of_frame.compress(frame.drop(columns="few"))

    def test_not_fitted(self, iris):
        with pytest.raises(NotFittedError, match="fit"):
            Compressor().compress(iris)

    def test_clones_are_alike(self, fitted):
        assert isinstance(clone(fitted).density, skflow.LinearFlowDensity)
