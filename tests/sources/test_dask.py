"""Answers for Dask collections are Dask collections, of which nothing is computed yet."""

import copy

import numpy as np
import pandas as pd
import pytest

import skflow
from tests.sources.tables import FRAME, ROWS, dask_array, dask_frame, uncounted

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")


@pytest.fixture(scope="module")
def density():
    return skflow.NSFDensity(n_members=1, max_epochs=2, random_state=0).fit(ROWS)


@pytest.fixture(scope="module")
def named():
    return skflow.NSFDensity(n_members=1, max_epochs=2, random_state=0).fit(FRAME)


class Counted:
    """A function of partitions that counts how often it is called."""

    def __init__(self):
        self.times = 0

    def __call__(self, part):
        self.times += 1
        return part


class TestNothingIsComputed:
    def test_of_arrays(self, density):
        count = Counted()
        X = dask_array(None, chunks=(100, 3)).map_blocks(count, meta=ROWS[:0])
        scores, latents = density.score_samples(X), density.transform(X)
        assert count.times == 0
        np.testing.assert_allclose(scores.compute(), density.score_samples(ROWS), atol=1e-6)
        assert count.times == 5
        np.testing.assert_allclose(latents.compute(), density.transform(ROWS), atol=1e-6)
        assert count.times == 10

    def test_of_frames(self, named):
        count = Counted()
        X = dask_frame(None).map_partitions(count, meta=FRAME[:0])
        scores, latents = named.score_samples(X), named.transform(X)
        assert count.times == 0
        np.testing.assert_allclose(scores.compute(), named.score_samples(FRAME), atol=1e-6)
        assert count.times == 4
        np.testing.assert_allclose(latents.compute(), named.transform(FRAME), atol=1e-6)

    def test_a_partition_is_held_at_a_time(self, named):
        count = Counted()
        X = dask_frame(None).map_partitions(count, meta=FRAME[:0])
        blocks = skflow.sources._find.source_of(X).blocks()
        assert count.times == 0
        for k in range(4):
            next(blocks)
            assert count.times == k + 1


class TestShapes:
    @pytest.mark.parametrize("chunks", [(64, 3), (64, 2), (500, 1), ((1, 299, 200), (3,))])
    def test_of_arrays(self, density, chunks):
        X = dask_array(None, chunks=chunks)
        scores, latents = density.score_samples(X), density.transform(X)
        assert scores.chunks == X.chunks[:1]
        assert latents.chunks == (X.chunks[0], (3,))
        for answers, ndim in ((scores, 1), (latents, 2)):
            assert (answers.dtype, answers.ndim) == (np.float64, ndim)
            assert (type(answers._meta), answers._meta.ndim) == (np.ndarray, ndim)
            assert answers.compute().shape == answers.shape
            assert answers[:70].compute().shape == (70, 3)[:ndim]

    def test_uncounted_and_empty_chunks(self, density):
        X = uncounted(None)
        scores, latents = density.score_samples(X), density.transform(X)
        assert np.isnan(scores.chunks[0]).all()
        assert np.isnan(latents.chunks[0]).all()
        assert latents.chunks[1] == (3,)
        np.testing.assert_allclose(scores.compute(), density.score_samples(ROWS), atol=1e-6)
        assert latents.compute().shape == (500, 3)
        assert density.score(X) == pytest.approx(density.score(ROWS), abs=1e-6)

    def test_of_frames(self, named):
        X = dask_frame(None)
        scores, latents = named.score_samples(X), named.transform(X)
        assert isinstance(scores, dd.Series)
        assert isinstance(latents, dd.DataFrame)
        assert scores.divisions == latents.divisions == X.divisions
        assert scores.dtype == np.float64
        assert latents.columns.tolist() == named.get_feature_names_out().tolist()
        assert (latents.dtypes == np.float64).all()
        odd = X[X["a"] > 0]
        pd.testing.assert_index_equal(
            named.score_samples(odd).compute().index, odd.compute().index
        )
        assert X.assign(score=scores).compute()["score"].notna().all()

    def test_empty_partitions(self, named):
        X = dask_frame(None)
        X = X.map_partitions(lambda part: part[part.index > 300], meta=FRAME[:0])
        assert len(X.partitions[0]) == 0
        expected = named.score_samples(FRAME[301:])
        np.testing.assert_allclose(named.score_samples(X).compute(), expected, atol=1e-6)
        assert named.transform(X).compute().shape == (199, 3)
        assert named.score(X) == pytest.approx(expected.mean(), abs=1e-6)

    def test_labels_are_integers(self):
        detector = skflow.FlowOutlierDetector(skflow.LinearFlowDensity(), random_state=0).fit(
            FRAME
        )
        labels = detector.predict(dask_frame(None))
        assert labels.dtype == np.int64
        assert (labels.compute() == detector.predict(FRAME)).all()

    def test_columns_of_a_context_have_no_latents(self):
        given = skflow.NSFDensity(
            n_members=1, max_epochs=2, context_columns=["b"], random_state=0
        ).fit(FRAME)
        latents = given.transform(dask_frame(None))
        assert latents.shape[1] == 2
        np.testing.assert_allclose(latents.compute(), given.transform(FRAME), atol=1e-6)


class TestTheEstimator:
    def test_is_one_key_of_the_graph(self, density):
        graph = density.score_samples(dask_array(None, chunks=(10, 3))).__dask_graph__()
        assert sum("NSFDensity" in str(key) for key in graph) == 1

    def test_is_as_it_was_at_the_call(self, density):
        other = copy.copy(density)
        scores = other.score_samples(dask_array(None))
        other.fit(ROWS * 9)
        np.testing.assert_allclose(scores.compute(), density.score_samples(ROWS), atol=1e-6)

    def test_asked_twice_has_two_answers(self, density):
        X = dask_array(None)
        other = copy.copy(density).fit(ROWS * 9)
        both = dask.compute(density.score_samples(X), other.score_samples(X))
        assert not np.allclose(*both)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "distributed"])
def test_schedulers(scheduler, density, named):
    if scheduler == "distributed":
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
        with distributed.Client(processes=False, **options):
            _check_answers(density, named)
    else:
        with dask.config.set(scheduler=scheduler):
            _check_answers(density, named)


def _check_answers(density, named):
    scores = density.score_samples(dask_array(None)).compute()
    latents = named.transform(dask_frame(None)).compute()
    np.testing.assert_allclose(scores, density.score_samples(ROWS), atol=1e-6)
    np.testing.assert_allclose(latents, named.transform(FRAME), atol=1e-6)
    assert density.score(dask_array(None)) == pytest.approx(density.score(ROWS), abs=1e-6)


def test_errors_come_when_it_is_computed(named):
    scores = named.score_samples(dask_frame(None).rename(columns={"a": "d"}))
    with pytest.raises(ValueError, match="feature names should match"):
        scores.compute()


def test_containers_are_refused(named):
    framed = copy.copy(named).set_output(transform="pandas")
    with pytest.raises(ValueError, match=r"Dask collection is a Dask .*set_output"):
        framed.transform(dask_frame(None))
