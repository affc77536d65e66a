"""The same weights give the same neural autoregressive flows in pyro and in zuko."""

import math

import pytest
import torch
import zuko
from pyro.distributions.transforms import NeuralAutoregressive
from pyro.nn import AutoRegressiveNN

from skflow.bases import Normal
from skflow.bijections import (
    Autoregressive,
    DeepSigmoid,
    MonotoneNet,
    UnconstrainedMonotone,
)
from skflow.bijections._mixture_cdf import UNIT_RATE, factors
from skflow.bijections._monotone import MIN_SLOPE
from skflow.flow import Flow
from skflow.nets import MADE
from tests.oracles.test_peers import (
    context_first,
    copy_net,
    linear_layers,
    rows,
    widen,
)

TOLERANCE = 1e-5
N_SIGNAL = 6


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def assert_near(ours, theirs):
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < TOLERANCE
    assert ours.std() > 0.05  # of numbers that differ from row to row


@pytest.mark.parametrize(("d", "n_units", "width"), [(2, 8, 7), (3, 16, 12), (3, 2, 4)])
def test_deep_sigmoid_equals_pyro(d, n_units, width):
    arn = AutoRegressiveNN(d, [width, width], [n_units] * 3, permutation=torch.arange(d))
    widen(arn)
    theirs = NeuralAutoregressive(arn, hidden_units=n_units)
    ours = Autoregressive(
        DeepSigmoid(n_units, n_layers=1, min_slope=0.0), MADE(d, 3 * n_units, (width, width))
    )
    # they emit steepness, weight and offset, we weight, steepness and offset
    outputs = torch.arange(3 * n_units * d).view(3, -1)[[1, 0, 2]].flatten()
    copy_net(ours.net, linear_layers(arn.layers), torch.arange(d), outputs)
    factor = factors(n_units, arn.layers[0].weight).repeat_interleave(d).repeat(2)
    with torch.no_grad():
        weight, bias = (p[n_units * d :] for p in (ours.net.last.weight, ours.net.last.bias))
        bias[: n_units * d] -= UNIT_RATE
        weight /= factor.unsqueeze(-1)
        bias /= factor
    x, _ = rows(d)
    z, log_det = ours(x)
    their_z = theirs(x)
    assert_near(z, their_z)
    assert_near(log_det, theirs.log_abs_det_jacobian(x, their_z))


def copy_conditioner(ours, theirs, d, n_context, targets):
    """Copy a masked net that emits (feature, number), and put its numbers where ours are.

    ``targets`` says which of our numbers each of theirs is; the rest are left at zero.
    """
    n_theirs = len(targets)
    outputs = (torch.arange(d) * n_theirs + torch.arange(n_theirs)[:, None]).flatten()
    twin = MADE(d, n_theirs, tuple(layer.weight.shape[0] for layer in ours.hidden), n_context)
    copy_net(twin, linear_layers(theirs), context_first(d, n_context, torch.arange(d)), outputs)
    places = (torch.tensor(targets)[:, None] * d + torch.arange(d)).flatten()
    with torch.no_grad():
        for own, new in zip(ours.hidden, twin.hidden, strict=True):
            own.load_state_dict(new.state_dict())
        ours.last.weight[places] = twin.last.weight
        ours.last.bias[places] = twin.last.bias


def share_between_features(stacked):
    """Give zuko's nets, one a feature, the weights of the first."""
    with torch.no_grad():
        for p in stacked.parameters():
            p.copy_(p[:1].expand_as(p).clone())


@pytest.mark.parametrize("n_context", [0, 2])
@pytest.mark.parametrize(("d", "hidden"), [(2, (8, 8)), (4, (16, 8)), (3, (5,))])
def test_monotone_net_beside_its_line_equals_zuko_naf(d, hidden, n_context):
    settings = {"signal": N_SIGNAL, "network": {"hidden_features": hidden}}
    flow = zuko.flows.NAF(d, n_context, transforms=1, hidden_features=(12, 12), **settings)
    widen(flow)
    (theirs,) = flow.transform.transforms
    share_between_features(theirs.univariate.network)
    ours = Autoregressive(
        MonotoneNet(N_SIGNAL, hidden, max_log_gain=1e3),
        MADE(d, 3 + N_SIGNAL, (12, 12), n_context),
    )
    copy_conditioner(ours.net, theirs.hyper, d, n_context, range(3, 3 + N_SIGNAL))
    net = ours.elementwise.net
    with torch.no_grad():
        linear = linear_layers(theirs.univariate.network)
        for i, (own, their) in enumerate(zip(net.layers, linear, strict=True)):
            own.weight.copy_(their.weight[0] if i else their.weight[0][:, :1])
            own.bias.copy_(their.bias[0])
        net.signal.copy_(linear[0].weight[0][:, 1:].abs())
        # the gain whose gamma is L: theirs is not divided by its steepest slope
        gain = math.log1p(net.steepest().item() / (1 - MIN_SLOPE))
        ours.net.last.bias[2 * d : 3 * d] = gain / (1 - gain / 1e3)
    x, context = rows(d, n_context)
    y, log_slope = ours.elementwise.forward(x, ours.net(x, context))
    z, log_det = theirs(context).call_and_ladj(x)
    assert_near(y - x, z)
    assert_near(log_slope.expm1().log().sum(-1), log_det)


def smooth_integrand(self, signal, x):
    """Their integrand with our bound in place of theirs, which has a kink at 0."""
    numbers = torch.cat(zuko.utils.broadcast(x[..., None], signal, ignore=1), dim=-1)
    return torch.exp(7 * torch.tanh(self.integrand(numbers).squeeze(-1) / 7))


@pytest.mark.parametrize("n_context", [0, 2])
@pytest.mark.parametrize(("d", "hidden"), [(2, (8, 8)), (4, (16, 8)), (3, (5,))])
def test_unconstrained_monotone_equals_zuko_unaf(d, hidden, n_context, monkeypatch):
    monkeypatch.setattr(zuko.flows.neural.UMNN, "g", smooth_integrand)
    network = {"hidden_features": hidden, "activation": torch.nn.Tanh}
    settings = {"signal": N_SIGNAL, "network": network, "hidden_features": (12, 12)}
    flow = zuko.flows.UNAF(d, n_context, transforms=1, **settings)
    widen(flow)
    (theirs,) = flow.transform.transforms
    share_between_features(theirs.univariate.integrand)
    ours = Autoregressive(
        UnconstrainedMonotone(N_SIGNAL, hidden, n_nodes=32, max_log_slope=7.0, bound=10.0),
        MADE(d, 3 + N_SIGNAL, (12, 12), n_context),
    ).eval()
    # they emit the signal and then the constant
    copy_conditioner(ours.net, theirs.hyper, d, n_context, [*range(3, 3 + N_SIGNAL), 0])
    net = ours.elementwise.net
    with torch.no_grad():
        first, *others = linear_layers(theirs.univariate.integrand)
        net.rate.copy_(first.weight[0][:, :1])
        net.signal.weight.copy_(first.weight[0][:, 1:])
        net.signal.bias.copy_(first.bias[0])
        for own, their in zip(net.layers, others, strict=True):
            own.weight.copy_(their.weight[0])
            own.bias.copy_(their.bias[0])
        ours.net.last.bias[2 * d : 3 * d] = 1.0
    x, context = rows(d, n_context)
    flow.eval()
    assert_near(Flow(ours, Normal(d)).log_prob(x, context), flow(context).log_prob(x))
    z, log_det = ours(x, context)
    their_z, their_log_det = theirs(context).call_and_ladj(x)
    assert_near(z, their_z)
    assert_near(log_det, their_log_det)
