"""Which preprocessing "auto" takes."""

import numpy as np
import pytest
import torch

import skflow
from skflow.bases import KernelMixture
from skflow.fitting._preprocessing import (
    choose_preprocessing,
    fit_preprocessing,
    likelier_preprocessing,
)

QUICK = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 1, "n_members": 1, "base": "normal"}


def gaussian(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3)) @ [[1, 0.5, 0], [0, 1, 0.3], [0, 0, 1]]


def unbounded(d=3):
    return np.full(d, -np.inf), np.full(d, np.inf)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (gaussian(300), "standardize"),
        (np.exp(2 * gaussian(300)), "gaussianize"),
        (gaussian(300) + 9 * (np.arange(300)[:, None] % 2), "standardize"),  # two blobs
        (np.exp(2 * gaussian(20)), "standardize"),  # too few to tell
    ],
    ids=["Gaussian", "log-normal", "two blobs", "few rows"],
)
def test_auto_takes_what_foretells_held_out_rows(rows, kind):
    assert choose_preprocessing(unbounded(), rows) == kind
    model = skflow.NSFDensity(**QUICK, random_state=0).fit(rows)
    assert model.preprocessing_ == kind


def kernels(x, weight):
    base = KernelMixture(x.shape[-1]).double()
    base.initialize(x, weight)
    return base


def plane(n=300):
    """Rows near a plane, which normal scores of the columns bend."""
    x, y = np.random.default_rng(0).uniform(size=(2, n))
    noise = 1e-4 * np.random.default_rng(1).normal(size=n)
    return np.stack([x, y + np.sign(y - 0.5), x + y + np.sign(y - 0.5) + noise], axis=1)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (plane(), "standardize"),
        (np.exp(2 * gaussian(300)), "gaussianize"),
        (gaussian(300), "gaussianize"),  # as likely behind both
        (np.exp(2 * gaussian(20)), "standardize"),  # too few to tell
    ],
    ids=["plane", "log-normal", "Gaussian", "few rows"],
)
def test_kernels_take_what_they_foretell_held_out_rows_behind(rows, kind):
    assert likelier_preprocessing(unbounded(), rows, None, kernels) == kind
    assert skflow.KernelFlowDensity(random_state=0).fit(rows).preprocessing_ == kind
    if kind == "gaussianize":  # else what is beside them would not tell
        alone = skflow.KernelFlowDensity(background=False, random_state=0).fit(rows)
        assert alone.preprocessing_ == "standardize"


def test_kernels_look_at_rows_of_positive_weight():
    rows = np.concatenate([plane(), np.exp(2 * gaussian(300))])
    first = np.repeat([1.0, 0.0], 300)
    for weight, kind in ((first, "standardize"), (first[::-1].copy(), "gaussianize")):
        assert likelier_preprocessing(unbounded(), rows, weight, kernels) == kind


def test_auto_looks_at_rows_of_positive_weight_in_any_units():
    rows = np.concatenate([gaussian(200), np.exp(3 * gaussian(200, seed=1))])
    first = np.repeat([1.0, 1e-9], 200)
    for scale in (1.0, 2.0**40):
        assert choose_preprocessing(unbounded(), rows * scale, first) == "standardize"
        assert choose_preprocessing(unbounded(), rows * scale, first[::-1].copy()) == "gaussianize"


def test_auto_sees_columns_behind_their_declared_bounds():
    rows = np.exp(2 * gaussian(300))
    model = skflow.NSFDensity(**QUICK, random_state=0, support={j: (0, None) for j in range(3)})
    assert model.fit(rows).preprocessing_ == "standardize"


def test_a_warm_start_keeps_the_preprocessing():
    model = skflow.NSFDensity(**QUICK, random_state=0, warm_start=True).fit(gaussian(300))
    assert model.fit(np.exp(2 * gaussian(300))).preprocessing_ == "standardize"


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_kernels_keep_the_density_at_declared_bounds(seed):
    """A uniform's is 1 there: normal scores behind the map of bounds would make it 93 (seed 2)."""
    rows = np.random.default_rng(seed).uniform(size=(2_000, 1))
    model = skflow.KernelFlowDensity(support={0: (0, 1)}, random_state=0).fit(rows)
    ends = np.array([[1e-9], [1e-6], [1 - 1e-6], [1 - 1e-9]])
    assert np.abs(model.score_samples(ends)).max() < np.log(10)
    assert model.preprocessing_ == "standardize"


def test_tails_of_bounded_columns_are_not_bent():
    rows = np.random.default_rng(0).uniform(size=(500, 2))
    rows[:, 1] = 8 * rows[:, 1]
    bounds = np.array([0, -np.inf]), np.array([1, np.inf])
    preprocessing = fit_preprocessing("none", bounds, torch.from_numpy(rows))
    z, _ = preprocessing(torch.tensor([[1e-300, 1e3]], dtype=torch.float64))
    assert z[0, 0] < -35
    assert z[0, 1] < 30


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("power", [6, 9, 12, 50, 300])
def test_a_student_t_brings_far_rows_back(dtype, power):
    rows = np.random.default_rng(0).standard_t(2, size=(300, 2))
    model = skflow.MAFDensity(**{**QUICK, "base": "student_t"}, dtype=dtype, random_state=0).fit(
        rows
    )
    far = np.array([[1.0, 2.0], [-3.0, 1.0], [0.5, -2.0]]) * 10.0**power
    back = model.inverse_transform(model.transform(far))
    # the bend stretches roundings by some power * log(10)
    np.testing.assert_allclose(back, far, rtol=100 * power * np.finfo(dtype).eps)
