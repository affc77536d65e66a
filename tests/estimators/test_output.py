"""Draws and rows as frames, where ``set_output`` of scikit-learn or its configuration asks so."""

import copy
import functools

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_set_output_transform

import skflow
from skflow.estimators.sampler._proposing import FlowProposal
from tests.instances import DENSITIES, FLOWS, quick

NAMES = ["age", "income", "size"]
FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) @ RNG.normal(size=(3, 3)) + 3
every_density = pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
every_container = pytest.mark.parametrize("container", FRAMES)


@functools.cache
def first_fit(cls):
    return quick(cls).fit(pd.DataFrame(X, columns=NAMES))


def fitted(cls):
    """Return an estimator of its own, of which nothing was asked yet."""
    return copy.copy(first_fit(cls))


@every_density
def test_draws(cls):
    model = fitted(cls)
    plain = model.sample(4, random_state=0)
    assert type(plain) is np.ndarray
    for container, frame in FRAMES.items():
        draws = model.set_output(transform=container).sample(4, random_state=0)
        assert type(draws) is frame
        assert list(draws.columns) == NAMES
        np.testing.assert_array_equal(draws.to_numpy(), plain)
    model.set_output(transform=None)
    assert type(model.sample(4)) is pl.DataFrame
    assert type(model.set_output(transform="default").sample(4)) is np.ndarray


@pytest.mark.parametrize("cls", FLOWS, ids=lambda cls: cls.__name__)
def test_latents_and_rows(cls):
    model = fitted(cls)
    table = pd.DataFrame(X[:5], columns=NAMES, index=list("abcde"))
    plain = model.transform(table)
    for container, frame in FRAMES.items():
        model.set_output(transform=container)
        latents = model.transform(table)
        back = model.inverse_transform(latents)
        assert type(latents) is type(back) is frame
        assert list(latents.columns) == list(model.get_feature_names_out())
        assert list(back.columns) == NAMES
        np.testing.assert_array_equal(latents.to_numpy(), plain)
        np.testing.assert_allclose(back.to_numpy(), table, atol=1e-3)
        if frame is pd.DataFrame:
            assert list(latents.index) == list(back.index) == list("abcde")


class TestNames:
    def test_of_a_fit_without(self):
        model = skflow.LinearFlowDensity().fit(X).set_output(transform="polars")
        assert model.sample(2).columns == ["x0", "x1", "x2"]

    def test_of_columns_beside_a_context(self):
        table = pd.DataFrame(X, columns=NAMES)
        model = skflow.MixtureFlowDensity(context_columns=["age"], random_state=0).fit(table)
        model.set_output(transform="pandas")
        draws = model.sample(4, context=table[["age"]][:2])
        assert type(draws) is np.ndarray  # of two distributions, which no frame holds
        assert draws.shape == (2, 4, 2)
        latents = model.transform(table)
        back = model.inverse_transform(latents, context=table[["age"]])
        assert list(back.columns) == ["income", "size"]

    def test_of_parameters(self):
        model = skflow.FlowSampler(n_features=2)
        vars(model).update(
            draws_=RNG.normal(size=(4, 5, 2)), n_features_in_=2, feature_names_=["a", "b"]
        )
        assert list(model.set_output(transform="pandas").sample(3).columns) == ["a", "b"]


class TestWhoAsks:
    @every_container
    def test_the_configuration(self, container):
        model = fitted(skflow.StackedDensity)
        with sklearn.config_context(transform_output=container):
            assert type(model.sample(3)) is FRAMES[container]
            assert type(model.set_output(transform="default").sample(3)) is np.ndarray
        assert type(model.sample(3)) is np.ndarray

    def test_a_clone(self):
        model = quick(skflow.StackedDensity).set_output(transform="polars")
        assert type(clone(model).fit(X).sample(2)) is pl.DataFrame

    def test_an_unknown_container(self):
        model = fitted(skflow.StackedDensity).set_output(transform="xarray")
        with pytest.raises(ValueError, match="output config must be in"):
            model.sample(2)

    @pytest.mark.parametrize("cls", [skflow.StackedDensity, skflow.LinearFlowDensity])
    def test_scikit_learn(self, cls):
        check_set_output_transform(cls.__name__, quick(cls))


class TestInside:
    """What the package draws for itself is arrays, whatever users get."""

    def test_of_fits_and_measures(self):
        table = pd.DataFrame(X, columns=NAMES)
        with sklearn.config_context(transform_output="pandas"):
            stack = fitted(skflow.StackedDensity)
            small = skflow.IAFDensity(n_layers=1, hidden_features=(8,), max_epochs=1)
            student = skflow.distill(fitted(skflow.MAFDensity), small, n_samples=64)
            assert type(stack.sample(2)) is pd.DataFrame
            assert np.isfinite(student.reverse_kl_)
            assert skflow.diagnose(fitted(skflow.LinearFlowDensity), table, random_state=0)

    def test_of_a_sampler(self):
        proposal = FlowProposal(fitted(skflow.LinearFlowDensity))
        with sklearn.config_context(transform_output="polars"):
            draws = proposal.draw(3, np.random.RandomState(0))  # noqa: NPY002
        assert type(draws) is np.ndarray
