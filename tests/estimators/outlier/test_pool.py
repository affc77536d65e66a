"""The default: kernels and the closeness to most rows, and what they cost."""

import time

import numpy as np
import pytest
import torch

from skflow import FlowOutlierDetector
from skflow.estimators.outlier import _pool
from skflow.estimators.outlier._closeness import closeness, some_rows
from skflow.estimators.outlier._pool import PooledKernels, given_rows
from tests.estimators.outlier.detectors import rows


class TestPool:
    def test_closeness_is_the_mean_over_draws(self):
        rng = np.random.default_rng(0)
        points, z = rng.normal(size=(30, 2)), rng.normal(size=(5, 2))
        weight = rng.random(30)
        weight /= weight.sum()
        drawn = points[rng.choice(30, (20_000, 4), p=weight)]
        nearest = np.linalg.norm(z[:, None, None] - drawn, axis=-1).min(axis=-1)
        expected = -np.log(nearest.clip(0.05 * np.sqrt(2))).mean(axis=1)
        found = closeness(*map(torch.as_tensor, (z, points, weight)), 4, 0.05)
        np.testing.assert_allclose(found, expected, atol=0.02)

    def test_weights_of_a_draw(self):
        z = torch.arange(2_000.0, dtype=torch.float64)[:, None]
        weight = np.where(np.arange(2_000) < 1_000, 3.0, 1.0)
        drawn, share = some_rows(np.random.RandomState(0), z, weight, 400)
        assert (drawn < 1_000).double().mean() == pytest.approx(0.75, abs=0.07)
        assert share.sum() == pytest.approx(1)

    def test_whole_weights_are_repeats_and_others_are_not(self):
        X = np.array([[2.0], [1.0], [5.0]])
        assert given_rows(X, [2, 0, 4])[0].tolist() == [[2.0], [5.0], [5.0]]
        kept, weight = given_rows(X, [1.0, 0.5, 0.8])
        assert kept.tolist() == [[1.0], [2.0], [5.0]]
        assert weight.tolist() == [0.5, 1.0, 0.8]


class TestArrays:
    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("contamination", ["auto", 0.1])
    def test_that_may_not_be_written_to(self, contamination):
        X = rows(60)
        X.flags.writeable = False
        detector = FlowOutlierDetector(contamination=contamination, random_state=0).fit(X)
        for method in (detector.predict, detector.p_values, detector.explain):
            assert len(method(X[:5])) == 5


class TestCost:
    @pytest.mark.slow
    def test_a_long_table_takes_little_more_than_a_short_one(self):
        rng = np.random.default_rng(0)
        start = time.process_time()
        FlowOutlierDetector(random_state=0).fit(rng.normal(size=(20_000, 1)))
        assert time.process_time() - start < 20

    @pytest.mark.parametrize(("d", "n_densities"), [(1, 1), (2, 2)])
    def test_kernels_are_no_more_than_5000(self, d, n_densities, monkeypatch):
        assert _pool.N_KERNELS == 5_000
        monkeypatch.setattr(_pool, "N_KERNELS", 1_200)  # so many take seconds
        pool = PooledKernels(random_state=0).fit(rows(1_500, d))
        assert [len(kernels.points) for kernels in pool.kernels_] == [1_200] * n_densities
        assert pool.others_[0].shape == (256, d)
