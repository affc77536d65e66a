"""The same effective weights give the same block in normflows."""

import pytest
import torch
from normflows.flows import Residual as PeerResidual
from normflows.nets.lipschitz import InducedNormLinear, Swish
from torch import nn

from skflow.bijections import Residual
from skflow.nets import LipschitzMLP

TOLERANCE = 1e-5


class _Dense(InducedNormLinear):
    """A peer's layer that takes its weight as it is: ours is normalised already."""

    def compute_weight(self, update=True, n_iterations=None, atol=None, rtol=None):
        return self.weight


def peer_of(residual, **settings):
    """Build the peer's block from our effective weights and sharpness."""
    net = residual.net
    layers = []
    for i, (weight, layer) in enumerate(zip(net.weights(), [*net.hidden, net.last], strict=True)):
        if i:
            swish = Swish()
            # theirs is softplus(beta), one number for a layer
            sharpness = net.log_sharpness[i - 1].exp()[:1]
            swish.beta.data = torch.log(torch.expm1(sharpness)).detach()
            layers.append(swish)
        dense = _Dense(weight.shape[1], weight.shape[0])
        dense.weight.data, dense.bias.data = weight.detach(), layer.bias.detach()
        layers.append(dense)
    # with reverse=True their inverse() is the map from data to noise
    return PeerResidual(nn.Sequential(*layers).double(), reverse=True, **settings).double()


def ours(n_features, hidden):
    torch.manual_seed(0)
    residual = Residual(LipschitzMLP(n_features, hidden, lipschitz=0.7)).double().eval()
    for name, p in residual.named_parameters():
        if "log_sharpness" in name:
            nn.init.constant_(p, 0.4)
        else:
            nn.init.normal_(p)
    return residual


@pytest.mark.parametrize("hidden", [(16,), (16, 12), (8, 8, 8)])
def test_brute_force_in_two_dimensions(hidden):
    residual = ours(2, hidden)
    peer = peer_of(residual, brute_force=True, reduce_memory=False).eval()
    x = 2 * torch.randn(100, 2, dtype=torch.float64)
    z, log_det = residual(x)
    their_z, their_log_det = peer.inverse(x)
    torch.testing.assert_close(z, their_z, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(log_det, their_log_det.detach(), rtol=0, atol=TOLERANCE)
    back, _ = residual.inverse(z.detach())
    their_back, _ = peer.forward(z.detach())
    torch.testing.assert_close(back, their_back, rtol=0, atol=1e-2)  # they stop at 1e-5 squared


@pytest.mark.parametrize("n_features", [1, 5])
def test_long_series_with_exact_traces(n_features):
    residual = ours(n_features, (16, 12))
    settings = {"exact_trace": True, "n_power_series": 60, "reduce_memory": False}
    peer = peer_of(residual, **settings).train()  # eval mode would draw the number of terms
    x = 2 * torch.randn(50, n_features, dtype=torch.float64)
    z, log_det = residual(x)
    their_z, their_log_det = peer.inverse(x)
    torch.testing.assert_close(z, their_z, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(log_det, their_log_det.detach(), rtol=0, atol=TOLERANCE)


def test_their_hutchinson_estimate_has_our_log_det_as_mean():
    residual = ours(3, (16, 12))
    peer = peer_of(residual, n_power_series=60, reduce_memory=False).train()
    peer.iresblock.neumann_grad = False  # whose value is another quantity
    x = torch.randn(1, 3, dtype=torch.float64)
    torch.manual_seed(1)
    draws = peer.inverse(x.expand(4000, 3).clone())[1].detach()
    error = draws.std() / len(draws) ** 0.5
    assert (draws.mean() - residual(x)[1]).abs() < 4 * error
