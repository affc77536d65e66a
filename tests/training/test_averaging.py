"""Weights averaged over steps: what the mean is, and that the loop keeps it."""

import pytest
import torch

from skflow.training import Batches, MaximumLikelihood, train
from skflow.training._averaging import AveragedWeights
from tests.training.problems import assert_states, config, make_flow, make_rows, state

likelihood = MaximumLikelihood()


def averaged(values, n_steps):
    flat = torch.zeros(1, 1, dtype=torch.float64)
    average = AveragedWeights(flat, n_steps)
    for value in values:
        flat.fill_(value)
        average.update()
    return flat, average


def test_of_one_step_is_the_live_weights():
    _, average = averaged([3.0, -1.0, 7.0], 1)
    assert average.mean.tolist() == [[7]]


def test_reaches_back_over_its_steps():
    # a ramp: an exponential average over n steps lags n - 1 steps behind
    _, average = averaged([float(i) for i in range(400)], 20)
    assert float(average.mean) == pytest.approx(399 - 19, abs=0.01)


def test_forgets_the_start_early_on():
    _, average = averaged([1.0, 1.0, 1.0], 50)
    assert average.mean.tolist() == [[1]]


def test_is_in_place_for_a_block_even_if_that_fails():
    flat, average = averaged([0.0, 6.0, 6.0, 6.0], 50)
    mean = float(average.mean)
    assert 0 < mean < 6
    with average.in_place():
        assert float(flat) == mean
    assert float(flat) == 6
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert float(flat) == 6


def test_begins_anew_for_the_members_that_were_rolled_back():
    flat = torch.zeros(2, 1)
    average = AveragedWeights(flat, 10)
    for _ in range(5):
        flat += 1
        average.update()
    flat[1] = -3
    before = float(average.mean[0])
    average.restart(torch.tensor([False, True]))
    assert average.mean[:, 0].tolist() == [before, -3]


def test_what_is_kept_is_what_was_validated():
    flow, rows, held = make_flow(), make_rows(200), make_rows(50, seed=1)
    settings = config(max_epochs=10, learning_rate=0.05, averaged_steps=20)
    history = train(flow, likelihood, Batches(rows, 20), settings, validation=held)
    with torch.no_grad():
        loss = float(-flow.log_prob(held.x).mean())
    assert loss == pytest.approx(history.validation_loss[0], rel=1e-12)


def test_less_noise_than_the_live_weights():
    losses = {}
    for n_steps in (1, 30):
        flow, held = make_flow(), make_rows(2_000, seed=1)
        settings = config(max_epochs=40, learning_rate=0.1, averaged_steps=n_steps)
        torch.manual_seed(0)
        history = train(flow, likelihood, Batches(make_rows(200), 10), settings, validation=held)
        losses[n_steps] = torch.tensor([r["validation_loss"] for r in history.records[5:20]])
    assert losses[30].std() < 0.5 * losses[1].std()
    assert losses[30].mean() < losses[1].mean()


def test_without_validation_rows_the_live_weights_are_kept():
    flows = [make_flow(), make_flow()]
    for flow, n_steps in zip(flows, (1, 30), strict=True):
        torch.manual_seed(0)
        batches = Batches(make_rows(100), 20)
        train(flow, likelihood, batches, config(averaged_steps=n_steps))
    assert_states(state(flows[0]), state(flows[1]))
