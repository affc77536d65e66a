"""Outliers among the rows of the fit: who is doubted, and what p-values then are."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold

from skflow import FlowOutlierDetector, StackedDensity
from skflow.estimators.outlier._suspects import suspects
from tests.estimators.outlier.detectors import GAUSSIAN, KERNEL, quick, rows


class TestContamination:
    """Outliers among the training rows, in a clump that is denser than all else."""

    def clump(self, n=1000, share=0.05, at=3.0, seed=0):
        rng = np.random.default_rng(seed)
        k = round(share * n)
        X = np.concatenate([rng.normal(size=(n - k, 4)), rng.normal(at, 0.3, size=(k, 4))])
        return X, np.arange(n) >= n - k

    @pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
    def test_a_declared_clump_is_found(self, seed):
        X, outlier = self.clump(seed=seed)
        detector = FlowOutlierDetector(contamination=0.05, random_state=0).fit(X)
        assert roc_auc_score(outlier, -detector.score_samples(X)) > 0.99
        assert (detector.predict(X)[outlier] == -1).mean() > 0.9
        new, of_new = self.clump(seed=seed + 10)
        assert roc_auc_score(of_new, -detector.score_samples(new)) > 0.99

    @pytest.mark.parametrize("estimator", [GAUSSIAN, KERNEL, StackedDensity([("k", KERNEL)])])
    def test_rows_in_doubt_are_kept_from_any_estimator(self, estimator):
        X, outlier = self.clump(300, at=5.0)
        detector = FlowOutlierDetector(estimator, contamination=0.05, random_state=0).fit(X)
        assert len(detector.density_.fold_) == 285
        assert roc_auc_score(outlier, -detector.score_samples(X)) > 0.99

    @pytest.mark.parametrize("cv", [3, KFold(3), list(KFold(3).split(np.empty((300, 4))))])
    def test_rows_in_doubt_are_held_out_too(self, cv):
        X, outlier = self.clump(300, at=5.0)
        detector = quick(contamination=0.05, cv=cv).fit(X)
        held = detector.held_out_scores_
        assert np.isfinite(held).all()
        assert held[outlier].max() < held[~outlier].min()
        # as are the other rows, so that their p-values are what they are declared to be
        assert (detector.p_values(np.full((1, 4), 5.0)) <= 0.06).all()
        assert detector.entropy_ == pytest.approx(-held[~outlier].mean(), rel=0.02)

    @pytest.mark.parametrize("n", [50, 200, pytest.param(1000, marks=pytest.mark.slow)])
    def test_p_values_are_uniform_with_and_without(self, n):
        for contamination in ("auto", 0.05):
            p = np.concatenate(
                [
                    FlowOutlierDetector(contamination=contamination, random_state=seed)
                    .fit(rows(n, seed=seed))
                    .p_values(rows(500, seed=100 + seed))
                    for seed in range(4)
                ]
            )
            # four tables of n rows move the mean by 0.29 / sqrt(4 n)
            assert p.mean() == pytest.approx(0.5, abs=4 * 0.15 / np.sqrt(n))
            assert (p <= 0.1).mean() == pytest.approx(0.1, abs=4 * 0.15 / np.sqrt(n))

    def test_normal_rows_get_larger_p_values_beside_outliers(self):
        X, _ = self.clump(400, at=5.0)
        detector = FlowOutlierDetector(contamination=0.05, random_state=0).fit(X)
        p = detector.p_values(np.random.default_rng(5).normal(size=(1000, 4)))
        for level in (0.05, 0.2, 0.5):
            assert (p <= level).mean() < level / 0.95 + 3 * 0.5 / np.sqrt(400)

    def test_suspects_are_a_share_of_the_weight_and_never_half_a_group(self):
        X = np.repeat([[0.0], [1.0], [9.0]], [6, 2, 2], axis=0)
        assert suspects(X, None, 0.2, 0).tolist() == [False] * 8 + [True] * 2
        assert not suspects(X, None, 0.1, 0).any()
        weight = np.array([3.0, 1.0, 1.0])
        assert suspects(X[[0, 6, 8]], weight, 0.2, 0).sum() == 0  # three rows are needed
        assert not suspects(np.ones((10, 2)), None, 0.5, 0).any()
