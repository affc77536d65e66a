"""The parts of a simulation posterior: priors and weights."""

import numpy as np
import pytest
from scipy import stats

from skflow import MixtureFlowDensity
from skflow.estimators.simulation._prior import read_prior
from skflow.estimators.simulation._weighing import pool_weights


def fitted_density():
    rows = np.random.default_rng(0).normal(size=(100, 2))
    return MixtureFlowDensity(n_components=1, support={0: (-9, 9)}).fit(rows)


PRIORS = {
    "bounds by column": lambda: {0: (-1, 1), 1: (0, 5)},
    "an array of bounds": lambda: np.array([[-1, 1], [0, 5]]),
    "distributions": lambda: {0: stats.norm(), 1: stats.gamma(2)},
    "both": lambda: [(0, 1), stats.expon()],
    "multivariate": lambda: stats.multivariate_normal(np.zeros(2), np.eye(2)),
    "a density": fitted_density,
}


class TestPrior:
    @pytest.mark.parametrize("name", PRIORS)
    def test_draws_and_densities_agree(self, name):
        prior = read_prior(PRIORS[name](), 2)
        draws = prior.draw(4_000, np.random.RandomState(0))
        low, high = np.array(prior.bounds).T
        assert draws.shape == (4_000, 2)
        assert ((draws >= low) & (draws <= high)).all()
        assert np.isfinite(prior.log_density(draws)).all()
        # E[u(theta) / p(theta)] is the integral of any density u inside
        middle, spread = draws.mean(axis=0), 0.5 * draws.std(axis=0)
        inside = stats.norm(middle, spread).logpdf(draws).sum(axis=1)
        total = np.exp(inside - prior.log_density(draws)).mean()
        assert 0.8 < total < 1.2

    def test_outside(self):
        prior = read_prior([(0, 1), stats.expon()], 2)
        assert (prior.log_density(np.array([[2.0, 1.0], [0.5, -1.0]])) == -np.inf).all()

    @pytest.mark.parametrize(
        ("prior", "error", "message"),
        [
            ({0: (0, 1)}, ValueError, "each of the 2"),
            ([(0, 1)] * 3, ValueError, "each of the 2"),
            ([(1, 0), (0, 1)], ValueError, "lower first"),
            ([(0, np.inf), (0, 1)], ValueError, "finite"),
            ([stats.poisson(3), (0, 1)], ValueError, "discrete"),
            (stats.norm(), ValueError, "one for each"),
            (stats.multivariate_normal(np.zeros(3)), ValueError, "2 parameters"),
            ("uniform", TypeError, "expected"),
            ([(0, 1), "wide"], ValueError, "expected"),
        ],
    )
    def test_refuses(self, prior, error, message):
        with pytest.raises(error, match=message):
            read_prior(prior, 2)


class TestWeights:
    def views(self, deviations, n=600, k=400):
        """Views of theta given x = theta + noise, each a normal with its own faults."""
        rng = np.random.default_rng(0)
        theta = rng.normal(size=n)
        start = stats.norm(0, 2)
        rows = np.column_stack([theta, start.rvs((n, k), random_state=rng)])
        x = theta + rng.normal(size=n)
        found = [
            stats.norm((x / 2 + shift * rng.normal(size=n))[:, None], width).logpdf(rows)
            for shift, width in deviations
        ]
        # of a flat prior, that is not normalised
        return np.stack(found, axis=-1), np.zeros_like(rows), start.logpdf(rows)

    def test_a_right_view_is_taken_as_it_is(self):
        right, wrong = (0.0, 0.5**0.5), (1.5, 0.5)
        assert pool_weights(*self.views([right, wrong]))[0] == (1.0, 0.0)
        assert pool_weights(*self.views([wrong, right]))[0] == (0.0, 1.0)

    def test_views_that_err_apart_are_pooled(self):
        noisy = (0.6, 0.5**0.5)
        weights, scores = pool_weights(*self.views([noisy, noisy]))
        assert min(weights) > 0.2
        assert scores["pool"] > max(scores["npe"], scores["nle"]) + 0.01

    def test_one_that_is_too_sharp_is_flattened(self):
        weights, _ = pool_weights(*self.views([(0.0, 0.35), (3.0, 3.0)]), both=True)
        assert weights[0] == pytest.approx(0.35**2 / 0.5, abs=0.08)

    def test_of_views_that_tell_nothing_the_prior_is_left(self):
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(300, 400))
        nonsense = rng.normal(size=(300, 400, 2))
        prior = stats.norm.logpdf(rows)
        weights, scores = pool_weights(5 * nonsense, prior, prior)
        assert max(weights) < 0.05
        assert scores["pool"] == pytest.approx(prior[:, 0].mean(), abs=0.05)
