"""Grids and periods that users declare, from fit to draws, for all densities of tables."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2
from sklearn.mixture import GaussianMixture

import skflow
from skflow import KernelFlowDensity, MAFDensity, MixtureFlowDensity, StackedDensity
from skflow.estimators.stack._candidates import stack_candidates
from tests.instances import DENSITIES, FLOWS, quick


def rng(seed=0):
    return np.random.default_rng(seed)


def rainy_days(n=1000, seed=0):
    dry = rng(seed).uniform(size=n) < 0.6
    return np.where(dry, 0.0, rng(seed + 1).exponential(5, size=n))[:, None]


def hours(n=400, seed=0):
    angle = rng(seed).vonmises(0, 2, size=(n, 1))
    return np.mod(angle * 24 / (2 * np.pi), 24)


@pytest.mark.parametrize("cls", FLOWS, ids=lambda cls: cls.__name__)
def test_every_flow_takes_what_is_declared(cls):
    # which preprocessing is chosen is no matter of the layers
    chosen = {"preprocessing": "auto"} if cls in (MAFDensity, KernelFlowDensity) else {}
    table = pd.DataFrame({"hour": hours(40)[:, 0], "count": 2.0 * rng().integers(0, 9, 40)})
    declared = {"resolution": {"count": 1}, "periodic": {"hour": 24}}
    model = quick(cls, **chosen, **declared).fit(table)
    assert model.dequantized_features_ == {1: 1.0}
    draws = model.sample(50, random_state=0, on_grid=True)
    np.testing.assert_array_equal(draws[:, 1], np.round(draws[:, 1]))
    assert (draws[:, 0] >= 0).all()
    assert (draws[:, 0] < 24).all()
    later = table.assign(hour=table["hour"] + 48)
    np.testing.assert_allclose(model.score_samples(later), model.score_samples(table), rtol=1e-4)
    back = model.inverse_transform(model.transform(table))
    np.testing.assert_allclose(back, table, atol=1e-2)


@pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)
def test_every_density_draws_on_the_grid(cls):
    X = rng().integers(0, 5, size=(40, 2)).astype(float)
    model = quick(cls).fit(X)
    if cls is skflow.LinearFlowDensity:  # it spreads nothing
        model = quick(cls, resolution={0: 1, 1: 1}).fit(X)
    draws = model.sample(30, random_state=0, on_grid=True)
    np.testing.assert_array_equal(draws, np.round(draws))


def test_two_classes_share_a_declared_step():
    classes = rng().integers(0, 10, size=(4000, 1)), 2 * rng().integers(0, 5, size=(4000, 1))
    cell = np.linspace(3.5, 4.5, 51)[:, None]
    p = [
        np.exp(MixtureFlowDensity(random_state=0, resolution={0: 1}).fit(X).score_samples(cell))
        for X in classes
    ]
    assert p[1].mean() / (p[0].mean() + p[1].mean()) == pytest.approx(2 / 3, abs=0.04)


@pytest.mark.parametrize("cls", [KernelFlowDensity, MixtureFlowDensity])
class TestFrequencies:
    def test_of_rainy_days(self, cls):
        X = rainy_days(500)
        model = cls(random_state=0).fit(X)
        draws = model.sample(5_000, random_state=0, on_grid=True)
        assert draws.min() == 0
        assert (draws == 0).mean() == pytest.approx((X == 0).mean(), abs=0.04)
        wet = draws[draws > 0]
        assert len(np.unique(wet)) == len(wet)

    @pytest.mark.parametrize(
        "X", [rng().integers(0, 10, 1000), rng().poisson(3, 1000), rng().integers(0, 2, 1000)]
    )
    def test_of_integers(self, cls, X):
        model = cls(preprocessing="standardize", random_state=0).fit(X[:, None].astype(float))
        draws = model.sample(1000, random_state=0, on_grid=True)[:, 0]
        values, counts = np.unique(X, return_counts=True)
        values, counts = values[counts >= 10], counts[counts >= 10]
        drawn = (draws[:, None] == values).sum(axis=0)
        statistic = ((drawn - counts) ** 2 / (drawn + counts)).sum()
        assert chi2.sf(statistic, len(values)) > 1e-3


class TestStack:
    def test_hands_what_is_declared_to_its_own_estimators(self):
        given = {"resolution": {0: 1.0}, "periodic": {1: 24.0}}
        for _, estimator in stack_candidates(100, 2, **given):
            assert {name: getattr(estimator, name) for name in given} == given

    @pytest.mark.parametrize("name", ["resolution", "periodic"])
    def test_refuses_it_beside_a_list(self, name):
        stack = StackedDensity([("kernel", KernelFlowDensity())], **{name: {0: 1}})
        with pytest.raises(ValueError, match=f"{name} is for estimators"):
            stack.fit(rng().normal(size=(30, 1)))

    def test_says_which_estimator_knows_of_no_grid(self):
        stack = StackedDensity([("gaussian", GaussianMixture())], random_state=0)
        stack.fit(rng().normal(size=(50, 1)))
        with pytest.raises(TypeError, match="GaussianMixture knows of no grid"):
            stack.sample(5, on_grid=True)


class TestPeriodic:
    @pytest.mark.parametrize("cls", [KernelFlowDensity, MixtureFlowDensity])
    def test_integrates_to_one_and_foretells_better(self, cls):
        X, fresh = hours(), hours(2000, seed=1)
        model = cls(random_state=0, periodic={0: 24}).fit(X)
        grid = np.linspace(0, 24, 1001)[:-1, None]
        assert np.exp(model.score_samples(grid)).mean() * 24 == pytest.approx(1, abs=0.02)
        assert model.score(fresh) > cls(random_state=0).fit(X).score(fresh) + 0.01

    def test_a_warm_start_keeps_the_cut(self):
        model = quick(MAFDensity, periodic={0: 24}, warm_start=True).fit(hours(40))
        cut = model.observation_.circles.cuts[0]
        model.fit(hours(60, seed=3))
        assert model.observation_.circles.cuts[0] == cut
        with pytest.raises(ValueError, match="periodic was"):
            model.set_params(periodic={0: 12}).fit(hours(40))

    def test_files_keep_it(self, tmp_path):
        model = KernelFlowDensity(periodic={0: 24}, random_state=0).fit(np.round(hours(90)) % 24)
        model.save(tmp_path / "model")
        again = skflow.load(tmp_path / "model")
        for on_grid in (True, False):
            draws = model.sample(9, random_state=0, on_grid=on_grid)
            np.testing.assert_array_equal(again.sample(9, random_state=0, on_grid=on_grid), draws)


def test_a_warm_start_tells_another_resolution():
    X = rng().integers(0, 9, size=(40, 1)).astype(float)
    model = quick(MAFDensity, resolution={0: 1}, warm_start=True).fit(X)
    model.fit(X)
    with pytest.raises(ValueError, match="resolution was"):
        model.set_params(resolution={0: 0.5}).fit(X)


@pytest.mark.parametrize("name", ["resolution", "periodic"])
def test_integers_of_images_leave_no_room(name):
    X = rng().integers(0, 4, size=(20, 4))
    model = quick(skflow.GlowDensity, image_shape=(1, 2, 2), levels=4, **{name: {0: 1}})
    with pytest.raises(ValueError, match=f"leave {name} at None"):
        model.fit(X)
