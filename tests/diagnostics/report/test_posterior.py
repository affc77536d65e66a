"""All checks of a posterior together: planted faults are found, right posteriors pass."""

import numpy as np
import pandas as pd
import pytest

from skflow import check_posterior
from skflow.diagnostics.report._posterior import _holm
from tests.diagnostics.posteriors import MODES, Box, Normal, Posterior, Sampler, TwoModes

N_SIMULATIONS = 1_000
FEWER = 500
PROBLEMS = {"normal": Normal, "box": Box, "two modes": TwoModes}
PLANTED = ("bias", "bias of one", "narrow")
# modes are dropped where there are two
FAULTS = [
    *((name, fault) for name in PROBLEMS for fault in PLANTED),
    *(("two modes", fault) for fault in MODES),
]
DIMENSIONS = (1, 2, 5, 10)


def checked(problem, fault=None, seed=0, kind=Sampler, n=N_SIMULATIONS, **options):
    theta, x = problem.simulate(n, np.random.default_rng(seed))
    options = {"random_state": seed, "verbose": False} | options
    return check_posterior(kind(problem, fault), theta, x, **options)


@pytest.mark.parametrize(
    ("name", "d", "fault"),
    [
        ("normal", 1, "bias"),
        ("normal", 2, "narrow"),
        ("normal", 5, "bias of one"),
        ("box", 2, "narrow"),
        ("two modes", 1, "any mode dropped"),
        ("two modes", 2, "right mode dropped"),
    ],
)
def test_faults(name, d, fault):
    check = checked(PROBLEMS[name](d), fault, n=FEWER)
    assert check.verdict == "bad"
    assert min(check.p_values.values()) < 0.01
    assert check.reasons


@pytest.mark.parametrize("name", PROBLEMS)
def test_right_posteriors(name):
    check = checked(PROBLEMS[name](2), kind=Posterior, n=FEWER)
    assert check.verdict == "good"
    assert check.reasons == []


@pytest.mark.slow
@pytest.mark.parametrize("d", DIMENSIONS)
class TestSeeds:
    @pytest.mark.parametrize(("name", "fault"), FAULTS)
    def test_faults(self, name, d, fault):
        found = [checked(PROBLEMS[name](d), fault, seed).verdict for seed in range(10)]
        assert found.count("bad") >= 9

    @pytest.mark.parametrize("name", PROBLEMS)
    def test_right_posteriors(self, name, d):
        problem = PROBLEMS[name](d)
        found = [checked(problem, None, seed, Posterior).verdict for seed in range(20)]
        assert found.count("good") >= 19


class TestReport:
    def test_everything(self, capsys):
        problem, rng = Normal(2), np.random.default_rng(0)
        theta, x = problem.simulate(200, rng)
        options = {"x_o": np.array([0.0, 40.0]), "feature_names": ["a", "b"], "n_draws": 19}
        options["simulator"] = lambda theta: problem.simulator(theta, rng)
        check = check_posterior(Posterior(problem), theta, x, **options)
        assert list(check.findings) == list(check.p_values)
        assert list(check.p_values)[3:] == ["two samples at x_o", "predictive"]
        assert check.findings["calibration"].names[:2] == ["a", "b"]
        assert check.findings["calibration"].names[-1] == "log density"
        assert (check.n_simulations, check.n_draws) == (200, 19)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "200 simulations, 19 draws of the posterior each"
        assert lines[-1].startswith(("Good: no check rejects (p = ", "Bad: predictive rejects"))
        assert "\n".join(lines) == str(check)

    def test_level(self):
        theta, x = Normal(1).simulate(100, np.random.default_rng(0))
        options = {"n_draws": 19, "verbose": False}
        strict = check_posterior(Sampler(Normal(1)), theta, x, level=1.0, **options)
        assert strict.verdict == "bad"
        assert strict.reasons == [str(found) for found in strict.findings.values()]
        assert repr(strict).startswith("PosteriorCheck('bad', p_values={")

    def test_repeatable(self):
        theta, x = Normal(1).simulate(100, np.random.default_rng(0))
        options = {"n_draws": 19, "verbose": False, "random_state": 5}
        first, again = (check_posterior(Posterior(Normal(1)), theta, x, **options) for _ in "ab")
        assert first.p_values == again.p_values

    def test_holm(self):
        assert _holm({"a": 0.02, "b": 0.01, "c": 0.9}) == {"a": 0.04, "b": 0.03, "c": 0.9}
        assert _holm({"a": 0.5, "b": 0.6}) == {"a": 1.0, "b": 1.0}


class Recorder(Posterior):
    """Keeps what it is asked."""

    def sample(self, n_samples, x, random_state=None):
        self.asked = x
        return super().sample(n_samples, x, random_state)


class TestWhatIsAsked:
    def test_rows_go_through_untouched(self):
        rng = np.random.default_rng(0)
        theta = rng.normal(size=(100, 1))
        several = theta[:, np.newaxis] + rng.normal(size=(100, 5, 1))

        class Several:
            def sample(self, n_samples, x, random_state=None):
                self.shape = x.shape
                noise = np.random.default_rng(random_state).normal(size=(len(x), n_samples, 1))
                return 5 * x.mean(axis=1)[:, np.newaxis] / 6 + noise / np.sqrt(6)

        posterior = Several()
        options = {"n_draws": 19, "verbose": False}
        assert check_posterior(posterior, theta, several, **options).verdict == "good"
        assert posterior.shape == (100, 5, 1)

    def test_frames(self):
        theta, x = Normal(1).simulate(100, np.random.default_rng(0))
        recorder = Recorder(Normal(1))
        frame = pd.DataFrame(x, columns=["seen"])
        options = {"use_log_density": False, "n_draws": 19, "verbose": False}
        check_posterior(recorder, theta, frame, **options)
        assert list(recorder.asked.columns) == ["seen"]

    def test_of_many_simulations_a_choice_is_taken(self):
        theta, x = Normal(1).simulate(5_100, np.random.default_rng(0))
        options = {"n_draws": 9, "verbose": False}
        assert check_posterior(Sampler(Normal(1)), theta, x, **options).n_simulations == 5_000

    def test_bad_input(self):
        theta, x = Normal(2).simulate(50, np.random.default_rng(0))
        with pytest.raises(TypeError, match="with `sample` is needed; object has none"):
            check_posterior(object(), theta, x)
        with pytest.raises(TypeError, match="Sampler has no `score_samples`"):
            check_posterior(Sampler(Normal(2)), theta, x, use_log_density=True)
        with pytest.raises(ValueError, match="theta has 50 rows and x 49"):
            check_posterior(Sampler(Normal(2)), theta, x[1:])
        with pytest.raises(ValueError, match="simulator needs x_o"):
            check_posterior(Sampler(Normal(2)), theta, x, simulator=np.sin)
        with pytest.raises(ValueError, match=r"must return draws of shape \(50, 99, 3\), got"):
            check_posterior(Sampler(Normal(2)), np.zeros((50, 3)), x)
