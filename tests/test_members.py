"""Stacking members into one module, and taking them out again."""

import pytest
import torch
from torch import nn

from skflow.bases import GaussianMixture, Normal
from skflow.bijections import PLU, Affine, Autoregressive, Chain, Permutation, Standardize
from skflow.flow import Flow
from skflow.members import select_member, stack_members
from skflow.nets import MADE


def make_flow(seed):
    torch.manual_seed(seed)
    preprocessing = Standardize.from_data(torch.randn(20, 3) + seed)
    bijection = Chain([PLU.random(3, seed=0), Autoregressive(Affine(), MADE(3, 2, (8, 8)))])
    flow = Flow(bijection, GaussianMixture(3, 2), preprocessing)
    for p in flow.parameters():
        nn.init.normal_(p, std=0.3)
    return flow


def test_round_trip_is_exact():
    flows = [make_flow(k) for k in range(3)]
    stacked = stack_members(flows)
    for k, flow in enumerate(flows):
        member = select_member(stacked, k)
        expected = flow.state_dict()
        assert member.state_dict().keys() == expected.keys()
        for name, tensor in member.state_dict().items():
            assert torch.equal(tensor, expected[name]), name
            assert tensor.dtype == expected[name].dtype


def test_stacked_density_is_that_of_each():
    flows = [make_flow(k) for k in range(3)]
    x = torch.randn(3, 7, 3, dtype=torch.float64)
    together = stack_members(flows).log_prob(x)
    alone = torch.stack([flow.log_prob(rows) for flow, rows in zip(flows, x, strict=True)])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


def test_only_floats_gain_an_axis():
    flows = [make_flow(k) for k in range(2)]
    single = flows[0].state_dict()
    for name, tensor in stack_members(flows).state_dict().items():
        own = single[name]
        assert tensor.shape == ((2, *own.shape) if own.is_floating_point() else own.shape), name
    assert any(not tensor.is_floating_point() for tensor in single.values())


def test_one_member_is_a_stack_too():
    flow = make_flow(0)
    x = torch.randn(7, 3, dtype=torch.float64)
    together = stack_members([flow]).log_prob(x[None])
    torch.testing.assert_close(together[0], flow.log_prob(x), rtol=0, atol=1e-5)


def test_parameters_stay_parameters_and_keep_requires_grad():
    flows = [make_flow(k) for k in range(2)]
    for flow in flows:
        flow.bijection.bijections[0].bias.requires_grad_(False)
    stacked = stack_members(flows)
    for module in (stacked, select_member(stacked, 0)):
        wanted = {name: p.requires_grad for name, p in flows[0].named_parameters()}
        assert {name: p.requires_grad for name, p in module.named_parameters()} == wanted
        assert all(p.is_leaf for p in module.parameters())
    assert sorted(wanted.values())[0] is False


@pytest.mark.parametrize("function", ["stack", "select"])
def test_memory_is_not_shared(function):
    flows = [make_flow(k) for k in range(2)]
    stacked = stack_members(flows)
    source, result = (
        (flows[0], stacked) if function == "stack" else (stacked, select_member(stacked, 0))
    )
    before = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    with torch.no_grad():
        for tensor in result.state_dict().values():
            tensor.zero_()
    assert all(torch.equal(source.state_dict()[name], kept) for name, kept in before.items())
    assert sum(float(kept.double().abs().sum()) for kept in before.values()) > 0


def test_members_of_another_structure_are_refused():
    flows = [Flow(Permutation(order), Normal(3)) for order in ([0, 1, 2], [2, 0, 1])]
    with pytest.raises(ValueError, match=r"differ in their structure: buffer 'bijection.order'"):
        stack_members(flows)


def test_members_of_other_sizes_are_refused():
    with pytest.raises((RuntimeError, ValueError), match=r"equal size|structure"):
        stack_members([GaussianMixture(3, 2), GaussianMixture(3, 4)])
