"""MADE: what each output may see, and that its cursor computes the same numbers."""

import copy

import pytest
import torch

from skflow.members import stack_members
from skflow.nets import MADE

SIZES = {
    "plain": {"n_features": 5, "hidden_features": (16, 12)},
    "one hidden layer": {"n_features": 4, "hidden_features": (9,)},
    "residual": {"n_features": 5, "hidden_features": (16, 16, 16), "residual": True},
    "wide": {"n_features": 7, "hidden_features": (300, 300), "residual": True},
    "one feature": {"n_features": 1, "hidden_features": (8, 8)},
    "more features than units": {"n_features": 9, "hidden_features": (4, 4), "residual": True},
    "context": {"n_features": 5, "hidden_features": (16, 16), "n_context": 2},
    "context, residual": {
        "n_features": 4,
        "hidden_features": (8, 8),
        "n_context": 3,
        "residual": True,
    },
    "context, one feature": {"n_features": 1, "hidden_features": (8,), "n_context": 2},
    "context, few units": {"n_features": 6, "hidden_features": (3, 3), "n_context": 1},
}
N_PARAMS = 3


@pytest.fixture(params=SIZES)
def net(request):
    return build(request.param)


def build(name, seed=0):
    torch.manual_seed(seed)
    net = MADE(n_params=N_PARAMS, **SIZES[name]).double().eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=4 / max(p.shape[-1], 16) ** 0.5)
    return net


def rows(net, *shape):
    x = torch.randn(*shape, net.n_features, dtype=torch.float64)
    context = torch.randn(*shape, net.n_context, dtype=torch.float64) if net.n_context else None
    return x, context


def follow(net, x, context):
    """All raw numbers by the cursor, one feature after the other."""
    cursor = net.cursor(context, x.shape[:-1], like=x)
    params = []
    for column in x.unbind(-1):
        params.append(cursor.params())
        cursor.append(column)
    return torch.stack(params, dim=-2)


def test_shape_and_start_at_zero():
    net = MADE(4, N_PARAMS, (8, 8))
    raw = net(torch.randn(7, 4))
    assert raw.shape == (7, 4, N_PARAMS)
    assert not raw.any()


def test_outputs_see_the_features_before_and_no_other(net):
    x, context = rows(net, 1)
    jacobian = torch.autograd.functional.jacobian(lambda row: net(row, context)[0], x)[:, :, 0]
    influence = jacobian.abs().amax(dim=1)  # of feature j on output i
    assert not influence.triu().any()


@pytest.mark.parametrize("name", ["plain", "one hidden layer", "residual", "context"])
def test_outputs_see_all_features_before(name):
    net = build(name)
    d = net.n_features
    x, context = rows(net, 50)
    influence = torch.zeros(d, d, dtype=torch.float64)
    for i in range(1, d):  # one row may meet dead units, fifty do not
        given = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(net(given, context)[:, i].sum(), given)
        influence[i] = gradient.abs().amax(dim=0)
    assert torch.equal(influence > 0, torch.ones(d, d).tril(-1).bool())


@pytest.mark.parametrize("name", [name for name in SIZES if "context" in name])
def test_every_output_sees_the_context(name):
    net = build(name)
    x, context = rows(net, 50)
    moved = net(x, context + 1) - net(x, context)
    assert (moved.abs().amax(dim=(0, 2)) > 1e-3).all()


@pytest.mark.parametrize("grad", [False, True], ids=["no grad", "grad"])
@pytest.mark.parametrize("members", [(), (3,)], ids=["single", "members"])
def test_cursor_equals_the_full_pass(net, members, grad):
    if members:
        others = [copy.deepcopy(net) for _ in range(3)]
        for k, other in enumerate(others):
            for p in other.parameters():
                p.data += 0.1 * k
        net = stack_members(others)
    x, context = rows(net, *members, 6)
    with torch.set_grad_enabled(grad):
        full, stepwise = net(x, context), follow(net, x, context)
    assert full.shape == stepwise.shape == (*members, 6, net.n_features, N_PARAMS)
    torch.testing.assert_close(stepwise, full, rtol=1e-12, atol=1e-12)
    assert full.std() > 0.1


def test_gradients_of_the_cursor_equal_those_of_the_full_pass(net):
    x, context = rows(net, 6)
    weight = torch.randn(6, net.n_features, N_PARAMS, dtype=torch.float64)
    gradients = []
    for function in (net, lambda *given: follow(net, *given)):
        given = x.clone().requires_grad_()
        loss = (function(given, context) * weight).sum()
        wanted = [given, *net.parameters()]
        gradients.append(torch.autograd.grad(loss, wanted, materialize_grads=True))
    for stepwise, full in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(stepwise, full, rtol=1e-12, atol=1e-12)
    assert any(full.any() for full in gradients[0])


def test_cursor_does_without_the_features_to_come(net):
    x, context = rows(net, 4)
    i = net.n_features - 1
    cursor = net.cursor(context, (4,), like=x)
    for column in x[:, :i].unbind(-1):
        cursor.params()
        cursor.append(column)
    torch.testing.assert_close(cursor.params(), net(x, context)[:, i], rtol=1e-12, atol=1e-12)


def test_members_equal_single_nets():
    nets = [build("context, residual", seed) for seed in range(3)]
    x, context = rows(nets[0], 3, 5)
    together = stack_members(nets)(x, context)
    for k, net in enumerate(nets):
        torch.testing.assert_close(together[k], net(x[k], context[k]), rtol=1e-12, atol=1e-12)


def test_residual_needs_equal_widths():
    with pytest.raises(ValueError, match=r"equal widths, got \(8, 4\)"):
        MADE(3, 1, (8, 4), residual=True)
