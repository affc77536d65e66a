"""Checks of posteriors learnt from simulations, one by one."""

import numpy as np
import pytest
from scipy import stats

from skflow.diagnostics import (
    expected_coverage,
    local_two_sample_test,
    posterior_predictive,
    simulation_calibration,
)
from skflow.diagnostics.measures import _local
from skflow.diagnostics.measures._observations import ObservationScores, observations
from tests.diagnostics.posteriors import Normal, Posterior, Sampler, TwoModes


def made(problem, fault=None, m=500, n=49, seed=0):
    rng = np.random.default_rng(seed)
    theta, x = problem.simulate(m, rng)
    return theta, Sampler(problem, fault).sample(n, x, rng.integers(2**31)), x


def densities(posterior, theta, draws, x):
    m, n, d = draws.shape
    of_draws = posterior.score_samples(draws.reshape(-1, d), np.repeat(x, n, axis=0))
    return posterior.score_samples(theta, x), of_draws.reshape(m, n)


class TestCalibration:
    def test_exact(self):
        theta, draws, _ = made(Normal(3))
        found = simulation_calibration(theta, draws, random_state=0)
        assert found.p_value > 0.05
        assert "rank evenly among draws in 5 quantities" in str(found)
        assert found.names[:3] == ["theta 0", "theta 1", "theta 2"]
        below = (draws[..., 0] < theta[:, :1]).sum(axis=1)
        np.testing.assert_array_equal(found.ranks[:, 0], below)
        np.testing.assert_allclose(found.bias, 0, atol=0.15)
        np.testing.assert_allclose(found.spread, 1, atol=0.1)

    def test_bias_of_one_parameter(self):
        theta, draws, _ = made(Normal(3), "bias of one")
        found = simulation_calibration(theta, draws, feature_names=list("abc"), random_state=0)
        assert found.p_value < 0.01
        assert "biased: draws of a are too high by 0." in found.reading
        assert found.p_values["a"] < 0.01

    @pytest.mark.parametrize(("fault", "kind"), [("narrow", "too narrow"), ("wide", "too wide")])
    def test_width(self, fault, kind):
        theta, draws, _ = made(Normal(2), fault)
        assert kind in simulation_calibration(theta, draws, random_state=0).reading

    def test_a_direction_that_no_parameter_shows(self):
        rng = np.random.default_rng(0)
        mix = np.array([[1.0, 1.0], [1.0, -1.0]])  # sum and difference
        sets = rng.normal(size=(500, 50, 2)) * [3.0, 0.1]
        sets[:, 0, 1] += 0.05
        sets = sets @ mix
        found = simulation_calibration(sets[:, 0], sets[:, 1:], random_state=0)
        assert min(found.p_values[name] for name in ("theta 0", "theta 1")) > 0.05
        assert found.p_value < 0.01

    def test_quantities(self):
        theta, draws, x = made(Normal(2), "narrow")
        quantities = {"log density": densities(Posterior(Normal(2), "narrow"), theta, draws, x)}
        found = simulation_calibration(theta, draws, quantities=quantities, random_state=0)
        assert found.names[-1] == "log density"
        assert found.p_values["log density"] < 0.01

    def test_repeatable(self):
        theta, draws, _ = made(Normal(1), m=50)
        first, again = (simulation_calibration(theta, draws, random_state=3) for _ in range(2))
        assert first.p_values == again.p_values

    def test_bad_input(self):
        theta, draws, _ = made(Normal(2), m=50)
        with pytest.raises(ValueError, match=r"draws must be of shape \(50, n_draws, 2\)"):
            simulation_calibration(theta, draws[:40])
        with pytest.raises(ValueError, match="expected at least 9 draws for each simulation"):
            simulation_calibration(theta, draws[:, :5])
        with pytest.raises(ValueError, match="minimum of 20 is required"):
            simulation_calibration(theta[:10], draws[:10])
        with pytest.raises(ValueError, match="expected 2 feature_names, got 1"):
            simulation_calibration(theta, draws, feature_names=["a"])
        with pytest.raises(ValueError, match="'q' must hold values of the parameters"):
            simulation_calibration(theta, draws, quantities={"q": (theta, draws)})
        nothing = np.full(50, np.nan), np.zeros((50, 49))
        with pytest.raises(ValueError, match="'q' holds NaN"):
            simulation_calibration(theta, draws, quantities={"q": nothing})
        draws[0, 0, 0] = np.nan
        with pytest.raises(ValueError, match="draws contains NaN"):
            simulation_calibration(theta, draws)


class TestExpectedCoverage:
    def test_exact(self):
        problem = Normal(2)
        theta, draws, x = made(problem)
        dense = densities(Posterior(problem), theta, draws, x)
        found = expected_coverage(theta, draws, x, log_density=dense, random_state=0)
        assert found.p_value > 0.05
        assert found.observed.shape == (2, 50)
        low, high = found.band
        assert ((low <= found.observed) & (found.observed <= high)).all()
        assert "regions hold the parameters that they claim" in str(found)

    @pytest.mark.parametrize(("fault", "sign"), [("narrow", 1), ("wide", -1)])
    def test_width(self, fault, sign):
        theta, draws, x = made(Normal(3), fault, m=1_000)
        found = expected_coverage(theta, draws, x, random_state=0)
        assert found.p_value < 0.01
        assert sign * found.bias[0] > 0.03
        assert "regions around references that claim" in found.reading

    def test_highest_density_is_the_share_of_denser_draws(self):
        problem = Normal(2)
        theta, draws, x = made(problem, "narrow")
        of_theta, of_draws = densities(Posterior(problem, "narrow"), theta, draws, x)
        dense = of_theta, of_draws
        found = expected_coverage(theta, draws, x, log_density=dense, random_state=0)
        denser = (of_draws > of_theta[:, np.newaxis]).sum(axis=1)
        np.testing.assert_allclose(found.observed[1], [(denser <= k).mean() for k in range(50)])
        assert found.p_values["of highest density"] < 0.01
        assert found.bias[1] > 0

    def test_the_prior_is_seen_by_references_that_depend_on_x(self):
        rng = np.random.default_rng(0)
        theta, x = Normal(2).simulate(500, rng)
        draws = rng.normal(size=(500, 49, 2))
        assert expected_coverage(theta, draws, x, random_state=0).p_value < 0.01
        assert expected_coverage(theta, draws, random_state=0).p_value > 0.05
        assert simulation_calibration(theta, draws, random_state=0).p_value > 0.05

    def test_own_references(self):
        theta, draws, x = made(Normal(1), m=100)
        found = expected_coverage(theta, draws, references=x, random_state=0)
        nearer = (np.abs(draws - x[:, None]) < np.abs(theta - x)[:, None]).sum(axis=(1, 2))
        # each set has its own unit, so that one parameter's order is that of plain distances
        np.testing.assert_allclose(found.observed[0], [(nearer <= k).mean() for k in range(50)])
        with pytest.raises(ValueError, match=r"references must be of shape \(100, 1\)"):
            expected_coverage(theta, draws, references=x[:9])


class TestLocal:
    def test_exact_under_the_null(self, monkeypatch):
        monkeypatch.setattr(_local, "N_NULL", 99)
        local, everywhere = [], []
        for seed in range(150):
            theta, draws, x = made(Normal(2), m=40, n=19, seed=seed)
            draws_o = Sampler(Normal(2)).sample(50, x[0], seed + 1_000)
            at = {"x_o": x[0], "draws_o": draws_o, "random_state": seed}
            local.append(local_two_sample_test(theta, draws, x, **at).p_value)
            found = local_two_sample_test(theta, draws, x, random_state=seed)
            everywhere.append(found.p_value)
        for p_values in (local, everywhere):
            assert stats.binomtest(int((np.array(p_values) <= 0.1).sum()), 150, 0.1).pvalue > 1e-3

    def test_a_fault_that_cancels_on_average(self):
        theta, draws, x = made(Normal(2), "wavering bias", m=2_000)
        found = local_two_sample_test(theta, draws, x, random_state=0)
        assert found.p_value < 0.01
        assert found.draws is None
        for side, word in ((2.0, "high"), (-2.0, "low")):
            x_o = np.array([side, 0.0])
            draws_o = Sampler(Normal(2), "wavering bias").sample(300, x_o, 1)
            at = {"x_o": x_o, "draws_o": draws_o, "random_state": 0}
            found = local_two_sample_test(theta, draws, x, **at)
            assert found.bias[0] * side < 0
            assert found.log_odds.shape == (300,)
            assert found.p_value < 0.01
            assert f"draws of theta 0 are too {word}" in found.reading

    def test_statistic_is_the_variance_of_the_log_odds(self):
        theta, draws, x = made(Normal(1), "bias", m=200)
        at = {"x_o": x[0], "draws_o": draws[0], "random_state": 0}
        found = local_two_sample_test(theta, draws, x, **at)
        np.testing.assert_allclose(found.statistic, np.var(found.log_odds))
        np.testing.assert_allclose(found.log_odds.mean(), 0, atol=1e-12)
        assert found.p_value >= (1 + (found.null >= found.statistic).sum()) / 2_000 - 1e-12

    def test_several_observations_of_a_parameter_and_many_columns(self):
        rng = np.random.default_rng(0)
        theta = rng.normal(size=(300, 1))
        x = theta[:, np.newaxis] + rng.normal(size=(300, 4, 12))
        x[0, 1, 2] = np.nan
        draws = theta[:, np.newaxis] + rng.normal(size=(300, 49, 1)) + 1
        at = {"x_o": x[5], "draws_o": draws[5], "random_state": 0}
        assert local_two_sample_test(theta, draws, x, **at).p_value < 0.01
        with pytest.raises(ValueError, match="x_o has 22 columns, and x 24"):
            local_two_sample_test(theta, draws, x, x_o=x[5, :, :11], draws_o=draws[5])

    def test_bad_input(self):
        theta, draws, x = made(Normal(2), m=50)
        with pytest.raises(ValueError, match="x_o needs draws_o"):
            local_two_sample_test(theta, draws, x, x_o=x[0])
        with pytest.raises(ValueError, match="draws_o must have 2 columns, got 1"):
            local_two_sample_test(theta, draws, x, x_o=x[0], draws_o=draws[0][:, :1])
        with pytest.raises(ValueError, match="x_o must be of the shape of a row of x"):
            local_two_sample_test(theta, draws, x, x_o=x[:2], draws_o=draws[0])
        with pytest.raises(ValueError, match="x must hold an observation for each of 50 rows"):
            local_two_sample_test(theta, draws, x[:9])
        with pytest.raises(ValueError, match="x holds infinite values"):
            local_two_sample_test(theta, draws, np.where(x > 1, np.inf, x))


class TestObservations:
    def test_scores(self):
        x = np.random.default_rng(0).lognormal(size=(500, 2))
        scores = ObservationScores(x, 5)
        found = scores(x)
        np.testing.assert_allclose(found.std(axis=0), 1, atol=0.02)
        np.testing.assert_array_equal(found[:, 0].argsort(), x[:, 0].argsort())
        far = scores(np.array([[1e9, np.nan]]))
        np.testing.assert_allclose(far, [[found[:, 0].max(), 0]])

    def test_components(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(200, 2)) @ rng.normal(size=(2, 30))
        x[:, 7] = 1.0
        assert ObservationScores(x, 3)(x).shape == (200, 3)

    def test_several(self):
        x = np.random.default_rng(0).normal(size=(10, 6, 2))
        found = observations(x, 10)
        np.testing.assert_allclose(found, np.hstack([x.mean(axis=1), x.std(axis=1)]))


class TestPredictive:
    def test_like_and_unlike(self):
        problem, rng = Normal(2), np.random.default_rng(0)
        _, x = problem.simulate(30, rng)
        p_values = []
        for x_o in x:
            replicates = problem.simulator(Sampler(problem).sample(200, x_o, 1), rng)
            p_values.append(posterior_predictive(x_o, replicates).p_value)
        assert min(p_values) > 0.01  # conservative
        x_o = np.array([0.0, 30.0])
        replicates = problem.simulator(Sampler(problem).sample(500, x_o, 1), rng)
        found = posterior_predictive(x_o, replicates)
        assert found.p_value < 0.02
        assert found.p_values["column 1"] < 0.01

    def test_jointly(self):
        rng = np.random.default_rng(0)
        replicates = np.outer(rng.normal(size=1_000), [1, 1]) + 0.1 * rng.normal(size=(1_000, 2))
        found = posterior_predictive([1.0, -1.0], replicates)
        assert min(found.p_values.values()) > 0.1
        assert found.joint_p_value < 0.002
        assert found.p_value < 0.01

    def test_several_observations_and_own_statistics(self):
        rng = np.random.default_rng(0)
        replicates, x_o = rng.normal(size=(300, 8, 2)), 3 * rng.normal(size=(8, 2))
        found = posterior_predictive(x_o, replicates)
        assert found.names[0] == "mean of column 0"
        assert found.names[-1] == "sd of column 1"
        own = {"largest": lambda x: x.max(axis=(1, 2))}
        found = posterior_predictive(x_o, replicates, own)
        assert found.names == ["largest"]
        assert found.observed == x_o.max()
        bad = {"largest": lambda x: x.max(axis=1)}
        with pytest.raises(ValueError, match="'largest' must return one number for each"):
            posterior_predictive(x_o, replicates, bad)

    def test_bad_input(self):
        with pytest.raises(ValueError, match="at least 20 data sets of the shape of x_o"):
            posterior_predictive([1.0], np.zeros((30, 2)))
        with pytest.raises(ValueError, match="at least 20 data sets"):
            posterior_predictive([1.0], np.zeros((3, 1)))
        with pytest.raises(ValueError, match="are not finite"):
            posterior_predictive([1.0], np.full((30, 1), np.nan))


def test_a_mode_left_out_shows_in_ranks_and_regions():
    theta, draws, x = made(TwoModes(2, weight=0.8), "second mode dropped")
    assert simulation_calibration(theta, draws, random_state=0).p_value < 0.01
    assert expected_coverage(theta, draws, x, random_state=0).p_value < 0.01
