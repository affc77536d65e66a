"""What a fit promises whatever happens: its time, its memory, its bits, and the last fit whole."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import torch
from torch.overrides import TorchFunctionMode

import skflow
from skflow.estimators._contract import anew
from tests.instances import ESTIMATORS, quick, shortened

SMALL = {"n_layers": 1, "hidden_features": (8,), "n_members": 2, "max_epochs": 2}
SMALL = {**SMALL, "preprocessing": "standardize"}


def rows(n=120, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


def maf(**settings):
    return skflow.MAFDensity(**{**SMALL, "random_state": 0, **settings})


class TestTheLastFitStaysWhole:
    @pytest.mark.parametrize("name", sorted(ESTIMATORS))
    def test_where_a_refit_is_refused(self, name):
        model = shortened(name).fit(rows())
        before = dict(vars(model))
        scores = model.score_samples(rows())
        with pytest.raises(ValueError, match="NaN"):
            model.fit(np.where(rows(d=2) > 0, np.nan, 1.0))
        assert list(vars(model)) == list(before)
        assert all(vars(model)[key] is value for key, value in before.items())
        np.testing.assert_array_equal(model.score_samples(rows()), scores)

    def test_where_it_fails_half_way(self):
        model = maf().fit(rows())
        scores = model.score_samples(rows())
        with pytest.raises(ValueError, match="base must be"):
            model.set_params(base=["normal"]).fit(rows(d=2))
        assert model.n_features_in_ == 3
        np.testing.assert_array_equal(model.score_samples(rows()), scores)

    def test_where_a_warm_start_is_interrupted(self, monkeypatch):
        model = maf(warm_start=True).fit(rows())
        scores = model.score_samples(rows())

        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr("skflow.fitting._fit.assembled", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(rows())
        np.testing.assert_array_equal(model.score_samples(rows()), scores)

    def test_and_is_what_others_see_meanwhile(self):
        model = maf().fit(rows())
        with anew(model) as draft:
            draft.fit(rows(d=2))
            assert draft.n_features_in_ == 2
            assert model.n_features_in_ == 3
            assert model.score_samples(rows()).shape == (120,)
        assert model.n_features_in_ == 2

    def test_nothing_of_it_is_left_in_a_new_one(self):
        model = skflow.MixtureFlowDensity(random_state=0).fit(rows())
        model.stale_ = 1
        assert not hasattr(model.fit(rows()), "stale_")


class TestWarmStarts:
    @pytest.mark.parametrize(
        "change",
        [
            {"n_layers": 2},
            {"base": "student_t"},
            {"dtype": "float64"},
            {"n_members": 3},
            {"hidden_features": (16,)},
            {"mixing": "none"},
            {"order": "reversed"},
            {"support": {0: (-100, None)}},
            {"dropout": 0.5},
            {"preprocessing": "whiten"},
        ],
        ids=str,
    )
    def test_refuse_what_the_flow_cannot_follow(self, change):
        model = maf(warm_start=True).fit(rows())
        scores = model.score_samples(rows())
        with pytest.raises(ValueError, match=f"warm_start.*{next(iter(change))}"):
            model.set_params(**change).fit(rows())
        np.testing.assert_array_equal(model.score_samples(rows()), scores)

    @pytest.mark.parametrize(
        "change",
        [
            {"max_epochs": 3, "learning_rate": 1e-4, "batch_size": 16, "random_state": 1},
            {"n_layers": "auto"},
            {"preprocessing": "standardize"},
            {"order": (0, 1, 2)},
        ],
        ids=str,
    )
    def test_go_on_with_what_it_can(self, change):
        model = maf(warm_start=True, preprocessing="auto").fit(rows())
        model.set_params(**change).fit(rows(seed=0))
        assert model.n_layers_ == 1
        assert np.isfinite(model.score_samples(rows())).all()

    def test_compare_bounds_however_they_are_written(self):
        bounds = {0: (-99, None), 1: (-99, 99)}
        model = maf(warm_start=True, support=bounds).fit(rows())
        again = {1: (-99.0, 99.0), 0: (-99, np.inf)}
        assert model.set_params(support=again).fit(rows()).n_layers_ == 1

    def test_refuse_columns_in_another_order(self):
        frame = pd.DataFrame(rows(), columns=["a", "b", "c"])
        model = maf(warm_start=True).fit(frame)
        with pytest.raises(ValueError, match="in the same order"):
            model.fit(frame[["c", "b", "a"]])
        assert list(model.feature_names_in_) == ["a", "b", "c"]

    def test_refuse_other_columns(self):
        model = maf(warm_start=True).fit(rows())
        with pytest.raises(ValueError, match="X has columns 2, .*fitted to 3"):
            model.fit(rows(d=2))

    def test_keep_members_on_other_numbers_of_rows(self):
        model = maf(warm_start=True, n_members="auto").fit(rows())
        assert model.fit(rows(n=30)).n_members_ == 5
        with pytest.raises(ValueError, match="n_members=5"):
            model.set_params(validation_fraction=0).fit(rows(n=30))


def test_the_share_that_is_held_out_is_what_it_says():
    for fraction, n in ((0.5, 100), (0.9, 100), ("auto", 120), (0.33, 50)):
        model = maf(validation_fraction=fraction).fit(rows(n=n))
        share = np.isfinite(model.held_out_scores_).mean() / model.n_members_
        assert model.validation_fraction_ == pytest.approx(share)


class TestTime:
    @pytest.mark.parametrize(("n", "d"), [(20_000, 20), (300, 300)])
    def test_of_the_whole_fit_is_kept(self, n, d):
        X = np.random.default_rng(0).normal(size=(n, d))
        quick(skflow.NSFDensity).fit(X[:50])  # what is loaded once
        start = time.process_time()  # of the one thread: a busy machine is not the fit's fault
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = skflow.NSFDensity(max_seconds=1, random_state=0).fit(X)
        assert time.process_time() - start < 1.2 * 1 + 2
        assert np.isfinite(model.score_samples(X[:100])).all()

    @pytest.mark.parametrize("name", ["KernelFlowDensity", "MixtureFlowDensity"])
    def test_of_classical_fits_is_kept(self, name):
        X = np.random.default_rng(0).normal(size=(20_000, 10))
        start = time.process_time()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = getattr(skflow, name)(max_seconds=1).fit(X)
        assert time.process_time() - start < 3.2
        assert np.isfinite(model.score_samples(X[:100])).all()


MEMORY = """
import numpy as np, warnings
warnings.simplefilter("ignore")
from skflow import KernelFlowDensity, NSFDensity

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024

X = np.random.default_rng(0).normal(size={size})
{first}.fit(X[:100])
before = peak()
{estimator}.fit(X)
print(peak() - before)
"""
FIRST = "NSFDensity(n_members=1, max_epochs=1)"  # loads what is loaded once
FLOW = "NSFDensity(random_state=0, max_epochs=1, max_seconds=15, n_members={})".format
GROWTH = {  # an estimator and its table
    "two members": (FLOW(2), (100_000, 20)),
    "eight members": (FLOW(8), (100_000, 20)),
    # blocks of distances, whose results may not keep their memory from being reused
    "kernels": ("KernelFlowDensity(random_state=0)", (7_000, 10)),
    # all distances at once would be 250 MiB
    "kernels, standardized": ("KernelFlowDensity(preprocessing='standardize')", (5_750, 3)),
}
SLOW = set(GROWTH) - {"kernels, standardized"}


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in GROWTH]
)
def test_memory_of_a_fit_is_bounded(name):
    estimator, size = GROWTH[name]
    first = estimator if "kernels" in name else FIRST
    run = subprocess.run(
        [sys.executable, "-c", MEMORY.format(size=size, first=first, estimator=estimator)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    # three tables in float32, and 200 MiB
    assert float(run.stdout) < 3 * np.prod(size) * 4 / 2**20 + 200


class TestBits:
    def test_are_the_same_in_threads(self):
        alone, states = maf().fit(rows()), (torch.get_rng_state(), np.random.get_state()[1])  # noqa: NPY002
        draws = alone.sample(50, random_state=0)
        with ThreadPoolExecutor(4) as pool:
            fits = list(pool.map(lambda _: maf().fit(rows()), range(4)))
            drawn = list(pool.map(lambda _: alone.sample(50, random_state=0), range(16)))
        for fit in fits:
            np.testing.assert_array_equal(fit.score_samples(rows()), alone.score_samples(rows()))
        for each in drawn:
            np.testing.assert_array_equal(each, draws)
        assert torch.equal(states[0], torch.get_rng_state())
        np.testing.assert_array_equal(states[1], np.random.get_state()[1])  # noqa: NPY002

    def test_leave_threads_filters_and_dtypes_alone(self):
        before = torch.get_num_threads(), list(warnings.filters), torch.get_default_dtype()
        seen = []

        def fit():
            maf().fit(rows()).sample(5)
            seen.append(torch.get_num_threads())

        workers = [threading.Thread(target=fit) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        after = torch.get_num_threads(), list(warnings.filters), torch.get_default_dtype()
        assert after == before
        assert len(set(seen)) == 1

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
    @pytest.mark.parametrize("images", [False, True])
    def test_are_the_same_in_a_forked_child(self, images):
        model, X = quick(skflow.KernelFlowDensity), rows(n=600)
        if images:
            X = np.random.default_rng(0).normal(size=(60, 64))
            model = quick(skflow.GlowDensity, image_shape=(1, 8, 8))
        expected = model.fit(X).score_samples(X[:100])
        context = multiprocessing.get_context("fork")
        queue = context.SimpleQueue()
        with warnings.catch_warnings():  # Python warns of forks beside threads
            warnings.simplefilter("ignore")
            child = context.Process(target=lambda: queue.put(model.score_samples(X[:100])))
            child.start()
        child.join(60)
        assert child.exitcode == 0
        np.testing.assert_allclose(queue.get(), expected, rtol=1e-12 if not images else 1e-4)

    @pytest.mark.parametrize(
        "estimator",
        [
            skflow.KernelFlowDensity(preprocessing="standardize"),
            skflow.MixtureFlowDensity(preprocessing="gaussianize"),
            skflow.NSFDensity(max_epochs=1, n_members=2),
            skflow.TableDensity(max_steps=2, n_members=2),
        ],
        ids=lambda estimator: type(estimator).__name__,
    )
    def test_fits_take_one_thread(self, estimator):
        """Several threads of small kernels wait for each other, and burn the cores of others."""

        class Seen(TorchFunctionMode):
            def __torch_function__(self, function, types, args=(), kwargs=None):
                work[function.__name__].add(torch.get_num_threads())
                return function(*args, **(kwargs or {}))

        work, before = defaultdict(set), torch.get_num_threads()
        torch.set_num_threads(2)
        try:
            with Seen(), warnings.catch_warnings(action="ignore"):
                estimator.fit(rows(n=150))
        finally:
            torch.set_num_threads(before)
        for name in ("exp", "square"):
            assert work[name] == {1}, name

    def test_do_not_depend_on_the_number_of_threads(self):
        kernels = skflow.KernelFlowDensity(preprocessing="standardize")
        expected = kernels.fit(rows(n=500)).score_samples(rows(n=3_000))
        before = torch.get_num_threads()  # which is one in tests
        torch.set_num_threads(2)
        try:
            scores = kernels.fit(rows(n=500)).score_samples(rows(n=3_000))
        finally:
            torch.set_num_threads(before)
        np.testing.assert_array_equal(scores, expected)


class TestObservation:
    def test_says_what_the_fit_knows(self):
        X = rows()
        X[:, 1] = X[:, 1].round()
        model = maf(support={0: (-1_000, None)}).fit(X)
        observation = model.observation_
        assert observation.continuous
        assert observation.n_features == 3
        assert list(observation.dequantized) == [1]
        assert observation.bounds[0][0] == -1_000
        assert model.dequantized_features_ == observation.dequantized

    def of_integers(self):
        shape = {"image_shape": (4, 1, 1), "levels": 4}
        return quick(skflow.GlowDensity, preprocessing="auto", **shape)

    def test_of_integers(self):
        X = np.random.default_rng(0).integers(0, 4, (60, 4)).astype(float)
        glow = self.of_integers().fit(X)
        assert not glow.observation_.continuous
        assert glow.observation_.n_levels == 4
        assert glow.dequantized_features_ == {}

    def test_is_asked_and_not_the_parameters(self):
        X = np.random.default_rng(0).integers(0, 4, (60, 4)).astype(float)
        glow = self.of_integers().fit(X)
        scores = glow.score_samples(X)
        np.testing.assert_array_equal(glow.set_params(levels=9).score_samples(X), scores)

    def test_rows_of_any_dtype_are_the_same_table(self):
        X = np.random.default_rng(0).integers(0, 5, (80, 2))
        fits = [maf().fit(X.astype(dtype)) for dtype in (np.float64, np.float32, np.int64)]
        for fit in fits[1:]:
            np.testing.assert_array_equal(fit.score_samples(X), fits[0].score_samples(X))
            np.testing.assert_array_equal(fit.held_out_scores_, fits[0].held_out_scores_)


def test_messages_name_the_rows_of_the_table_as_it_was_given():
    X = np.array([[0.5], [0.6], [0.7], [3.0], [0.2]])
    with pytest.raises(ValueError, match=r"value 3.0 in row 3"):
        maf(support={0: (0, 1)}).fit(X, sample_weight=[0, 1, 1, 1, 1])
    # a row that does not count may lie anywhere
    maf(support={0: (0, 1)}).fit(X, sample_weight=[1, 1, 1, 0, 1])


def test_only_ratios_of_weights_matter():
    weight = np.random.default_rng(0).integers(1, 4, 120).astype(float)
    scores = maf().fit(rows(), sample_weight=weight).score_samples(rows())
    for unit in (2.0**1020, 2.0**-1020):
        again = maf().fit(rows(), sample_weight=unit * weight).score_samples(rows())
        np.testing.assert_array_equal(again, scores)


def test_equal_rows_may_be_in_different_folds():
    half = rows(n=40)
    X, fold = np.vstack([half, half]), np.repeat([1, 0], 40)
    splits = [(None, np.flatnonzero(fold == k)) for k in range(2)]
    stack = skflow.StackedDensity([("flow", maf(n_members="auto"))], cv=splits, random_state=0)
    stack.fit(X)
    assert np.isfinite(stack.held_out_scores_).all()
    for k, mixture in enumerate(stack.fold_mixtures_):
        expected = mixture.score_samples(X[fold == k])
        np.testing.assert_allclose(stack.held_out_scores_[fold == k], expected, rtol=1e-4)


def test_a_stack_says_that_time_cut_its_flows_short():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flow = maf(max_epochs=10**6, n_iter_no_change=None)
        stack = skflow.StackedDensity([("flow", flow)], max_seconds=1, random_state=0).fit(rows())
    assert stack.stopped_by_ == "max_seconds"
