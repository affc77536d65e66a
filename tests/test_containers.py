"""Frames of pandas, polars, pyarrow and narwhals, and arrays of other libraries than numpy."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import skflow
from skflow._containers import BY_PROTOCOL, as_table, on_host, with_names
from tests.instances import DENSITIES, FLOWS, quick

NAMES = ["age", "income", "size"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) @ RNG.normal(size=(3, 3)) + 3


def arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


def record_batch(columns):
    return pytest.importorskip("pyarrow").RecordBatch.from_pydict(columns)


def narwhals(make):
    return lambda columns: pytest.importorskip("narwhals").from_native(make(columns))


def narwhals_stable(columns):
    return pytest.importorskip("narwhals.stable.v1").from_native(pl.DataFrame(columns))


KINDS = {
    "pandas": pd.DataFrame,
    "pandas, nullable": lambda columns: pd.DataFrame(columns).astype("Float64"),
    "polars": pl.DataFrame,
    "pyarrow": arrow,
    "pyarrow, record batch": record_batch,
    "narwhals of pandas": narwhals(pd.DataFrame),
    "narwhals of polars": narwhals(pl.DataFrame),
    "narwhals of pyarrow": narwhals(arrow),
    "narwhals, stable": narwhals_stable,
}
# one of each library, where a fit takes long
FEW = ["polars", "pyarrow", "narwhals of pandas"]
every_kind = pytest.mark.parametrize("kind", KINDS)
few_kinds = pytest.mark.parametrize("kind", FEW)


def table(kind, values=X, names=NAMES):
    return KINDS[kind](dict(zip(names, values.T.copy(), strict=True)))


@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
def test_every_density_takes_every_frame(cls):
    model = quick(cls).fit(table("narwhals of polars"))
    assert list(model.feature_names_in_) == NAMES
    expected = model.score_samples(table("pandas"))
    for kind in FEW:
        np.testing.assert_array_equal(model.score_samples(table(kind)), expected)
        if cls in FLOWS:
            assert np.isfinite(model.transform(table(kind))).all()


@every_kind
class TestFrames:
    def test_names_are_learnt(self, kind):
        model = skflow.LinearFlowDensity(support={"size": (-90, None)}).fit(table(kind))
        assert list(model.feature_names_in_) == NAMES
        assert model.observation_.low[2] == -90

    def test_other_names_are_refused(self, kind):
        model = skflow.LinearFlowDensity().fit(table(kind))
        with pytest.raises(ValueError, match="feature names should match"):
            model.score_samples(table(kind, names=["age", "size", "income"]))

    def test_messages_name_columns(self, kind):
        bad = X.copy()
        bad[7, 1] = np.inf
        model = skflow.LinearFlowDensity().fit(table(kind))
        for call in (skflow.LinearFlowDensity().fit, model.score_samples, model.transform):
            with pytest.raises(ValueError, match=r"column 1 \('income'\) has 1 inf.*in row 7"):
                call(table(kind, bad))


@few_kinds
class TestWhatElseTakesFrames:
    def test_context_and_its_columns(self, kind):
        given, rest = table(kind, X[:, :1], ["age"]), table(kind, X[:, 1:], NAMES[1:])
        beside = skflow.MixtureFlowDensity(random_state=0).fit(rest, context=given)
        within = skflow.MixtureFlowDensity(random_state=0, context_columns=["age"])
        scores = within.fit(table(kind)).score_samples(table(kind))
        np.testing.assert_array_equal(beside.score_samples(rest, context=given), scores)
        assert list(beside.context_.names) == ["age"]

    def test_other_estimators(self, kind):
        frame = table(kind)
        detector = skflow.FlowOutlierDetector(skflow.LinearFlowDensity(), random_state=0)
        assert list(detector.fit(frame).feature_names_in_) == NAMES
        assert detector.predict(frame).shape == (60,)
        settings = {"features": [], "calibrate": False, "random_state": 0}
        model = skflow.FlowRegressor(density=skflow.MixtureFlowDensity(), **settings)
        assert list(model.fit(frame, X[:, 0]).feature_names_in_) == NAMES
        predicted = model.predict(frame)
        np.testing.assert_array_equal(predicted, model.fit(X, X[:, 0]).predict(X))

    def test_labels_of_a_regressor(self, kind):
        model = skflow.FlowRegressor(
            density=skflow.MixtureFlowDensity(), features=[], calibrate=False, random_state=0
        )
        frame = KINDS[kind]({"age": X[:, 0], "town": np.array(["a", "b"] * 30)})
        assert list(model.fit(frame, X[:, 1]).feature_names_in_) == ["age", "town"]
        assert np.isfinite(model.predict(frame)).all()

    def test_tables_of_any_columns(self, kind):
        small = {"n_members": 1, "hidden_features": (8,), "max_steps": 5, "random_state": 0}
        model = skflow.TableDensity(**small).fit(table(kind))
        assert list(model.feature_names_in_) == NAMES
        assert np.isfinite(model.score_samples(table(kind))).all()
        drawn = model.sample(2, random_state=0)  # frames of the library itself
        assert list(getattr(drawn, "column_names", drawn.columns)) == NAMES


class TestArraysOfOtherLibraries:
    """Outside scikit-learn's dispatch they are read as arrays of numpy."""

    @pytest.mark.parametrize("cls", [skflow.LinearFlowDensity, skflow.MAFDensity])
    def test_tensors(self, cls):
        tensor = torch.from_numpy(X).requires_grad_()
        model, expected = quick(cls).fit(tensor), quick(cls).fit(X)
        scores = model.score_samples(tensor)
        assert type(scores) is np.ndarray
        np.testing.assert_array_equal(scores, expected.score_samples(X))
        latents = model.transform(tensor)
        assert type(latents) is type(model.inverse_transform(torch.from_numpy(latents)))

    def test_tensors_beside_the_rows(self):
        given, weight = torch.from_numpy(X[:, :1]), torch.arange(60).requires_grad_(False)
        model, other = (skflow.MixtureFlowDensity(random_state=0) for _ in range(2))
        model.fit(torch.from_numpy(X[:, 1:]), sample_weight=weight, context=given)
        other.fit(X[:, 1:], sample_weight=np.arange(60), context=X[:, :1])
        np.testing.assert_array_equal(
            model.score_samples(X[:, 1:], context=given),
            other.score_samples(X[:, 1:], context=X[:, :1]),
        )

    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.int8])
    def test_dtypes(self, dtype):
        tensor = torch.arange(8).reshape(4, 2).to(dtype)
        np.testing.assert_array_equal(on_host(tensor), np.arange(8).reshape(4, 2))

    @pytest.mark.parametrize("device", ["CPU_DEVICE", "device1"])
    def test_strict_arrays_on_any_device(self, device):
        xp = pytest.importorskip("array_api_strict")
        array = xp.asarray(X, device=xp.Device(device))
        assert type(on_host(array)) is np.ndarray
        np.testing.assert_array_equal(
            skflow.LinearFlowDensity().fit(array).score_samples(array),
            skflow.LinearFlowDensity().fit(X).score_samples(X),
        )

    def test_what_numpy_knows_stays_itself(self):
        for one in (X, X.tolist(), np.ma.masked_array(X), pd.DataFrame(X), None, 3, "a"):
            assert as_table(one) is on_host(one) is one


def test_names_for_scikit_learn_of_any_version(monkeypatch):
    frame = table("polars")
    assert (with_names(frame) is frame) is not BY_PROTOCOL
    monkeypatch.setattr("skflow._containers.BY_PROTOCOL", True)
    rows = with_names(frame)
    assert rows.__dataframe__().column_names() == NAMES
    np.testing.assert_array_equal(rows, X)
    for one in (X, table("pandas")):
        assert with_names(one) is one
