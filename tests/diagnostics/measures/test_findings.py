"""Each diagnostic against known answers: right when all is well, and the size of what is wrong."""

import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import load_iris

from skflow import KernelFlowDensity, LinearFlowDensity, MixtureFlowDensity, NSFDensity
from skflow.diagnostics import (
    bits_per_dim,
    bridge,
    far_draws,
    hdr_coverage,
    latent_normality,
    marginal_pits,
    normalization,
    order_agreement,
    round_trip_error,
    sampler_agreement,
    standard_latents,
    tail_comparison,
    training_curves,
    two_sample_test,
)
from skflow.diagnostics.measures._finding import Finding

N_CASES = 40


def null_p_values(make):
    """P-values of ``make(rng)`` where the hypothesis is true."""
    return np.array([make(np.random.default_rng(seed)) for seed in range(N_CASES)])


NULLS = {
    "latents": lambda rng: latent_normality(rng.normal(size=(200, 4))).p_value,
    "coverage": lambda rng: hdr_coverage(rng.normal(size=800), rng.normal(size=200)).p_value,
    "margins": lambda rng: marginal_pits(
        rng.normal(size=(800, 1)), rng.normal(size=(200, 1))
    ).p_values.min(),
    "classifier": lambda rng: two_sample_test(*rng.normal(size=(2, 100, 3))).p_value,
    "sampler": lambda rng: (
        sampler_agreement(
            lambda X: stats.norm.logpdf(X).sum(axis=1), rng.normal(size=(400, 2)), random_state=rng
        ).p_value
    ),
}


@pytest.mark.parametrize("name", NULLS)
def test_p_values_of_true_hypotheses_are_seldom_small(name):
    p_values = null_p_values(NULLS[name])
    # 40 uniform numbers: 9 or more below 0.1 has probability 0.02, any below 0.0005 likewise
    assert (p_values < 0.1).sum() <= 9
    assert p_values.min() > 5e-4


class TestLatents:
    X = load_iris().data

    @pytest.mark.parametrize(
        "estimator",
        [
            MixtureFlowDensity(n_components=3),
            KernelFlowDensity(),
            LinearFlowDensity(),
            NSFDensity(n_layers=1, max_epochs=2, n_members=2, random_state=0),
            NSFDensity(n_layers=1, max_epochs=2, base="student_t", random_state=0),
        ],
        ids=lambda e: f"{type(e).__name__} {getattr(e, 'base', '')}",
    )
    def test_of_its_own_draws_are_standard_normal(self, estimator):
        estimator.fit(self.X)
        members = getattr(estimator, "n_members_", 1)
        if members > 1:  # the latents are those of one member
            estimator = NSFDensity(**{**estimator.get_params(), "n_members": 1}).fit(self.X)
        Z = standard_latents(estimator, estimator.sample(1500, random_state=0))
        assert latent_normality(Z).p_value > 1e-3

    def test_with_a_normal_base_are_those_of_transform(self):
        flow = NSFDensity(
            n_layers=1, max_epochs=2, n_members=1, base="normal", random_state=0
        ).fit(self.X)
        np.testing.assert_array_equal(standard_latents(flow, self.X), flow.transform(self.X))

    def test_need_a_flow(self):
        from sklearn.mixture import GaussianMixture

        with pytest.raises(TypeError, match="GaussianMixture, which has no latents"):
            standard_latents(GaussianMixture().fit(self.X), self.X)

    def test_squared_norms_and_quantiles(self):
        found = latent_normality(np.array([[3.0, 4.0], [0, 1], [1, 0], [1, 1]] * 2))
        np.testing.assert_allclose(found.squared_norms, [1, 1, 1, 1, 2, 2, 25, 25])
        np.testing.assert_allclose(
            stats.chi2(2).cdf(found.chi2_quantiles), (np.arange(8) + 0.5) / 8
        )

    def test_a_shifted_column_is_found(self):
        Z = np.random.default_rng(0).normal(size=(500, 3)) + [0, 0.3, 0]
        found = latent_normality(Z)
        assert found.ks_statistics.argmax() == 1
        assert found.p_value < 1e-4
        assert "latent 1 is not normal" in found.reading

    def test_dependence_that_margins_do_not_show_is_found(self):
        rng = np.random.default_rng(0)
        Z = rng.normal(size=(1000, 2))
        Z[:, 1] = np.abs(Z[:, 1]) * np.sign(rng.normal(size=1000)) * 1.0
        dependent = np.column_stack([Z[:, 0], np.abs(Z[:, 0]) * np.sign(Z[:, 1])])
        found = latent_normality(dependent)
        assert found.ks_p_values.min() > 0.01
        assert found.correlation > 0.9
        assert found.p_value < 1e-6


class TestCoverage:
    def test_known_shares(self):
        samples = np.arange(1000.0)
        rows = np.repeat([999.5, 499.5], 50)  # half in the very top, half at the median
        found = hdr_coverage(samples, rows, levels=[0.2, 0.8])
        np.testing.assert_array_equal(found.observed, [0.5, 1.0])
        np.testing.assert_allclose(found.bias, (0.2 - 0.5 + 0.8 - 1.0) / 2)

    def test_the_band_holds_nineteen_of_twenty(self):
        rng = np.random.default_rng(0)
        inside = []
        for _ in range(200):
            found = hdr_coverage(rng.normal(size=400), rng.normal(size=100))
            low, high = found.band
            inside.append((low <= found.observed) & (found.observed <= high))
        assert 0.91 < np.mean(inside) < 0.98

    def test_rows_of_density_zero_are_outside_all_regions(self):
        rows = np.r_[np.zeros(8), np.full(2, -np.inf)]
        assert hdr_coverage(np.linspace(-1, 0, 50), rows).observed.max() <= 0.8

    def test_draws_of_density_zero_are_in_no_region_but_all_of_space(self):
        samples = np.r_[np.linspace(-1, 0, 70), np.full(30, -np.inf)]
        found = hdr_coverage(samples, np.linspace(-1, 0, 50), levels=[0.5, 0.8, 0.9])
        assert found.observed.tolist() == [pytest.approx(0.72, abs=0.02), 1.0, 1.0]

    def test_a_single_level(self):
        assert hdr_coverage(np.arange(10.0), np.arange(10.0), 0.5).observed.tolist() == [0.5]

    @pytest.mark.parametrize("levels", [[0.0], [1.2]])
    def test_levels_are_probabilities(self, levels):
        with pytest.raises(ValueError, match="between 0 and 1"):
            hdr_coverage(np.arange(10.0), np.arange(10.0), levels)

    def test_nan(self):
        with pytest.raises(ValueError, match="NaN"):
            hdr_coverage(np.full(10, np.nan), np.arange(10.0))


class TestTwoSample:
    def test_area_of_shifted_normals_is_the_known_one(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 2000, 1))
        found = two_sample_test(a, b + 1.0)
        known = stats.norm.cdf(1 / np.sqrt(2))
        assert abs(found.auc - known) < 0.03
        assert found.interval[0] < known < found.interval[1] + 0.02

    def test_unlike_scales_are_told_apart(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 400, 2))
        assert two_sample_test(a, 2 * b).p_value < 1e-6


class TestSampler:
    @staticmethod
    def score(X):
        return stats.norm.logpdf(X).sum(axis=1)

    @pytest.mark.parametrize("change", [lambda X: X + 0.3, lambda X: 0.8 * X, lambda X: 1.3 * X])
    def test_wrong_draws_are_found(self, change):
        draws = change(np.random.default_rng(0).normal(size=(2000, 3)))
        found = sampler_agreement(self.score, draws)
        assert found.p_value < 1e-4
        assert "do not follow" in found.reading

    def test_the_walk_leads_towards_the_density(self):
        draws = np.random.default_rng(0).normal(size=(1000, 1)) + 0.5
        assert sampler_agreement(self.score, draws).shift < -0.05

    def test_whole_numbers_walk_between_each_other(self):
        draws = np.random.default_rng(0).integers(-3, 4, size=(400, 1))
        found, floats = (sampler_agreement(self.score, d) for d in (draws, draws.astype(float)))
        assert found.drifts == floats.drifts

    def test_a_walk_that_stands_still_says_so(self):
        draws = np.random.default_rng(0).normal(size=(200, 1))

        def spikes(X):
            return -1e12 * np.square(X - draws.T).min(axis=1)

        found = sampler_agreement(spikes, draws)
        assert "cannot be compared" in found.reading


class TestTails:
    def test_shares_beyond(self):
        samples = np.linspace(0, 1, 10_001)[:, None]
        X = np.r_[np.full(10, 2.0), np.full(5, -1.0), np.full(85, 0.5)][:, None]
        found = tail_comparison(samples, X)
        np.testing.assert_allclose([found.lower[0], found.upper[0]], [0.05, 0.10])
        assert "stay too near" in found.reading

    def test_draws_that_reach_too_far(self):
        rng = np.random.default_rng(0)
        found = tail_comparison(rng.standard_t(1, size=(4000, 1)), rng.normal(size=(2000, 1)))
        assert found.reach[0] > 3
        assert "reach too far" in found.reading


class TestFarDraws:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 3))
    draws = rng.normal(size=(4000, 3))

    @pytest.mark.parametrize("at", [1e300, -1e30, 100 * 7.0])
    def test_a_single_draw_far_out(self, at):
        draws = self.draws.copy()
        draws[5, 1] = at
        found = far_draws(draws, self.X)
        assert found.far.tolist() == [False, True, False]
        assert "in column 1" in found.reading
        span = np.ptp(self.X[:, 1])
        outside = max(at - self.X[:, 1].max(), self.X[:, 1].min() - at)
        assert found.farthest[1] == pytest.approx(outside / span)

    def test_draws_ten_times_as_wide(self):
        found = far_draws(self.draws * [1, 1, 10], self.X)
        assert found.far.tolist() == [False, False, True]
        assert found.spreads == pytest.approx([1, 1, 10], rel=0.1)
        assert found.shares[2] > 0.3

    @pytest.mark.parametrize(
        "law", [stats.norm(), stats.t(2), stats.cauchy(), stats.expon(), stats.lognorm(2)]
    )
    def test_tails_of_the_rows_own_are_not_far(self, law):
        for seed in range(20):
            rng = np.random.default_rng(seed)
            found = far_draws(law.rvs((4000, 2), rng), law.rvs((200, 2), rng))
            assert not found.far.any()

    def test_of_rows_that_do_not_vary_nothing_is_far(self):
        found = far_draws(self.draws, np.zeros((50, 3)))
        assert not found.far.any()
        assert found.spreads.tolist() == [1, 1, 1]

    @pytest.mark.filterwarnings("error")
    def test_of_one_row_nothing_is_far(self):
        assert not far_draws(self.draws, self.X[:1]).far.any()

    def test_draws_that_are_no_numbers_are_counted(self):
        found = far_draws(self.draws, self.X, n_not_finite=7)
        assert found.reading == "7 draws hold values that are not finite"


class TestMargins:
    def test_transforms_are_ranks_among_draws(self):
        found = marginal_pits([[0.0], [1], [2], [3]], [[0.5], [1], [9]])
        np.testing.assert_allclose(found.values[:, 0], [0.3, 0.4, 0.9])


class TestNormalization:
    proposal = stats.t(5, scale=1.3)
    draws = proposal.rvs(5000, random_state=0)

    @pytest.mark.parametrize("factor", [1.0, 0.5, 3.0])
    def test_the_integral_is_found(self, factor):
        log_density = stats.norm.logpdf(self.draws) + np.log(factor)
        found = normalization(log_density, self.proposal.logpdf(self.draws))
        assert found.reliable
        assert abs(found.integral - factor) < 4 * found.standard_error
        assert ("does not" in found.reading) == (factor != 1)

    def test_a_proposal_that_is_too_narrow_is_told(self):
        narrow = stats.norm(scale=0.3)
        draws = narrow.rvs(2000, random_state=0)
        found = normalization(stats.norm.logpdf(draws), narrow.logpdf(draws))
        assert not found.reliable
        assert "cannot be told" in found.reading

    def test_zero_everywhere(self):
        with pytest.raises(ValueError, match="zero at all draws"):
            normalization(np.full(30, -np.inf), np.zeros(30))


class TestRoundTrip:
    X = np.random.default_rng(0).normal(size=(50, 2)) * [1, 100]

    def test_errors_are_in_deviations_of_the_columns(self):
        back = self.X.copy()
        back[7, 1] += self.X[:, 1].std()
        found = round_trip_error(self.X, back)
        assert found.worst_row == 7
        assert found.largest == pytest.approx(1)
        assert found.median == 0
        assert "row 7" in found.reading

    def test_a_row_that_does_not_come_back_counts_as_infinitely_far(self):
        back = self.X.copy()
        back[3, 0] = np.nan
        assert round_trip_error(self.X, back).largest == np.inf


class TestTraining:
    @staticmethod
    def curves(validation, training=None):
        training = validation if training is None else training
        return training_curves(
            [
                {"epoch": k + 1, "train_loss": t, "validation_loss": v}
                for k, (t, v) in enumerate(zip(training, validation, strict=True))
            ]
        )

    def test_settled(self):
        assert self.curves(1 + np.exp(-np.arange(50.0))).settled

    def test_still_falling(self):
        found = self.curves(5 - 0.1 * np.arange(10.0))
        assert not found.settled
        assert found.late_fall == pytest.approx(0.5)
        assert found.late_share == pytest.approx(5 / 9)

    def test_past_its_best(self):
        validation = np.r_[np.linspace(3, 1, 20), np.linspace(1, 2, 20)]
        found = self.curves(validation, np.linspace(3, 0, 40))
        assert found.best_epoch == 20
        assert found.settled

    def test_training_losses_decide_where_no_rows_were_held_out(self):
        found = self.curves([None, None, None], [3.0, 1.0, 2.0])
        assert found.best_epoch == 2

    def test_of_an_estimator(self):
        X = load_iris().data
        flow = NSFDensity(n_layers=1, max_epochs=4, n_members=1, random_state=0).fit(X)
        found = training_curves(flow.history_)
        assert len(found.epochs) == len(found.training) == flow.n_iter_
        assert found.validation.min() == found.validation[found.best_epoch - 1]

    @pytest.mark.parametrize("n", [2, 20])
    def test_of_losses_that_are_no_numbers(self, n):
        found = self.curves([None] * n, [np.nan] * n)
        assert not found.settled
        assert found.reading == f"trained {n} epochs, best after 1: no loss was a finite number"

    def test_nothing_trained(self):
        with pytest.raises(ValueError, match="do not train"):
            training_curves([])


class TestBridge:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 2)) + 10 * rng.integers(2, size=(600, 1))

    def test_share_of_draws_in_the_gap(self):
        between = np.full((60, 2), 5.0)
        found = bridge(self.X, np.concatenate([self.X[:540], between]))
        assert found.share_of_draws == pytest.approx(0.1, abs=0.01)
        assert found.share_of_rows == 0
        assert found.p_value < 1e-6

    def test_one_cluster_has_no_gap(self):
        assert bridge(self.rng.normal(size=(600, 2)), self.X) is None

    def test_few_rows(self):
        assert bridge(self.X[:12], self.X) is None


def test_bits_of_integers_and_of_divided_ones():
    log_density = np.log(np.full(4, 1 / 16.0)) * 3
    assert bits_per_dim(log_density, 3).bits == pytest.approx(4)
    divided = log_density + 3 * np.log(16)
    assert bits_per_dim(divided, 3, cell=1 / 16).bits == pytest.approx(4)
    with pytest.raises(ValueError, match="cell above 0"):
        bits_per_dim(log_density, 3, cell=0)


def test_findings_print_as_one_line():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60, 2))
    for found in (marginal_pits(a, b), tail_comparison(a, b), latent_normality(a)):
        assert isinstance(found, Finding)
        assert str(found) == found.reading
        assert "\n" not in str(found)


def test_readings_call_columns_by_their_names():
    rng = np.random.default_rng(0)
    draws, rows = rng.normal(size=(2000, 2)), rng.normal(size=(800, 2)) * [1, 3]
    age = ["weight", "age"]
    walk = sampler_agreement(TestSampler.score, draws * [1, 2], feature_names=age)
    for found in (marginal_pits(draws, rows, age), tail_comparison(draws, rows, age), walk):
        assert "column age" in found.reading
    assert "column 1" in marginal_pits(draws, rows).reading
    with pytest.raises(ValueError, match="expected 2 feature_names, got 1"):
        tail_comparison(draws, rows, ["age"])


def test_constant_latents_correlate_with_nothing():
    Z = np.random.default_rng(0).normal(size=(100, 3))
    Z[:, 2] = 0
    assert latent_normality(Z).correlation < 0.3


@pytest.mark.parametrize(
    "compare", [marginal_pits, tail_comparison, far_draws, two_sample_test, bridge]
)
class TestTables:
    def test_columns_must_agree(self, compare):
        with pytest.raises(ValueError, match="columns of samples"):
            compare(np.zeros((20, 2)), np.zeros((20, 3)))

    def test_nan_is_refused(self, compare):
        with pytest.raises(ValueError, match="contains NaN"):
            compare(np.zeros((20, 2)), np.full((20, 2), np.nan))


class TestOrders:
    def test_that_agree(self):
        found = order_agreement(np.tile(np.arange(5.0), (3, 1)))
        assert found.gap == 0
        np.testing.assert_allclose(found.spread, 0)

    def test_by_how_much_they_differ(self):
        rng = np.random.default_rng(0)
        rows, noise = rng.normal(size=2_000), rng.normal(size=(4, 2_000))
        found = order_agreement(rows + np.arange(4)[:, None] + 0.1 * noise)
        assert found.gap == pytest.approx(3, abs=0.02)
        np.testing.assert_allclose(found.means, rows.mean() + np.arange(4), atol=0.02)
        assert found.spread.mean() == pytest.approx(np.std(np.arange(4)), abs=0.02)
        assert "4 orders lie 3 nats apart" in str(found)
