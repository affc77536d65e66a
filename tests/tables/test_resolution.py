"""Declared grids: which mappings are read, what is spread, and where draws go back to."""

import warnings

import numpy as np
import pytest

from skflow.tables._observation import ContinuousRows
from skflow.tables._resolution import resolve_resolution
from skflow.tables._ties import find_ties


def rng():
    return np.random.default_rng(0)


def read(x, **declared):
    return ContinuousRows.read(np.asarray(x, dtype=float).reshape(len(x), -1), **declared)


class TestMapping:
    def test_by_index_and_name(self):
        steps = resolve_resolution({np.int64(0): 1, "b": 0.5}, 3, ["a", "b", "c"])
        assert steps == {0: 1.0, 1: 0.5}
        assert resolve_resolution(None, 3) == {}

    @pytest.mark.parametrize(
        ("resolution", "message"),
        [
            ({"age": 1}, "resolution names an unknown column 'age': the columns are 'a', 'b'"),
            ({2: 1}, "resolution names an unknown column 2: X has 2 columns"),
            ({1: 1, "b": 2}, "resolution names column 1 twice"),
            ({1: -1}, r"resolution for column 1 \('b'\) must be a finite step, at least 0"),
            ({1: np.nan}, "finite step.* got nan"),
            ({1: np.inf}, "finite step.* got inf"),
            ({1: "1"}, "finite step.* got '1'"),
            ({1: True}, "finite step.* got True"),
            ({1: None}, "finite step.* got None"),
        ],
    )
    def test_refused(self, resolution, message):
        with pytest.raises(ValueError, match=message):
            resolve_resolution(resolution, 2, ["a", "b"])

    @pytest.mark.parametrize("resolution", [[1.0], 1.0, {True: 1}, {0.0: 1}])
    def test_wrong_types(self, resolution):
        with pytest.raises(TypeError, match="resolution"):
            resolve_resolution(resolution, 2)

    def test_a_step_that_rounding_swallows(self):
        with pytest.raises(ValueError, match="lost in the rounding of its values, up to 9.0"):
            read(np.arange(10.0), resolution={0: 1e-15})


class TestSpreading:
    @pytest.mark.parametrize("step", [0.5, 1.0, 3.0])
    def test_every_row_gets_the_step_whatever_its_values_are(self, step):
        zeros = np.where(rng().uniform(size=900) < 0.5, 0.0, 3 * rng().integers(900, size=900))
        for x in (3.0 * rng().integers(0, 9, 900), zeros, np.full(900, 6.0), 3.0 * np.arange(900)):
            observation = read(x, resolution={0: step})
            assert observation.dequantized == {0: step}
            noise = observation.spread(x[:, None], rng())[:, 0] - x
            assert step * 0.49 < np.abs(noise).max() <= step / 2

    def test_zero_spreads_nothing(self):
        x = rng().integers(0, 9, size=(900, 2)).astype(float)
        observation = read(x, resolution={1: 0})
        assert observation.dequantized == {0: 1.0}
        np.testing.assert_array_equal(observation.spread(x, rng())[:, 1], x[:, 1])

    def test_what_is_not_declared_is_searched_as_before(self):
        x = rng().integers(0, 9, size=(900, 2)).astype(float)
        declared, found = read(x, resolution={0: 0.5}).ties, find_ties(x)
        np.testing.assert_array_equal(declared.columns[1].row_widths(x[:, 1]), 1.0)
        assert declared.kinds == found.kinds

    def test_a_flow_that_spreads_nothing_spreads_declared_columns(self):
        x = rng().integers(0, 9, size=(900, 2)).astype(float)
        assert read(x, spreads=False, resolution={0: 1}).dequantized == {0: 1.0}

    def test_values_off_the_grid_are_spread_and_named(self):
        x = rng().integers(0, 9, 900) / 2
        with pytest.warns(UserWarning, match="steps of 1.0 for column 0.* no multiples"):
            observation = read(x, resolution={0: 1.0})
        assert observation.dequantized == {0: 1.0}
        draws = observation.draws(rng().uniform(0, 4, size=(900, 1)), on_grid=True)
        assert set(np.unique(draws)) == {0.0, 1.0, 2.0, 3.0, 4.0}

    @pytest.mark.parametrize("offset", [0.0, 0.25, -1e3])
    def test_values_on_a_grid_raise_no_warning(self, offset):
        x = offset + rng().integers(0, 99, 900) * 0.1
        for values in (x, x.astype(np.float32).astype(float)):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                read(values, resolution={0: 0.1})

    def test_rows_of_weight_zero_have_no_say(self):
        x, weight = np.append(np.arange(9.0), 0.5), np.append(np.ones(9), 0)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ContinuousRows.read(x[:, None], weight, resolution={0: 1})


def noisy(x, noise, n=5_000):
    """Draws around the values x, as those of a density that was fitted to spread values."""
    return rng().choice(x, n) + noise * rng().normal(size=n)


class TestDraws:
    @pytest.mark.parametrize("step", [1.0, 0.1, 0.05, 1 / 3, np.pi / 180])
    @pytest.mark.parametrize("offset", [0.0, 0.7, 1e4])
    def test_of_a_grid_are_values_of_the_table(self, step, offset):
        x = offset + step * rng().integers(0, 50, 2000)
        draws = noisy(x, 0.4 * step)[:, None]
        for declared in ({}, {"resolution": {0: step}}):
            observation = read(x, **declared)
            gathered = observation.draws(draws, on_grid=True)
            assert np.isin(gathered, x).all()
            assert np.abs(gathered - draws).max() < 1.5 * step
            np.testing.assert_array_equal(observation.draws(draws), draws)

    def test_of_decimals_have_their_digits(self):
        x = np.round(rng().normal(10, 3, 5000), 1)
        gathered = read(x).draws(noisy(x, 0.5)[:, None], on_grid=True)
        np.testing.assert_array_equal(gathered, np.round(gathered, 1))

    def test_of_float32_are_float32(self):
        x = np.round(rng().normal(10, 3, 5000), 1).astype(np.float32).astype(float)
        x = x[(x > 5) & (x < 15)]
        gathered = read(x).draws(noisy(x, 0.02)[:, None], on_grid=True)
        assert np.isin(gathered, x).all()

    def test_of_a_grid_reach_points_that_the_table_lacked(self):
        x = rng().choice([0.0, 1, 2, 5, 6, 10], 600)
        observation = read(x, resolution={0: 1})
        gathered = observation.draws(np.array([[2.9], [4.2], [7.6]]), on_grid=True)
        np.testing.assert_array_equal(gathered[:, 0], [3, 4, 8])

    def test_go_beyond_the_table_only_where_it_does_not_end(self):
        x = np.repeat([0.0, 1, 2, 3, 4], [90, 80, 40, 20, 1])
        gathered = read(x).draws(np.array([[-1.2], [4.9]]), on_grid=True)
        np.testing.assert_array_equal(gathered[:, 0], [0, 5])

    @pytest.mark.parametrize("bounds", [(-0.3, 4.4), (0, 4), (None, 4.9), (-0.7, None)])
    def test_of_a_grid_keep_to_the_bounds(self, bounds):
        x = np.repeat([0.0, 1, 2, 3, 4], [1, 30, 40, 30, 1])
        low, high = (
            (-9 if bounds[0] is None else bounds[0]),
            (9 if bounds[1] is None else bounds[1]),
        )
        draws = rng().uniform(low, high, size=(500, 1))
        gathered = read(x, support={0: bounds}).draws(draws, on_grid=True)
        assert (gathered >= low).all()
        assert (gathered <= high).all()
        np.testing.assert_array_equal(gathered, np.round(gathered))

    def test_of_atoms_are_the_atom_near_it_and_free_elsewhere(self):
        x = np.where(rng().uniform(size=2000) < 0.6, 0.0, rng().exponential(size=2000))
        observation = read(x)
        width = observation.dequantized[0]
        draws = np.array([[-3 * width], [-width], [0.5 * width], [0.8 * width], [5.0]])
        gathered = observation.draws(draws, on_grid=True)[:, 0]
        np.testing.assert_array_equal(gathered, [0, 0, 0, 0.8 * width, 5.0])

    def test_in_between_two_far_values_go_to_the_nearer_one(self):
        x = np.where(rng().uniform(size=2000) < 0.2, -999.0, rng().normal(size=2000))
        gathered = read(x).draws(np.array([[-1100.0], [-700], [-400], [0.3]]), on_grid=True)
        np.testing.assert_array_equal(gathered[:, 0], [-999, -999, -400, 0.3])

    def test_of_an_irregular_grid_are_its_values(self):
        x = np.log1p(rng().poisson(2, 3000))
        gathered = read(x).draws(noisy(x, 0.2)[:, None], on_grid=True)
        assert np.isin(gathered, x).all()

    def test_of_zeros_on_a_fine_grid(self):
        x = np.round(1000 * rng().exponential(size=20_000))
        x[:10_000] = 0
        observation = read(x)
        width = observation.ties.widths_in(0, np.zeros(1))[0]
        assert width > 1
        gathered = observation.draws(np.array([[-5.2], [0.4 * width], [700.3]]), on_grid=True)
        np.testing.assert_array_equal(gathered[:, 0], [0, 0, 700])

    def test_of_a_constant_are_constant(self):
        x = np.column_stack([np.full(50, 0.1), rng().normal(size=50)])
        gathered = read(x).draws(rng().normal(size=(20, 2)), on_grid=True)
        np.testing.assert_array_equal(gathered[:, 0], 0.1)

    def test_of_continuous_columns_stay(self):
        x, draws = rng().normal(size=(100, 2)), rng().normal(size=(100, 2))
        np.testing.assert_array_equal(read(x).draws(draws, on_grid=True), draws)
