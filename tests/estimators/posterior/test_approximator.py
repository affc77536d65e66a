"""FlowVariationalApproximator: known posteriors, the numpy path, the verdict, the protocol."""

import math
import pickle
import time
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skflow import FlowVariationalApproximator
from skflow.exceptions import ConvergenceWarning
from tests.estimators.posterior.small import quiet, small
from tests.variational.densities import (
    COVARIANCE,
    LOG_NORMALISER,
    MEAN,
    gaussian,
    gaussian_numpy,
    two_modes,
)

FLOWS = ["iaf", "coupling", "maf", "planar", "radial", "sylvester", "gaussian", "diagonal"]


@cache
def of_gaussian(flow):
    return quiet(small(flow=flow), gaussian)


@pytest.fixture(scope="module")
def fitted():
    return small().fit(gaussian)


class TestGaussian:
    """A target that every flow holds: what is exact must be so to rounding."""

    @pytest.mark.parametrize("flow", ["gaussian", "iaf", "coupling", "sylvester"])
    def test_moments_and_evidence(self, flow):
        model = of_gaussian(flow)
        assert model.khat_ < 0.7
        assert model.log_evidence_ == pytest.approx(LOG_NORMALISER, abs=0.02)
        assert model.elbo_ == pytest.approx(LOG_NORMALISER, abs=0.05)
        Z = model.sample(20_000, random_state=0)
        deviation = np.sqrt(np.diag(COVARIANCE))
        np.testing.assert_allclose((Z.mean(axis=0) - MEAN) / deviation, 0, atol=0.05)
        np.testing.assert_allclose(Z.std(axis=0) / deviation, 1, atol=0.06)

    def test_entropy_is_the_closed_form(self):
        """Of the linear flow: minus the mean log density and that of its own covariance."""
        model = of_gaussian("gaussian")
        origin, *ends = model.inverse_transform(np.vstack([np.zeros(3), np.eye(3)]))
        root = (np.array(ends) - origin).T
        closed = np.linalg.slogdet(root)[1] + 1.5 * (1 + math.log(2 * math.pi))
        # noise at radius sqrt(d) in all directions has the mean square of the normal
        noise = math.sqrt(3) * np.vstack([np.eye(3), -np.eye(3)])
        mean = model.score_samples(model.inverse_transform(noise)).mean()
        assert -mean == pytest.approx(closed, abs=1e-6)

    def test_diagonal_has_the_precision_of_the_target(self):
        model = quiet(small(flow="diagonal", max_epochs=1), gaussian)
        deviation = 1 / np.sqrt(np.diag(np.linalg.inv(COVARIANCE)))
        Z = model.sample(20_000, random_state=0)
        np.testing.assert_allclose(Z.std(axis=0) / deviation, 1, atol=0.05)
        assert np.abs(np.corrcoef(Z.T) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("flow", FLOWS)
def test_draws_are_scored_as_they_were_drawn(flow):
    model = of_gaussian(flow)
    with torch.no_grad():
        x, log_q = model.flow_.sample_and_log_prob(200)
    np.testing.assert_allclose(model.score_samples(x.numpy()), log_q.numpy(), atol=1e-8, rtol=0)
    Z = model.sample(50, random_state=1)
    np.testing.assert_allclose(model.inverse_transform(model.transform(Z)), Z, rtol=1e-6)


def test_slow_flow_says_so():
    with pytest.warns(UserWarning, match='flow="maf" needs 3 passes'):
        small(flow="maf", max_epochs=1).fit(gaussian)


class TestModes:
    def test_both_with_their_weights(self):
        model = small(2).fit(two_modes)
        assert model.log_evidence_ == pytest.approx(2, abs=0.05)
        assert (model.sample(10_000, random_state=0)[:, 0] < 0).mean() == pytest.approx(
            0.7, abs=0.03
        )
        np.testing.assert_allclose(model.modes_[:, 0], [-4, 4], atol=0.05)
        assert model.covered_.all()

    def test_one_that_is_missed_is_reported(self):
        with pytest.warns(ConvergenceWarning, match="1 of 2 modes that the search found"):
            model = small(2, flow="gaussian").fit(two_modes)
        assert model.covered_.tolist() in ([True, False], [False, True])
        assert model.khat_ < 0.7  # which is why it has to be said

    def test_annealing(self):
        model = small(2, annealing=0.1).fit(two_modes)
        assert model.log_evidence_ == pytest.approx(2, abs=0.05)
        assert [r["stage"] for r in model.history_].count("annealing") == 4 * 5

    def test_far_narrow_modes_keep_their_width(self):
        def narrow(z):
            near = [-0.5 * ((z - m) / 0.001).square().sum(1) for m in (-50.0, 50.0)]
            return torch.logaddexp(*near)

        model = small(2).fit(narrow)
        Z = model.sample(5_000, random_state=0)
        assert (Z - 50 * np.sign(Z)).std() == pytest.approx(0.001, rel=0.1)


SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])


def eight_schools(z):
    """Non-centred: eight standardised effects, their mean and the log of their deviation."""
    y, sigma = map(torch.from_numpy, SCHOOLS)
    effect, mu, log_tau = z[:, :8], z[:, 8:9], z[:, 9:]
    tau = log_tau.exp()
    log_p = -0.5 * effect.square().sum(1) - 0.5 * (mu[:, 0] / 5).square()
    log_p = log_p - (tau[:, 0] / 5).square().log1p() + log_tau[:, 0]
    return log_p - 0.5 * ((y - mu - tau * effect) / sigma).square().sum(1)


def eight_schools_numpy(z):
    """The same, with gradients derived by hand."""
    y, sigma = SCHOOLS
    effect, mu, tau = z[:, :8], z[:, 8:9], np.exp(z[:, 9:])
    error = (y - mu - tau * effect) / sigma**2
    value = -0.5 * (effect**2).sum(1) - 0.5 * (mu[:, 0] / 5) ** 2 + z[:, 9]
    value = value - np.log1p((tau[:, 0] / 5) ** 2) - 0.5 * (error**2 * sigma**2).sum(1)
    d_tau = (error * effect).sum(1) - (2 * tau[:, 0] / 25) / (1 + (tau[:, 0] / 5) ** 2)
    d_mu = error.sum(1) - mu[:, 0] / 25
    return value, np.column_stack([tau * error - effect, d_mu, tau[:, 0] * d_tau + 1])


class TestNumpy:
    def test_eight_schools_as_in_torch(self):
        settings = {"max_epochs": 2, "batch_size": 128}
        ours = quiet(small(10, **settings), eight_schools_numpy, grad=True)
        theirs = quiet(small(10, **settings), eight_schools)
        # the same seeds lead the same way, up to rounding that training blows up
        error = 5 * np.hypot(ours.log_evidence_se_, theirs.log_evidence_se_)
        assert ours.log_evidence_ == pytest.approx(theirs.log_evidence_, abs=error)
        moments = [m.expectation(lambda z: np.column_stack([z, z**2])) for m in (ours, theirs)]
        error = 5 * ours.draws_.std(axis=0) / math.sqrt(min(ours.ess_, theirs.ess_))
        assert (np.abs(moments[0] - moments[1])[:10] < error).all()
        assert ours.log_evidence_ == pytest.approx(7.95, abs=0.1)  # by bridge sampling

    @pytest.mark.parametrize("grad", [lambda z: gaussian_numpy(z)[1], "numeric"])
    def test_other_ways_to_a_gradient(self, grad):
        model = quiet(small(flow="gaussian"), lambda z: gaussian_numpy(z)[0], grad=grad)
        assert model.log_evidence_ == pytest.approx(LOG_NORMALISER, abs=0.02)


class TestSupport:
    def test_gamma_and_uniform(self):
        """Log densities of the parameters themselves; the Jacobian is the estimator's."""

        def log_density(z):
            return 2 * z[:, 0].log() - z[:, 0] + 0 * z[:, 1]

        model = small(2, support={0: (0, None), 1: (2, 5)}, max_epochs=5).fit(log_density)
        assert model.log_evidence_ == pytest.approx(math.log(2 * 3), abs=0.03)
        Z = model.sample(5_000, random_state=0)
        assert (Z > [0, 2]).all()
        assert (Z[:, 1] < 5).all()
        assert model.expectation(lambda z: z) == pytest.approx([3, 3.5], abs=0.1)
        assert model.score_samples([[-1, 3.0]]) == -np.inf
        assert model.score_samples([[1, 3.0]]) > -np.inf

    def test_undeclared_bound_is_survived_and_counted(self):
        def half(z):
            return torch.where(z[:, 0] > 0, -0.5 * z.square().sum(1), torch.nan)

        model = quiet(small(2, max_epochs=5), half)
        assert model.n_nonfinite_ > 0
        assert model.log_evidence_ == pytest.approx(math.log(math.pi), abs=0.1)
        assert model.expectation(lambda z: z[:, 0]) == pytest.approx(0.8, abs=0.1)
        assert (model.sample(1_000, random_state=0)[:, 0] < 0).mean() < 0.2


class TestVerdict:
    def test_bad_fit_warns(self):
        def heavy(z):
            return -(1 + z.square()).log().sum(1)

        with pytest.warns(ConvergenceWarning, match=r"k-hat is .* above 0\.7"):
            model = small(2, flow="gaussian").fit(heavy)
        assert model.khat_ > 0.7

    def test_weights_mend_what_the_flow_gets_wrong(self):
        def light(z):
            return z[:, 0] - z[:, 0].pow(4) / 4

        at = torch.linspace(-6, 6, 100_001, dtype=torch.float64)[:, None]
        p = light(at).exp()
        exact = float((p * at[:, 0].pow(4)).sum() / p.sum())
        model = quiet(small(1, flow="gaussian"), light)
        draws = model.sample(100_000, random_state=0)
        mended = model.expectation(lambda z: z[:, 0] ** 4)
        resampled = (model.sample(100_000, random_state=0, resample=True) ** 4).mean()
        assert model.khat_ < 0.7
        assert abs(mended - exact) < abs((draws**4).mean() - exact)
        assert abs(mended - exact) < 0.1
        assert abs(resampled - exact) < 0.1
        assert model.log_evidence_ == pytest.approx(math.log(float(p.sum()) * 12e-5), abs=0.03)

    def test_expectation_of_several(self, fitted):
        both = fitted.expectation(lambda z: z[:, :2])
        assert both.shape == (2,)
        assert both[0] == pytest.approx(fitted.expectation(lambda z: z[:, 0]))
        with pytest.raises(ValueError, match="f must map rows"):
            fitted.expectation(lambda z: z[0])

    def test_arviz(self, fitted):
        data = fitted.to_arviz(50, random_state=0)
        assert data.posterior["z"].shape == (1, 50, 3)
        named = fitted.to_arviz(50, random_state=0, names=["a", "b", "c"])
        np.testing.assert_array_equal(named.posterior["b"][0], data.posterior["z"][0, :, 1])
        with pytest.raises(ValueError, match="names must be 3"):
            fitted.to_arviz(5, names=["a"])
        with pytest.raises(ValueError, match="differ"):
            fitted.to_arviz(5, names=["a", "a", "b"])


class TestProtocol:
    def test_clone_pickle_and_seed(self, fitted):
        Z = fitted.sample(20, random_state=0)
        again = clone(fitted).fit(gaussian)
        restored = pickle.loads(pickle.dumps(fitted))
        for other in (again, restored):
            np.testing.assert_array_equal(other.sample(20, random_state=0), Z)
            np.testing.assert_array_equal(other.score_samples(Z), fitted.score_samples(Z))
        assert not hasattr(clone(fitted), "flow_")
        assert fitted.score(Z) == pytest.approx(fitted.score_samples(Z).mean())

    def test_pickle_of_a_fit_to_a_local_function(self):
        model = small(1, flow="gaussian").fit(lambda z: -z.square().sum(1))
        assert pickle.loads(pickle.dumps(model)).sample(2).shape == (2, 1)

    def test_what_a_fit_leaves(self, fitted):
        assert fitted.n_features_in_ == 3
        assert fitted.flow_kind_ == "iaf"
        assert fitted.n_layers_ == 1
        assert fitted.hidden_features_ == (16,)
        assert fitted.n_iter_ == len(fitted.history_)
        assert {r["stage"] for r in fitted.history_} == {"gaussian", "flow"}
        assert fitted.n_evaluations_ > 10_000
        assert fitted.draws_.shape == (10_000, 3)
        assert np.exp(fitted.log_weights_).sum() == pytest.approx(1)
        assert 0 < fitted.ess_ <= 10_000
        assert fitted.elbo_se_ > 0
        assert fitted.log_evidence_se_ > 0
        assert fitted.stopped_by_ == "max_epochs"

    def test_modes_are_in_the_units_of_the_parameters(self):
        model = quiet(
            small(1, flow="gaussian", support={0: (0, None)}),
            lambda z: 2 * z[:, 0].log() - z[:, 0],
        )
        np.testing.assert_allclose(model.modes_, [[3.0]], rtol=1e-3)  # of the logarithm

    def test_rates_are_tried(self):
        model = small(1, learning_rate="auto", max_epochs=1).fit(lambda z: -z.square().sum(1))
        assert model.learning_rate_ in (1e-2, 3e-3, 1e-3)
        assert sum(r["stage"].startswith("trial") for r in model.history_) == 3

    def test_float32(self):
        model = small(dtype="float32").fit(gaussian)
        assert model.log_evidence_ == pytest.approx(LOG_NORMALISER, abs=0.05)

    def test_callers_random_state_is_left_alone(self):
        torch.manual_seed(3)
        before = torch.get_rng_state()
        small(1, flow="gaussian").fit(lambda z: -z.square().sum(1))
        assert torch.equal(before, torch.get_rng_state())

    def test_max_seconds(self, own_clock):
        start = time.perf_counter()
        model = quiet(small(10, max_epochs=10_000, max_seconds=1.0), eight_schools)
        assert model.stopped_by_ == "max_seconds"
        assert time.perf_counter() - start < 20

    def test_interrupt_keeps_the_best(self):
        calls = []

        def impatient(z):
            calls.append(len(z))
            if len(calls) == 500:
                raise KeyboardInterrupt
            return gaussian(z)

        with pytest.warns(ConvergenceWarning, match="interrupted"):
            model = small(max_epochs=1_000).fit(impatient)
        assert model.stopped_by_ == "interrupt"
        assert model.log_evidence_ == pytest.approx(LOG_NORMALISER, abs=0.05)


class TestRefusals:
    def test_number_of_features(self):
        with pytest.raises(ValueError, match="n_features, the number of parameters"):
            FlowVariationalApproximator().fit(gaussian)
        assert FlowVariationalApproximator().set_params(n_features=2).n_features == 2

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"flow": "glow"}, "'flow' parameter"),
            ({"annealing": 0}, "'annealing' parameter"),
            ({"support": {7: (0, 1)}}, "unknown column 7"),
            ({"device": "tpu"}, "device must be"),
        ],
    )
    def test_settings(self, settings, message):
        with pytest.raises(ValueError, match=message):
            small(**settings).fit(gaussian)

    @pytest.mark.parametrize(
        ("log_density", "error", "message"),
        [
            (lambda z: z, ValueError, "one number for each row"),
            (lambda z: z.sum() + z[:, 0], ValueError, "each row by itself"),
            (lambda z: z.sum(1) * torch.nan, ValueError, "not finite at any"),
            (lambda z: 0 * z.sum(1), ValueError, "constant"),
            (lambda z: np.zeros(len(z)), TypeError, "torch tensor"),
            ("density", TypeError, "must be a function"),
        ],
    )
    def test_densities(self, log_density, error, message):
        with pytest.raises(error, match=message):
            small().fit(log_density)

    def test_what_raises_is_what_is_raised(self):
        def broken(z):
            raise ZeroDivisionError("tau")

        with pytest.raises(ZeroDivisionError) as caught:
            small().fit(broken)
        assert "Raised by log_density" in caught.value.__notes__[0]

    def test_context_where_there_is_none(self, fitted):
        with pytest.raises(ValueError, match="no context"):
            fitted.sample(2, context=np.zeros((1, 2)))
        with pytest.raises(ValueError, match="elbo_"):
            fitted.elbo(None)
