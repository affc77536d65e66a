"""SimulationPosterior: its contract, and posteriors that are known."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.decomposition import PCA

from skflow import MixtureFlowDensity, NSFDensity, SimulationPosterior, StackedDensity
from tests.estimators.simulation.simulators import Conjugate, SquareRoot, cheap

EIGHT = MixtureFlowDensity(n_components=8, covariance_type="full", reg_covar=1e-4)
METHODS = ("auto", "npe", "nle", "both")


@pytest.fixture(scope="module", params=METHODS)
def fitted(request):
    simulator = Conjugate()
    posterior = cheap(simulator.prior, method=request.param)
    return posterior.fit(*simulator.draw(600)), simulator


# what "auto" does with its two views is seen by those that are conjugate
@pytest.fixture(scope="module", params=METHODS[1:])
def bimodal(request):
    simulator = SquareRoot()
    posterior = cheap(simulator.prior, method=request.param, density=EIGHT)
    return posterior.fit(*simulator.draw(600)), simulator


def off(draws, exact):
    """How far moments are from the exact ones, in deviations."""
    deviation = np.sqrt(np.diag(exact.cov))
    return np.concatenate(
        [(draws.mean(axis=0) - exact.mean) / deviation, draws.std(axis=0) / deviation - 1]
    )


class TestContract:
    def test_shapes(self, fitted):
        posterior, _ = fitted
        one, many = np.zeros(3), np.zeros((2, 3))
        assert posterior.sample(7, one, random_state=0).shape == (7, 3)
        assert posterior.sample(7, many, random_state=0).shape == (2, 7, 3)
        assert posterior.score_samples(np.zeros((4, 3)), one).shape == (4,)
        assert posterior.score_samples(np.zeros((2, 3)), many).shape == (2,)

    def test_seeds(self, fitted):
        posterior, _ = fitted
        a, b, c = (posterior.sample(5, np.zeros(3), random_state=seed) for seed in (0, 0, 1))
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)

    def test_scores_repeat(self, fitted):
        posterior, _ = fitted
        theta = np.zeros((1, 3))
        assert posterior.score_samples(theta, theta[0]) == posterior.score_samples(theta, theta[0])

    def test_pickles(self, fitted):
        posterior, _ = fitted
        again = pickle.loads(pickle.dumps(posterior))
        for model in (posterior, again):
            draws = model.sample(5, np.ones(3), random_state=3)
            np.testing.assert_array_equal(draws, posterior.sample(5, np.ones(3), random_state=3))

    def test_clone_and_repr(self, fitted):
        posterior, _ = fitted
        assert "method" in repr(posterior) or posterior.method == "auto"
        assert not hasattr(clone(posterior), "weights_")

    def test_method(self, fitted):
        posterior, _ = fitted
        a, b = posterior.weights_
        assert posterior.method_ == ("both" if a and b else "npe" if a else "nle")
        if posterior.method in ("npe", "nle"):
            assert posterior.method_ == posterior.method
            assert posterior.held_out_scores_ == {}
        else:
            assert set(posterior.held_out_scores_) == {"npe", "nle", "pool"}
        if posterior.method == "npe":
            assert posterior.likelihood_ is None

    def test_of_a_handful_the_prior_is_left(self):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, method="auto").fit(*simulator.draw(4))
        draws = posterior.sample(2_000, np.ones(3), random_state=0)
        assert np.isfinite(draws).all()
        assert posterior.weights_ == pytest.approx((0, 0), abs=0.05)
        np.testing.assert_allclose(draws.std(axis=0), 1, atol=0.15)

    def test_a_failed_fit_leaves_the_old_one(self):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, method="npe").fit(*simulator.draw(60))
        before = posterior.sample(3, np.zeros(3), random_state=0)
        with pytest.raises(ValueError, match="rows"):
            posterior.fit(np.zeros((5, 3)), np.zeros((4, 3)))
        np.testing.assert_array_equal(before, posterior.sample(3, np.zeros(3), random_state=0))

    def test_names(self):
        simulator = Conjugate()
        theta, x = simulator.draw(60)
        frame = pd.DataFrame(theta, columns=["a", "b", "c"])
        prior = {name: stats.norm() for name in "abc"}
        posterior = cheap(prior, method="npe").fit(frame, pd.DataFrame(x))
        assert list(posterior.feature_names_in_) == ["a", "b", "c"]
        with pytest.raises(ValueError, match="'d'"):
            cheap({"a": stats.norm(), "b": stats.norm(), "d": stats.norm()}).fit(frame, x)


class TestTruth:
    def test_moments(self, fitted):
        posterior, simulator = fitted
        x_o = np.array([0.5, -0.2, 1.0])
        draws = posterior.sample(2_000, x_o, random_state=0)
        assert np.abs(off(draws, simulator.posterior(x_o))).max() < 0.2

    def test_densities(self, fitted):
        posterior, simulator = fitted
        x_o = np.array([0.5, -0.2, 1.0])
        exact = simulator.posterior(x_o)
        theta = exact.rvs(50, random_state=0)
        error = posterior.score_samples(theta, x_o) - exact.logpdf(theta)
        assert np.abs(error.mean()) < 0.15

    def test_densities_are_those_of_the_draws(self, bimodal):
        posterior, _ = bimodal
        draws = posterior.sample(4_000, [4.0], random_state=0)
        counts, edges = np.histogram(draws[:, 0], bins=30, range=(-3, 3), density=True)
        middle = 0.5 * (edges[1:] + edges[:-1])
        fine = np.linspace(-2.999, 2.999, 1_200)[:, None]
        density = np.exp(posterior.score_samples(fine, [4.0]))
        assert density.mean() * 6 == pytest.approx(1, abs=0.05)
        by_bin = density.reshape(30, -1).mean(axis=1)
        assert np.abs(by_bin - counts).sum() * (middle[1] - middle[0]) < 0.15

    def test_both_modes(self, bimodal):
        posterior, simulator = bimodal
        draws = posterior.sample(4_000, [4.0], random_state=0)[:, 0]
        mean, deviation = simulator.sizes(4.0)
        assert 0.35 < (draws > 0).mean() < 0.65
        assert np.abs(draws).mean() == pytest.approx(mean, abs=0.5 * deviation)

    def test_no_draw_leaves_the_prior(self, bimodal):
        posterior, _ = bimodal
        draws = posterior.sample(500, np.array([[9.0], [0.0]]), random_state=0)
        assert np.abs(draws).max() <= 3
        assert posterior.score_samples([[3.5]], [4.0]) == -np.inf

    @pytest.mark.slow
    def test_ten_thousand_simulations(self):
        """The defaults are within 0.05 deviations, where the exact posterior is conjugate."""
        simulator = Conjugate()
        theta, x = simulator.draw(10_000)
        posterior = SimulationPosterior(prior=simulator.prior, random_state=0).fit(theta, x)
        found = [
            off(posterior.sample(10_000, x_o, random_state=0), simulator.posterior(x_o))
            for x_o in x[:5]
        ]
        assert np.abs(np.mean(np.abs(found), axis=0)).max() < 0.05

    @pytest.mark.slow
    def test_a_mixture_of_ten_thousand(self):
        simulator = SquareRoot()
        posterior = SimulationPosterior(prior=simulator.prior, random_state=0)
        posterior.fit(*simulator.draw(10_000))
        for x_o in (1.0, 2.5, 4.0):  # away from the bound, where few simulations are
            size = np.abs(posterior.sample(10_000, [x_o], random_state=0))
            mean, deviation = simulator.sizes(x_o)
            assert size.mean() == pytest.approx(mean, abs=0.05 * deviation)
            assert size.std() == pytest.approx(deviation, rel=0.05)


class TestSeveralObservations:
    @pytest.mark.parametrize("method", ["nle", pytest.param("both", marks=pytest.mark.slow)])
    def test_of_a_fit_to_single_ones(self, method):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, method=method).fit(*simulator.draw(1_000))
        _, x_o = simulator.draw(1, r=5)
        draws = posterior.sample(500, x_o, random_state=0)
        assert np.abs(off(draws[0], simulator.posterior(x_o[0]))).max() < 0.25

    def test_of_a_fit_to_sets(self):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, method="nle").fit(*simulator.draw(300, r=4))
        for r in (4, 2):
            _, x_o = simulator.draw(2, r=r)
            draws = posterior.sample(500, x_o, random_state=0)
            for own, exact in zip(draws, map(simulator.posterior, x_o), strict=True):
                assert np.abs(off(own, exact)).max() < 0.3

    def test_the_posterior_alone_knows_its_number(self):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, method="npe", embedding=None)
        posterior.fit(*simulator.draw(100, r=2))
        assert posterior.sample(3, simulator.draw(2, r=2)[1]).shape == (2, 3, 3)
        with pytest.raises(ValueError, match="only the likelihood"):
            posterior.sample(3, simulator.draw(2, r=3)[1])


class TestEmbedding:
    def test_of_vectors(self):
        rng = np.random.default_rng(0)
        theta = rng.normal(size=(400, 1))
        x = theta * np.linspace(0.5, 1.5, 60) + rng.normal(size=(400, 60))
        posterior = cheap([stats.norm()], method="npe").fit(theta, x)
        assert posterior.posterior_.n_context_ == 4
        draws = posterior.sample(200, x[:50], random_state=0).mean(axis=1)
        assert np.corrcoef(draws[:, 0], theta[:50, 0])[0, 1] > 0.9

    def test_of_series(self):
        rng = np.random.default_rng(0)
        theta = rng.uniform(0.5, 3, size=(200, 1))
        time = np.linspace(0, 6, 30)
        x = np.sin(theta * time + rng.uniform(0, 6, (200, 1))) + 0.1 * rng.normal(size=(200, 30))
        posterior = cheap([(0.5, 3)], method="npe", embedding="convolution").fit(theta, x)
        draws = posterior.sample(200, x[:50], random_state=0).mean(axis=1)
        assert np.corrcoef(draws[:, 0], theta[:50, 0])[0, 1] > 0.8
        with pytest.raises(ValueError, match="30"):
            posterior.sample(2, np.zeros(29))

    def test_by_a_transformer(self):
        simulator = Conjugate()
        posterior = cheap(simulator.prior, embedding=PCA(2)).fit(*simulator.draw(100))
        assert posterior.posterior_ is None or posterior.posterior_.n_context_ == 2
        assert posterior.embedding_.n_components_ == 2

    def test_by_a_module(self):
        from torch import nn

        simulator = Conjugate()
        own = nn.Linear(3, 2)
        before = own.weight.detach().clone()
        posterior = cheap(simulator.prior, method="npe", embedding=own)
        posterior.fit(*simulator.draw(100))
        assert posterior.posterior_.n_context_ == 2
        assert bool((own.weight == before).all())


class TestRefine:
    def test_is_narrower_than_one_round(self):
        simulator = SquareRoot()
        posterior = cheap(simulator.prior, density=EIGHT, method="npe").fit(*simulator.draw(60))
        mean, deviation = simulator.sizes(4.0)

        def error():
            size = np.abs(posterior.sample(1_000, [4.0], random_state=0))
            return abs(size.mean() - mean) / deviation + abs(np.log(size.std() / deviation))

        before = error()
        given = {"n_simulations": 200, "random_state": 0}
        assert posterior.refine(simulator, [4.0], 2, **given) is posterior
        assert error() < 0.5 * before
        with pytest.warns(UserWarning, match="another observation"):
            posterior.sample(2, [1.0])

    def test_asked_of_another_number_of_observations(self):
        rng = np.random.default_rng(0)

        def simulator(theta):
            return theta[:, None] + 0.3 * rng.normal(size=(len(theta), 2, 1))

        theta = rng.uniform(-1, 1, (60, 1))
        posterior = cheap([(-1, 1)], method="nle").fit(theta, simulator(theta))
        posterior.refine(simulator, [[0.3], [0.2]], n_simulations=20, random_state=0)
        with pytest.warns(UserWarning, match="another observation"):
            draws = posterior.sample(4, np.full((1, 5, 1), 0.3), random_state=0)
        assert draws.shape == (1, 4, 1)

    def test_refuses(self):
        simulator = SquareRoot()
        posterior = cheap(method="npe").fit(*simulator.draw(50))
        with pytest.raises(ValueError, match="prior"):
            posterior.refine(simulator, [4.0])
        posterior = cheap(simulator.prior, method="npe").fit(*simulator.draw(50))
        with pytest.raises(ValueError, match="one observation"):
            posterior.refine(simulator, [[4.0], [1.0]])
        with pytest.raises(ValueError, match="simulator made"):
            posterior.refine(lambda theta: theta[:5], [4.0], n_simulations=20)


class TestInput:
    simulator = Conjugate()
    theta, x = simulator.draw(60)

    def test_failed_simulations_are_left_out(self):
        x = self.x.copy()
        x[3, 1] = np.nan
        with pytest.warns(UserWarning, match="1 of 60 simulations"):
            cheap(method="npe").fit(self.theta, x)
        with pytest.raises(ValueError, match="too many"):
            cheap(method="npe").fit(self.theta, np.full_like(x, np.nan))

    def test_theta_outside_the_prior(self):
        theta = self.theta.copy()
        theta[0] = 9.0
        with pytest.warns(UserWarning, match="where the prior is zero"):
            cheap([stats.truncnorm(-5, 5)] * 3, method="npe").fit(theta, self.x)

    def test_theta_of_another_prior(self):
        with pytest.warns(UserWarning, match="does not look drawn from the prior"):
            cheap([stats.norm(3, 1)] * 3, method="npe").fit(self.theta, self.x)

    def test_an_observation_like_no_simulation(self):
        posterior = cheap(method="npe").fit(self.theta, self.x)
        with pytest.warns(UserWarning, match="unlike all simulations"):
            posterior.sample(2, np.full(3, 1e3))

    @pytest.mark.parametrize(
        ("x", "message"),
        [
            (np.zeros(60), "shape"),
            (np.zeros((59, 3)), "each row of x"),
            (np.zeros((60, 0)), "shape"),
        ],
    )
    def test_shapes_of_x(self, x, message):
        with pytest.raises(ValueError, match=message):
            cheap(method="npe").fit(self.theta, x)

    def test_masks_are_not_dropped(self):
        masked = np.ma.masked_greater(self.x, 1)
        with pytest.raises(ValueError, match="mask"):
            cheap(method="npe").fit(self.theta, masked)
        posterior = cheap(method="npe").fit(self.theta, self.x)
        with pytest.raises(ValueError, match="mask"):
            posterior.sample(2, np.ma.masked_equal([0.0, 1.0, 2.0], 1))

    def test_shapes_of_x_o(self):
        posterior = cheap(method="npe").fit(self.theta, self.x)
        for wrong in (np.zeros(2), np.zeros((1, 2)), np.zeros((1, 1, 1, 3)), np.full(3, np.nan)):
            with pytest.raises(ValueError, match="x_o"):
                posterior.sample(2, wrong)
        with pytest.raises(ValueError, match="one for each"):
            posterior.score_samples(np.zeros((4, 3)), np.zeros((3, 3)))

    def test_likelihoods_need_a_prior(self):
        for method in ("nle", "both"):
            with pytest.raises(ValueError, match="pass prior"):
                cheap(method=method).fit(self.theta, self.x)
        assert cheap().fit(self.theta, self.x).method_ == "npe"

    def test_a_density_of_ones_own(self):
        stack = StackedDensity([("mixture", MixtureFlowDensity(n_components=1))])
        posterior = cheap([stats.norm()] * 3, density=stack, method="npe").fit(self.theta, self.x)
        assert list(posterior.posterior_.named_estimators_) == ["mixture"]
        flow = NSFDensity(n_layers=1, hidden_features=(8,), max_epochs=2, n_members=1)
        posterior = cheap(density=flow, method="npe").fit(self.theta, self.x)
        assert posterior.sample(2, self.x[0]).shape == (2, 3)
