"""The training loop: what it learns, what it keeps, and what it does when things go wrong."""

import time

import pytest
import torch

from skflow._clock import time_limit
from skflow.exceptions import ConvergenceWarning, TrainingDivergedError
from skflow.members import select_member, stack_members
from skflow.training import Batch, Batches, MaximumLikelihood, train
from skflow.training._loop import BAD_STEPS, ROLLBACKS, _Run
from skflow.training._optimizer import FlatAdamW
from tests.training.problems import (
    Scripted,
    assert_states,
    config,
    make_flow,
    make_rows,
    state,
)

likelihood = MaximumLikelihood()


def loss_on(flow, rows):
    with torch.no_grad():
        return float(-flow.log_prob(rows.x).mean())


def spoil(losses, member=0):
    """NaN for one member, the others as they are."""
    factor = torch.ones(len(losses), 1, dtype=losses.dtype)
    factor[member] = torch.nan
    return losses * factor


def spoil_all(losses):
    return losses * torch.nan


def hopeless(flow, batch):
    return spoil_all(likelihood(flow, batch))


class NanGradient(torch.autograd.Function):
    """Zeros whose gradient is NaN."""

    @staticmethod
    def forward(ctx, x):
        return torch.zeros_like(x)

    @staticmethod
    def backward(ctx, grad):
        return grad * torch.nan


def interrupt(losses):
    raise KeyboardInterrupt


def two_members():
    """A stacked pair of flows, the pair, and batches of their own rows."""
    flows = [make_flow(seed) for seed in range(2)]
    parts = [[make_rows(32, seed=10 * k + i) for i in range(3)] for k in range(2)]
    together = [Batch(torch.stack([a.x, b.x])) for a, b in zip(parts[0], parts[1], strict=True)]
    return stack_members(flows), flows, together, parts


class TestLearning:
    def test_learns_a_gaussian(self):
        flow, rows = make_flow(), make_rows(500)
        entropy = 2 * 0.5 * (torch.log(torch.tensor(2 * torch.pi * 4)) + 1)
        before = loss_on(flow, rows)
        train(flow, likelihood, Batches(rows, 50), config(max_epochs=30))
        assert loss_on(flow, rows) < entropy + 0.1 < before - 0.5

    def test_works_in_the_callers_no_grad_and_ends_in_eval_mode(self):
        flow, rows = make_flow(), make_rows()
        before = loss_on(flow, rows)
        with torch.no_grad():
            train(flow, likelihood, [rows], config())
        assert loss_on(flow, rows) < before
        assert not any(module.training for module in flow.modules())
        assert all(p.requires_grad and p.grad is None for p in flow.parameters())

    def test_history(self):
        rows, held = make_rows(), make_rows(20, seed=1)
        settings = config(max_epochs=4, warmup_steps=1)
        history = train(make_flow(), likelihood, [rows, rows], settings, validation=held)
        assert [record["epoch"] for record in history.records] == [1, 2, 3, 4]
        rates = [record["learning_rate"] for record in history.records]
        assert rates == sorted(rates, reverse=True)
        assert settings.learning_rate > rates[0] > rates[-1] == pytest.approx(0)
        seconds = [record["seconds"] for record in history.records]
        assert seconds == sorted(seconds)
        assert history.stopped_by == "max_epochs"
        assert history.skipped_steps == history.rollbacks == 0
        best = min(record["validation_loss"] for record in history.records)
        assert history.validation_loss == [pytest.approx(best)]
        assert history.records[-1]["train_loss"] < history.records[0]["train_loss"]

    def test_validation_in_blocks_is_the_mean_over_all_rows(self, monkeypatch):
        held = make_rows(50, seed=1, weight=True)
        results = []
        for block in (7, 4096):
            monkeypatch.setattr("skflow.training._loop.BLOCK", block)
            history = train(make_flow(), likelihood, [make_rows()], config(), validation=held)
            results.append(history.validation_loss[0])
        assert results[0] == pytest.approx(results[1], abs=1e-12)

    def test_held_out_rows_count_by_their_weights(self):
        flow, held = make_flow(), make_rows(50, seed=1, weight=True)
        history = train(flow, likelihood, [make_rows()], config(), validation=held)
        with torch.no_grad():
            losses = likelihood(flow, held)
        expected = (held.weight * losses).sum() / held.weight.sum()
        assert history.validation_loss[0] == pytest.approx(float(expected), abs=1e-9)
        assert abs(float(expected - losses.mean())) > 1e-3

    def test_rows_of_weight_zero_have_no_influence(self):
        rows = make_rows(40, weight=True)
        rows.weight[:15] = 0
        other = rows._replace(x=rows.x.clone())
        other.x[:15] = 50.0
        fewer = Batch(rows.x[15:], None, rows.weight[15:])
        results = []
        for batch in (rows, other, fewer):
            flow = make_flow()
            train(flow, likelihood, [batch], config(), validation=batch)
            results.append(state(flow))
        assert_states(results[1], results[0], tolerance=1e-10)
        assert_states(results[2], results[0], tolerance=1e-10)

    def test_only_ratios_of_weights_matter(self):
        rows = make_rows(40, weight=True)
        results = []
        for factor in (1.0, 1000.0):
            flow = make_flow()
            train(flow, likelihood, [rows._replace(weight=factor * rows.weight)], config())
            results.append(state(flow))
        assert_states(results[1], results[0], tolerance=1e-10)


class TestMembers:
    def test_together_as_each_alone(self):
        stacked, flows, together, parts = two_members()
        held = [make_rows(20, seed=30 + k) for k in range(2)]
        both = Batch(torch.stack([h.x for h in held]))
        train(stacked, likelihood, together, config(), validation=both, n_members=2)
        for k, flow in enumerate(flows):
            start = state(flow)
            train(flow, likelihood, parts[k], config(), validation=held[k])
            assert_states(state(select_member(stacked, k)), state(flow), tolerance=1e-9)
            assert max((p - start[name]).abs().max() for name, p in state(flow).items()) > 0.01

    def test_gradients_are_clipped_member_by_member(self, monkeypatch):
        norms = []
        step = FlatAdamW.step

        def recording_step(self, gradient, *args, **kwargs):
            norms.append(gradient.norm(dim=1))
            return step(self, gradient, *args, **kwargs)

        monkeypatch.setattr(FlatAdamW, "step", recording_step)
        stacked, flows, together, parts = two_members()
        steep = Scripted({}, always=lambda losses: losses * torch.tensor([[1e6], [1e-3]]))
        settings = config(gradient_clip=0.5)
        train(stacked, steep, together, settings, n_members=2)
        steep_norms, gentle_norms = torch.stack(norms).unbind(dim=1)
        torch.testing.assert_close(steep_norms, torch.full_like(steep_norms, 0.5))
        assert 0 < gentle_norms.max() < 0.1
        train(flows[1], Scripted({}, always=lambda losses: losses * 1e-3), parts[1], settings)
        assert_states(state(select_member(stacked, 1)), state(flows[1]), tolerance=1e-9)

    def test_nan_in_one_member_skips_its_step_only(self):
        stacked, flows, together, parts = two_members()
        with pytest.warns(ConvergenceWarning, match=r"3 training steps had a non-finite"):
            history = train(
                stacked, Scripted(dict.fromkeys((1, 2, 6), spoil)), together, config(), n_members=2
            )
        assert (history.skipped_steps, history.rollbacks) == (3, 0)
        train(flows[1], likelihood, parts[1], config())
        assert_states(state(select_member(stacked, 1)), state(flows[1]), tolerance=1e-9)
        spoilt, start = state(select_member(stacked, 0)), state(flows[0])
        assert all(p.isfinite().all() for p in spoilt.values())
        assert max((p - start[name]).abs().max() for name, p in spoilt.items()) > 0.01

    def test_member_that_stays_nan_goes_back_and_leaves_the_others_alone(self):
        stacked, flows, together, parts = two_members()
        settings = config(max_epochs=8)
        objective = Scripted({}, always=spoil)
        with pytest.warns(ConvergenceWarning, match=r"24 training steps.* 2 returns"):
            history = train(stacked, objective, together, settings, n_members=2)
        assert history.rollbacks == 24 // BAD_STEPS
        train(flows[1], likelihood, parts[1], settings)
        assert_states(state(select_member(stacked, 1)), state(flows[1]), tolerance=1e-9)
        assert_states(state(select_member(stacked, 0)), state(flows[0]))


class TestBestWeights:
    class Judge:
        """The usual loss in training; in validation, losses as written and weights noted."""

        def __init__(self, *verdicts):
            self.verdicts, self.seen = list(verdicts), []

        def __call__(self, flow, batch):
            if flow.training:
                return likelihood(flow, batch)
            self.seen.append(state(flow))
            verdict = self.verdicts[min(len(self.seen), len(self.verdicts)) - 1]
            return torch.full(batch.x.shape[:-1], verdict, dtype=batch.x.dtype)

    @pytest.mark.parametrize(
        ("verdicts", "best"),
        [((5, 4, 1, 3, 2), 2), ((5, 4, 3, 2, 1), 4), ((0, 4, 3, 2, 1), 0)],
    )
    def test_are_what_the_flow_holds(self, verdicts, best):
        judge, flow, rows = self.Judge(*map(float, verdicts)), make_flow(), make_rows()
        history = train(flow, judge, [rows], config(max_epochs=4), validation=rows)
        assert len(judge.seen) == 5
        assert_states(state(flow), judge.seen[best])
        assert history.validation_loss == [verdicts[best]]

    def test_training_stops_without_progress(self):
        judge = self.Judge(5.0, 4.0, 3.0, 3.0)
        settings = config(max_epochs=50, n_iter_no_change=3)
        history = train(make_flow(), judge, [make_rows()], settings, validation=make_rows())
        assert history.stopped_by == "n_iter_no_change"
        assert len(history.records) == 5

    def test_nothing_better_than_the_start_is_looked_for_at_lower_rates(self):
        judge = self.Judge(3.0, 4.0, 4.0, 4.0, 4.0, 2.0, 2.0, 2.0)
        settings = config(max_epochs=500, n_iter_no_change=2, warmup_steps=1)
        history = train(make_flow(), judge, [make_rows()], settings, validation=make_rows())
        assert history.stopped_by == "n_iter_no_change"
        assert len(history.records) == 7
        # a step each from the start
        ways = [self.largest_change(judge.seen[0], judge.seen[k]) for k in (1, 3, 5)]
        assert 0 < 3 * ways[1] < ways[0]
        assert 0 < 3 * ways[2] < ways[1]
        assert history.records[4]["learning_rate"] < 0.07 * history.records[0]["learning_rate"]

    @staticmethod
    def largest_change(before, after):
        return max(float((after[name] - p).abs().max()) for name, p in before.items())

    def test_a_start_that_is_the_answer_costs_two_more_patiences(self):
        judge = self.Judge(3.0, 4.0)
        settings = config(max_epochs=50, n_iter_no_change=2)
        flow = make_flow()
        history = train(flow, judge, [make_rows()], settings, validation=make_rows())
        assert (history.stopped_by, len(history.records)) == ("n_iter_no_change", 6)
        assert_states(state(flow), judge.seen[0])

    def test_nan_in_validation_is_not_the_best(self):
        judge, flow = self.Judge(5.0, 4.0, float("nan"), float("nan")), make_flow()
        history = train(flow, judge, [make_rows()], config(max_epochs=3), validation=make_rows())
        assert_states(state(flow), judge.seen[1])
        assert history.validation_loss == [4.0]

    @pytest.mark.parametrize("own", [True, False], ids=["own limit", "limit around"])
    def test_no_time_for_a_step_keeps_the_start(self, own):
        judge, flow, rows = self.Judge(5.0, 4.0), make_flow(), make_rows()
        settings = config(max_epochs=1000, max_seconds=1e-6 if own else None)
        with time_limit(None if own else 1e-6):
            history = train(flow, judge, [rows] * 10, settings, validation=rows)
        assert history.stopped_by == "max_seconds"
        assert history.records == []
        assert history.validation_loss == [5.0]
        assert_states(state(flow), state(make_flow()))

    def test_no_time_and_no_validation_is_one_step(self):
        history = train(
            make_flow(), likelihood, [make_rows()] * 10, config(max_epochs=9, max_seconds=-1.0)
        )
        assert history.stopped_by == "max_seconds"
        assert len(history.records) == 1
        assert history.validation_loss == [history.records[0]["train_loss"]]

    def test_out_of_time_keeps_the_last_weights_that_were_validated(self, own_clock):
        class Slow(self.Judge):
            def __call__(self, flow, batch):
                time.sleep(0.01 if flow.training else 0.1)
                return super().__call__(flow, batch)

        judge, flow, rows = Slow(5.0, 4.0), make_flow(), make_rows()
        start = time.perf_counter()
        settings = config(max_epochs=1000, max_seconds=0.5)
        history = train(flow, judge, [rows] * 100, settings, validation=rows)
        assert 0.3 < time.perf_counter() - start < 0.8
        assert history.stopped_by == "max_seconds"
        assert len(history.records) == 1
        assert_states(state(flow), judge.seen[1])

    def test_validation_without_time_looks_at_the_first_rows(self, monkeypatch):
        monkeypatch.setattr("skflow.training._loop.BLOCK", 5)
        sizes = []

        def losses(flow, batch):
            sizes.append(len(batch.x))
            return -flow.log_prob(batch.x)

        rows = make_rows(30, weight=True)
        train(make_flow(), losses, [rows], config(max_seconds=0.0), validation=rows)
        assert sizes == [5]

    def test_blocks_of_wide_rows_are_small(self, monkeypatch):
        monkeypatch.setattr("skflow.training._loop.BLOCK_ENTRIES", 2 * 7)
        sizes = []

        def losses(flow, batch):
            sizes.append((flow.training, len(batch.x)))
            return -flow.log_prob(batch.x)

        train(make_flow(), losses, [], config(max_epochs=0), validation=make_rows(20))
        assert sizes == [(False, 7), (False, 7), (False, 6)]


class TestTrouble:
    def test_interrupt_keeps_the_best_weights(self):
        rows, held = make_rows(), make_rows(20, seed=1)
        flow, until_then = make_flow(), make_flow()
        settings = config(max_epochs=10)
        objective = Scripted({7: interrupt})
        with pytest.warns(ConvergenceWarning, match="interrupted; the best weights so far"):
            history = train(flow, objective, [rows, rows], settings, validation=held)
        assert history.stopped_by == "interrupt"
        assert len(history.records) == 3

        judge = TestBestWeights.Judge(3.0, 2.0, 1.0, 0.0, 9.0)
        train(until_then, judge, [rows, rows], settings, validation=held)
        assert_states(state(flow), judge.seen[3], tolerance=1e-12)
        assert not flow.training

    def test_interrupt_in_the_first_step_keeps_the_start(self):
        flow = make_flow()
        with pytest.warns(ConvergenceWarning, match="interrupted"):
            history = train(flow, Scripted({0: interrupt}), [make_rows()], config())
        assert_states(state(flow), state(make_flow()))
        assert history.records == []

    @pytest.mark.parametrize("n_batches", [1, 7, 100])
    @pytest.mark.parametrize("validated", [False, True], ids=["no validation", "validation"])
    def test_no_finite_step_at_all(self, n_batches, validated):
        flow, rows = make_flow(), make_rows()
        message = r"not finite in \d+ steps, at rates down to .*Lower learning_rate"
        with pytest.raises(TrainingDivergedError, match=message):
            train(
                flow,
                hopeless,
                [rows] * n_batches,
                config(max_epochs=100),
                validation=rows if validated else None,
            )
        assert_states(state(flow), state(make_flow()))

    def test_few_steps_and_none_finite(self):
        with pytest.raises(TrainingDivergedError, match="not finite in 3 steps"):
            train(make_flow(), hopeless, [make_rows()], config(max_epochs=3))

    @pytest.mark.parametrize("n_batches", [1, 100])
    @pytest.mark.parametrize("validated", [False, True], ids=["no validation", "validation"])
    @pytest.mark.parametrize("spoilt", ["losses", "gradients"])
    def test_a_usable_start_is_kept(self, n_batches, validated, spoilt):
        def objective(flow, batch):
            losses = likelihood(flow, batch)
            if not torch.is_grad_enabled():
                return losses
            return losses * torch.nan if spoilt == "losses" else losses + NanGradient.apply(losses)

        flow, rows = make_flow(), make_rows()
        expected = loss_on(flow, rows)
        with pytest.warns(ConvergenceWarning, match="not finite in .* untrained start is kept"):
            history = train(
                flow,
                objective,
                [rows] * n_batches,
                config(max_epochs=100),
                validation=rows if validated else None,
            )
        assert_states(state(flow), state(make_flow()))
        assert history.stopped_by == "diverged"
        assert history.validation_loss == pytest.approx([expected])

    def test_going_bad_after_a_good_start_is_no_error(self):
        flow, rows = make_flow(), make_rows()
        good = Scripted(dict.fromkeys(range(5), torch.clone), always=spoil_all)
        steps = 5 + BAD_STEPS * (ROLLBACKS + 3)
        with pytest.warns(ConvergenceWarning, match="a lower learning_rate may fit better"):
            train(flow, good, [rows], config(max_epochs=steps), validation=rows)
        assert loss_on(flow, rows) < loss_on(make_flow(), rows)

    def test_after_going_back_the_rate_is_halved(self, monkeypatch):
        rates = []
        step = FlatAdamW.step

        def recording_step(self, gradient, rate, keep=None):
            rates.append(float(rate))
            return step(self, gradient, rate, keep)

        monkeypatch.setattr(FlatAdamW, "step", recording_step)
        objective = Scripted(dict.fromkeys(range(5, 5 + BAD_STEPS), spoil_all))
        settings = config(max_epochs=30, warmup_steps=1)
        train(make_flow(), likelihood, [make_rows()], settings)
        undisturbed = rates.copy()
        rates.clear()
        with pytest.warns(ConvergenceWarning, match="1 returns to earlier weights at half"):
            train(make_flow(), objective, [make_rows()], settings)
        shares = [rate / plain for rate, plain in zip(rates, undisturbed, strict=True)]
        assert shares == pytest.approx([1.0] * (5 + BAD_STEPS) + [0.5] * 15)


@pytest.mark.parametrize("weighted", [False, True])
def test_parts_of_a_batch_add_up_to_it(weighted, monkeypatch):
    flow, x = make_flow(), make_rows(1000).x
    weight = torch.rand(1000) if weighted else None
    found = []
    for entries in (10**9, 1):
        monkeypatch.setattr("skflow.training._loop.BLOCK_ENTRIES", entries)
        run = _Run(flow, likelihood, [], config(), None, None)
        assert len(list(run._parts(Batch(x, None, weight)))) == (1 if entries > 1 else 3)
        found.append(run.loss_and_gradient(Batch(x, None, weight)))
    torch.testing.assert_close(found[0], found[1])
