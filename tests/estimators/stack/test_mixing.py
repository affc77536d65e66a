"""Weights of a mixture against brute force, and the mixture itself."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow import KernelFlowDensity, MAFDensity
from skflow.estimators.stack import _mixing
from skflow.estimators.stack._mixing import DensityMixture, mixture_weights
from tests.estimators.stack.toys import GivenRecorder, Recorder, rng, rows
from tests.instances import quick


class TestWeights:
    def brute_force(self, scores, share=None):
        def loss(w):
            return -np.average(logsumexp(scores, b=[w, 1 - w], axis=1), weights=share)

        return minimize_scalar(loss, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})

    @pytest.mark.parametrize("weighted", [False, True])
    @pytest.mark.parametrize("seed", range(4))
    def test_of_two_against_brute_force(self, seed, weighted):
        scores = 2 * rows(80, 2, seed) + [0.3 * seed, 0]
        share = np.random.default_rng(seed).uniform(size=80) if weighted else None
        weights = mixture_weights(scores, share)
        best = self.brute_force(scores, share)
        assert weights.sum() == pytest.approx(1)
        assert weights[0] == pytest.approx(best.x, abs=2e-3)
        value = np.average(logsumexp(scores, b=weights, axis=1), weights=share)
        assert value == pytest.approx(-best.fun, abs=1e-5)

    def test_at_the_best_weights_no_component_asks_for_more(self):
        scores = rows(200, 5) * 1.5
        weights = mixture_weights(scores)
        share = np.exp(scores - logsumexp(scores, b=weights, axis=1)[:, None]).mean(axis=0)
        # the gradient: 1 for what is kept, at most 1 for what is not
        np.testing.assert_allclose(share[weights > 0], 1, atol=0.01)
        assert (share[weights == 0] < 1.02).all()

    def test_a_component_that_brings_nothing_is_dropped_at_little_cost(self):
        scores = rows(300, 3)
        copies = np.column_stack([scores, scores[:, 0] - 1e-3, scores[:, 1] - 5])
        weights = mixture_weights(copies)
        assert (weights > 0).sum() <= 3
        best = logsumexp(copies, b=np.maximum(mixture_weights_unpruned(copies), 1e-300), axis=1)
        assert best.mean() - logsumexp(copies, b=weights, axis=1).mean() < 1e-3
        assert weights.sum() == pytest.approx(1)

    def test_one_far_ahead_takes_all(self):
        scores = rows(100, 3) * 0.1 + [0, -50, -700]
        np.testing.assert_array_equal(mixture_weights(scores), [1, 0, 0])

    def test_a_single_one_has_weight_one(self):
        np.testing.assert_array_equal(mixture_weights(rows(10, 1) - 1e5), [1])

    def test_weight_two_is_a_row_twice(self):
        scores, share = 2 * rows(50, 3), np.where(np.arange(50) < 20, 2, 1)
        expected = mixture_weights(np.repeat(scores, share, axis=0))
        np.testing.assert_allclose(mixture_weights(scores, share), expected, atol=1e-9)

    @pytest.mark.parametrize("shift", [-1e4, 0.0, 1e4])
    def test_units_do_not_matter(self, shift):
        scores = 2 * rows(50, 3)
        np.testing.assert_allclose(
            mixture_weights(scores + shift), mixture_weights(scores), atol=1e-3
        )


def mixture_weights_unpruned(scores):
    share = np.full(len(scores), 1 / len(scores))
    return _mixing._em(scores, share, 1e-9, 10_000)[0]


class TestMixture:
    def test_scores_and_samples(self):
        parts = [GaussianMixture(1).fit(rows()), KernelDensity(bandwidth=0.3).fit(rows() + 20)]
        mixture = DensityMixture(parts, np.array([0.25, 0.75]))
        at = np.vstack([rows(5), rows(5) + 20])
        density = 0.25 * np.exp(parts[0].score_samples(at))
        density += 0.75 * np.exp(parts[1].score_samples(at))
        np.testing.assert_allclose(mixture.score_samples(at), np.log(density), rtol=1e-9)
        draws = mixture.sample(4_000, rng())
        assert draws.shape == (4_000, 2)
        assert (draws[:, 0] > 10).mean() == pytest.approx(0.75, abs=0.03)
        assert (draws[:50, 0] > 10).any()
        assert (draws[:50, 0] < 10).any()

    def test_draws_given_a_context_keep_its_order(self):
        far = GivenRecorder()
        far.sample = lambda n, random_state, context: GivenRecorder().sample(n, 0, context) + 100
        mixture = DensityMixture([GivenRecorder(), far], np.array([0.25, 0.75]))
        context = np.arange(3.0)[:, None]
        draws = mixture.sample_given(context, 4_000, rng())
        assert draws.shape == (3, 4_000, 1)
        from_far = draws[..., 0] > 50
        np.testing.assert_allclose(from_far.mean(axis=1), 0.75, atol=0.03)
        np.testing.assert_allclose(
            draws[..., 0] - 100 * from_far, np.tile(context, 4_000), atol=0.01
        )

    def test_draws_given_a_context_that_a_part_does_not_take(self):
        part = GaussianMixture(1).fit(rows())
        with pytest.raises(
            TypeError, match="the method sample of GaussianMixture takes no context"
        ):
            DensityMixture([part], np.ones(1)).sample_given(np.ones((2, 1)), 3, rng())

    def test_draws_of_a_gaussian_mixture_change_with_the_state(self):
        part = GaussianMixture(2, random_state=0).fit(rows())
        mixture = DensityMixture([part], np.ones(1))
        first, again, other = (mixture.sample(5, rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)
        assert part.random_state == 0

    def test_without_a_sample_method(self):
        mixture = DensityMixture([Recorder().fit(rows())], np.ones(1))
        with pytest.raises(TypeError, match="Recorder has no sample method"):
            mixture.sample(3, rng())

    def test_pair_with_a_flow(self):
        parts = [quick(KernelFlowDensity).fit(rows()), quick(MAFDensity).fit(rows())]
        draws = DensityMixture(parts, np.array([0.5, 0.5])).sample(50, rng())
        assert draws.shape == (50, 2)
        assert np.isfinite(draws).all()
