"""Scores and latents of sources are those of the table, whatever blocks it comes in."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skflow
from skflow.sources import _parts
from tests.sources.tables import ARRAYS, DASK, FRAME, FRAMES, ROWS, SOURCES, Blocks

SMALL = {"n_members": 1, "hidden_features": (16,), "max_steps": 20, "random_state": 0}
KERNEL = skflow.KernelFlowDensity(preprocessing="standardize")
STACK = [("kernel", KERNEL), ("linear", skflow.LinearFlowDensity())]
NSF = skflow.NSFDensity(
    n_layers=1, hidden_features=(16,), n_members=1, max_epochs=2, random_state=0
)
METHODS = ("score_samples", "transform", "decision_function", "p_values")
WEIGHT = np.random.default_rng(0).random(len(ROWS))


@pytest.fixture(scope="module")
def fitted():
    """Fits of the array and of the frame, by what was fitted."""
    densities = {
        "nsf": clone(NSF),
        "given": clone(NSF).set_params(context_columns=[1]),
        "kernel": clone(KERNEL),
        "stack": skflow.StackedDensity(STACK, cv=2, random_state=0),
        "detector": skflow.FlowOutlierDetector(skflow.LinearFlowDensity(), random_state=0),
        "table": skflow.TableDensity(**SMALL),
    }
    return {
        "array": {"nsf": copy.copy(densities["nsf"]).fit(ROWS)},
        "frame": {name: density.fit(FRAME) for name, density in densities.items()},
    }


@pytest.fixture(params=["fits", "streams"])
def memory(request, monkeypatch):
    """Working memory in which the table does or does not fit."""
    monkeypatch.setattr(_parts, "MOST_ROWS", 150)
    with config_context(working_memory=1024 if request.param == "fits" else 0):
        yield request.param


def as_array(answers):
    return np.asarray(answers.compute() if hasattr(answers, "compute") else answers)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source(name, fitted, memory, tmp_path):
    density = fitted["array" if name in ARRAYS else "frame"]["nsf"]
    table = ROWS if name in ARRAYS else FRAME
    source = SOURCES[name](tmp_path)
    tolerance = 1e-9 if memory == "fits" and name not in DASK else 1e-6
    for method in ("score_samples", "transform"):
        answers = as_array(getattr(density, method)(source))
        assert answers.dtype == np.float64
        np.testing.assert_allclose(
            answers, getattr(density, method)(table), rtol=0, atol=tolerance
        )
    for weight in (None, WEIGHT, 2.0):
        score = density.score(source, sample_weight=weight)
        assert type(score) is float
        assert score == pytest.approx(density.score(table, sample_weight=weight), abs=1e-6)


@pytest.mark.parametrize("name", ["parquet folder", "Dask DataFrame", "blocks of frames"])
@pytest.mark.parametrize("density", ["nsf", "given", "kernel", "stack", "detector", "table"])
def test_every_estimator(name, density, fitted, memory, tmp_path):
    density, source = fitted["frame"][density], FRAMES[name](tmp_path)
    for method in METHODS:
        if hasattr(density, method):
            ask = getattr(density, method)
            answers = as_array(ask(source))
            assert answers.dtype == ask(FRAME).dtype
            np.testing.assert_allclose(answers, ask(FRAME), rtol=0, atol=2e-6)
    if density is fitted["frame"]["detector"]:
        assert (as_array(density.predict(source)) == density.predict(FRAME)).all()
    if callable(getattr(density, "score", None)):
        assert density.score(source) == pytest.approx(density.score(FRAME), abs=1e-6)


def test_options_are_passed_on(fitted, memory):
    density = fitted["frame"]["table"]
    scores = density.score_samples(FRAME, given=["a"])
    for answers in (
        density.score_samples(Blocks(FRAME), ["a"]),
        density.score_samples(X=Blocks(FRAME), given=["a"]),
    ):
        np.testing.assert_allclose(answers, scores, rtol=0, atol=1e-6)


def test_containers_of_latents(fitted, memory):
    density = copy.copy(fitted["frame"]["nsf"]).set_output(transform="pandas")
    assert isinstance(density.transform(Blocks(FRAME)), pd.DataFrame)


class TestErrors:
    @pytest.fixture(autouse=True)
    def _nothing_fits(self, monkeypatch):
        monkeypatch.setattr(_parts, "MOST_ROWS", 150)
        with config_context(working_memory=0):
            yield

    @pytest.mark.parametrize("name", SOURCES)
    def test_not_fitted(self, name, tmp_path):
        source = SOURCES[name](tmp_path)
        for ask in (skflow.NSFDensity().score_samples, skflow.NSFDensity().score):
            with pytest.raises(NotFittedError):
                ask(source)

    def test_rows_are_counted_from_the_start_of_a_block(self, fitted):
        rows = ROWS.copy()
        rows[203, 1] = np.nan
        message = "block of rows 200 to 349, counted from its first: .*column 1 has 1 NaN .* row 3"
        for ask in (fitted["array"]["nsf"].score_samples, fitted["array"]["nsf"].score):
            with pytest.raises(ValueError, match=message):
                ask(Blocks(rows, at=(0, 200, 500)))

    def test_other_columns(self, fitted):
        with pytest.raises(ValueError, match="feature names should match"):
            fitted["frame"]["nsf"].score_samples(Blocks(FRAME.rename(columns={"a": "d"})))

    def test_weights_of_other_rows(self, fitted):
        for weight in (np.ones(499), np.ones(501), np.ones(100)):
            with pytest.raises(ValueError, match="one number for each row of X"):
                fitted["array"]["nsf"].score(Blocks(), sample_weight=weight)
            with pytest.raises(ValueError, match="one number for each row of X"):
                fitted["array"]["nsf"].score([ROWS], sample_weight=weight)

    def test_a_context_beside_a_source(self, fitted):
        density = fitted["array"]["nsf"]
        for ask in (density.score_samples, density.transform, density.score):
            with pytest.raises(ValueError, match=r"cannot be passed beside .*context_columns"):
                ask(Blocks(), context=ROWS)
