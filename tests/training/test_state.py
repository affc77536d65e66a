"""Runs that go on from the state of another one end as one run would, to the bit."""

import copy
import itertools

import pytest
import torch

from skflow._random import generator, seeded
from skflow.bases import Normal
from skflow.members import stack_members
from skflow.training import (
    Batch,
    Batches,
    ContextBatches,
    MaximumLikelihood,
    Numbers,
    Rows,
    SeedBatches,
    train,
)
from skflow.training._device_steps import DeviceSteps
from tests.training.problems import assert_states, config, make_flow, make_rows, state

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
EPOCHS, BREAK = 6, 3


class Broken(Exception):
    """What ends a run in the midst of an epoch."""


class Kept:
    """A keeper in memory."""

    def __init__(self, last=None):
        self.state, self.noted, self.ended = last, [], 0

    def last(self):
        return self.state

    def note(self, state, whole):
        assert whole
        self.noted.append(state)

    def end(self):
        self.ended += 1


def breaking(places, n_steps):
    """Places of batches, as a run asks for them: after so many steps it breaks, on any device."""
    made = itertools.count()

    def until():
        for each in places():
            if next(made) == n_steps:
                raise Broken
            yield each

    return until


def one(device, weight=False, validation=True, **options):
    rows = Batch(*(None if t is None else t.to(device) for t in make_rows(weight=weight)))
    held = Rows(rows, torch.arange(48, 64, device=device)) if validation else None
    flow = make_flow(dropout=0.2).to(device)
    return flow, Batches(Rows(rows, torch.arange(48, device=device)), 16, **options), held, None


def stacked(device, weight=False, **options):
    """Members with unequal numbers of rows, so that places wait from epoch to epoch."""
    flow = stack_members([make_flow(seed, dropout=0.2) for seed in range(2)]).to(device)
    rows = Batch(*(None if t is None else t.to(device) for t in make_rows(weight=weight)))
    index = torch.arange(60).expand(2, -1).clone()
    factor = torch.ones(2, 60, dtype=torch.float64)
    factor[1, 50:] = 0
    index[1, 50:] = index[1, :10]
    training = Numbers(index, factor).to(device, torch.float64)
    held = Rows(rows, torch.arange(60, 64, device=device).expand(2, -1))
    return flow, Batches(Rows(rows, *training), 16, **options), held, 2


CASES = {
    "one": (one, {}),
    "weighted": (one, {"weight": True}),
    "nothing held out": (one, {"validation": False}),
    "noise": (one, {"noise": 0.1}),
    "stacked": (stacked, {}),
    "stacked, weights, noise": (stacked, {"weight": True, "noise": 0.1}),
}
SETTINGS = {
    "plain": {},
    "averaged": {"averaged_steps": 5},
    "chosen by others": {"chosen_by_others": True, "averaged_steps": 5},
}


def run(make, options, settings, device, keeper=None, objective=None, n_steps=None):
    flow, batches, held, n_members = make(device, **options)
    if n_steps is not None:
        batches.places = breaking(batches.places, n_steps)
    history = train(
        flow,
        objective or MaximumLikelihood(),
        batches,
        config(max_epochs=EPOCHS, **settings),
        validation=held,
        n_members=n_members,
        keeper=keeper,
    )
    return flow, history


def records(history):
    return [{k: v for k, v in each.items() if k != "seconds"} for each in history.records]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("case", CASES)
def test_a_broken_run_ends_as_a_whole_one(case, settings, device):
    (make, options), settings = CASES[case], SETTINGS[settings]
    with seeded(0, device):
        whole, history = run(make, options, settings, device)
    steps = len(make(device, **options)[1])
    broken = Kept()
    with seeded(0, device), pytest.raises(Broken):
        # in the midst of an epoch
        run(make, options, settings, device, broken, n_steps=BREAK * steps + 1)
    assert broken.ended == 1
    assert [each["epoch"] for each in broken.noted] == [1, 2, 3]
    with seeded(1, device):  # which the generators of the state replace
        flow, again = run(make, options, settings, device, Kept(broken.noted[-1]))
        follows = torch.rand(3, generator=generator(device), device=device)
    assert_states(state(flow), state(whole))
    assert records(again) == records(history)
    assert again.validation_loss == history.validation_loss
    seconds = [each["seconds"] for each in again.records]
    assert seconds == sorted(seconds)
    with seeded(0, device):
        run(make, options, settings, device)
        torch.testing.assert_close(
            follows, torch.rand(3, generator=generator(device), device=device), rtol=0, atol=0
        )


@pytest.mark.parametrize("device", DEVICES)
def test_steps_that_stay_on_the_device_go_on_too(device, monkeypatch):
    monkeypatch.setattr(DeviceSteps, "suit", staticmethod(lambda run: True))
    test_a_broken_run_ends_as_a_whole_one("stacked, weights, noise", "averaged", device)


def test_counts_of_skipped_steps_go_on(monkeypatch):
    def spoilt(flow, batch):
        losses = -flow.log_prob(batch.x)
        return losses * torch.nan if flow.training and spoilt.step() else losses

    def counted():
        spoilt.n += 1
        return spoilt.n % 4 == 0

    spoilt.step, spoilt.n = counted, 0
    kept = Kept()
    with pytest.warns(UserWarning, match="non-finite gradient"):
        flow, history = run(one, {}, {}, "cpu", kept, spoilt)
    spoilt.n = BREAK * 3
    with pytest.warns(UserWarning, match="non-finite gradient"):
        again, later = run(one, {}, {}, "cpu", Kept(kept.noted[BREAK - 1]), spoilt)
    assert later.skipped_steps == history.skipped_steps > 2


def test_a_run_that_was_over_makes_no_step():
    kept, patient = Kept(), {"n_iter_no_change": 1, "tol": 10.0}
    flow, history = run(one, {}, patient, "cpu", kept)
    assert history.stopped_by == "n_iter_no_change"
    again, later = run(one, {}, patient, "cpu", Kept(kept.noted[-1]), n_steps=0)
    assert_states(state(again), state(flow))
    assert (later.stopped_by, records(later)) == (history.stopped_by, records(history))


def test_a_state_stays_as_it_is():
    kept = Kept()
    run(one, {}, {}, "cpu", kept)
    early = kept.noted[0]
    before = copy.deepcopy(early)
    run(one, {}, {}, "cpu", Kept(early))
    torch.testing.assert_close(early["weights"], before["weights"], rtol=0, atol=0)
    torch.testing.assert_close(early["optimizer"], before["optimizer"], rtol=0, atol=0)
    assert early["history"]["records"] == before["history"]["records"]


def test_a_flow_of_another_shape_is_refused():
    kept = Kept()
    run(one, {}, {}, "cpu", kept)
    with pytest.raises(ValueError, match="go on with a flow of the same shape"):
        run(stacked, {}, {}, "cpu", Kept(kept.noted[-1]))


def test_batches_without_rows_of_their_own_keep_nothing():
    base = Normal(2)
    seeds = SeedBatches(base, 4, 2)
    seeds.resume(seeds.state())
    rows = ContextBatches(base, torch.zeros(10, 1), 4)
    rows.resume(rows.state())
    assert [len(batch.x) for batch in rows] == [5, 5]
