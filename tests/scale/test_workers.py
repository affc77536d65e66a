"""Fits to collections of Dask on the workers of a cluster."""

import os
import signal
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.model_selection import GridSearchCV

from skflow import KernelFlowDensity, LinearFlowDensity, NSFDensity, StackedDensity
from skflow.estimators._numbered import NumberedBlocks
from skflow.fitting._stream import Stream
from skflow.scale import _cluster
from skflow.scale._cluster import ClusterError
from skflow.scale._place import place_of
from skflow.sources._find import source_of
from skflow.training._loop import _Run
from tests.breaks import interrupt_validation

distributed = pytest.importorskip("distributed")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

N, D = 20_000, 4
SMALL = 2  # MiB of working memory, with which such a table does not fit in memory
SETTINGS = {
    "n_layers": 2,
    "hidden_features": (16, 16),
    "max_epochs": 2,
    "n_members": 1,
    "base": "normal",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def cluster():
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0
    ) as cluster:
        yield cluster


@pytest.fixture
def client(cluster):
    with distributed.Client(cluster) as client, config_context(working_memory=SMALL):
        yield client


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(N, D))
    z[:, 1] += 0.5 * z[:, 0] ** 2
    return z


def array(X, size=3_000):
    return da.from_array(X, chunks=(size, -1))


def frame(X, n=5):
    return dd.from_pandas(pd.DataFrame(X, columns=list("abcd")), npartitions=n)


def above(table, least):
    return table[table.a > least]


def surveyed(X, sample_weight=None):
    blocks = NumberedBlocks(NSFDensity(), source_of(X), sample_weight)
    return place_of(blocks).survey(False)


def alone(X, sample_weight=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skflow.scale._place.cluster_of", lambda source: None)
        return surveyed(X, sample_weight)


@pytest.mark.parametrize(
    "table",
    [
        array,
        frame,
        lambda X: above(frame(X), 0.5),  # lengths that are not known
        lambda X: array(X)[da.from_array(X[:, 0] > 0.5, chunks=3_000)],
        lambda X: above(frame(X[X[:, 0].argsort()]), 1),  # most partitions are empty
    ],
)
def test_the_survey_is_that_of_one_process(client, X, table):
    there, here = surveyed(table(X)), alone(table(X))
    for name in ("keys", "rows", "positions", "counts"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    assert (there.n_samples, there.n_rows, there.weight) == (here.n_samples, here.n_rows, None)


@pytest.mark.parametrize("zeros", [0.0, 0.9])
def test_the_survey_with_weights(client, X, zeros, monkeypatch):
    monkeypatch.setattr("skflow.fitting._survey.HEAD_ROWS", 500)
    rng = np.random.default_rng(1)
    weight = rng.uniform(1, 2, size=N) * (rng.uniform(size=N) > zeros)
    named = X.copy()
    named[:, 3] = weight
    there, here = surveyed(array(X), weight), alone(array(X), weight)
    assert len(here.keys) == 500
    for name in ("keys", "rows", "positions", "counts", "weight"):
        np.testing.assert_array_equal(getattr(there, name), getattr(here, name))
    assert there.weight_mean == pytest.approx(here.weight_mean)
    np.testing.assert_array_equal(surveyed(frame(named), "d").weight, here.weight)


def test_a_fit_is_made_on_all_workers(client, X, monkeypatch):
    def here(*_):
        raise AssertionError("rows were written in the process of the client")

    monkeypatch.setattr(Stream, "write", here)
    with distributed.get_task_stream(client) as stream:
        fitted = NSFDensity(**SETTINGS).fit(array(X))
    places = {task["worker"] for task in stream.data if "train_on" in str(task["key"])}
    assert len(places) == 2
    assert fitted.n_rows_seen_ == N
    assert len(fitted.history_) == 2


def test_workers_go_on_while_held_out_rows_are_scored(client, X, monkeypatch):
    plain, scored = _Run.held_out_loss, []

    def slow(run):
        start = time.time()
        time.sleep(0.5)
        loss = plain(run)
        scored.append((start, time.time()))
        return loss

    settings = SETTINGS | {"n_members": 2, "max_epochs": 3}
    at_once = NSFDensity(**settings).fit(array(X))
    monkeypatch.setattr(_Run, "held_out_loss", slow)
    with distributed.get_task_stream(client) as stream:
        waited = NSFDensity(**settings).fit(array(X))
    rounds = [
        (part["start"], part["stop"])
        for task in stream.data
        for part in task["startstops"]
        if "train_on" in str(task["key"]) and part["action"] == "compute"
    ]
    beside = [any(a < stop and start < b for a, b in rounds) for start, stop in scored]
    assert beside == [True, True, True, False]  # the last epoch has none after it
    # members that have a task each need no means, which would wait behind each other's rounds
    assert not any("mean_of_rounds" in str(task["key"]) for task in stream.data)
    np.testing.assert_array_equal(waited.score_samples(X[:50]), at_once.score_samples(X[:50]))


def test_what_was_begun_ahead_of_a_training_that_ends_is_dropped(client, X):
    settings = SETTINGS | {"max_epochs": 500, "n_iter_no_change": 1, "learning_rate": 0.3}
    fitted = NSFDensity(**settings).fit(array(X))
    assert fitted.stopped_by_ == "n_iter_no_change"
    assert len(fitted.history_) < 500
    for _ in range(100):
        if not any(client.processing().values()) and not client.futures:
            break
        time.sleep(0.1)
    assert not any(client.processing().values())
    assert not client.futures


@pytest.mark.parametrize("table", [pytest.param(array, marks=pytest.mark.slow), frame])
def test_scores_are_those_of_one_process(client, X, table):
    there = NSFDensity(**SETTINGS).set_params(max_epochs=6).fit(table(X))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skflow.scale._place.cluster_of", lambda source: None)
        here = NSFDensity(**SETTINGS).set_params(max_epochs=6).fit(table(X))
    new = table(np.random.default_rng(1).normal(size=(5_000, D))).compute()
    assert there.score(new) == pytest.approx(here.score(new), abs=0.01 * D)
    assert there.validation_score_ == pytest.approx(here.validation_score_, abs=0.01 * D)


@pytest.mark.slow
def test_a_fit_repeats(client, X):
    first, second = (NSFDensity(**SETTINGS).fit(array(X)).score_samples(X[:50]) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_rows_in_the_order_of_a_column(client, X):
    ordered = X[X[:, 0].argsort()]
    fitted = NSFDensity(**SETTINGS).fit(array(ordered))
    assert fitted.score(X) == pytest.approx(fitted.validation_score_, abs=0.1)
    assert np.ptp(X[:, 0]) < 2 * np.ptp(fitted.sample(2_000, random_state=0)[:, 0])


def test_members_weights_and_a_context(client, X):
    table = frame(X)
    fitted = NSFDensity(**SETTINGS | {"n_members": 2}, context_columns=["b"])
    fitted.fit(table.assign(w=table.a.abs()), sample_weight="w")
    assert fitted.n_members_ == 2
    assert fitted.n_features_in_ == 3
    assert np.isfinite(fitted.score(pd.DataFrame(X[:100], columns=list("abcd"))))


def test_rows_that_no_flow_can_take_are_named(client, X):
    bad = X.copy()
    bad[15_004, 2] = np.nan
    with pytest.raises(
        ValueError, match=r"Dask array that begins with row 15000.*column 2.*row 4"
    ):
        NSFDensity(**SETTINGS).fit(array(bad))
    bad[15_004, 2] = -1e9  # outside of a bound, of which the sample says nothing
    bad[:, 2] = np.abs(bad[:, 2])
    bad[15_004, 2] = -1.0
    with pytest.raises(ValueError, match="column 2"):
        NSFDensity(**SETTINGS, support={2: (0, None)}).fit(array(bad))


def test_no_rows_and_too_many_weights(client, X):
    with pytest.raises(ValueError, match=r"shape \(19999,\), which is not one number"):
        NSFDensity(**SETTINGS).fit(array(X), sample_weight=np.ones(N - 1))


@pytest.mark.filterwarnings("ignore:max_seconds")
def test_a_limit_of_time_keeps_what_there_is(client, X):
    start = time.perf_counter()
    settings = SETTINGS | {"max_epochs": 10_000, "n_iter_no_change": None}
    fitted = NSFDensity(**settings, max_seconds=4).fit(array(X))
    assert time.perf_counter() - start < 60  # where all epochs take hours
    assert fitted.stopped_by_ == "max_seconds"


def test_a_fit_within_a_task_is_made_there(client, X):
    def within(X):
        with config_context(working_memory=SMALL):
            return place_of(NumberedBlocks(NSFDensity(), source_of(X))).__class__.__name__

    assert client.submit(within, array(X)).result() == "_Here"


def test_searches_and_stacks_on_a_cluster(client, X):
    few = X[:500]
    search = GridSearchCV(
        KernelFlowDensity(max_seconds=60), {"preprocessing": ["standardize"]}, cv=2
    )
    stack = StackedDensity([("a", LinearFlowDensity()), ("b", KernelFlowDensity())], cv=2)
    with joblib.parallel_config(backend="dask"):
        assert np.isfinite(search.fit(few).best_score_)
        assert np.isfinite(stack.set_params(n_jobs=2).fit(few).score(few))


def test_no_worker_is_an_error_in_time(X, monkeypatch):
    monkeypatch.setattr(_cluster, "PATIENCE", 1.0)
    monkeypatch.setattr(_cluster, "POLL", 0.2)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        distributed.Client(cluster),
        config_context(working_memory=SMALL),
        pytest.raises(ClusterError, match="no worker of the cluster has run for"),
    ):
        NSFDensity(**SETTINGS).fit(array(X))


@pytest.mark.slow
@pytest.mark.parametrize("all_of_them", [False, True])
def test_a_killed_worker_costs_a_task(client, X, all_of_them):
    pids = sorted(client.run(os.getpid).values())
    killed = pids if all_of_them else pids[:1]

    def kill():
        for _ in range(600):
            if any("mean_of_rounds" in str(keys) for keys in client.has_what().values()):
                break
            time.sleep(0.05)
        for pid in killed:
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    start = time.perf_counter()
    fitted = NSFDensity(**SETTINGS | {"max_epochs": 30, "n_iter_no_change": None}).fit(array(X))
    killer.join()
    assert time.perf_counter() - start < 60
    assert len(fitted.history_) == 30
    assert np.isfinite(fitted.score(X))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_a_fit_goes_on_from_its_checkpoint(client, X, tmp_path, monkeypatch):
    settings = SETTINGS | {"max_epochs": 4, "n_iter_no_change": None}
    with monkeypatch.context() as patch:
        interrupt_validation(patch, after=3)
        broken = NSFDensity(**settings, checkpoint=tmp_path).fit(array(X))
    assert broken.stopped_by_ == "interrupt"
    resumed = NSFDensity(**settings, checkpoint=tmp_path).fit(array(X))
    at_once = NSFDensity(**settings).fit(array(X))
    assert broken.n_iter_ == 2
    np.testing.assert_allclose(resumed.score_samples(X[:100]), at_once.score_samples(X[:100]))
