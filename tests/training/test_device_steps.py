"""Steps that stay on the device do what the plain ones do, on a GPU as CUDA graphs."""

import copy
import gc
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from skflow import ContinuousFlowDensity, NSFDensity, RealNVPDensity
from skflow._random import generator, seeded
from skflow.exceptions import ConvergenceWarning, TrainingDivergedError
from skflow.members import stack_members
from skflow.training import Batch, Batches, MaximumLikelihood, Rows, train
from skflow.training._device_steps import DeviceSteps
from skflow.training._graph import Captured
from skflow.training._loop import BAD_STEPS
from tests.training.problems import assert_states, config, make_flow, make_rows, state

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]
on_every_device = pytest.mark.parametrize("device", DEVICES)


@pytest.fixture(autouse=True)
def _also_on_the_cpu(monkeypatch):
    """On a CPU the steps are the same functions, run as they are."""

    def suit(run):
        return run.config.cuda_graphs and run.objective.repeatable

    monkeypatch.setattr(DeviceSteps, "suit", staticmethod(suit))


class Spoiling(MaximumLikelihood):
    """The usual loss, with the training losses of each member times a factor from a table.

    Parameters
    ----------
    factors : tensor of shape (n_steps, n_members)
        The step is counted on the device, so that a replayed graph counts it too.
    """

    def __init__(self, factors):
        self.factors = factors
        self.step = torch.zeros(1, dtype=torch.long, device=factors.device)

    def __call__(self, flow, batch):
        losses = super().__call__(flow, batch)
        if not flow.training:
            return losses
        factor = self.factors.index_select(0, self.step)[0]
        self.step.add_(1)
        return losses * factor.unsqueeze(-1)


def pair(device):
    return stack_members([make_flow(seed) for seed in range(2)]).to(device)


def rows_of(device, n=64, seed=0, **options):
    rows = Batch(
        *(None if t is None else t.to(device) for t in make_rows(n, seed=seed, **options))
    )
    return Rows(rows, torch.arange(n, device=device).expand(2, -1))


def both_ways(device, objective, *, weight=False, **settings):
    """Weights and history by the plain steps, and by those that stay on the device."""
    found = []
    for stays in (False, True):
        flow = pair(device)
        torch.manual_seed(0)
        history = train(
            flow,
            objective(),
            Batches(rows_of(device, 64, weight=weight), 30, noise=0.1),
            config(cuda_graphs=stays, **settings),
            validation=rows_of(device, 20, seed=1, weight=weight),
            n_members=2,
        )
        found.append((state(flow), history))
        assert history.cuda_graphs == ("replayed" if stays and device == "cuda" else "")
    return found


def losses_of(history):
    return [record["member_train_losses"] for record in history.records]


@on_every_device
@pytest.mark.parametrize("weight", [False, True], ids=["equal weights", "weights"])
def test_as_the_plain_steps(device, weight):
    plain, own = both_ways(
        device, MaximumLikelihood, weight=weight, max_epochs=25, averaged_steps=10
    )
    assert_states(own[0], plain[0], tolerance=1e-6)
    np.testing.assert_allclose(losses_of(own[1]), losses_of(plain[1]), atol=1e-6)
    np.testing.assert_allclose(own[1].validation_loss, plain[1].validation_loss, atol=1e-6)
    assert own[1].records[0]["learning_rate"] == plain[1].records[0]["learning_rate"]


@on_every_device
def test_steps_that_are_not_finite_are_counted_and_members_go_back(device):
    factors = torch.ones(100, 2, dtype=torch.float64, device=device)
    factors[[1, 4], 0] = torch.nan
    factors[20 : 20 + BAD_STEPS, 0] = torch.nan
    factors[60 : 60 + BAD_STEPS, 1] = torch.inf
    with pytest.warns(ConvergenceWarning, match=r"22 training steps .* 2 returns"):
        plain, own = both_ways(device, lambda: Spoiling(factors), max_epochs=50)
    assert_states(own[0], plain[0], tolerance=1e-6)
    assert (own[1].skipped_steps, own[1].rollbacks) == (2 + 2 * BAD_STEPS, 2)


@on_every_device
def test_no_finite_step_at_all(device):
    factors = torch.full((1000, 2), torch.nan, device=device)
    flow = pair(device)
    with pytest.warns(ConvergenceWarning, match="untrained start is kept"):
        history = train(
            flow,
            Spoiling(factors),
            Batches(rows_of(device), 4),
            config(max_epochs=60),
            validation=rows_of(device),
            n_members=2,
        )
    assert history.stopped_by == "diverged"
    assert len(history.records) < 10
    assert_states(state(flow), state(pair(device)))


@on_every_device
def test_no_finite_loss_either(device):
    rows = rows_of(device)
    rows.table.x.mul_(torch.nan)
    with pytest.raises(TrainingDivergedError, match="not finite in"):
        train(pair(device), MaximumLikelihood(), Batches(rows, 8), config(), n_members=2)


@on_every_device
def test_out_of_time(device, own_clock):
    start = time.perf_counter()
    history = train(
        pair(device),
        MaximumLikelihood(),
        Batches(rows_of(device), 8),
        config(max_epochs=10**5, max_seconds=1.0),
        validation=rows_of(device),
        n_members=2,
    )
    assert history.stopped_by == "max_seconds"
    assert 0.5 < time.perf_counter() - start < 3.0


@on_every_device
def test_interrupt_keeps_the_best_weights_and_the_counts(device, monkeypatch):
    note = DeviceSteps._wait

    def interrupted(self):
        note(self)
        if self.run.step == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(DeviceSteps, "_wait", interrupted)
    factors = torch.ones(100, 2, dtype=torch.float64, device=device)
    factors[5, 0] = torch.nan
    flow, held = pair(device), rows_of(device, seed=1)
    with pytest.warns(ConvergenceWarning) as caught:
        history = train(
            flow,
            Spoiling(factors),
            Batches(rows_of(device), 32),
            config(),
            validation=held,
            n_members=2,
        )
    assert history.stopped_by == "interrupt"
    assert history.skipped_steps == 1
    assert "interrupted" in str(caught[0].message)
    with torch.no_grad():
        loss = -flow.log_prob(held.take().x).mean(dim=-1)
    assert history.validation_loss == pytest.approx(loss.tolist())


class Watched:
    """A module's function as the first call of :class:`Captured` sees it, without a GPU."""

    def __init__(self, change, monkeypatch):
        monkeypatch.setattr(Captured, "_beside", lambda self: nullcontext())
        self.module = torch.nn.BatchNorm1d(2)
        self.captured = Captured(self.call, self.module, torch.device("cpu"))
        self.captured.runs_plainly = False
        self.change = change

    def call(self, x):
        self.change(self.module)
        return 2 * x


def replace_a_buffer(module):
    module.running_mean = module.running_mean + 1


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (lambda module: module.running_mean.add_(1), ""),
        (replace_a_buffer, "every call replaces a buffer of the flow"),
        (lambda module: torch.rand(()), "every call draws random numbers on the host"),
    ],
)
@pytest.mark.parametrize("in_a_block", [False, True])
def test_what_a_replay_would_not_do_again_is_not_recorded(
    change, trouble, in_a_block, monkeypatch
):
    watched = Watched(change, monkeypatch)
    with seeded(0) if in_a_block else nullcontext():
        if in_a_block and "draws" in trouble:
            watched.change = lambda module: torch.rand((), generator=generator())
        assert float(watched.captured(torch.ones(()))) == 2
        assert watched.captured.trouble == trouble
        assert watched.captured.runs_plainly == bool(trouble)
        assert watched.captured.graphs == {(torch.Size([]),): None}


def ask(x):
    """Ask the host, which ends a recording."""
    assert float(x.amax()) < 1e30


def refuse(x):
    """Fail in a recording, as generators do that are asked where they stand; it goes on."""
    if torch.cuda.is_current_stream_capturing():
        raise RuntimeError("not while a graph is recorded")


@pytest.mark.gpu
class TestOnAGpu:
    def flow_that(self, trouble):
        """A flow that does something in training that a graph cannot hold."""
        flow = make_flow()
        inner = flow.bijection.forward

        def forward(x, context=None):
            if flow.training:
                trouble(x.detach())
            return inner(x, context)

        flow.bijection.forward = forward
        return flow.cuda()

    def trained(self, flow, **settings):
        torch.manual_seed(0)
        rows = rows_of("cuda").of_member(0)
        batches = Batches(rows, 30, noise=0.1)
        return train(flow, MaximumLikelihood(), batches, config(**settings), validation=rows)

    @pytest.mark.parametrize("trouble", [ask, refuse])
    def test_what_cannot_be_recorded_runs_as_it_is_and_says_so(self, trouble):
        plain, flow = make_flow().cuda(), self.flow_that(trouble)
        self.trained(plain, cuda_graphs=False)
        history = self.trained(flow)
        assert history.cuda_graphs.startswith("steps not recorded: ")
        assert_states(state(flow), state(plain), tolerance=1e-8)

    @pytest.mark.parametrize("trouble", [ask, refuse])
    def test_a_failed_recording_leaves_nothing_broken(self, trouble):
        stream = torch.cuda.current_stream()
        for _ in range(3):
            self.trained(self.flow_that(trouble))
            assert torch.cuda.current_stream() == stream
            again = [make_flow().cuda() for _ in range(2)]
            assert self.trained(again[0]).cuda_graphs == "replayed"
            self.trained(again[1], cuda_graphs=False)
            assert_states(state(again[0]), state(again[1]), tolerance=1e-8)
        torch.randn(3, device="cuda")

    def test_host_draws_are_not_frozen(self):
        flow = self.flow_that(lambda x: torch.rand(()))
        history = self.trained(flow)
        assert history.cuda_graphs.startswith("steps not recorded: every call draws")

    @pytest.mark.parametrize("trouble", [None, ask, refuse])
    def test_graphs_and_their_memory_end_with_the_training(self, trouble):
        def make():
            return make_flow().cuda() if trouble is None else self.flow_that(trouble)

        self.trained(make())
        gc.collect()
        gc.disable()
        try:
            torch.cuda.empty_cache()
            before = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
            for _ in range(4):
                self.trained(make())
            torch.cuda.empty_cache()
            after = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()
        finally:
            gc.enable()
        assert after[0] - before[0] < 2**20
        assert after[1] - before[1] < 2**25

    @pytest.mark.parametrize("in_a_block", [False, True])
    def test_a_validation_that_cannot_be_recorded(self, in_a_block):
        X = np.random.default_rng(0).normal(size=(200, 2))
        fit = ContinuousFlowDensity(max_epochs=1, n_members=1, random_state=0).fit(X).flow_
        rows = Rows(Batch(torch.from_numpy(X).float().cuda()))
        found = []
        for graphs in (False, True):
            flow, objective = copy.deepcopy(fit).behind(None).cuda(), MaximumLikelihood()
            own = config(max_epochs=6, cuda_graphs=graphs)
            torch.manual_seed(0)
            # steps draw, and are recorded before the validation cannot be
            with seeded(0, "cuda") if in_a_block else nullcontext():
                history = train(flow, objective, Batches(rows, 100), own, validation=rows)
            found.append(losses_of(history))
        assert history.cuda_graphs.startswith("validation not recorded: ")
        np.testing.assert_allclose(found[1], found[0], atol=1e-4)

    def test_dropout_is_drawn_anew_in_every_replay(self):
        found = []
        for graphs in (False, True):
            flow = make_flow(dropout=0.3).cuda()
            self.trained(flow, cuda_graphs=graphs)
            found.append(state(flow))
        assert_states(found[1], found[0], tolerance=1e-6)

    @pytest.mark.parametrize("estimator", [RealNVPDensity, NSFDensity])
    @pytest.mark.parametrize("given", [False, True], ids=["alone", "context"])
    def test_fits(self, estimator, given, monkeypatch):
        histories = []

        def noting(*args, **options):
            histories.append(train(*args, **options))
            assert options["n_members"] == 3
            return histories[-1]

        monkeypatch.setattr("skflow.fitting._supply.train", noting)
        rng = np.random.default_rng(0)
        X, context = rng.normal(size=(600, 3)), rng.normal(size=(600, 2)) if given else None
        weight = rng.uniform(0.5, 1.5, size=600)
        density = estimator(device="cuda", n_members=3, max_epochs=10, random_state=0)
        fits = [
            density.fit(X, sample_weight=weight, context=context).score_samples(X, context=context)
            for _ in range(2)
        ]
        assert [history.cuda_graphs for history in histories] == ["replayed"] * 2
        np.testing.assert_allclose(fits[0], fits[1], atol=1e-5)
        assert np.isfinite(fits[0]).all()

    def test_fits_side_by_side_in_threads(self):
        X = np.random.default_rng(0).normal(size=(300, 3))

        def scores(seed):
            density = RealNVPDensity(device="cuda", max_epochs=8, random_state=seed)
            return density.fit(X).score_samples(X)

        alone = [scores(seed) for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            beside = list(pool.map(scores, range(4)))
        np.testing.assert_allclose(beside, alone, atol=1e-4)

    def test_scores_of_the_device_are_those_of_the_cpu(self):
        X = np.random.default_rng(0).normal(size=(500, 4))
        density = NSFDensity(device="cuda", max_epochs=10, random_state=0).fit(X)
        flow = density.flow_
        x = torch.from_numpy(X)
        with torch.no_grad():
            here = flow.log_prob(x)
            there = flow.cuda().log_prob(x.cuda()).cpu()
        flow.cpu()
        np.testing.assert_allclose(there, here, atol=1e-4)
