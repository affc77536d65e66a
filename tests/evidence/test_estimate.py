"""Evidences against integrals that are known, however draws and density come."""

import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from arviz_base import from_dict
from scipy import stats
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow import LinearFlowDensity, MixtureFlowDensity, NSFDensity, log_evidence
from skflow.exceptions import ConvergenceWarning
from tests.evidence.targets import CHAINED, TARGETS, Ball, FourModes

GAUSSIAN = TARGETS["gaussian"]


def warned_of(draws, log_density):
    """Result of a call that warns, and all reasons in one text."""
    with pytest.warns(ConvergenceWarning) as caught:
        found = log_evidence(draws, log_density)
    assert [str(each.message) for each in caught] == found.reasons
    assert found.verdict == "bad"
    return found, "; ".join(found.reasons)


def close(found, truth):
    return abs(found.log_evidence - truth) < 4 * found.standard_error + 1e-3


class TestKnownIntegrals:
    @pytest.mark.parametrize("name", TARGETS)
    def test_independent_draws(self, name):
        target = TARGETS[name]
        draws = target.draw(np.random.default_rng(0), 2_000)
        found = log_evidence(draws, target.log_density, support=target.support)
        assert close(found, target.log_evidence)
        assert found.standard_error < 0.04
        assert found.verdict == "good"
        assert found.n_evaluations <= 4_013

    @pytest.mark.parametrize("name", CHAINED)
    def test_chains(self, name):
        target = CHAINED[name]
        chains = target.chains(np.random.default_rng(1), 4, 1_000, correlation=0.8)
        found = log_evidence(chains, target.log_density, support=target.support)
        assert close(found, target.log_evidence)
        assert found.n_effective < 1_000
        assert found.verdict == "good"

    def test_weighted_draws_of_nested_sampling(self):
        target = Ball()
        for seed in range(3):
            run = target.nested(np.random.default_rng(seed))
            found = log_evidence(run.rows, target.log_density, log_weights=run.log_weights)
            assert close(found, target.log_evidence)
            assert found.standard_error < 0.01
            assert found.verdict == "good"
            assert found.n_effective < len(run.rows) / 2

    def test_weights_count(self):
        """Draws of a wider density, weighted, are draws of the narrower one."""
        wide = stats.norm(0, 2).rvs((3_000, 2), random_state=0)
        weights = -0.5 * (wide**2).sum(axis=1) + 0.125 * (wide**2).sum(axis=1)
        found = log_evidence(wide, lambda x: -0.5 * (x**2).sum(axis=1), log_weights=weights)
        assert close(found, np.log(2 * np.pi))


def errors_of(n_runs, target, draw, **options):
    """Errors of many runs, and their standard errors."""
    found = [
        log_evidence(
            draw(np.random.default_rng(seed)), target.log_density, random_state=seed, **options
        )
        for seed in range(n_runs)
    ]
    estimates = np.array([each.log_evidence for each in found])
    return estimates - target.log_evidence, np.array([each.standard_error for each in found])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestCoverage:
    """Errors of many runs beside the standard errors that these give."""

    @pytest.mark.parametrize("correlation", [0.0, 0.9])
    def test_of_a_simple_density(self, correlation):
        target = TARGETS["banana"]
        error, standard = errors_of(
            20,
            target,
            lambda rng: target.chains(rng, 4, 800, correlation),
            density=LinearFlowDensity(),
        )
        assert (abs(error) < 2 * standard).mean() > 0.8
        assert 0.5 < (error / standard).std() < 1.4
        assert abs(error.mean()) < 3 * error.std() / len(error) ** 0.5

    @pytest.mark.slow
    @pytest.mark.parametrize("name", CHAINED)
    def test_of_the_default(self, name):
        target = CHAINED[name]
        error, standard = errors_of(
            60, target, lambda rng: target.chains(rng, 4, 500, 0.5), support=target.support
        )
        assert (abs(error) < standard).mean() > 0.58
        assert (abs(error) < 2 * standard).mean() > 0.88


FOUR = FourModes()
LOST = {
    "one chain of four": [(0, 1, 2, 3)] * 3 + [(0, 1, 2)],
    "every other chain": [(0, 1, 2, 3), (0, 1, 2)] * 2,
    "half of the chains": [(0, 1, 2, 3)] * 2 + [(0, 1, 2)] * 2,
    "one of two, a heavy mode": [(0, 1, 2, 3), (1, 2, 3)],
    "all, in the plane": [(0, 1, 2)] * 4,
}


class TestWhatCannotBeTrusted:
    @pytest.mark.parametrize("name", LOST)
    def test_a_lost_mode(self, name):
        rng = np.random.default_rng(0)
        chains = np.stack([FOUR.draw(rng, 1_000, modes) for modes in LOST[name]])
        found, reasons = warned_of(chains, FOUR.log_density)
        assert "mode may be missing" in reasons
        assert close(found, FOUR.log_evidence)
        assert found.standard_error > 0.05

    def test_one_chain_that_lost_a_mode_on_its_way(self):
        rng = np.random.default_rng(0)
        draws = np.concatenate([FOUR.draw(rng, 2_000), FOUR.draw(rng, 2_000, (0, 1, 2))])
        assert "how many draws lie in a region" in warned_of(draws, FOUR.log_density)[1]

    def test_chains_apart(self):
        rng = np.random.default_rng(0)
        chains = np.stack([FOUR.draw(rng, 500, (k,)) for k in range(4)])
        found, reasons = warned_of(chains, FOUR.log_density)
        assert "the chains have not mixed" in reasons
        assert found.rhat > 1.2
        assert found.standard_error > 1

    def test_a_long_way_from_the_start(self):
        """Chains that began far off, with their beginnings."""
        target = TARGETS["banana"]
        chains = target.chains(np.random.default_rng(0), 2, 400, 0.5)
        chains[:, :80, 1] += np.linspace(30, 0, 80)
        warned_of(chains, target.log_density)

    def test_slow_chains(self):
        target = TARGETS["banana"]
        chains = target.chains(np.random.default_rng(0), 4, 300, 0.98)
        assert "independent ones only" in warned_of(chains, target.log_density)[1]

    def test_draws_of_another_density(self, monkeypatch):
        # a second density, which is tried where the first is coarse, would see the same
        monkeypatch.setattr("skflow.evidence._estimate.FINE", np.inf)
        draws = GAUSSIAN.draw(np.random.default_rng(0), 2_000)
        found, reasons = warned_of(draws, lambda x: GAUSSIAN.log_density(1 + 1.5 * (x - 1)))
        assert "the harmonic mean disagrees" in reasons

    def test_proposals_without_a_density(self):
        draws = np.random.default_rng(0).uniform(size=(200, 12))

        def only_draws(x):
            known = {row.tobytes() for row in draws}
            return np.array([0.0 if row.tobytes() in known else -np.inf for row in x])

        with pytest.raises(ValueError, match="finite at none of .* Declare bounds"):
            log_evidence(draws, only_draws)


@cache
def of_gaussian():
    return log_evidence(TestWhatIsPassed.draws, GAUSSIAN.log_density)


class TestWhatIsPassed:
    draws = GAUSSIAN.draw(np.random.default_rng(0), 600)

    @pytest.fixture
    def plain(self):
        return of_gaussian()

    def test_constant_and_units(self, plain):
        shifted = log_evidence(self.draws, lambda x: GAUSSIAN.log_density(x) + 1e4)
        assert shifted.log_evidence - plain.log_evidence == pytest.approx(1e4, abs=1e-6)
        unit = 2.0**30
        scaled = log_evidence(self.draws * unit, lambda x: GAUSSIAN.log_density(x / unit))
        expected = plain.log_evidence + GAUSSIAN.d * np.log(unit)
        assert scaled.log_evidence == pytest.approx(expected, abs=1e-3)

    def test_one_point_at_a_time(self, plain):
        found = log_evidence(
            self.draws, lambda theta: GAUSSIAN.log_density(theta[None])[0], vectorized=False
        )
        assert found.log_evidence == pytest.approx(plain.log_evidence, abs=1e-9)

    def test_torch(self, plain):
        inverse = np.linalg.inv(np.linalg.cholesky(np.cov(self.draws.T)))

        def in_numpy(x):
            return -0.5 * (((x - 1) @ inverse.T) ** 2).sum(axis=1)

        def in_torch(x):
            return -0.5 * ((x - 1) @ x.new_tensor(inverse).T).square().sum(dim=1)

        found, expected = (log_evidence(self.draws, f) for f in (in_torch, in_numpy))
        assert found.log_evidence == pytest.approx(expected.log_evidence, abs=1e-6)

    def test_values_of_the_draws(self, plain):
        values = GAUSSIAN.log_density(self.draws)
        found = log_evidence(self.draws, GAUSSIAN.log_density, log_density_of_draws=values)
        assert found.log_evidence == plain.log_evidence
        assert found.n_evaluations == plain.n_evaluations - len(self.draws)
        with pytest.raises(ValueError, match="the same constant"):
            log_evidence(self.draws, GAUSSIAN.log_density, log_density_of_draws=values + 1)
        with pytest.raises(ValueError, match=r"expected shape \(600,\), got \(599,\)"):
            log_evidence(self.draws, GAUSSIAN.log_density, log_density_of_draws=values[1:])

    def test_arviz_and_frames(self, plain):
        one, three, rest = np.split(self.draws[None], [1, 4], axis=2)
        data = from_dict({"posterior": {"rest": rest, "b": three, "a": one[..., 0]}})
        found = log_evidence(data, GAUSSIAN.log_density, var_names=["a", "b", "rest"])
        assert found == plain
        frame = pd.DataFrame(self.draws, columns=list("abcdefgh"))
        bounded = log_evidence(frame, GAUSSIAN.log_density, support={"h": (-1e3, None)})
        assert close(bounded, GAUSSIAN.log_evidence)
        with pytest.raises(ValueError, match=r"column 7 \('h'\).*outside its declared support"):
            log_evidence(frame, GAUSSIAN.log_density, support={"h": (1, None)})

    def test_rows_that_repeat(self):
        """A chain stays where it is when a move is refused: that is no atom, and no call."""
        rng = np.random.default_rng(0)
        draws = GAUSSIAN.draw(rng, 2_000)[np.sort(rng.integers(2_000, size=4_000))]
        found = log_evidence(draws, GAUSSIAN.log_density)
        assert close(found, GAUSSIAN.log_evidence)
        assert found.n_evaluations == 13 + len(np.unique(draws, axis=0)) + 4_000

    def test_columns_that_repeat(self):
        """Moves of one column at a time repeat the values of the others."""
        rng = np.random.default_rng(0)
        draws = rng.normal(size=(2_000, 2)).repeat(2, axis=0)
        draws[1::2, 1] = rng.normal(size=2_000)
        found = log_evidence(draws, lambda x: -0.5 * (x**2).sum(axis=1))
        assert close(found, np.log(2 * np.pi))

    @pytest.mark.parametrize(
        "density", [LinearFlowDensity(), GaussianMixture(2), KernelDensity(bandwidth="scott")]
    )
    def test_own_density(self, density):
        before, target = dict(vars(density)), TARGETS["one column"]
        draws = target.draw(np.random.default_rng(0), 600)
        found = log_evidence(draws, target.log_density, density=density)
        assert close(found, target.log_evidence)
        assert found.densities == [type(density).__name__]
        assert vars(density) == before

    def test_a_second_density_where_the_first_is_coarse(self, monkeypatch):
        monkeypatch.setattr("skflow.evidence._estimate.FINE", 0.0)
        monkeypatch.setattr(
            "skflow.evidence._estimate.thorough_density",
            lambda low, high: NSFDensity(n_members=1, max_epochs=2),
        )
        found = log_evidence(self.draws, GAUSSIAN.log_density, n_proposals=2_000)
        assert found.densities == ["MixtureFlowDensity", "NSFDensity"]
        assert close(found, GAUSSIAN.log_evidence)
        assert found.n_evaluations <= 613 + 2_000

    def test_seeds(self, plain):
        state = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # noqa: NPY002
        again = log_evidence(self.draws, GAUSSIAN.log_density, random_state=0)
        other = log_evidence(self.draws, GAUSSIAN.log_density, random_state=1)
        assert again == plain
        assert other.log_evidence != plain.log_evidence
        assert state == (
            np.random.get_state()[1].tolist(),  # noqa: NPY002
            torch.get_rng_state().tolist(),
        )

    def test_what_came_is_not_touched(self):
        draws = self.draws.copy()
        draws.flags.writeable = False

        def greedy(x):
            value = GAUSSIAN.log_density(x)
            x[:] = np.nan
            return value

        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert log_evidence(draws, greedy).verdict == "good"


class TestRefused:
    draws = GAUSSIAN.draw(np.random.default_rng(0), 300)

    @pytest.mark.parametrize("density", ["nsf", 3, KernelDensity])
    def test_density(self, density):
        if isinstance(density, type):
            density = type("Half", (), {"fit": None})()
        with pytest.raises(TypeError, match='must be "auto" or an estimator with fit'):
            log_evidence(self.draws, GAUSSIAN.log_density, density=density)

    @pytest.mark.parametrize("n", [10, 1e4, "all"])
    def test_number_of_proposals(self, n):
        with pytest.raises(ValueError, match='must be "auto" or an integer of at least 200'):
            log_evidence(self.draws, GAUSSIAN.log_density, n_proposals=n)

    def test_density_without_weights(self):
        with pytest.raises(TypeError, match="GaussianMixture.fit takes no sample_weight"):
            log_evidence(
                self.draws,
                GAUSSIAN.log_density,
                log_weights=self.draws[:, 0],
                density=GaussianMixture(),
            )

    def test_draws_where_there_is_no_density(self):
        def elsewhere(x):
            return np.where(x[:, 7] > 0, GAUSSIAN.log_density(x), np.nan)

        with pytest.raises(ValueError, match="not finite at .* of the draws.*same order"):
            log_evidence(self.draws, elsewhere)

    def test_mixture_gets_the_bounds(self):
        """Without bounds a tenth of the proposals would be lost beside a wall."""
        draws = np.abs(np.random.default_rng(0).normal(size=(300, 3)))
        calls = []

        def half_normal(x):
            calls.append(x.min())
            return -0.5 * (x**2).sum(axis=1)

        bounds = {j: (0, None) for j in range(3)}
        found = log_evidence(draws, half_normal, support=bounds)
        assert min(calls) >= 0
        assert found.overlap > 0.9
        assert close(found, 1.5 * np.log(np.pi / 2))
        own = log_evidence(
            draws,
            half_normal,
            support={j: (0, None) for j in range(3)},
            density=MixtureFlowDensity(),
        )
        assert own.overlap < found.overlap
