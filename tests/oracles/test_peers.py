"""The same weights give the same density in zuko and in nflows.

A flow that integrates to one may still be another flow than the paper's. Here each map is built
twice, with the peer's random weights copied into ours, and compared in float64.
"""

import math

import numpy as np
import pytest
import torch
import zuko
from nflows.distributions.normal import StandardNormal
from nflows.flows import Flow as NFlow
from nflows.transforms import (
    CompositeTransform,
    LULinear,
    MaskedPiecewiseRationalQuadraticAutoregressiveTransform,
    ReversePermutation,
)
from nflows.transforms.splines.rational_quadratic import unconstrained_rational_quadratic_spline

from skflow.architectures import autoregressive_stack, coupling_stack
from skflow.bases import Normal
from skflow.bijections import (
    PLU,
    Affine,
    Autoregressive,
    Chain,
    Coupling,
    Permutation,
    RationalQuadraticSpline,
)
from skflow.flow import Flow

TOLERANCE = 1e-6
# zuko bounds a log-scale r by r / (1 + |r| / b) with this b
ZUKO_AFFINE = Affine(max_log_scale=-math.log(1e-3))
# a raw slope of zero is a slope of one here, and softplus(0) + 1e-3 in nflows
SLOPE_SHIFT = math.log(math.expm1(1 - 1e-3))


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def rows(n_features, n_context=0, n=200):
    x = 1.5 * torch.randn(n, n_features)
    return x, torch.randn(n, n_context) if n_context else None


def widen(module):
    """Random parameters of ordinary size, so that no map is near the identity."""
    for p in module.parameters():
        torch.nn.init.normal_(p, std=0.5 if p.dim() == 1 else 1 / p.shape[-1] ** 0.5)


def copy_net(ours, theirs, inputs, outputs):
    """Copy linear layers, with units sorted by what they see, as ours are.

    ``inputs`` and ``outputs`` say which of theirs each of ours is.
    """
    before = inputs
    for our, their in zip([*ours.hidden, ours.last], theirs, strict=True):
        if our is ours.last:
            units = outputs
        elif hasattr(our, "mask"):
            units = their.mask.sum(dim=-1).argsort(stable=True)
        else:
            units = torch.arange(len(their.bias))
        if hasattr(our, "mask"):
            assert torch.equal(our.mask.bool(), their.mask[units][:, before].bool())
        with torch.no_grad():
            our.weight.copy_(their.weight[units][:, before])
            our.bias.copy_(their.bias[units])
        before = units


def outputs_by_number(features, n_params):
    """Where our output (number, feature) is in a net that emits (feature, number)."""
    return (features * n_params + torch.arange(n_params)[:, None]).flatten()


def linear_layers(net):
    return [
        layer for layer in net if isinstance(layer, torch.nn.Module) and len(layer._parameters)
    ]


def layers(chain, kind):
    return [part for part in chain.bijections if isinstance(part, kind)]


def context_first(n_features, n_context, features):
    return torch.cat([n_features + torch.arange(n_context), features])


def assert_same(ours, theirs):
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < TOLERANCE
    assert ours.std() > 0.5  # of numbers that differ from row to row


@pytest.mark.parametrize(("d", "n_context", "width"), [(5, 0, 16), (4, 3, 12), (2, 0, 7)])
@pytest.mark.parametrize("n_layers", [1, 2, 5])
def test_maf_equals_zuko(d, n_context, width, n_layers):
    theirs = zuko.flows.MAF(d, n_context, transforms=n_layers, hidden_features=(width, width))
    widen(theirs)
    settings = {"n_layers": n_layers, "n_context": n_context, "mixing": "reverse"}
    stack = autoregressive_stack(d, ZUKO_AFFINE, hidden_features=(width, width), **settings)
    pairs = zip(layers(stack, Autoregressive), theirs.transform.transforms, strict=True)
    for i, (our, their) in enumerate(pairs):
        features = torch.arange(d).flip(0) if i % 2 else torch.arange(d)
        copy_net(
            our.net,
            linear_layers(their.hyper),
            context_first(d, n_context, features),
            outputs_by_number(features, 2),
        )
    ours = Flow(stack, Normal(d))
    x, context = rows(d, n_context)
    assert_same(ours.log_prob(x, context), theirs(context).log_prob(x))
    z, _ = ours.to_noise(x[:20], None if context is None else context[:20])
    their_z = theirs(None if context is None else context[:20]).transform(x[:20])
    assert (z - their_z).abs().max() < TOLERANCE


@pytest.mark.parametrize("n_context", [0, 3])
@pytest.mark.parametrize(("d", "n_layers"), [(2, 1), (4, 2), (6, 5)])
def test_affine_coupling_equals_zuko(d, n_layers, n_context):
    theirs = zuko.flows.RealNVP(d, n_context, transforms=n_layers, hidden_features=(16, 8))
    widen(theirs)
    # zuko takes turns between even and odd columns, we between the halves
    split = Permutation([*range(0, d, 2), *range(1, d, 2)])
    settings = {"n_layers": n_layers, "n_context": n_context, "mixing": "none"}
    stack = coupling_stack(d, ZUKO_AFFINE, hidden_features=(16, 8), **settings)
    half = torch.arange(d // 2)
    for our, their in zip(layers(stack, Coupling), theirs.transform.transforms, strict=True):
        copy_net(
            our.net,
            linear_layers(their.hyper),
            context_first(d // 2, n_context, half),
            outputs_by_number(half, 2),
        )
    ours = Flow(Chain([split, stack]), Normal(d))
    x, context = rows(d, n_context)
    assert_same(ours.log_prob(x, context), theirs(context).log_prob(x))
    drawn, log_prob = ours.sample_and_log_prob(200, context)
    assert (log_prob - theirs(context).log_prob(drawn)).abs().max() < TOLERANCE


@pytest.mark.parametrize("n_bins", [2, 8, 20])
@pytest.mark.parametrize("size", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("inverse", [False, True], ids=["forward", "inverse"])
def test_spline_equals_nflows(n_bins, size, inverse):
    spline = RationalQuadraticSpline(n_bins, bound=3.0)
    x = torch.linspace(-4, 4, 1001)
    raw = size * torch.randn(len(x), spline.n_params)
    widths, heights, slopes = raw.split([n_bins, n_bins, n_bins - 1], dim=-1)
    theirs, their_log_slope = unconstrained_rational_quadratic_spline(
        x,
        widths,
        heights,
        slopes + SLOPE_SHIFT,
        inverse=inverse,
        tail_bound=3.0,
        min_bin_width=1e-3,
        min_bin_height=1e-3,
        min_derivative=1e-3,
    )
    ours, log_slope = (spline.inverse if inverse else spline.forward)(x, raw)
    assert (ours - theirs).abs().max() < TOLERANCE
    assert (log_slope - their_log_slope).abs().max() < TOLERANCE


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_spline_flow_equals_nflows(n_layers):
    d, n_bins = 5, 6
    parts = []
    for i in range(n_layers):
        parts += [ReversePermutation(d)] if i else []
        parts.append(
            MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
                d,
                16,
                num_bins=n_bins,
                tails="linear",
                tail_bound=3.0,
                num_blocks=1,
                use_residual_blocks=False,
            )
        )
    theirs = NFlow(CompositeTransform(parts), StandardNormal([d]))
    widen(theirs)
    spline = RationalQuadraticSpline(n_bins)
    settings = {"n_layers": n_layers, "hidden_features": (16, 16), "mixing": "reverse"}
    stack = autoregressive_stack(d, spline, **settings)
    for our, their in zip(layers(stack, Autoregressive), parts[::2], strict=True):
        net = their.autoregressive_net
        linear = [net.initial_layer, *(block.linear for block in net.blocks), net.final_layer]
        outputs = outputs_by_number(torch.arange(d), spline.n_params)
        copy_net(our.net, linear, torch.arange(d), outputs)
        with torch.no_grad():
            our.net.last.bias[2 * n_bins * d :] -= SLOPE_SHIFT
    x, _ = rows(d)
    assert_same(Flow(stack, Normal(d)).log_prob(x), theirs.log_prob(x))


@pytest.mark.parametrize("d", [1, 2, 7])
def test_plu_equals_nflows_lu(d):
    theirs = LULinear(d, identity_init=False)
    widen(theirs)
    ours = PLU(d)
    lower, upper = np.tril_indices(d, -1), np.triu_indices(d, 1)
    with torch.no_grad():
        ours.lu[lower] = theirs.lower_entries
        ours.lu[upper] = theirs.upper_entries
        ours.lu.diagonal().copy_(theirs.upper_diag.log())
        ours.bias.copy_(theirs.bias)
    x, _ = rows(d)
    z, log_det = ours(x)
    their_z, their_log_det = theirs(x)
    assert (z - their_z).abs().max() < TOLERANCE
    assert (log_det - their_log_det).abs().max() < TOLERANCE
    assert log_det.abs().min() > 1e-3
