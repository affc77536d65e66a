"""FlowVariationalApproximator with a context: many posteriors by one flow."""

import math
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from skflow import FlowVariationalApproximator, load
from skflow.variational._context import StandardizedContext
from tests.estimators.posterior.small import quiet, small
from tests.variational.densities import two_modes

FILES = Path(__file__).parent / "files"
LOADINGS = torch.tensor([[1.0, 0.5], [0.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
NOISE = 0.5


class LinearModel(nn.Module):
    """z standard normal, x = A z + noise: the posterior of z is Gaussian, linear in x."""

    def __init__(self, loadings):
        super().__init__()
        self.loadings = nn.Parameter(loadings.clone())

    def forward(self, z, x):
        error = (x - z @ self.loadings.T) / NOISE
        constant = 2.5 * math.log(2 * math.pi) + 3 * math.log(NOISE)
        return -0.5 * z.square().sum(1) - 0.5 * error.square().sum(1) - constant


def linear_data(n=400):
    rng = np.random.default_rng(0)
    noise = NOISE * rng.standard_normal((n, 3))
    return rng.standard_normal((n, 2)) @ LOADINGS.numpy().T + noise


def exact_log_evidence(X):
    loadings = LOADINGS.numpy()
    covariance = loadings @ loadings.T + NOISE**2 * np.eye(3)
    square = (X * np.linalg.solve(covariance, X.T).T).sum(axis=1)
    return -0.5 * (square + np.linalg.slogdet(covariance)[1] + 3 * math.log(2 * math.pi))


AMORTIZED = {
    "n_layers": 1,
    "hidden_features": (16,),
    "encoder_features": (32,),
    "max_epochs": 150,
    "batch_size": 64,
    "learning_rate": 0.005,
    "random_state": 0,
}


@pytest.fixture(scope="module", name="data")
def rows_of_the_linear_model():
    return linear_data()


@pytest.fixture(scope="module", params=["iaf", "coupling"], name="model")
def amortized_model(request, data):
    fixed = LinearModel(LOADINGS).requires_grad_(False)
    model = FlowVariationalApproximator(n_features=2, flow=request.param, **AMORTIZED)
    return model.fit(lambda z, x: fixed(z, x), context=data)


class TestAmortized:
    def test_bound_is_tight(self, model, data):
        exact = exact_log_evidence(data).mean()
        assert model.elbo_ == pytest.approx(exact, abs=0.08)
        each = model.elbo(data[:50], lambda z, x: LinearModel(LOADINGS)(z, x), random_state=0)
        assert each.shape == (50,)
        assert (each < exact_log_evidence(data[:50]) + 0.2).all()

    def test_draws_follow_the_exact_posterior(self, model, data):
        A = LOADINGS.numpy()
        covariance = np.linalg.inv(np.eye(2) + A.T @ A / NOISE**2)
        means = data[:40] @ A @ covariance / NOISE**2
        Z = model.sample(500, context=data[:40], random_state=0)
        assert Z.shape == (40, 500, 2)
        deviation = np.sqrt(np.diag(covariance))
        assert np.abs((Z.mean(axis=1) - means) / deviation).mean() < 0.2
        assert (Z.std(axis=1) / deviation).mean() == pytest.approx(1, abs=0.15)

    def test_scores_are_of_pairs(self, model, data):
        Z = model.sample(1, context=data[:10], random_state=0)[:, 0]
        scores = model.score_samples(Z, context=data[:10])
        assert scores.shape == (10,)
        assert (scores > model.score_samples(Z + 3, context=data[:10])).all()

    def test_latents_and_back(self, model, data):
        Z = model.sample(1, context=data[:10], random_state=0)[:, 0]
        latents = model.transform(Z, context=data[:10])
        np.testing.assert_allclose(model.inverse_transform(latents, context=data[:10]), Z)
        scores = model.score_samples(Z, context=data[:10])
        assert model.score(Z, context=data[:10]) == pytest.approx(scores.mean())

    def test_refusals(self, model, data):
        for call in (model.sample, lambda n: model.transform(np.zeros((n, 2)))):
            with pytest.raises(ValueError, match="pass context"):
                call(2)
        with pytest.raises(ValueError, match=r"shape \(n_rows, 3\)"):
            model.sample(2, context=data[:, :2])
        broken = data[:3].copy()
        broken[1, 2] = np.nan
        with pytest.raises(ValueError, match="nan in row 1, column 2"):
            model.sample(2, context=broken)
        with pytest.raises(ValueError, match="resample=False"):
            model.sample(2, resample=True, context=data)
        with pytest.raises(ValueError, match="not kept: pass it"):
            model.elbo(data)
        with pytest.raises(ValueError, match="one row for each of the 2"):
            model.score_samples(np.zeros((2, 2)), context=data)

    def test_a_module_is_trained_along_and_left_alone(self, data):
        start = LinearModel(0.3 * torch.eye(3, 2).double())
        model = FlowVariationalApproximator(n_features=2, **AMORTIZED).fit(start, context=data)
        assert torch.equal(start.loadings, 0.3 * torch.eye(3, 2).double())
        learnt = model.log_joint_.loadings.detach().numpy()
        # A is found up to a rotation of z: compare what does not depend on it
        np.testing.assert_allclose(
            learnt @ learnt.T, LOADINGS.numpy() @ LOADINGS.numpy().T, atol=0.35
        )
        assert model.elbo(data, random_state=0).mean() == pytest.approx(
            exact_log_evidence(data).mean(), abs=0.1
        )
        restored = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(
            restored.sample(2, context=data[:3], random_state=0),
            model.sample(2, context=data[:3], random_state=0),
        )

    @pytest.mark.parametrize("flow", ["planar", "maf", "gaussian"])
    def test_flows_that_are_not_for_it(self, flow, data):
        with pytest.raises(ValueError, match="with a context, flow must be one of"):
            quiet(
                FlowVariationalApproximator(n_features=2, flow=flow),
                LinearModel(LOADINGS),
                context=data,
            )

    @pytest.mark.parametrize(
        ("log_joint", "message"),
        [
            (lambda z, x: z[:, 0] - z.square().sum(), "each row by itself"),
            (lambda z, x: z[:, 0] * torch.nan, "not finite at any of 20 rows"),
        ],
    )
    def test_densities_that_are_refused(self, log_joint, message, data):
        with pytest.raises(ValueError, match=message):
            small(2).fit(log_joint, context=data)
        with pytest.raises(ValueError, match="annealing is not for"):
            small(2, annealing=0.5).fit(log_joint, context=data)

    def test_numpy_is_not_for_it(self, data):
        with pytest.raises(ValueError, match="leave grad out"):
            small(2).fit(lambda z, x: z[:, 0], grad=True, context=data)

    def test_a_fit_without_a_context_is_forgotten(self, data):
        model = quiet(small(2, flow="diagonal"), two_modes)
        assert hasattr(model, "khat_")
        model.set_params(max_epochs=1).fit(lambda z, x: -z.square().sum(1), context=data)
        assert not hasattr(model, "khat_")
        assert not hasattr(model, "draws_")
        assert model.n_context_ == 3

    def test_bounds(self, data):
        model = FlowVariationalApproximator(
            n_features=1, support={0: (0, None)}, **{**AMORTIZED, "max_epochs": 5}
        )
        quiet(model, lambda z, x: -z[:, 0] * x[:, 0].square(), context=data)
        assert (model.sample(5, context=data[:4], random_state=0) > 0).all()


def far_model(offset):
    """The linear model of observations that lie elsewhere."""
    model = LinearModel(LOADINGS).requires_grad_(False)
    return lambda z, x: model(z, x - offset)


class TestPrecision:
    """Numbers lose what lies below a float32's digits only once their offsets are gone."""

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_a_context_far_from_0(self, dtype, data):
        model = FlowVariationalApproximator(n_features=2, dtype=dtype, **AMORTIZED)
        model.fit(far_model(1e6), context=data + 1e6)
        assert model.elbo_ == pytest.approx(exact_log_evidence(data).mean(), abs=0.08)
        near = FlowVariationalApproximator(n_features=2, dtype=dtype, **AMORTIZED)
        near.fit(far_model(0), context=data)
        Z = model.sample(1, context=data + 1e6, random_state=0)[:, 0]
        scores = model.score_samples(Z, context=data + 1e6)
        np.testing.assert_allclose(scores, near.score_samples(Z, context=data), atol=0.01)

    def test_parameters_far_from_0(self, data):
        """Between bounds; draws, latents and scores tell apart what float32 does not."""
        model = FlowVariationalApproximator(
            n_features=1,
            support={0: (1e6, 1e6 + 1)},
            dtype="float32",
            **{**AMORTIZED, "max_epochs": 2},
        )
        seen = []

        def log_joint(z, x):
            seen.append(z.detach())
            return -(z[:, 0] - 1e6) * x[:, 0].exp()

        quiet(model, log_joint, context=data)
        assert seen[-1].dtype == torch.float64
        assert len(seen[-1].unique()) > 100
        Z = 1e6 + np.linspace(0.4, 0.41, 20)[:, None]
        context = np.repeat(data[:1], 20, axis=0)
        assert len(np.unique(model.score_samples(Z, context=context))) == 20
        latents = model.transform(Z, context=context)
        np.testing.assert_allclose(
            model.inverse_transform(latents, context=context), Z, rtol=0, atol=1e-5
        )

    def test_a_module_gets_the_dtype_of_the_layers(self, data):
        seen = []

        class Recording(LinearModel):
            def forward(self, z, x):
                seen.append((z.dtype, x.dtype))
                return super().forward(z, x)

        settings = {**AMORTIZED, "max_epochs": 1, "dtype": "float32"}
        model = FlowVariationalApproximator(n_features=2, **settings)
        quiet(model, Recording(LOADINGS), context=data)
        model.elbo(data[:3], n_samples=2)
        assert set(seen) == {(torch.float32, torch.float32)}

    def test_a_constant_column_of_the_context_steers_nothing(self, data):
        context = np.column_stack([data, np.full(len(data), 7e8)])
        settings = {**AMORTIZED, "max_epochs": 1}
        model = FlowVariationalApproximator(n_features=2, **settings)
        fixed = LinearModel(LOADINGS).requires_grad_(False)
        quiet(model, lambda z, x: fixed(z, x[:, :3]), context=context)
        (reader,) = (m for m in model.flow_.modules() if isinstance(m, StandardizedContext))
        seen = reader(torch.from_numpy(context))
        assert not seen[:, 3].any()
        torch.testing.assert_close(seen[:, :3].std(0, correction=0), torch.ones(3).double())

    def test_the_flow_itself_takes_the_context_as_it_is(self, data, tmp_path):
        settings = {**AMORTIZED, "max_epochs": 1, "dtype": "float32"}
        model = FlowVariationalApproximator(n_features=2, **settings)
        quiet(model, far_model(1e6), context=data + 1e6)
        Z = model.sample(1, context=data + 1e6, random_state=0)[:, 0]
        scores = model.score_samples(Z, context=data + 1e6)
        with torch.no_grad():
            direct = model.flow_.log_prob(torch.from_numpy(Z), torch.from_numpy(data + 1e6))
        np.testing.assert_allclose(direct.numpy(), scores, rtol=1e-6)
        model.save(tmp_path / "model.safetensors")
        for other in (pickle.loads(pickle.dumps(model)), load(tmp_path / "model.safetensors")):
            np.testing.assert_array_equal(other.score_samples(Z, context=data + 1e6), scores)


def test_a_file_from_before_contexts_were_standardised():
    model = load(FILES / "unscaled-context.safetensors")
    with np.load(FILES / "unscaled-context.npz") as expected:
        context, Z = expected["context"], expected["draws"]
        close = {"rtol": 1e-5, "atol": 1e-6}  # kernels differ from machine to machine
        draws = model.sample(1, context=context, random_state=0)[:, 0]
        np.testing.assert_allclose(draws, Z, **close)
        scores = model.score_samples(Z, context=context)
        np.testing.assert_allclose(scores, expected["scores"], **close)
        latents = model.transform(Z, context=context)
        np.testing.assert_allclose(latents, expected["latents"], **close)
