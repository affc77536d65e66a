"""Residual blocks of images: random log-dets, the inverse, the checks, a multi-scale flow."""

from functools import partial

import pytest
import torch

from skflow.architectures import image_coupling, multiscale_stack, residual_step
from skflow.bases import Normal
from skflow.bijections import Affine, Residual, _residual
from skflow.exceptions import BrokenGuaranteeError
from skflow.flow import Flow
from skflow.nets import LipschitzConvNet
from skflow.numerics import roulette_log_det


def block(image_shape=(2, 4, 4), hidden=(8,), lipschitz=0.9, seed=0, **settings):
    """Return a block whose net is as steep as it may be, in float64 and eval mode."""
    torch.manual_seed(seed)
    net = LipschitzConvNet(image_shape, hidden, lipschitz=lipschitz)
    for p in net.parameters():
        torch.nn.init.normal_(p)
    return Residual(net, **settings).double().eval()


def images(residual, n=4, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, residual.n_features, generator=generator, dtype=torch.float64)


def _flat_gradient(loss, tensors):
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    return torch.cat([g.flatten() for g in gradients if g is not None])


class TestRoulette:
    # the number of terms is shared by the rows of a call, so that calls are what is counted

    def test_log_det_is_unbiased(self):
        residual = block((2, 3, 3))
        x = images(residual)
        exact = residual(x)[1].detach()
        jacobian = residual.net.linearize(x)[1].detach()
        law = residual.n_exact_terms, residual.ratio
        torch.manual_seed(0)
        draws = torch.stack([roulette_log_det(jacobian, *law) for _ in range(3000)])
        error = draws.std(0) / len(draws) ** 0.5
        assert ((draws.mean(0) - exact).abs() < 3 * error).all()
        assert (error < 0.02).all()
        assert (exact.abs() > 5 * error).any()

    def test_gradient_is_unbiased(self):
        residual = block((1, 3, 3), (4,))
        x = images(residual)
        wanted = [x.requires_grad_(), *residual.parameters()]
        exact = _flat_gradient(residual(x)[1].sum(), wanted)
        residual.train()
        torch.manual_seed(0)
        draws = torch.stack([_flat_gradient(residual(x)[1].sum(), wanted) for _ in range(400)])
        error = draws.std(0) / len(draws) ** 0.5
        z = (draws.mean(0) - exact) / error.clamp(min=1e-12)
        # many numbers from the same draws: their deviations are those of a standard normal
        assert z.abs().max() < 4.5
        assert z.square().mean() < 2

    def test_exact_in_training_on_request(self):
        residual = block(training_log_det="exact")
        x = images(residual)
        assert torch.equal(residual.train()(x)[1], residual.eval()(x)[1])


def test_log_det_is_exact_beyond_the_limit_of_dense_nets():
    residual = block((1, 10, 10), (6, 6))
    assert residual.n_terms is None
    assert residual.truncation_bound == 0
    x = images(residual)
    residual.exact_limit = 0
    assert residual.truncation_bound < 1e-3
    series = residual(x)[1]
    residual.exact_limit = 100
    assert (series - residual(x)[1]).abs().max() < 1e-3


def test_blocks_of_rows_change_nothing(monkeypatch):
    residual = block()
    x = images(residual, 7)
    together = residual(x)[1]
    monkeypatch.setattr(_residual, "BLOCK", 1)
    torch.testing.assert_close(residual(x)[1], together, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lipschitz", [0.5, 0.97])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_round_trip(size, lipschitz):
    residual = block((1, 8, 8), (8, 8), lipschitz)
    x = size * images(residual, 50)
    with torch.no_grad():
        z, log_det = residual(x)
        back, back_log_det = residual.inverse(z)
    relative = (back - x).norm(dim=-1) / x.norm(dim=-1)
    assert relative.max() < 1e-10
    torch.testing.assert_close(back_log_det, -log_det, rtol=0, atol=1e-8)


def test_gradients_of_the_inverse():
    residual = block((1, 2, 3), (4,))
    z = images(residual, 2).requires_grad_()
    assert torch.autograd.gradcheck(residual.inverse, z, atol=1e-6)


def test_verify():
    residual = block()
    residual.verify()
    steep = [w.detach() for w in residual.net.weights()]
    residual.net.lipschitz = 0.5
    residual.net.weights = lambda: steep
    with pytest.raises(BrokenGuaranteeError, match=r"above its stated Lipschitz bound of 0\.5"):
        residual.verify()


def test_flow_of_several_scales_learns():
    torch.manual_seed(0)
    step = partial(residual_step, hidden_features=(8,), n_context=0, lipschitz=0.9)
    prior = partial(image_coupling, elementwise=Affine(), hidden_features=(8, 8))
    flow = Flow(multiscale_stack((1, 4, 4), step, prior, n_steps=1, n_scales=2), Normal(16))
    # pixels that nearly repeat the one before them
    x = 0.2 * torch.randn(256, 16) + torch.randn(256, 1)
    with torch.no_grad():
        flow.bijection.initialize(x)
        before = flow.eval().log_prob(x).mean()
    optimizer = torch.optim.Adam(flow.parameters(), 1e-2)
    flow.train()
    for _ in range(60):
        optimizer.zero_grad()
        (-flow.log_prob(x)).mean().backward()
        optimizer.step()
    flow.bijection.verify()
    with torch.no_grad():
        assert flow.eval().log_prob(x).mean() > before + 3
