"""Seeds: the same draws alone, in threads and in child processes, and no global state touched."""

import ast
import multiprocessing
import pathlib
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import skflow
from skflow._random import drawing_from, generator, random_state, seeded
from skflow._threads import one_thread
from skflow.architectures import amortized_flow, low_rank_stack
from skflow.bases import GaussianMixture, KernelDensity, Normal, Product, StudentT, Uniform
from skflow.bijections import Continuous, Planar, Residual, Reversible, Sylvester
from skflow.dequantization import Dequantized
from skflow.flow import Ensemble, Flow
from skflow.members import stack_members
from skflow.nets import MADE, MLP, LipschitzMLP, VelocityNet
from skflow.training import Batch, Batches, MaximumLikelihood, TrainingConfig, train
from tests.bijections.test_reversible import parts

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)


def rows():
    return torch.from_numpy(X)


def small_ensemble():
    flows = [Flow(low_rank_stack(4, Sylvester, n_layers=1), Normal(4)) for _ in range(3)]
    return Ensemble(stack_members(flows), 3)


def numbers_of(module):
    return torch.cat([p.detach().flatten() for p in module.parameters()])


def nets():
    built = MLP(2, 2, 3, (8,)), MADE(3, 2, (8,)), LipschitzMLP(2, (8,), 3), VelocityNet(3, (8,))
    return torch.cat([numbers_of(net) for net in (*built, Planar(3), Sylvester(3, 2))])


def dropout():
    net = MLP(4, 2, 3, (32,), dropout=0.4)
    torch.nn.init.ones_(net.last.weight)
    return net.train()(rows()).detach()


def probes():
    """Hutchinson's signs, and the roulette's signs and number of terms."""
    net = VelocityNet(4, (8,))
    torch.nn.init.ones_(net.last.weight)
    residual = Residual(LipschitzMLP(4, (8,)))
    torch.nn.init.ones_(residual.net.last.weight)
    flows = Continuous(net, trace="hutchinson").train(), residual.train()
    return torch.stack([flow(rows())[1].detach() for flow in flows])


def batches():
    dealt = [*Batches(Batch(rows()), 10, noise=0.1), *Batches(Batch(rows().expand(3, 40, 4)), 10)]
    return torch.cat([batch.x.flatten() for batch in dealt])


def bases():
    columns = [[0], [1], [2, 3]]
    base = Product([StudentT(1, df=3), Uniform(1), GaussianMixture(2, 3)], columns)
    kernels = KernelDensity(4)
    kernels.initialize(rows())
    return torch.cat([base.sample(20), kernels.sample(20), Normal(4).draw_seeds(20)]).detach()


def ensemble():
    return small_ensemble().sample(50).detach()


def integers():
    flow = Dequantized(Flow(low_rank_stack(4, Planar, n_layers=1), Normal(4)), 5).train()
    return flow.log_prob(rows().round().clamp(0, 4)).detach()


def reversible():
    chain = Reversible(parts(dropout=0.3)).train()
    z, log_det = chain(rows().requires_grad_())
    (z.square().sum() - log_det.sum()).backward()
    return torch.cat([p.grad.flatten() for p in chain.parameters()])


def fit():
    flow = Flow(low_rank_stack(4, Planar, n_layers=2), Normal(4))
    flow.initialize(rows())
    config = TrainingConfig(max_epochs=2)
    train(flow, MaximumLikelihood(), Batches(Batch(rows()), 10, noise=0.1), config)
    return numbers_of(flow)


DRAWS = [nets, dropout, probes, batches, bases, ensemble, integers, reversible, fit]


def drawn(function, seed=0):
    with one_thread(), seeded(seed):
        return function()


def global_state():
    return (
        torch.get_rng_state().tolist(),
        np.random.get_state()[1].tolist(),  # noqa: NPY002
        list(warnings.filters),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    )


@pytest.mark.parametrize("function", DRAWS)
def test_the_seed_alone_counts_and_nothing_global_is_touched(function):
    first = drawn(function)  # once before, since torch imports what adds filters of warnings
    torch.manual_seed(1)
    before = global_state()
    drawn(function, seed=1)
    assert global_state() == before
    torch.manual_seed(2)
    assert torch.equal(drawn(function), first)
    assert not torch.equal(drawn(function, seed=1), first)


@pytest.mark.parametrize("function", DRAWS)
def test_in_a_block_as_from_torchs_own_state(function):
    torch.manual_seed(0)
    assert torch.equal(function(), drawn(function))


@pytest.mark.parametrize("function", DRAWS)
def test_threads_draw_as_one_alone(function):
    alone = drawn(function)
    begin = threading.Barrier(8)

    def draw(_):
        begin.wait()
        return drawn(function)

    with ThreadPoolExecutor(8) as pool:
        assert all(torch.equal(draws, alone) for draws in pool.map(draw, range(8)))


def draws_of_child(queue):
    queue.put([drawn(function).numpy() for function in (nets, bases, fit)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_draw_as_their_parent(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=draws_of_child, args=(queue,))
    child.start()
    theirs = queue.get(timeout=120)
    child.join()
    for function, draws in zip((nets, bases, fit), theirs, strict=True):
        np.testing.assert_array_equal(draws, drawn(function).numpy())


def test_blocks_within_blocks_and_after_an_error():
    def fails():
        with seeded(0):
            assert torch.equal(torch.rand(3, generator=generator()), first)
            raise KeyError

    with seeded(0):
        first = torch.rand(3, generator=generator())
        with pytest.raises(KeyError):
            fails()
        second = torch.rand(3, generator=generator())
    assert generator() is None
    with seeded(0):
        assert torch.equal(torch.rand(6, generator=generator()), torch.cat([first, second]))


def test_a_device_without_a_generator_is_named():
    with seeded(0), pytest.raises(RuntimeError, match=r"drawn on meta.*\['cpu'\].*device='meta'"):
        generator(torch.device("meta"))


@pytest.mark.parametrize("inside", [False, True], ids=["torch's own", "seeded"])
def test_draws_can_be_repeated_in_another_thread(inside):
    def draw():
        return torch.rand(5, generator=generator())

    def again():
        with drawing_from(state):
            found.append(draw())

    found = []
    with seeded(0) if inside else torch.random.fork_rng([]):
        state = random_state(torch.device("cpu"))
        assert not state.moved
        first = draw()
        assert state.moved
        thread = threading.Thread(target=again)
        thread.start()
        thread.join()
        second = draw()
        again()
        third = draw()
    assert torch.equal(found[0], first)
    assert torch.equal(found[1], first)
    assert not torch.equal(second, first)
    assert not torch.equal(third, second)


def test_reversible_draws_the_same_where_autograd_runs_in_another_thread():
    torch.manual_seed(0)
    chain = Reversible(parts(dropout=0.3)).double().train()
    x = rows().double()

    def gradient(threaded):
        with seeded(0):
            z, log_det = chain(x)
            loss = z.square().sum() - log_det.sum()
            if not threaded:
                return torch.autograd.grad(loss, list(chain.parameters()))
            found = []
            thread = threading.Thread(
                target=lambda: found.extend(torch.autograd.grad(loss, list(chain.parameters())))
            )
            thread.start()
            thread.join()
            return found

    for ours, theirs in zip(gradient(True), gradient(False), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_conditional_flows_draw_from_the_block_too():
    with seeded(0):
        flow = amortized_flow(2, 3, hidden_features=(8,), encoder_features=(8,))
        context = torch.ones(5, 3)
        first = flow.sample(5, context)
    with seeded(0):
        again = amortized_flow(2, 3, hidden_features=(8,), encoder_features=(8,))
        assert torch.equal(again.sample(5, context), first)


# Functions of torch that draw, which all take a generator, or have no place in the package.
FUNCTIONS = {"bernoulli", "multinomial", "normal", "rand", "randint", "randn", "randperm"}
METHODS = {"bernoulli_", "exponential_", "normal_", "random_", "uniform_", "_standard_gamma"}
GLOBAL = {
    "catch_warnings",
    "distributions",
    "dropout",
    "Dropout",
    "filterwarnings",
    "fork_rng",
    "init",
    "rand_like",
    "randint_like",
    "randn_like",
    "set_default_dtype",
    "set_rng_state",
    "simplefilter",
}


CORE = (
    "bases",
    "bijections",
    "dequantization",
    "diagnostics",
    "flow",
    "images",
    "nets",
    "numerics",
    "testing",
    "training",
    "variational",
)


def _global_draws(tree):
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else None
        owner = getattr(node.value, "id", getattr(node.value, "attr", None)) if name else None
        if name in GLOBAL and owner in {"F", "functional", "nn", "random", "torch", "warnings"}:
            yield f"{owner}.{name}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called, of = node.func.attr, getattr(node.func.value, "id", None)
            draws = called in METHODS or (called in FUNCTIONS and of == "torch")
            if draws and "generator" not in {keyword.arg for keyword in node.keywords}:
                yield called


def test_all_draws_name_their_generator():
    root = pathlib.Path(skflow.__file__).parent
    found = {}
    for package in CORE:
        for path in sorted((root / package).rglob("*.py")) or [root / f"{package}.py"]:
            if wrong := list(_global_draws(ast.parse(path.read_text()))):
                found[str(path.relative_to(root))] = wrong
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "torch.randn(3)",
        "x.uniform_(0, 1)",
        "nn.init.uniform_(x)",
        "torch.rand_like(x)",
        "torch.distributions.Normal(0, 1).sample()",
        "torch.random.fork_rng()",
        "F.dropout(x)",
        "warnings.catch_warnings()",
    ],
)
def test_a_draw_from_the_global_state_is_found(source):
    assert list(_global_draws(ast.parse(source)))
