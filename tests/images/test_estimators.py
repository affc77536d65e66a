"""Estimators on images: shapes, levels, scales, bits, temperature, and what they refuse."""

import copy
import math
import pickle

import numpy as np
import pytest
import torch
from scipy.stats import binom, kstest
from sklearn.datasets import load_digits

from skflow import GlowDensity, distill
from tests.photographs import IMAGE_ESTIMATORS

X = load_digits().data[:120]
SHAPE = (1, 8, 8)
SMALL = {
    "image_shape": SHAPE,
    "n_layers": 1,
    "hidden_features": (8, 8),
    "max_epochs": 2,
    "random_state": 0,
}


@pytest.fixture(scope="module", params=IMAGE_ESTIMATORS)
def fitted(request):
    """Fit to integers."""
    return IMAGE_ESTIMATORS[request.param](levels=17, **SMALL).fit(X)


class TestIntegers:
    def test_scores_are_deterministic_and_rows_independent(self, fitted):
        scores = fitted.score_samples(X)
        assert np.isfinite(scores).all()
        assert (scores == fitted.score_samples(X)).all()
        assert scores[3:5] == pytest.approx(fitted.score_samples(X[3:5]), rel=1e-6)

    def test_bits_per_dim(self, fitted):
        bits = fitted.bits_per_dim(X)
        assert bits == pytest.approx(-fitted.score(X) / (64 * math.log(2)))
        # two epochs are enough to beat a coin for each level
        assert bits < math.log2(17)

    def test_draws_are_levels(self, fitted):
        draws = fitted.sample(20, random_state=0)
        assert draws.shape == (20, 64)
        assert set(np.unique(draws)) <= set(range(17))
        assert (draws == fitted.sample(20, random_state=0)).all()

    def test_latents_lead_back(self, fitted):
        np.testing.assert_array_equal(fitted.inverse_transform(fitted.transform(X)), X)

    def test_pickle_scores_alike(self, fitted):
        copy = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(copy.score_samples(X), fitted.score_samples(X))

    def test_what_auto_came_to(self, fitted):
        assert fitted.preprocessing_ == "identity"
        assert fitted.n_scales_ == 2
        assert fitted.n_members_ == 1
        assert fitted.dequantized_features_ == {}


@pytest.mark.parametrize("name", IMAGE_ESTIMATORS)
def test_members(name):
    several = IMAGE_ESTIMATORS[name](levels=17, n_members=2, **SMALL).fit(X)
    each = np.stack([member.score_samples(X) for member in several._members()])
    mixture = np.logaddexp(*each) - math.log(2)
    np.testing.assert_allclose(several.score_samples(X), mixture, rtol=1e-5)
    assert several.sample(3, random_state=0).shape == (3, 64)


@pytest.mark.parametrize("name", IMAGE_ESTIMATORS)
def test_warm_start_goes_on(name):
    model = IMAGE_ESTIMATORS[name](levels=17, warm_start=True, **SMALL).fit(X)
    before = model.score(X)
    model.set_params(max_epochs=4).fit(X)
    assert model.score(X) > before


def test_warm_start_keeps_the_scaling_and_says_so():
    model = GlowDensity(warm_start=True, preprocessing="standardize", **SMALL).fit(X + 0.5)
    model.set_params(preprocessing="auto").fit(X + 0.5)
    assert model.preprocessing_ == "standardize"


@pytest.mark.parametrize("name", IMAGE_ESTIMATORS)
def test_probabilities_of_two_pixels_sum_to_one(name):
    """Of all images of two pixels and three levels, to the error of four draws of the noise."""
    rng = np.random.default_rng(0)
    first = rng.integers(0, 3, 200)
    rows = np.column_stack([first, np.clip(first + rng.integers(-1, 2, 200), 0, 2)])
    settings = {**SMALL, "image_shape": (2, 1, 1), "max_epochs": 30}
    model = IMAGE_ESTIMATORS[name](levels=3, **settings).fit(rows.astype(float))
    images = np.stack(np.meshgrid(*[np.arange(3.0)] * 2), axis=-1).reshape(-1, 2)
    assert np.exp(model.score_samples(images)).sum() == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", [name for name in IMAGE_ESTIMATORS if "variational" not in name])
def test_continuous_values_in_other_units(name):
    values = X + np.random.default_rng(0).random(X.shape)
    model, scaled = (
        IMAGE_ESTIMATORS[name](**SMALL).fit(values * factor) for factor in (1.0, 2.0**-8)
    )
    shift = 64 * 8 * math.log(2)
    np.testing.assert_allclose(
        scaled.score_samples(values / 256), model.score_samples(values) + shift, rtol=1e-5
    )
    assert model.preprocessing_ == "rescale"
    assert model.sample(2, random_state=0).shape == (2, 64)


@pytest.fixture(scope="module")
def glow():
    """Fit to continuous values."""
    return GlowDensity(**SMALL).fit(X + np.random.default_rng(0).random(X.shape))


class TestTemperature:
    def test_cold_draws_vary_less(self, glow):
        spread = [glow.sample(300, 0, temperature=t).std(axis=0).mean() for t in (0.5, 1.0)]
        assert spread[0] < 0.75 * spread[1]

    def test_one_is_the_default(self, glow):
        np.testing.assert_array_equal(glow.sample(3, 0, temperature=1.0), glow.sample(3, 0))

    def test_of_an_ensemble(self):
        glow = GlowDensity(n_members=2, **SMALL).fit(X + 0.5)
        assert glow.sample(5, 0, temperature=0.5).shape == (5, 64)

    def test_other_bases_have_none(self):
        mixture = GlowDensity(n_layers=1, max_epochs=1, random_state=0).fit(X[:, 10:13])
        with pytest.raises(ValueError, match="base='normal'"):
            mixture.sample(2, temperature=0.5)

    @pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
    def test_must_be_positive(self, glow, temperature):
        with pytest.raises(ValueError, match="above 0"):
            glow.sample(1, temperature=temperature)


def test_integers_that_are_no_images():
    rows = np.random.default_rng(0).binomial(200, [0.2, 0.5, 0.9], (150, 3)).astype(float)
    counts = GlowDensity(image_shape=(3, 1, 1), levels=201, random_state=0).fit(rows)
    independent = binom.logpmf(rows, 200, [0.2, 0.5, 0.9]).sum(axis=1).mean()
    assert independent - 0.5 < counts.score(rows) < independent + 0.5
    assert (counts.sample(5, 0) == np.round(counts.sample(5, 0))).all()


class TestOfIntegers:
    """What the score of an integer image is."""

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls):
        return GlowDensity(levels=17, **{**SMALL, "max_epochs": 5}).fit(X)

    def test_no_probability_lies_elsewhere(self, model):
        with torch.no_grad():
            values = model.flow_.flow.sample(500)
        assert ((values >= 0) & (values <= 17)).all()

    def test_noise_is_uniform_and_of_its_own_for_each_row(self, model):
        rows = torch.from_numpy(X)
        noise = torch.stack([model.flow_._fixed_seeds(rows, k) for k in range(4)])
        assert noise.min() > 0
        assert noise.max() < 1
        assert kstest(noise.flatten().numpy(), "uniform").pvalue > 1e-3
        columns = noise.flatten(0, 1)
        correlation = np.corrcoef(columns.T.numpy()) - np.eye(64)
        assert np.abs(correlation).max() < 5 / len(columns) ** 0.5

    def test_score_estimates_the_log_of_the_mean(self, model):
        with torch.no_grad():
            rows = torch.from_numpy(X[:8]).float().repeat_interleave(4000, 0)
            each = model.flow_.flow.log_prob(model.flow_._inside(rows + torch.rand_like(rows)))
        truth = torch.logsumexp(each.view(8, -1).double(), 1) - math.log(4000)
        gap = truth.numpy() - model.score_samples(X[:8])
        assert gap.mean() > 0  # a lower bound, on the average over rows
        assert np.abs(gap).max() < 40

    def test_bits_are_those_of_what_was_fitted(self, model):
        bits = model.bits_per_dim(X)
        other = copy.copy(model).set_params(levels=None)
        with pytest.raises(ValueError, match="put them back"):
            other.set_params(warm_start=True).fit(X)
        assert model.bits_per_dim(X) == bits

    def test_no_teacher(self, model):
        with pytest.raises(ValueError, match="distribution of integers"):
            distill(model)


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"image_shape": (1, 7, 8)}, r"rows of 56 values.*64 columns; \(1, 8, 8\) would fit"),
            ({"levels": 17}, r"image_shape=\(channels.*\(64, 1, 1\)"),
            ({"image_shape": (8, 8)}, "three positive integers"),
            ({"image_shape": (1, 8.0, 8)}, "three positive integers"),
            ({"image_shape": (1, 1, 64)}, "cannot be squeezed.*pad them to 2 x 64"),
            ({"image_shape": SHAPE, "n_scales": 4}, "n_scales from 1 to 3.*pad.*16 x 16"),
            ({"image_shape": SHAPE, "levels": 16}, r"from 0 to 15; column \d+ holds 16"),
            (
                {"image_shape": SHAPE, "levels": 17, "support": {0: (0, 17)}},
                "leave support at None",
            ),
            ({"image_shape": SHAPE, "levels": 17, "preprocessing": "whiten"}, "'auto'"),
            ({"image_shape": SHAPE, "levels": 17, "input_noise": 1.0}, "leave input_noise"),
            ({"image_shape": SHAPE, "dequantization": "variational"}, "give levels"),
            ({"memory_efficient": True}, "memory_efficient=True is for images"),
            ({"image_shape": [[1], [8, 8]]}, "three positive integers"),
        ],
    )
    def test_in_fit(self, settings, message):
        with pytest.raises(ValueError, match=message):
            GlowDensity(**settings).fit(X)

    def test_broken_value_in_fit_is_named_by_its_row_in_X(self):
        broken = X[::-1].copy()
        broken[7, 5] = 2.5
        weight = np.ones(len(X))
        weight[:3] = 0
        with pytest.raises(ValueError, match=r"column 5 holds 2\.5 in row 7"):
            GlowDensity(levels=17, **SMALL).fit(broken, sample_weight=weight)

    def test_broken_values_when_scoring(self):
        model = GlowDensity(levels=17, **SMALL).fit(X)
        broken = X[:2].copy()
        broken[1, 5] = 2.5
        with pytest.raises(ValueError, match=r"column 5 holds 2\.5 in row 1"):
            model.score_samples(broken)

    def test_bits_of_continuous_values(self):
        with pytest.raises(ValueError, match="levels=None"):
            GlowDensity(**SMALL).fit(X).bits_per_dim(X)


@pytest.mark.parametrize("size", [(2, 5, 7), (3, 1, 1), (1, 1, 1), (1, 6, 6), (2, 2, 2)])
@pytest.mark.parametrize("name", IMAGE_ESTIMATORS)
def test_any_size(name, size):
    rows = np.random.default_rng(0).integers(0, 4, (40, math.prod(size))).astype(float)
    model = IMAGE_ESTIMATORS[name](levels=4, **{**SMALL, "image_shape": size}).fit(rows)
    np.testing.assert_array_equal(model.inverse_transform(model.transform(rows)), rows)


@pytest.mark.filterwarnings("ignore:max_seconds:sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("name", IMAGE_ESTIMATORS)
def test_starts_in_blocks_and_in_no_time(name, n_members, monkeypatch):
    monkeypatch.setattr("skflow.bijections._base.BLOCK_ENTRIES", 1)
    settings = {**SMALL, "levels": 17, "n_members": n_members, "max_seconds": 1e-3}
    model = IMAGE_ESTIMATORS[name](**settings).fit(X[:40])
    assert np.isfinite(model.score_samples(X[:5])).all()
