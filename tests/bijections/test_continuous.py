"""Continuous flows: traces, their estimate, accuracy, far rows, penalties."""

import math

import pytest
import torch

from skflow.architectures import continuous_stack
from skflow.bases import Normal
from skflow.bijections import Chain, Continuous, Inverse, Reverse
from skflow.bijections._penalty import charge, collected_penalties
from skflow.flow import Flow
from skflow.members import stack_members
from skflow.nets import VelocityField, VelocityNet
from skflow.testing import check_bijection
from skflow.testing._case import perturbed
from skflow.training import Batch, MaximumLikelihood

ACTIVATIONS = ["tanh", "softplus", "elu"]


def rows(n, d, dtype=torch.float64, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def net(d=3, hidden_features=(8, 6), size=1.0, **settings):
    torch.manual_seed(0)
    return perturbed(VelocityNet(d, hidden_features, **settings).double(), size, 0)


def moving(d=3, hidden_features=(8, 6), size=1.0, **settings):
    return Continuous(net(d, hidden_features, size), **settings).eval()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(7,), (8, 6), (8, 6, 5), (4, 4, 4, 4)], ids=str)
@pytest.mark.parametrize("d", [1, 5])
def test_trace_is_that_of_the_jacobian(activation, hidden, d):
    velocity_net = net(d, hidden, activation=activation, n_context=2)
    x, u, context = rows(9, d), rows(9, d, seed=1).mT, rows(9, 2, seed=2)
    t = torch.linspace(0, 1, 9, dtype=torch.float64)
    field, drive = VelocityField(velocity_net), velocity_net.drive(x, context)
    velocity, trace = field(t, u, drive)

    def at(row):
        def f(place):
            moved = field(t[[row]], place.unsqueeze(-1), drive[:, [row]])
            return moved[0].squeeze(-1)

        return f

    truth = [torch.func.jacrev(at(i))(u[:, i]).trace() for i in range(9)]
    assert (trace - torch.stack(truth)).abs().max() < 1e-12
    assert trace.std() > 1e-2
    assert velocity.shape == u.shape


def test_trace_by_features_in_chunks(monkeypatch):
    velocity_net, x = net(7, (5, 5, 5)), rows(9, 7)
    field, drive = VelocityField(velocity_net), velocity_net.drive(x)
    together = field(x.new_zeros(1), x.mT, drive)[1]
    monkeypatch.setattr("skflow.nets._velocity.CHUNK", 5 * 9 * 2)
    assert (field(x.new_zeros(1), x.mT, drive)[1] - together).abs().max() < 1e-13


@pytest.mark.parametrize("hidden", [(7,), (8, 6), (8, 6, 5)], ids=str)
def test_hutchinson_is_unbiased(hidden):
    n, velocity_net = 20_000, net(4, hidden)
    x = rows(1, 4).expand(n, -1)
    drive, t = velocity_net.drive(x), x.new_zeros(1)
    _, exact = VelocityField(velocity_net)(t, 0 * x.mT, drive)
    field = VelocityField(velocity_net, probed=True)
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(2, (4, n), generator=generator).double() * 2 - 1
    _, estimates = field(t, 0 * x.mT, drive, *field.probe(signs))
    assert estimates.std() > 1e-2
    assert abs(estimates.mean() - exact[0]) < 3 * estimates.std() / math.sqrt(n)


def test_estimated_log_det_is_unbiased_and_exact_in_eval_mode():
    flow, x = moving(trace="hutchinson", n_steps=10, tolerance=1e-8), rows(1, 3).expand(5000, -1)
    with torch.no_grad():
        z, exact = flow(x[:1])
        estimate = flow.train()(x)
    assert (estimate[0] - z).abs().max() < 1e-3
    assert estimate[1].std() > 1e-2
    noise = estimate[1].std() / math.sqrt(5000)
    assert abs(estimate[1].mean() - exact[0]) < 3 * noise + 1e-3


def test_starts_at_the_identity():
    flow = Continuous(VelocityNet(3))
    x = rows(9, 3, torch.float32)
    for mode in (flow.train(), flow.eval()):
        for direction in (mode.forward, mode.inverse):
            y, log_det = direction(x)
            assert torch.equal(y, x)
            assert (log_det == 0).all()


def test_a_straight_shift():
    flow = Continuous(VelocityNet(2).double()).eval()
    with torch.no_grad():
        flow.net.last.bias.copy_(torch.tensor([1.0, -2.0]))
    z, log_det = flow(rows(5, 2))
    assert (z - rows(5, 2) - torch.tensor([1.0, -2.0])).abs().max() < 1e-12
    assert log_det.abs().max() < 1e-12


def test_training_converges_to_scoring_with_fourth_order():
    flow, x = moving(tolerance=1e-11), rows(30, 3)
    with torch.no_grad():
        exact, errors = flow(x), []
        for flow.n_steps in (8, 16, 32):
            steps = flow.train()(x)
            errors.append(max((a - b).abs().max() for a, b in zip(steps, exact, strict=True)))
    assert 8 < errors[0] / errors[1] < 32
    assert 8 < errors[1] / errors[2] < 32


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-8])
def test_accuracy_is_what_is_declared(tolerance):
    x = rows(50, 3)
    with torch.no_grad():
        exact, there = moving(tolerance=1e-12)(x), moving(tolerance=tolerance)(x)
        back, back_log_det = moving(tolerance=tolerance).inverse(there[0])
    for ours, truth in zip(there, exact, strict=True):
        assert (ours - truth).abs().max() < tolerance
    assert (back - x).abs().max() < 2 * tolerance
    assert (back_log_det + there[1]).abs().max() < 2 * tolerance


def test_check_with_the_default_tolerance():
    check_bijection(Continuous(VelocityNet(3, (6, 6))))


def test_tolerance_of_wholes_is_that_of_the_worst_part():
    parts = [Reverse(3), moving(tolerance=1e-6), Inverse(moving(tolerance=1e-4))]
    assert Chain(parts).tolerance == 1e-4
    assert Chain(parts[:1]).tolerance is None
    assert Inverse(Chain(parts)).tolerance == 1e-4


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("size", [1.0, 5.0])
def test_far_rows(dtype, size):
    flow = moving(2, (16, 16), size).to(dtype)
    far = torch.tensor([[1e6, -1e6], [1e9, 1e9], [1e9, 0.0], [-1e6, 1.0]], dtype=dtype)
    with torch.no_grad():
        for direction in (flow.forward, flow.inverse):
            y, log_det = direction(far)
            assert y.isfinite().all()
            assert log_det.isfinite().all()
            assert ((y - far).abs() / far.abs().clamp(min=1)).max() < 50
            # where every unit is saturated, rows shift and volumes stay
            assert log_det[:2].abs().max() < 1e-5


def test_beside_far_and_difficult_rows_nothing_changes():
    flow, x = moving(2, (16, 16), 3.0).float(), rows(64, 2, torch.float32)
    beside = x.clone()
    beside[1::2] *= 1e6
    with torch.no_grad():
        for ours, other in zip(flow(x), flow(beside), strict=True):
            torch.testing.assert_close(ours[::2], other[::2], rtol=0, atol=1e-5)


class TestPenalties:
    def losses(self, kinetic, training=True, **settings):
        torch.manual_seed(0)
        stack = continuous_stack(2, n_layers=2, hidden_features=(6,), kinetic=kinetic, **settings)
        stack = perturbed(stack.double(), 1.0, 0)
        flow = Flow(stack, Normal(2).double()).train(training)
        with torch.no_grad():
            return MaximumLikelihood()(flow, Batch(rows(9, 2), None, None))

    def test_are_charged_in_training_only(self):
        added = self.losses(0.5) - self.losses(0.0)
        assert added.min() > 0
        torch.testing.assert_close(self.losses(1.0) - self.losses(0.0), 2 * added)
        assert torch.equal(self.losses(0.5, training=False), self.losses(0.0, training=False))

    def test_kinetic_energy_of_a_shift_either_way(self):
        flow = Continuous(VelocityNet(2).double(), kinetic=0.5).train()
        with torch.no_grad():
            flow.net.last.bias.copy_(torch.tensor([1.0, -2.0]))
            for direction in (flow.forward, flow.inverse):
                with collected_penalties() as penalties:
                    direction(rows(5, 2))
                (penalty,) = penalties
                torch.testing.assert_close(penalty, torch.full((5,), 2.5, dtype=torch.float64))

    def test_of_members(self):
        flows = [perturbed(Continuous(VelocityNet(2), kinetic=1.0), 1.0, k) for k in range(3)]
        with collected_penalties() as penalties, torch.no_grad():
            stack_members(flows).train()(rows(5, 2, torch.float32).expand(3, -1, -1))
        assert penalties[0].shape == (3, 5)

    def test_inner_blocks_keep_theirs_and_outside_they_are_dropped(self):
        with collected_penalties() as outer:
            with collected_penalties() as inner:
                charge(1)
            charge(2)
        charge(3)
        assert (outer, inner) == ([2], [1])


@pytest.mark.parametrize("settings", [{"trace": "skilling"}])
def test_unknown_settings(settings):
    with pytest.raises(ValueError, match="must be one of"):
        Continuous(VelocityNet(2), **settings)
    with pytest.raises(ValueError, match="must be one of"):
        VelocityNet(2, activation="relu")
