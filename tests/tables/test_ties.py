"""What the search for repeated values flags, how wide it jitters, and that jitter stays inside."""

import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skflow.tables._jitter import spread_column
from skflow.tables._lattice import up_the_grid
from skflow.tables._observation import ContinuousRows
from skflow.tables._ties import find_ties

fast = settings(max_examples=40, deadline=None, derandomize=True)
seeds = st.integers(0, 10_000)


def column(x):
    """Kind and widths of one column, given a continuous one beside it."""
    beside = np.random.default_rng(99).normal(size=len(x))
    return find_ties(np.column_stack([x, beside])).columns[0]


def row_widths(ties, X):
    """Jitter width of every entry of X."""
    widths = (ties.widths_in(j, x) for j, x in enumerate(X.T))
    return np.column_stack([np.zeros(len(X)) if w is None else w for w in widths])


def normal(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


class TestKinds:
    def test_continuous(self):
        ties = find_ties(normal(4000).reshape(1000, 4))
        assert ties.kinds == ["continuous"] * 4
        np.testing.assert_array_equal(ties.widths, np.zeros(4))
        assert ties.widths_in(0, normal(10)) is None

    def test_accidental_repeats_of_six_digits(self):
        x = np.random.default_rng(0).uniform(size=20_000).round(6)
        assert len(np.unique(x)) < len(x)
        assert column(x) is None

    @pytest.mark.parametrize("digits", [0, 1, 2])
    def test_rounded_figures_keep_their_gap(self, digits):
        found = column((10 * normal(5000)).round(digits))
        assert found.kind == "grid"
        assert found.gap == pytest.approx(10.0**-digits, rel=1e-9)
        assert len(found.widths) == 0

    def test_rounded_float32(self):
        found = column((10 + normal(5000)).round(2).astype(np.float32).astype(float))
        assert found.kind == "grid"
        assert found.gap == pytest.approx(0.01, rel=1e-3)

    def test_ages_counts_and_binary_get_the_full_gap(self):
        rng = np.random.default_rng(0)
        for x in (rng.integers(18, 91, 3000), rng.poisson(2, 3000), rng.integers(0, 2, 3000)):
            assert column(x.astype(float)).width == 1.0

    def test_an_outlier_does_not_hide_a_grid(self):
        x = np.append(np.random.default_rng(0).poisson(20, 500), 10**9).astype(float)
        assert column(x).gap == 1.0

    def test_heavy_tailed_counts_keep_their_gap(self):
        x = np.floor(np.random.default_rng(0).pareto(1.0, 5000) + 1)
        found = column(x)
        np.testing.assert_array_equal(found.row_widths(np.array([1.0, 2.0, 3.0])), 1.0)

    def test_constant(self):
        assert column(np.full(50, 40.0)).width == 2.0
        assert column(np.zeros(50)).width == 0.05
        assert column(np.where(np.arange(50) % 2, 0.3, 0.1 * 3)).kind == "constant"

    @pytest.mark.parametrize("offset", [1e6, 1e9, 1e12, 1e15])
    @pytest.mark.parametrize("ulps", [4, 20, 1000])
    def test_far_from_zero_is_not_constant(self, offset, ulps):
        sd = ulps * np.spacing(offset)
        X = offset + sd * normal(600).reshape(300, 2)
        X[0, 1] = 0.0  # a gross error does not make one value of all the others
        ties = find_ties(X)
        assert "constant" not in ties.kinds
        assert row_widths(ties, X).max() < sd

    def test_two_rows(self):
        assert find_ties(np.array([[1.0, 2.0], [1.0, 3.0]])).kinds == ["constant", "continuous"]

    def test_balanced_binary_alone(self):
        ties = find_ties(np.repeat([0.0, 1.0], 500)[:, None])
        assert ties.kinds == ["grid"]
        assert ties.widths[0] == 1.0

    def test_single_column_of_sparse_counts(self):
        x = np.random.default_rng(0).integers(0, 80, 100).astype(float)
        assert find_ties(x[:, None]).kinds == ["grid"]

    def test_logs_of_counts_are_spread_over_their_gaps(self):
        found = column(np.log1p(np.random.default_rng(0).poisson(2, 5000)))
        assert found.kind == "irregular"
        low = np.log1p(np.arange(4.0))
        assert (found.row_widths(low) > 0.5 * np.log1p(1 / (low.size + 1))).all()
        assert (found.row_widths(low) <= 0.7).all()


class TestAtoms:
    @pytest.mark.parametrize("share", [0.15, 0.5, 0.95])
    def test_zeros_on_top_of_a_continuous_part(self, share):
        x = normal(2000)
        x[: int(share * 2000)] = 0
        found = column(x)
        assert found.kind == "atom"
        width = found.row_widths(np.array([0.0, 0.1]))
        assert 0.02 * x.std() < width[0] <= 0.05 * x.std() * (1 + 1e-12)
        assert width[1] == 0

    def test_zeros_on_top_of_a_fine_grid(self):
        x = np.round(1000 * np.random.default_rng(0).exponential(size=20_000))
        x[:10_000] = 0
        found = column(x)
        assert found.kind == "grid"
        assert found.gap == 1.0
        width = found.row_widths(np.array([0.0, 700.0]))
        assert width[0] == pytest.approx(0.05 * x.std())
        assert width[1] == 1.0

    def test_outliers_do_not_inflate_the_width(self):
        x = normal(1000)
        x[:300] = 0
        x[300] = 1e9
        assert column(x).width < 0.2

    def test_sentinel_far_away(self):
        x = normal(1000)
        x[:300] = -999
        assert 0 < column(x).width < 0.2

    def test_rounding_error_does_not_split_an_atom(self):
        x = 1 + normal(1000)
        x[:150], x[150:300] = 0.3, 0.1 * 3
        width = column(x).row_widths(np.array([0.3, 0.1 * 3]))
        assert width[0] == width[1] > 0.01

    def test_whole_rows_of_zeros(self):
        X = normal(2000).reshape(1000, 2)
        X[:400] = 0
        assert find_ties(X).kinds == ["atom", "atom"]


class TestRepeatedRows:
    @pytest.mark.parametrize("d", [1, 3])
    @pytest.mark.parametrize("seed", range(5))
    def test_bootstrap_of_continuous_rows(self, d, seed):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(500, d))[rng.integers(0, 500, 500)]
        assert find_ties(X).kinds == ["continuous"] * d

    @pytest.mark.parametrize("times", [2, 10])
    def test_every_row_repeated(self, times):
        X = np.repeat(normal(200).reshape(100, 2), times, axis=0)
        assert find_ties(X).kinds == ["continuous"] * 2

    def test_bootstrap_keeps_a_grid_beside(self):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.normal(size=500), rng.poisson(3, 500)])
        assert find_ties(X[rng.integers(0, 500, 500)]).kinds == ["continuous", "grid"]

    def test_repeats_equal_weights(self):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.normal(size=200), rng.poisson(3, 200)]).astype(float)
        weight = rng.integers(0, 4, 200)
        once = find_ties(X, weight.astype(float))
        repeated = find_ties(X.repeat(weight, axis=0))
        np.testing.assert_array_equal(row_widths(once, X), row_widths(repeated, X))

    def test_rows_of_weight_zero_do_not_count(self):
        X = normal(200)[:, None]
        weight = np.ones(200)
        X[:100], weight[:100] = 7.0, 0.0
        assert find_ties(X).kinds == ["atom"]
        assert find_ties(X, weight).kinds == ["continuous"]


def messy(seed):
    """A table with one column of each kind."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(100, 400))
    zeros = np.where(rng.random(n) < 0.3, 0.0, rng.normal(size=n))
    return np.column_stack(
        [
            rng.normal(size=n),
            rng.poisson(rng.uniform(0.5, 30), n),
            rng.normal(size=n).round(1),
            zeros,
            np.log1p(rng.poisson(3, n)),
            np.full(n, 3.0),
        ]
    )


class TestProperties:
    @fast
    @given(seeds, st.integers(-40, 40), st.booleans())
    def test_a_power_of_two_rescales_the_widths_exactly(self, seed, exponent, flip):
        X = messy(seed)
        scale = 2.0**exponent * (-1 if flip else 1)
        here, there = find_ties(X), find_ties(scale * X)
        assert here.kinds == there.kinds
        expected = abs(scale) * row_widths(here, X)
        np.testing.assert_allclose(row_widths(there, scale * X), expected, rtol=1e-12 * flip)

    @fast
    @given(seeds, st.floats(-1000, 1000))
    def test_a_shift_hardly_matters(self, seed, shift):
        X = messy(seed)[:, :-1]  # the width of a constant column is relative to its value
        here, there = find_ties(X), find_ties(X + shift)
        assert here.kinds == there.kinds
        np.testing.assert_allclose(row_widths(there, X + shift), row_widths(here, X), rtol=1e-6)

    @fast
    @given(seeds)
    def test_order_of_rows_does_not_matter(self, seed):
        X = messy(seed)
        shuffled = X[np.random.default_rng(seed).permutation(len(X))]
        np.testing.assert_array_equal(find_ties(X).widths, find_ties(shuffled).widths)

    @fast
    @given(seeds)
    def test_jitter_stays_within_half_the_width(self, seed):
        X = messy(seed)
        before = X.copy()
        ties = find_ties(X)
        widths = row_widths(ties, X)
        jittered = ties.spread(X, np.random.default_rng(seed))
        np.testing.assert_array_equal(X, before)
        assert (np.abs(jittered - X) <= widths / 2 * (1 + 1e-9)).all()
        np.testing.assert_array_equal(jittered[widths == 0], X[widths == 0])
        assert find_ties(jittered).kinds == ["continuous"] * X.shape[1]

    @fast
    @given(seeds, st.sampled_from([0.01, 1.0, 50.0]))
    def test_jitter_stays_inside_the_bounds(self, seed, width):
        rng = np.random.default_rng(seed)
        X = rng.integers(0, 5, (200, 3)).astype(float)
        low, high = np.array([0.0, -np.inf, 0.0]), np.array([np.inf, 4.0, 4.0])
        columns = zip(X.T, low, high, strict=True)
        widths = np.full(len(X), width)
        jittered = np.column_stack([spread_column(x, widths, rng, *ends) for x, *ends in columns])
        assert (jittered >= low).all()
        assert (jittered <= high).all()
        on_bound = X[:, 0] == 0
        assert (jittered[on_bound, 0] <= width / 2).all()
        assert jittered[on_bound, 0].std() > 0.05 * width


def test_jitter_is_uniform_on_the_gap():
    x = np.zeros(20_000)
    jittered = spread_column(x, np.ones_like(x), np.random.default_rng(0))
    counts, _ = np.histogram(jittered, bins=10, range=(-0.5, 0.5))
    assert counts.min() > 1800
    assert counts.sum() == 20_000


def test_nothing_to_spread_returns_the_rows():
    X = normal(10)[:, None]
    assert find_ties(X).spread(X, np.random.default_rng(0)) is X


def test_rows_are_spread_in_place_only_where_asked():
    X = np.random.default_rng(0).integers(0, 5, (300, 2)).astype(float)
    ties, before = find_ties(X), X.copy()
    spread = ties.spread(X, np.random.default_rng(0))
    np.testing.assert_array_equal(X, before)
    assert ties.spread(X, np.random.default_rng(0), in_place=True) is X
    np.testing.assert_array_equal(X, spread)


def test_unseen_values_get_no_width_of_their_own():
    x = normal(1000)
    x[:300] = 0
    assert not column(x).row_widths(np.array([-5.0, 5.0, 1e-3])).any()


def test_extreme_values_raise_no_warning():
    x = np.repeat([0.0, 5e-324, 1e-300, 1.0, 1e300, -1e300], 20)
    assert np.isfinite(column(x).row_widths(x)).all()


def test_pickles():
    ties = find_ties(messy(0))
    again = pickle.loads(pickle.dumps(ties))
    np.testing.assert_array_equal(again.widths, ties.widths)


def test_a_million_entries_take_no_time():
    X = np.random.default_rng(0).normal(size=(100_000, 10)).round(3)
    start = time.process_time()
    find_ties(X)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_numbers_are_spread_inwards(sign):
    x = np.full(100, sign * np.finfo(np.float64).max)
    width = find_ties(x[:, None]).widths
    out = spread_column(x, np.full(100, width[0]), np.random.default_rng(0))
    assert np.isfinite(out).all()
    assert 0.4 * width < np.ptp(out) < width


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("seed", range(20))
def test_tables_of_the_largest_numbers_are_read_without_a_warning(seed):
    rng, largest = np.random.default_rng(seed), np.finfo(np.float64).max
    X = rng.uniform(-1, 1, size=(30, 3)) * largest
    X[:, 1] = rng.choice([-largest, -1.0, 0.0, 5e-324, largest], 30)
    X[:, 2] = 1e307 * rng.integers(-17, 18, 30)
    support = {0: (float(X[:, 0].min()), None), 1: (None, largest), 2: (-largest, None)}
    observation = ContinuousRows.read(X, support=support)
    assert np.isfinite(observation.prepare(X, None, rng).values).all()


def test_points_far_out_on_a_fine_grid_are_kept():
    points = up_the_grid(np.array([1e290, 0.0]), np.ones(2), 1e-20)
    np.testing.assert_allclose(points, [1e290, 1e-20], rtol=1e-15)
