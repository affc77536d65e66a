"""mutual_information: known values, warps that change nothing, pairs that no maps make normal."""

from functools import cache

import numpy as np
import pytest
from scipy.linalg import subspace_angles

import skflow
from skflow import mutual_information
from skflow.estimators.information._halves import HalvesDensity, behind_halves
from skflow.estimators.information._maps import ColumnMaps, FlowMaps, UnmixedMaps
from skflow.estimators.information._normal import NormalHalves, unexplained
from skflow.estimators.information._unmixing import unmixing
from skflow.exceptions import ConvergenceWarning


def pairs(n, d, nats, seed=0):
    """Halves of d normal pairs with so many nats in all."""
    rng = np.random.default_rng(seed)
    x, noise = rng.normal(size=(2, n, d))
    correlation = np.sqrt(1 - np.exp(-2 * nats / d))
    return x, correlation * x + np.sqrt(1 - correlation**2) * noise


def turned(x, seed):
    rng = np.random.default_rng(seed)
    return x @ np.linalg.qr(rng.normal(size=2 * (x.shape[1],)))[0]


def mixed(x, seed):
    """Turn, bend and turn a half."""
    return turned(np.sinh(turned(x, seed)), seed + 1)


WARPS = {
    "plain": lambda x, seed: x,
    "cube": lambda x, seed: x**3,
    "exp": lambda x, seed: np.exp(x),
    "turned": turned,
    "units": lambda x, seed: 1e6 + 1e-3 * x,
}


class TestKnownValues:
    # a turn is none of one column, and what bends or scales columns takes each by itself
    @pytest.mark.parametrize(
        ("d", "nats", "warp"),
        [
            *((1, 0.5, warp) for warp in WARPS if warp != "turned"),
            (5, 4.0, "cube"),
            (5, 4.0, "turned"),
        ],
    )
    def test_of_normal_pairs(self, d, nats, warp):
        x, y = pairs(1_000 if d == 1 else 2_000, d, nats)
        x, y = WARPS[warp](x, 1), WARPS[warp](y, 3)
        found = mutual_information(x, y, random_state=0)
        assert abs(found.estimate - nats) < 3 * found.standard_error + 0.05
        assert found.standard_error < 0.05

    def test_of_nothing(self):
        x, _ = pairs(1_000, 3, 1.0)
        y, _ = pairs(1_000, 3, 1.0, seed=1)
        found = mutual_information(x, y, random_state=0)
        assert abs(found.estimate) < 3 * found.standard_error + 0.01

    def test_few_rows_of_many_columns(self):
        x, y = pairs(60, 30, 5.0)
        assert -2 < mutual_information(x, y, random_state=0).estimate < 8

    @pytest.mark.slow
    def test_of_mixed_halves(self):
        x, y = pairs(10_000, 6, 3.0)
        found = mutual_information(mixed(x, 1), mixed(y, 3), random_state=0)
        assert found.estimate == pytest.approx(3.0, rel=0.05)
        assert found.method in ("unmixed", "flows", "flows, unmixed first")

    @pytest.mark.slow
    def test_of_pairs_that_no_maps_make_normal(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(2_000, 1))
        y = np.abs(x) * rng.choice([-1, 1], size=x.shape)  # with the same law, given |x|
        y += 0.3 * rng.normal(size=x.shape)
        found = mutual_information(x, y, random_state=0)
        assert found.method == "ratio"
        # by quadrature of the two-dimensional density
        assert found.estimate == pytest.approx(_of_crossed_lines(0.3), abs=0.08)


def _of_crossed_lines(noise):
    """Information of x and y = ±x + noise, x standard normal, on a grid."""
    grid = np.linspace(-7, 7, 1_401)
    step = grid[1] - grid[0]
    p_x = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    bumps = sum(np.exp(-((grid[:, None] - sign * grid) ** 2) / (2 * noise**2)) for sign in (-1, 1))
    given = bumps.T / 2 / np.sqrt(2 * np.pi) / noise  # rows are x
    p_y = p_x @ given * step
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.where(given > 0, given * np.log(given / p_y), 0.0)
    return float(p_x @ inner.sum(axis=1) * step**2)


class TestUnmixing:
    @pytest.mark.parametrize("shape", [np.sinh, np.arcsinh, lambda s: s**3, np.exp])
    def test_finds_the_directions_of_independent_columns(self, shape):
        rng = np.random.default_rng(0)
        sources = shape(rng.normal(size=(5_000, 3)))
        mixing = rng.normal(size=(3, 3))
        through = unmixing(sources @ mixing.T, rng) @ mixing
        size = np.abs(through) * sources.std(axis=0)
        shares = size**2 / (size**2).sum(axis=1, keepdims=True)
        assert shares.max(axis=1).min() > 0.98
        assert sorted(shares.argmax(axis=1)) == [0, 1, 2]

    def test_is_invertible_where_any_directions_will_do(self):
        rng = np.random.default_rng(0)
        W = unmixing(rng.normal(size=(500, 4)) * [1, 10, 100, 1e3], rng)
        assert np.isfinite(np.linalg.slogdet(W)[1])
        np.testing.assert_allclose(subspace_angles(W.T, np.eye(4)), 0, atol=1e-6)


class TestUnexplained:
    @pytest.mark.parametrize("d", [1, 3, 20])
    def test_is_nothing_for_normal_rows(self, d):
        rng = np.random.default_rng(0)
        z = rng.normal(size=(5_000, d)) @ rng.normal(size=(d, d))
        assert abs(unexplained(z)) < 0.05

    @pytest.mark.parametrize("shape", [lambda z: z + 0.3 * z**2, np.sinh, np.tanh])
    def test_is_something_for_others(self, shape):
        rng = np.random.default_rng(0)
        assert unexplained(shape(rng.normal(size=(5_000, 3)))) > 0.05

    def test_sees_what_no_column_shows(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(5_000, 1))
        assert unexplained(np.hstack([x, x * rng.choice([-1, 1], size=x.shape)])) > 0.05


class TestMaps:
    MAPS = {
        "standardize": lambda: ColumnMaps("standardize"),
        "gaussianize": lambda: ColumnMaps("gaussianize"),
        "unmixed": UnmixedMaps,
    }

    @pytest.mark.parametrize("name", MAPS)
    def test_log_det_is_that_of_the_jacobian(self, name):
        x, y = (mixed(half, 1) for half in pairs(800, 2, 1.0))
        maps = self.MAPS[name]().fit(x, y, np.random.default_rng(0))
        self.check_log_det(maps, x, y)

    def test_of_flows(self):
        x, y = (mixed(half, 1) for half in pairs(300, 2, 1.0))
        rng = np.random.default_rng(0)
        maps = FlowMaps(ColumnMaps("gaussianize").fit(x, y, rng))
        settings = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 2, "dtype": "float64"}
        maps.flow = HalvesDensity(n_first=2, preprocessing="none", **settings)
        maps.flow.fit(maps.first(x, y)[0])
        self.check_log_det(maps, x, y)

    @staticmethod
    def check_log_det(maps, x, y):
        row, step = np.hstack([x[:1], y[:1]]), 1e-5
        moved = row + step * np.concatenate([np.eye(4), -np.eye(4)])
        z, _ = maps(moved[:, :2], moved[:, 2:])
        jacobian = (z[:4] - z[4:]) / (2 * step)
        _, log_det = maps(x[:1], y[:1])
        assert np.linalg.slogdet(jacobian)[1] == pytest.approx(log_det[0], abs=1e-3)
        # neither half sees the other one
        np.testing.assert_allclose(jacobian[:2, 2:], 0, atol=1e-6)
        np.testing.assert_allclose(jacobian[2:, :2], 0, atol=1e-6)

    def test_flows_and_their_last_map_make_the_density(self):
        x, y = pairs(300, 2, 1.0)
        rows = np.hstack([x, y])
        density = HalvesDensity(
            n_first=2, n_layers=1, hidden_features=(8,), max_epochs=2, dtype="float64"
        ).fit(rows)
        z, log_det = behind_halves(density, rows)
        last = density.flow_.bijection.bijections[1]
        weight, bias = last.matrix().detach().numpy(), last.bias.detach().numpy()
        end = z @ weight.T + bias
        expected = -0.5 * (end**2 + np.log(2 * np.pi)).sum(axis=1) + log_det
        expected += np.linalg.slogdet(weight)[1]
        np.testing.assert_allclose(density.score_samples(rows), expected, atol=1e-6)


def test_normal_halves_tell_the_mean_of_their_log_ratio():
    x, y = pairs(20_000, 3, 2.0)
    normal = NormalHalves(np.hstack([x, y]), 3)
    assert normal.log_ratio(np.hstack([x, y])).mean() == pytest.approx(2.0, abs=0.05)
    parted = np.exp(normal.log_ratio(np.hstack([x, np.roll(y, 1, axis=0)])))
    assert parted.mean() < 1.5


@cache
def of_few_pairs():
    return mutual_information(*pairs(100, 1, 0.5), random_state=0)


class TestManners:
    def test_reads_columns_and_lists(self):
        x, y = pairs(100, 1, 0.5)
        one = mutual_information(x[:, 0].tolist(), y[:, 0], random_state=0)
        assert one.estimate == of_few_pairs().estimate

    def test_repeated_values_are_no_infinite_information(self):
        x, y = pairs(1_000, 1, 0.5)
        found = mutual_information(np.round(x), np.round(y), random_state=0)
        assert 0.2 < found.estimate < 0.6

    def test_a_limit_of_time_leaves_what_is_slow_out(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(400, 1))
        with pytest.warns(ConvergenceWarning, match="the unmixed directions"):
            found = mutual_information(x, x**2 + 0.1 * x, max_seconds=1e-3, random_state=0)
        assert [row["name"] for row in found.scores] != []
        assert found.method in ("standardize", "gaussianize")

    def test_prints(self):
        assert str(of_few_pairs()).endswith("nats (standardize)")

    @pytest.mark.parametrize(
        ("x", "y", "words"),
        [
            (np.zeros((30, 1)), np.zeros((29, 1)), "X has 30 rows and Y 29"),
            (np.zeros((5, 1)), np.zeros((5, 1)), "minimum of 20 is required"),
            (np.full((30, 1), np.nan), np.zeros((30, 1)), "Input X contains NaN"),
            (np.zeros((30, 1)), np.full((30, 1), np.inf), "Input Y contains infinity"),
        ],
    )
    def test_bad_input(self, x, y, words):
        with pytest.raises(ValueError, match=words):
            mutual_information(x, y)


def test_is_public():
    assert skflow.mutual_information is mutual_information
