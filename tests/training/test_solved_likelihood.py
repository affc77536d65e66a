"""Likelihood of continuous flows, solved in training as in scoring."""

import pytest
import torch

from skflow.architectures import continuous_stack
from skflow.bases import Normal
from skflow.bijections import Continuous
from skflow.exceptions import ConvergenceWarning, StepLimitError
from skflow.flow import Flow
from skflow.training import Batch, Batches, Rows, SolvedLikelihood, TrainingConfig, train


@pytest.fixture
def flow():
    """A flow that pulls so hard that a single step of its training is far off."""
    torch.manual_seed(0)
    flow = Flow(continuous_stack(2, n_layers=1, hidden_features=(8,), n_steps=1), Normal(2))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter))
    return flow.double()


BATCH = Batch(torch.linspace(-2, 2, 20, dtype=torch.float64).reshape(10, 2))


def test_loss_is_that_of_scores(flow):
    objective = SolvedLikelihood()
    scores = -flow.eval().log_prob(BATCH.x)
    torch.testing.assert_close(objective(flow, BATCH), scores)
    flow.train()
    assert (-flow.log_prob(BATCH.x) - scores).abs().max() > 0.1
    torch.testing.assert_close(objective(flow, BATCH), scores, atol=1e-2, rtol=0)


def test_flow_is_as_it_was_afterwards(flow):
    flow.train()
    SolvedLikelihood()(flow, BATCH).sum().backward()
    assert all(part.training for part in flow.modules())
    assert {part.tolerance for part in flow.modules() if isinstance(part, Continuous)} == {1e-5}
    assert all(parameter.grad.isfinite().all() for parameter in flow.parameters())


def test_few_rows_are_solved_together(flow):
    sizes = []

    class Told(SolvedLikelihood):
        rows_together = 3

        def __call__(self, flow, batch):
            sizes.append(len(batch.x))
            return super().__call__(flow, batch)

    train(flow, Told(), Batches(Rows(BATCH), 10, 0.0), TrainingConfig(max_epochs=1))
    assert sizes[:4] == [3, 3, 2, 2]


def test_steps_that_cannot_be_solved_are_left_out(flow, monkeypatch):
    solved, calls = Continuous.forward, []

    def stiff_at_times(part, x, context=None):
        if part.tolerance == SolvedLikelihood.tolerance:
            calls.append(x)
            if len(calls) % 2:
                raise StepLimitError("too stiff")
        return solved(part, x, context)

    monkeypatch.setattr(Continuous, "forward", stiff_at_times)
    before = [parameter.clone() for parameter in flow.parameters()]
    batches = Batches(Rows(BATCH), 5, 0.0)
    config = TrainingConfig(max_epochs=2)
    with pytest.warns(ConvergenceWarning, match="2 training steps had a non-finite gradient"):
        history = train(flow, SolvedLikelihood(), batches, config, validation=BATCH)
    assert history.skipped_steps == len(calls) / 2 == 2
    assert all(parameter.isfinite().all() for parameter in flow.parameters())
    assert any((now != then).any() for now, then in zip(flow.parameters(), before, strict=True))
