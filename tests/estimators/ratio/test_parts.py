"""What a DensityRatio is made of: odds, waymarks, their combination, divergences."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skflow.estimators.classifier._labelled import LabelledRows
from skflow.estimators.ratio._combination import Combination, cross_fitted_log_ratio
from skflow.estimators.ratio._divergences import estimated
from skflow.estimators.ratio._learning import logistic_losses
from skflow.estimators.ratio._logistic import linear_log_odds
from skflow.estimators.ratio._odds import BoostedOdds, LinearOdds
from skflow.estimators.ratio._waymarks import Telescope

ODDS = {
    "logistic": LinearOdds(),
    "products": LinearOdds(products=True),
    "trees": BoostedOdds(),
    "telescope": Telescope(),
}
SHIFT = np.array([0.8, -0.4])


def tables(n_numerator=1_500, n_denominator=1_500, seed=0, shift=SHIFT):
    """Rows of N(shift, 1), code 1, and of N(0, 1)."""
    rng = np.random.default_rng(seed)
    code = np.repeat([1, 0], [n_numerator, n_denominator])
    z = rng.normal(size=(len(code), 2)) + code[:, None] * shift
    return LabelledRows(z, code, np.ones(len(code)), 2)


def true_log_ratio(z, shift=SHIFT):
    return z @ shift - shift @ shift / 2


def learnt(kind, z, **sizes):
    return kind.fit(tables(**sizes), np.random.default_rng(0)).log_density(z) @ (-1, 1)


@pytest.mark.parametrize("name", ODDS)
class TestEveryOdds:
    def test_finds_the_ratio_of_two_normals(self, name):
        z = tables(200, 200, seed=1).z
        error = learnt(ODDS[name], z) - true_log_ratio(z)
        assert np.sqrt(np.mean(error**2)) < (0.45 if name == "trees" else 0.25)

    def test_sizes_of_the_tables_are_no_part_of_it(self, name):
        z = tables(200, 200, seed=1).z
        error = learnt(ODDS[name], z, n_numerator=300, n_denominator=3_000) - true_log_ratio(z)
        assert abs(error.mean()) < 0.25


def test_waymarks_bridge_what_one_classifier_cannot():
    far = np.array([7.0, 0.0])  # 24.5 nats
    z = tables(300, 300, seed=1, shift=far).z[:300]
    bridged, plain = (
        learnt(kind, z, shift=far).mean() for kind in (Telescope(), LinearOdds(products=True))
    )
    true = true_log_ratio(z, far).mean()
    assert abs(bridged - true) < 4
    assert abs(plain - true) > 8


class TestLinearLogOdds:
    def test_agrees_with_scikit_learn(self):
        rows = tables(400, 700)
        slopes, level = linear_log_odds(rows.z, rows.code, rows.weight, np.zeros(2), 5.0)
        # theirs leaves the intercept alone, which hardly matters, and holds log(400 / 700)
        peer = LogisticRegression(C=0.1, tol=1e-8).fit(rows.z, rows.code)
        np.testing.assert_allclose(slopes, peer.coef_[0], atol=0.02)
        np.testing.assert_allclose(level + np.log(400 / 700), peer.intercept_[0], atol=0.02)

    def test_rows_that_all_are_told_leave_what_was_expected(self):
        rows = tables(shift=np.array([1e3, 0.0]))
        ratios = np.column_stack([100 * np.sign(rows.z[:, 0] - 500), rows.z[:, 1]])
        slopes, _ = linear_log_odds(ratios, rows.code, rows.weight, np.array([1.0, 0.0]), 10.0)
        np.testing.assert_allclose(slopes, [1, 0], atol=0.05)


class TestCombination:
    def test_takes_the_right_one(self):
        rows = tables()
        columns = np.column_stack([true_log_ratio(rows.z), rows.z[::-1, 0]])
        found = Combination.fit(columns, rows.code, np.array([0.5, 0.5]))
        np.testing.assert_allclose(found.weights, [1, 0], atol=0.1)

    def test_what_is_too_sure_is_shrunk(self):
        rows = tables()
        found = Combination.fit(3 * true_log_ratio(rows.z)[:, None], rows.code, np.ones(1))
        assert found.weights[0] == pytest.approx(1 / 3, abs=0.05)

    def test_a_fold_does_not_choose_its_own_weights(self):
        rows = tables(100, 100)
        columns, fold = true_log_ratio(rows.z)[:, None], np.arange(200) % 2
        found = cross_fitted_log_ratio(columns, rows.code, fold, np.ones(1))
        flipped = np.where(fold == 0, 1 - rows.code, rows.code)
        other = cross_fitted_log_ratio(columns, flipped, fold, np.ones(1))
        np.testing.assert_array_equal(found[fold == 0], other[fold == 0])
        assert not np.allclose(found[fold == 1], other[fold == 1])


def test_losses_of_a_ratio_that_says_nothing_are_those_of_the_shares():
    code = np.repeat([1, 0], [100, 300])
    losses = logistic_losses(np.zeros(400), code)
    np.testing.assert_allclose(losses, -np.log(np.where(code == 1, 0.25, 0.75)))


class TestDivergences:
    @pytest.mark.parametrize("kind", ["kl", "reverse_kl"])
    def test_of_the_true_ratio(self, kind):
        rows = tables(4_000, 4_000)
        r = true_log_ratio(rows.z)
        found = estimated(kind, r[rows.code == 1], r[rows.code == 0])
        assert abs(found.estimate - SHIFT @ SHIFT / 2) < 4 * found.standard_error
        assert found.standard_error < 0.1

    def test_errors_of_the_ratio_count_by_their_squares(self):
        rows = tables(20_000, 20_000)
        r = true_log_ratio(rows.z) + 0.3
        found = estimated("kl", r[rows.code == 1], r[rows.code == 0])
        assert abs(found.estimate - SHIFT @ SHIFT / 2) < 0.12  # the mean alone is 0.3 off

    def test_js_is_symmetric_and_at_most_log_2(self):
        rows = tables()
        r = true_log_ratio(rows.z)
        one = estimated("js", r[rows.code == 1], r[rows.code == 0])
        other = estimated("js", -r[rows.code == 0], -r[rows.code == 1])
        assert one.estimate == pytest.approx(other.estimate)
        assert estimated("js", np.full(9, 50.0), np.full(9, -50.0)).estimate == pytest.approx(
            np.log(2)
        )
