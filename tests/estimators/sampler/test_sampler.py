"""FlowSampler: known targets, both languages, bounds, verdict, protocol."""

import pickle
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import skflow
from skflow import FlowSampler
from skflow.exceptions import ConvergenceWarning

LOG_Z = 2.5
MEAN, COVARIANCE = np.array([1.0, -2.0]), np.array([[1.0, 0.6], [0.6, 2.0]])
GAUSSIAN = stats.multivariate_normal(MEAN, COVARIANCE)


def gaussian(x):
    return LOG_Z + np.atleast_1d(GAUSSIAN.logpdf(x))


def gaussian_torch(x):
    exact = torch.distributions.MultivariateNormal(
        torch.as_tensor(MEAN), torch.as_tensor(COVARIANCE)
    )
    return LOG_Z + exact.log_prob(x)


def sampler(**settings):
    return FlowSampler(**{"n_features": 2, "n_draws": 50, "random_state": 0, **settings})


SEEN = []


def counted(x):
    SEEN.append(len(x))
    return gaussian(x)


@pytest.fixture(scope="module")
def fitted():
    SEEN.clear()
    return sampler(feature_names=["slope", "offset"]).fit(counted)


class TestGaussian:
    def test_moments_and_evidence(self, fitted):
        assert fitted.verdict_ == "good"
        assert fitted.verdict_reasons_ == []
        rows = fitted.sample(1_000, random_state=0)
        np.testing.assert_allclose(rows.mean(axis=0), MEAN, atol=0.25)
        np.testing.assert_allclose(np.cov(rows.T), COVARIANCE, atol=0.4)
        assert fitted.log_evidence_ == pytest.approx(LOG_Z, abs=0.05)
        assert 0 < fitted.log_evidence_se_ < 0.05

    def test_figures(self, fitted):
        assert fitted.rhat_.shape == fitted.ess_.shape == (2,)
        assert fitted.rhat_.max() < 1.1
        assert 0.5 < fitted.acceptance_ <= 1
        assert fitted.draws_.shape == (20, 50, 2)
        assert fitted.n_iter_ == len(fitted.history_)
        assert fitted.history_[-1]["power"] == 1

    def test_scores_are_those_of_the_flow(self, fitted):
        rows = fitted.sample(500, random_state=0)
        gap = fitted.score_samples(rows) - GAUSSIAN.logpdf(rows)
        assert abs(gap.mean()) < 0.2
        assert fitted.transform(rows).shape == rows.shape

    def test_calls_are_counted(self, fitted):
        # but for the call that finds out what the function takes
        assert fitted.n_evaluations_ == sum(SEEN) - 4

    def test_functions_of_torch(self):
        model = sampler(random_state=1).fit(gaussian_torch)
        np.testing.assert_allclose(model.draws_.mean(axis=(0, 1)), MEAN, atol=0.25)
        assert model.log_evidence_ == pytest.approx(LOG_Z, abs=0.05)


def four_modes(x):
    corners = np.array([[20.0, 20], [-20, 20], [20, -20], [-20, -20]])
    parts = -0.5 * ((x[:, None] - corners) ** 2).sum(axis=2) - np.log(2 * np.pi)
    return np.logaddexp.reduce(parts + np.log([0.4, 0.3, 0.2, 0.1]), axis=1)


class TestModes:
    def test_far_modes_keep_their_shares(self):
        model = sampler().fit(four_modes)
        rows = model.sample(1_000, random_state=0)
        quadrant = 2 * (rows[:, 0] < 0) + (rows[:, 1] < 0)
        shares = np.bincount(quadrant.astype(int), minlength=4) / 1_000
        np.testing.assert_allclose(shares, [0.4, 0.2, 0.3, 0.1], atol=0.06)
        assert model.log_evidence_ == pytest.approx(0, abs=0.1)
        assert model.verdict_ == "good"

    def test_start_says_where(self):
        def far(x):
            return stats.norm(5_000, 0.5).logpdf(x).sum(axis=1)

        model = sampler(start=[stats.norm(4_990, 20), (4_900, 5_100)]).fit(far)
        assert model.verdict_ == "good"
        np.testing.assert_allclose(model.draws_.mean(axis=(0, 1)), 5_000, atol=0.2)
        assert model.log_evidence_ == pytest.approx(0, abs=0.05)


class TestSupport:
    def test_draws_stay_inside_and_jacobians_count(self):
        def log_density(x):  # an exponential and a beta distribution
            return stats.expon.logpdf(x[:, 0]) + stats.beta(2, 5).logpdf(x[:, 1])

        model = sampler(
            support={"rate": (0, None), "share": (0, 1)}, feature_names=["rate", "share"]
        ).fit(log_density)
        rows = model.draws_.reshape(-1, 2)
        assert ((rows > 0) & (rows[:, 1:] < 1)).all()
        assert model.log_evidence_ == pytest.approx(0, abs=0.05)
        assert rows[:, 0].mean() == pytest.approx(1, abs=0.15)
        assert rows[:, 1].mean() == pytest.approx(2 / 7, abs=0.04)
        assert model.score_samples([[-1.0, 0.5]])[0] == -np.inf
        assert np.isfinite(model.score_samples(rows)).all()

    @pytest.mark.slow
    def test_undeclared_bounds_are_found_by_their_zeros(self):
        def log_density(x):
            with np.errstate(invalid="ignore"):
                return np.log(x[:, 0]) - x[:, 0] - 0.5 * x[:, 1] ** 2

        model = sampler().fit(log_density)
        assert model.n_nonfinite_ > 0
        assert model.draws_[..., 0].min() > 0
        assert model.log_evidence_ == pytest.approx(0.5 * np.log(2 * np.pi), abs=0.1)

    def test_one_feature(self):
        model = sampler(n_features=1).fit(lambda x: stats.gamma(3).logpdf(x[:, 0]))
        assert model.draws_.shape == (20, 50, 1)
        assert model.log_evidence_ == pytest.approx(0, abs=0.05)


class TestVerdict:
    def test_draws_too_few_are_bad(self):
        with pytest.warns(ConvergenceWarning, match="count effectively"):
            model = sampler(n_chains=4, n_draws=8).fit(gaussian)
        assert model.verdict_ == "bad"
        assert any("count effectively" in reason for reason in model.verdict_reasons_)

    def test_time_is_up(self):
        with (
            pytest.warns(ConvergenceWarning, match=r"max_seconds=0\.001 was over"),
            pytest.warns(ConvergenceWarning, match="exploration ended at a power"),
        ):
            model = sampler(max_seconds=0.001).fit(gaussian)
        assert model.verdict_ == "bad"
        assert model.draws_.shape[2] == 2


WRONG = {
    "no function": (3, TypeError, "must be a function"),
    "wrong shape": (lambda x: x.sum(), ValueError, "shape"),
    "rows beside it": (
        lambda x: -0.5 * ((x - x.mean(axis=0)) ** 2).sum(axis=1),
        ValueError,
        "each row by itself",
    ),
    "nowhere": (lambda x: np.full(len(x), -np.inf), ValueError, "finite at none"),
    "strings": (lambda x: ["a"] * len(x), TypeError, "real numbers"),
}


class TestErrors:
    @pytest.mark.parametrize("name", WRONG)
    def test_wrong_functions(self, name):
        function, error, match = WRONG[name]
        with pytest.raises(error, match=match):
            sampler().fit(function)

    def test_an_error_of_the_function_passes_through(self):
        def broken(x):
            raise ZeroDivisionError("of mine")

        with pytest.raises(ZeroDivisionError, match="of mine") as caught:
            sampler().fit(broken)
        assert "called with a float64 array of shape (4, 2)" in caught.value.__notes__[0]

    def test_number_of_features(self):
        with pytest.raises(ValueError, match="n_features"):
            FlowSampler().fit(gaussian)

    def test_start_that_is_none(self):
        with pytest.raises((TypeError, ValueError)) as caught:
            sampler(start=[(0, 1)]).fit(gaussian)
        assert "start=" in caught.value.__notes__[0]

    def test_start_outside_the_support(self):
        with pytest.raises(ValueError, match="outside the declared support"):
            sampler(support={0: (0, 1)}, start=[(-1, 1), (0, 1)]).fit(gaussian)

    def test_too_few_chains(self):
        with pytest.raises(ValueError, match="n_chains"):
            sampler(n_chains=2).fit(gaussian)

    def test_a_fit_that_fails_leaves_the_old_one(self, fitted):
        model = pickle.loads(pickle.dumps(fitted))
        with pytest.raises(TypeError):
            model.fit(None)
        np.testing.assert_array_equal(model.draws_, fitted.draws_)

    def test_not_fitted(self):
        for ask in (lambda m: m.sample(3), lambda m: m.to_arviz()):
            with pytest.raises(NotFittedError):
                ask(sampler())


@cache
def short(verbose):
    model = sampler(n_features=1, n_draws=20, verbose=verbose)
    return model.fit(lambda x: -0.5 * x[:, 0] ** 2)


class TestProtocol:
    def test_sample_picks_without_repetition(self, fitted):
        rows = fitted.draws_.reshape(-1, 2)
        order = fitted.sample(1_000, random_state=3)
        np.testing.assert_array_equal(np.sort(order, axis=0), np.sort(rows, axis=0))
        assert fitted.sample(2_500, random_state=3).shape == (2_500, 2)
        np.testing.assert_array_equal(fitted.sample(5, random_state=3), order[:5])

    def test_arviz(self, fitted):
        posterior = fitted.to_arviz()["posterior"]
        assert posterior["slope"].shape == (20, 50)
        np.testing.assert_array_equal(posterior["offset"], fitted.draws_[..., 1])
        with pytest.raises(ValueError, match="2 names, got 1"):
            fitted.to_arviz(names=["one"])

    def test_save_and_load(self, fitted, tmp_path):
        fitted.save(tmp_path / "sampler")
        again = skflow.load(tmp_path / "sampler")
        np.testing.assert_array_equal(again.draws_, fitted.draws_)
        assert again.log_evidence_ == fitted.log_evidence_
        assert again.feature_names_ == ["slope", "offset"]
        rows = fitted.draws_[0]
        np.testing.assert_array_equal(again.score_samples(rows), fitted.score_samples(rows))

    def test_clone_and_parameters(self, fitted):
        again = clone(fitted).set_params(n_draws=7)
        assert again.get_params() == {**fitted.get_params(), "n_draws": 7}
        assert not hasattr(again, "draws_")

    def test_leaves_no_trace(self, capsys):
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        torch_before = torch.get_rng_state()
        short.cache_clear()  # it has to be fitted here
        short(0)
        assert capsys.readouterr() == ("", "")
        # and no global generator was touched
        assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
        assert torch.equal(torch.get_rng_state(), torch_before)

    def test_tells_what_it_does(self, capsys):
        model = short(1)
        out = capsys.readouterr().out
        np.testing.assert_array_equal(model.draws_, short(0).draws_)  # of the same seed
        assert "exploring: power" in out
        assert "chains: 20 more draws each" in out
