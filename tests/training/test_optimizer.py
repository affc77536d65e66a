"""AdamW on one buffer is AdamW."""

import pickle

import pytest
import torch
from torch import nn

from skflow.bases import StudentT
from skflow.flow import Flow
from skflow.members import select_member, stack_members
from skflow.training._optimizer import FlatAdamW, FlatParameters
from tests.training.problems import assert_states, make_flow, make_rows, state

RATES = [0.02, 0.05, 0.01, 0.03, 0.02, 0.02]


def loss_of(flow, x):
    return -flow.log_prob(x).mean(dim=-1)


def torch_adamw(flow, weight_decay):
    """The reference: matrices are decayed, vectors and what a base learns are not."""
    spared = {id(p) for p in flow.base.parameters()}
    groups = {True: [], False: []}
    for p in flow.parameters():
        groups[p.dim() > 1 and id(p) not in spared].append(p)
    optimizer = torch.optim.AdamW(
        [
            {"params": groups[True], "weight_decay": weight_decay},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        betas=(0.9, 0.99),
        eps=1e-8,
    )
    x = make_rows().x
    for rate in RATES:
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss_of(flow, x).backward()
        optimizer.step()
    return state(flow)


@pytest.mark.parametrize("weight_decay", [0.0, 0.5])
def test_equals_torch(weight_decay):
    ours, theirs = make_flow(), make_flow()
    ours.base, theirs.base = StudentT(2).double(), StudentT(2).double()
    parameters = FlatParameters(ours)
    optimizer = FlatAdamW(parameters, weight_decay)
    start = state(ours)
    for rate in RATES:
        optimizer.step(parameters.gradient(loss_of(ours, make_rows().x)), rate)
    assert_states(state(ours), torch_adamw(theirs, weight_decay), tolerance=1e-10)
    moved = [(tensor - start[name]).abs().max() for name, tensor in state(ours).items()]
    assert min(moved) > 1e-3


def test_weight_decay_matters():
    assert any(
        not torch.allclose(a, b)
        for a, b in zip(
            torch_adamw(make_flow(), 0.0).values(),
            torch_adamw(make_flow(), 0.5).values(),
            strict=True,
        )
    )


def test_members_equal_separate_optimizers():
    flows = [make_flow(seed) for seed in range(3)]
    stacked = stack_members(flows)
    parameters = FlatParameters(stacked, 3)
    optimizer = FlatAdamW(parameters, 0.5)
    x = make_rows().x
    for rate in RATES:
        loss = loss_of(stacked, x.expand(3, *x.shape)).sum()
        optimizer.step(parameters.gradient(loss), rate)
    for k, flow in enumerate(flows):
        expected = torch_adamw(flow, 0.5)
        assert_states(state(select_member(stacked, k)), expected, tolerance=1e-10)


def test_a_member_left_out_keeps_its_weights_and_moments():
    stacked = stack_members([make_flow(seed) for seed in range(2)])
    parameters = FlatParameters(stacked, 2)
    optimizer = FlatAdamW(parameters, 0.5)
    x = make_rows().x.expand(2, 64, 2)
    optimizer.step(parameters.gradient(loss_of(stacked, x).sum()), 0.01)
    before = [t[0].clone() for t in (parameters.flat, optimizer.mean, optimizer.square)]
    other = parameters.flat[1].clone()
    gradient = parameters.gradient(loss_of(stacked, x).sum())
    gradient[0] = torch.nan
    keep = torch.tensor([[False], [True]])
    optimizer.step(gradient, torch.full((2, 1), 0.01, dtype=torch.float64), keep=keep)
    after = [t[0] for t in (parameters.flat, optimizer.mean, optimizer.square)]
    assert all(torch.equal(a, b) for a, b in zip(after, before, strict=True))
    assert (parameters.flat[1] - other).abs().max() > 1e-4


def test_each_member_has_its_rate():
    stacked = stack_members([make_flow(0), make_flow(0)])
    parameters = FlatParameters(stacked, 2)
    optimizer = FlatAdamW(parameters, 0.0)
    start = parameters.flat.clone()
    gradient = torch.ones_like(parameters.flat)
    optimizer.step(gradient, torch.tensor([[0.01], [0.03]], dtype=torch.float64))
    step = start - parameters.flat
    torch.testing.assert_close(step[1], 3 * step[0])
    torch.testing.assert_close(step[0], torch.full_like(step[0], 0.01))


def test_forgotten_moments():
    stacked = stack_members([make_flow(0), make_flow(1)])
    optimizer = FlatAdamW(FlatParameters(stacked, 2), 0.0)
    optimizer.step(torch.ones_like(optimizer.flat), 0.01)
    optimizer.forget(torch.tensor([True, False]))
    assert not optimizer.mean[0].any()
    assert not optimizer.square[0].any()
    assert optimizer.mean[1].all()
    assert optimizer.square[1].all()


class TestFlatParameters:
    def test_parameters_are_views_of_one_buffer(self):
        flow = make_flow()
        x = make_rows().x
        before = flow.log_prob(x)
        parameters = FlatParameters(flow)
        assert torch.equal(flow.log_prob(x), before)
        with torch.no_grad():
            parameters.flat.zero_()
        assert not any(p.any() for p in flow.parameters())

    def test_released_parameters_are_on_their_own(self):
        flow = make_flow()
        parameters = FlatParameters(flow)
        parameters.release()
        kept = state(flow)
        with torch.no_grad():
            parameters.flat.zero_()
        assert_states(state(flow), kept)
        assert len(pickle.dumps(flow)) < 1.1 * len(pickle.dumps(make_flow()))

    def test_unused_and_frozen_parameters(self):
        module = nn.ParameterDict({name: torch.ones(3) for name in ("used", "idle", "frozen")})
        module["frozen"].requires_grad_(False)
        parameters = FlatParameters(module)
        gradient = parameters.gradient(2 * module["used"].sum() + module["frozen"].sum())
        assert sorted(gradient.flatten().tolist()) == [0, 0, 0, 2, 2, 2]

    def test_flow_of_no_parameters_in_the_bijection(self):
        flow = Flow(nn.Identity(), StudentT(2))
        assert FlatParameters(flow).flat.shape == (1, 2)
        assert not FlatParameters(flow).decayed.any()
