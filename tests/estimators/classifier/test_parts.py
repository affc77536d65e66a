"""What a FlowClassifier is made of: class densities, their pool, folds, the scale of novelty."""

import numpy as np
import pytest
from scipy.stats import kstest, multivariate_normal, multivariate_t
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from skflow.estimators.classifier._cross_fitting import folds_by_class
from skflow.estimators.classifier._gaussians import ClassGaussians
from skflow.estimators.classifier._kernels import ClassKernels, NaiveKernels
from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.classifier._mixtures import ClassMixtures
from skflow.estimators.classifier._novelty import NoveltyScale
from skflow.estimators.classifier._pool import LogPool

DENSITIES = {
    "linear": ClassGaussians(np.inf),
    "between": ClassGaussians(1.0),
    "tails": ClassGaussians(1.0, tails=True),
    "naive": ClassGaussians(0.1, diagonal=True),
    "kernels": ClassKernels(),
    "kernels_diagonal": ClassKernels(diagonal=True),
    "naive_kernels": NaiveKernels(),
    "mixture": ClassMixtures(0.05, (1, 2), ("full", "diag")),
}


def labelled(n=200, seed=0, weight=None):
    """Rows of three classes, the last of which has two."""
    rng = np.random.default_rng(seed)
    code = np.where(np.arange(n) < 2, 2, np.arange(n) % 2)
    z = rng.normal(size=(n, 2)) @ np.array([[1.0, 0.4], [0.0, 0.5]]) + code[:, None]
    return LabelledRows(z, code, np.ones(n) if weight is None else weight, 3)


@pytest.mark.parametrize("name", DENSITIES)
class TestEveryDensity:
    def test_integrates_to_one_in_each_class(self, name):
        model = DENSITIES[name].fit(labelled(), np.random.default_rng(0))
        axis = np.linspace(-9, 12, 211)
        grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        mass = np.exp(model.log_density(grid)).sum(axis=0) * 0.01
        np.testing.assert_allclose(mass, 1, atol=0.02)

    def test_rows_far_away_have_finite_scores(self, name):
        model = DENSITIES[name].fit(labelled(), np.random.default_rng(0))
        assert np.isfinite(model.log_density(np.array([[1e6, -1e6]]))).all()


# EM draws its starts by rows, and kernels that are there twice are their own neighbours
@pytest.mark.parametrize("name", ["linear", "between", "tails", "naive", "naive_kernels"])
def test_weight_2_is_a_row_twice(name):
    rows, rng = labelled(), np.random.default_rng(0)
    weighted = labelled(weight=np.where(np.arange(200) < 100, 2.0, 1.0))
    repeated = rows.some(np.concatenate([np.arange(200), np.arange(100)]))
    np.testing.assert_allclose(
        DENSITIES[name].fit(weighted, rng).log_density(rows.z),
        DENSITIES[name].fit(repeated, rng).log_density(rows.z),
        rtol=0.05,  # as how far the covariance is drawn to its diagonal counts rows
    )


class TestGaussians:
    def test_the_linear_ones_are_those_of_discriminant_analysis(self):
        rows = labelled(2_000)
        log_density = ClassGaussians(np.inf).fit(rows).log_density(rows.z)
        joint = log_density + np.log(rows.counts / 2_000)
        ours = joint - np.logaddexp.reduce(joint, axis=1)[:, None]
        theirs = LinearDiscriminantAnalysis().fit(rows.z, rows.code).predict_log_proba(rows.z)
        np.testing.assert_allclose(ours, theirs, atol=0.05)

    def test_the_tails_are_those_of_the_predictive_distribution(self):
        rows, kappa = labelled(), 1.0
        model = ClassGaussians(kappa, tails=True).fit(rows)
        plain = ClassGaussians(kappa).fit(rows)
        n, d = rows.counts[0], 2
        free = n + kappa * d - d + 1
        covariance = plain.roots[0] @ plain.roots[0].T
        scale = covariance * (n + kappa * d) * (1 + 1 / n) / free
        expected = multivariate_t(rows.means[0], scale, df=free).logpdf(rows.z)
        np.testing.assert_allclose(model.log_density(rows.z)[:, 0], expected)
        gaussian = multivariate_normal(rows.means[0], covariance).logpdf(rows.z)
        np.testing.assert_allclose(plain.log_density(rows.z)[:, 0], gaussian)


class TestPool:
    def test_weights_of_an_overconfident_density_are_small(self):
        rng = np.random.default_rng(0)
        code = rng.integers(2, size=2_000)
        evidence = rng.normal(size=2_000) + 2 * code - 1  # log odds are twice this
        log_density = np.zeros((2_000, 2, 1))
        log_density[:, 1, 0] = 20 * evidence
        pool = LogPool.fit(log_density, code, np.ones(2_000), np.full(2, 0.5), np.ones(1))
        assert pool.weights[0] == pytest.approx(0.1, abs=0.02)
        proba = pool.proba(log_density, np.full(2, 0.5))
        np.testing.assert_allclose(proba[:, 1], 1 / (1 + np.exp(-2 * evidence)), atol=0.05)

    def test_rows_count_by_their_weights(self):
        rng = np.random.default_rng(0)
        code = rng.integers(2, size=2_000)
        log_density = np.zeros((2_000, 2, 2))
        # each of two densities knows the classes of one half of the rows
        for half in range(2):
            log_density[half::2, 1, half] = 2 * (rng.normal(size=1_000) + 2 * code[half::2] - 1)
            log_density[half::2, 1, 1 - half] = 2 * rng.normal(size=1_000)
        shares, weight = np.full(2, 0.5), np.where(np.arange(2_000) % 2, 1e-3, 1.0)
        first, alike = (
            LogPool.fit(log_density, code, own, shares, np.full(2, 0.5)).weights
            for own in (weight, np.ones(2_000))
        )
        assert first[0] > 0.8
        assert first[1] < 0.1
        assert alike[0] == pytest.approx(alike[1], abs=0.1)

    def test_without_rows_the_expected_weights_hold(self):
        expected = np.array([0.2, 0.8])
        pool = LogPool.fit(np.zeros((0, 2, 2)), np.zeros(0, int), np.zeros(0), None, expected)
        np.testing.assert_array_equal(pool.weights, expected)

    def test_densities_that_are_zero_everywhere_leave_the_priors(self):
        pool, priors = LogPool(np.ones(1), 0.0), np.array([0.3, 0.7])
        proba = pool.proba(np.full((1, 2, 1), -np.inf), priors)
        np.testing.assert_allclose(proba, [priors])


class TestFolds:
    def test_each_class_is_dealt_out(self):
        code = np.repeat([0, 1, 2], [50, 20, 1])
        every = np.ones(71, dtype=bool)
        fold = folds_by_class(np.zeros((71, 1)), code, 5, np.random.default_rng(0), every)
        assert np.bincount(fold[code == 0]).tolist() == [10] * 5
        assert np.bincount(fold[code == 1]).tolist() == [4] * 5
        assert fold[70] == -1

    def test_a_class_that_one_fold_holds_is_in_none(self):
        code = np.array([0, 0, 0, 1, 1, 1])
        cv = [([0, 1], [2, 3, 4, 5]), ([2, 3, 4, 5], [0, 1])]
        every = np.ones(6, dtype=bool)
        fold = folds_by_class(np.zeros((6, 1)), code, cv, None, every)
        assert fold.tolist() == [1, 1, 0, -1, -1, -1]


def test_p_values_of_held_out_rows_are_uniform():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2_000, 3)) * [1.0, 5.0, 0.1]
    scale = NoveltyScale.fit(scores[:1_000], np.arange(1_000) % 5, np.ones(1_000))
    p_values = scale.p_values([scores[1_000:]] * 5)
    assert kstest(p_values, "uniform").statistic < 0.08  # of two samples of 1,000
    assert (p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert scale.p_values([np.full((1, 3), -1e3)] * 5) == pytest.approx(1 / 1_001)
