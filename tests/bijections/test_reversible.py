"""Reversible gives the gradients of Chain, and keeps nothing but its output for them."""

import copy

import pytest
import torch

from skflow.bijections import (
    PLU,
    ActNorm,
    Additive,
    Affine,
    Chain,
    Continuous,
    Coupling,
    Inverse,
    Permutation,
    PerPixel,
    RationalQuadraticSpline,
    Residual,
    Reverse,
    Reversible,
    Squeeze,
)
from skflow.exceptions import NotInvertibleError
from skflow.members import stack_members
from skflow.nets import MLP, LipschitzMLP, VelocityNet
from tests.instances import BIJECTIONS, rows_for
from tests.photographs import coupling as image_coupling
from tests.photographs import glow, image_rows

D = 4


def coupling(elementwise=None, swap=False, dropout=0.0, n_context=0):
    elementwise = elementwise or Affine()
    net = MLP(D // 2, D // 2, elementwise.n_params, (8, 8), n_context=n_context, dropout=dropout)
    return Coupling(D, elementwise, net, swap)


def parts(n=1, **settings):
    """A list of bijections of rows (n, 4) with a bit of everything in it."""
    made = []
    for i in range(n):
        made += [
            ActNorm(D),
            Permutation.random(D, i),
            Chain([PLU(D), coupling(**settings), Reverse(D)]),
            coupling(RationalQuadraticSpline(), swap=True, **settings),
            Inverse(coupling(Additive(), **settings)),
        ]
    return made


def moved(module, seed=0, size=0.2):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p += size * torch.randn(p.shape, generator=generator)
    return module.double().train()


def rows(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def gradients(bijection, x, context=None, seed=0):
    """Of the results by the parameters, x and the context."""
    torch.manual_seed(seed)
    wanted = [t.requires_grad_() for t in (x, context) if t is not None]
    z, log_det = bijection(x, context)
    loss = (z * rows(*z.shape, seed=1)).sum() + (log_det * rows(*log_det.shape, seed=2)).sum()
    return z, log_det, *torch.autograd.grad(loss, [*bijection.parameters(), *wanted])


def assert_same(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_gradients_are_those_of_the_chain(dropout):
    given = parts(2, dropout=dropout, n_context=2)
    chain, ours = moved(Chain(given)), Reversible(given)
    assert_same(gradients(ours, rows(7, D), rows(7, 2)), gradients(chain, rows(7, D), rows(7, 2)))


def test_members():
    given = [moved(Chain(parts(n_context=2)), seed) for seed in range(3)]
    chain = stack_members(given)
    ours = stack_members([Reversible([c]) for c in given])
    x, context = rows(3, 7, D), rows(3, 7, 2)
    assert_same(gradients(ours, x, context), gradients(chain, x, context))


@pytest.mark.parametrize("settings", [{}, {"mixing": "emerging"}, {"n_context": 2}], ids=str)
def test_images(settings):
    torch.manual_seed(0)
    chain, ours = (moved(glow(memory_efficient=m, **settings)) for m in (False, True))
    x, context = image_rows()
    context = context if "n_context" in settings else None
    assert any(isinstance(part, Reversible) for part in ours.modules())
    ours.load_state_dict(dict(zip(ours.state_dict(), chain.state_dict().values(), strict=True)))
    assert_same(gradients(ours, x, context), gradients(chain, x, context))


def test_gradients_in_float32():
    torch.manual_seed(0)
    given = [p for i in range(16) for p in (PLU(D), coupling(swap=i % 2 == 0))]
    chain, ours = moved(Chain(given), size=0.05).float(), Reversible(given)
    x = rows(64, D).float()
    for a, b in zip(gradients(ours, x), gradients(chain, x), strict=True):
        assert (a - b).norm() <= 1e-4 * b.norm()


def test_parts_without_parameters_frozen_ones_and_one_used_twice():
    shared, frozen = coupling(), coupling(swap=True)
    given = [shared, Reverse(D), frozen, PLU(D), shared]
    chain, ours = moved(Chain(given)), Reversible(given)
    for p in frozen.parameters():
        p.requires_grad_(False)
    trained = [p for p in chain.parameters() if p.requires_grad]
    results = []
    for bijection in (chain, ours):
        z, log_det = bijection(rows(7, D))
        results.append(torch.autograd.grad(z.square().sum() - log_det.sum(), trained))
    assert_same(*results)
    only_fixed = Reversible([Reverse(D), Permutation.random(D, 0)]).train()
    x = rows(7, D).requires_grad_()
    (slope,) = torch.autograd.grad(only_fixed(x)[0].square().sum(), x)
    torch.testing.assert_close(slope, 2 * x)


def test_only_one_of_the_two_results_may_count():
    given = parts()
    chain, ours = moved(Chain(given)), Reversible(given)
    x = rows(7, D).requires_grad_()
    for k in (0, 1):
        slopes = [torch.autograd.grad(b(x)[k].square().sum(), x)[0] for b in (chain, ours)]
        torch.testing.assert_close(*slopes, rtol=1e-9, atol=1e-9)


def test_the_random_state_goes_on_as_after_a_chain():
    given = parts(dropout=0.3)
    states = []
    for bijection in (moved(Chain(given)), Reversible(given)):
        gradients(bijection, rows(7, D))
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def saved_bytes(bijection, x):
    """Memory of different tensors that a forward pass keeps for the backward pass."""
    kept = {}

    def pack(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    own = {p.untyped_storage().data_ptr() for p in bijection.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        results = bijection(x)
    assert results[0].requires_grad
    return sum(n for storage, n in kept.items() if storage not in own)


def test_what_is_kept_does_not_grow_with_depth():
    x = rows(50, D)
    short, long = (saved_bytes(moved(Reversible(parts(n))), x) for n in (1, 8))
    assert short == long == x.untyped_storage().nbytes()
    assert saved_bytes(moved(Chain(parts(8))), x) > 100 * long


def test_as_a_chain_in_eval_mode():
    given = parts(dropout=0.3)
    chain, ours = moved(Chain(given)).eval(), Reversible(given).eval()
    x = rows(7, D).requires_grad_()
    for name in ("forward", "inverse"):
        for a, b in zip(getattr(ours, name)(x), getattr(chain, name)(x), strict=True):
            assert torch.equal(a, b)
    (slope,) = torch.autograd.grad(ours(x)[1].sum(), x, create_graph=True)
    assert slope.square().sum().requires_grad


def test_initialises_as_a_chain():
    given = parts()
    other = copy.deepcopy(given)
    x = 5 + 3 * rows(50, D)
    weight = rows(50).abs()
    ours, chain = Reversible(given).double(), Chain(other).double()
    assert torch.equal(ours.initialize(x, weight=weight), chain.initialize(x, weight=weight))
    assert torch.equal(given[0].shift, other[0].shift)


def test_mixed_precision_reaches_every_parameter():
    given = [PerPixel(ActNorm(8)), image_coupling((8, 2, 2)), image_coupling((8, 2, 2), swap=True)]
    ours = moved(Chain([Squeeze(), Reversible(given)])).float()
    with torch.autocast("cpu", torch.bfloat16):
        z, log_det = ours(rows(6, 2, 4, 4).float())
        loss = z.square().sum() - log_det.sum()
    for g in torch.autograd.grad(loss, list(ours.parameters())):
        assert g.isfinite().all()
        assert g.abs().sum() > 0


@pytest.mark.parametrize(
    "part",
    [
        lambda: Residual(LipschitzMLP(D, (8, 8))),
        lambda: Continuous(VelocityNet(D, (8, 8))),
        lambda: Inverse(Continuous(VelocityNet(D, (8, 8)))),
    ],
    ids=["Residual", "Continuous", "Inverse(Continuous)"],
)
def test_refuses_inverses_that_iterate(part):
    with pytest.raises(NotInvertibleError, match="has no exact inverse"):
        Reversible([PLU(D), Chain([part()])])


@pytest.mark.parametrize("name", BIJECTIONS)
def test_every_exact_map_can_be_retraced(name):
    torch.manual_seed(0)
    bijection = BIJECTIONS[name]().double()
    if bijection.invertible != "exact" or bijection.tolerance is not None:
        pytest.skip("its inverse is not exact")
    x, context = rows_for(name)
    with torch.no_grad():
        bijection.initialize(x, context)
    bijection.train()
    torch.manual_seed(1)
    z, log_det = bijection(x, context)
    torch.manual_seed(1)
    found, z_again, log_det_again = bijection.retrace(z.detach(), context)
    assert found.is_leaf
    assert found.requires_grad
    assert_same((found.detach(), z_again, log_det_again), (x, z, log_det))
    assert_same(
        torch.autograd.grad(z_again.sum() + log_det_again.sum(), found),
        torch.autograd.grad(_sums(bijection, x.requires_grad_(), context), x),
    )


def _sums(bijection, x, context):
    torch.manual_seed(1)
    return sum(t.sum() for t in bijection(x, context))
