"""Hours and angles: which mappings are read, where circles are cut, and how values turn."""

import numpy as np
import pytest

from skflow.tables._observation import ContinuousRows
from skflow.tables._periodic import read_circles, resolve_periods


def rng():
    return np.random.default_rng(0)


def hours(n=800, centre=0.0, spread=2.0):
    return np.mod(rng().normal(centre, spread, size=(n, 1)), 24)


class TestMapping:
    def test_by_index_and_name(self):
        assert resolve_periods({0: 24, "b": 360.0}, 2, ["a", "b"]) == {0: 24.0, 1: 360.0}

    @pytest.mark.parametrize("period", [0, -1, np.nan, np.inf, "24", True, None])
    def test_refused(self, period):
        with pytest.raises(ValueError, match=r"periodic for column 1 \('b'\) must be a finite"):
            resolve_periods({"b": period}, 2, ["a", "b"])

    def test_unknown_columns(self):
        with pytest.raises(ValueError, match="periodic names an unknown column 'c'"):
            resolve_periods({"c": 24}, 2, ["a", "b"])
        with pytest.raises(TypeError, match="periodic must be None or a mapping"):
            resolve_periods([24], 2)

    def test_bounds_beside(self):
        with pytest.raises(ValueError, match="column 0 is declared periodic, and support"):
            ContinuousRows.read(hours(), support={0: (0, 24)}, periodic={0: 24})


def cut_of(X, period=24, weight=None):
    return read_circles(X, {0: period}, weight).cuts[0] % period


class TestCut:
    @pytest.mark.parametrize("centre", [0.0, 7.0, 23.0])
    def test_lies_opposite_of_the_rows(self, centre):
        away = (cut_of(hours(centre=centre)) - centre) % 24
        assert 9 < away < 15

    def test_of_rounded_hours_lies_between_two_of_them(self):
        X = np.mod(np.round(hours(spread=5.0)), 24)
        assert cut_of(X) in (10.5, 11.5, 12.5, 13.5)

    def test_of_two_peaks_lies_between_them(self):
        X = np.concatenate([hours(centre=23.5, spread=0.5), hours(centre=8, spread=1.0)])
        assert 12 < cut_of(X) < 22

    def test_follows_the_weights(self):
        X = np.concatenate([hours(centre=0, spread=1.0), hours(centre=12, spread=1.0)])
        weight = np.repeat([0.0, 1.0], 800)
        assert min(cut_of(X, weight=weight), 24 - cut_of(X, weight=weight)) < 3
        assert 9 < cut_of(X, weight=1 - weight) < 15

    def test_a_weight_of_two_is_a_row_twice(self):
        X = hours(50, spread=8.0)
        weight = rng().integers(1, 4, 50)
        assert cut_of(X, weight=weight) == cut_of(np.repeat(X, weight, axis=0))

    def test_of_a_single_value_lies_opposite(self):
        assert cut_of(np.full((9, 1), 3.0)) == 15.0


class TestTurning:
    @pytest.mark.parametrize("period", [24.0, 2 * np.pi, 360.0])
    def test_and_back(self, period):
        X = rng().uniform(0, period, size=(500, 1))
        circles = read_circles(X, {0: period})
        for rows in (X, X - 3 * period, X + 7 * period):
            turned = circles.turn(rows)
            assert (circles.cuts[0] <= turned).all()
            assert (turned < circles.cuts[0] + period).all()
            back = circles.turn_back(turned)
            assert (back >= 0).all()
            assert (back < period).all()
            np.testing.assert_allclose(np.cos((back - X) * 2 * np.pi / period), 1, atol=1e-12)

    def test_angles_around_zero_stay_around_it(self):
        X = rng().uniform(-180, 180, size=(500, 1))
        observation = ContinuousRows.read(X, periodic={0: 360})
        back = observation.draws(observation.turn(X))
        np.testing.assert_allclose(back, X, atol=1e-12)

    def test_other_columns_and_the_users_rows_stay(self):
        X = np.column_stack([rng().uniform(0, 24, 90), rng().normal(0, 99, 90)])
        before = X.copy()
        observation = ContinuousRows.read(X, periodic={0: 24})
        table = observation.prepare(X, None, rng())
        np.testing.assert_array_equal(X, before)
        np.testing.assert_array_equal(np.sort(table.rows()[:, 1]), np.sort(X[:, 1]))

    def test_rounding_never_leaves_the_period(self):
        X = np.array([[0.0], [24.0], [-1e-17], [1e-17], [np.nextafter(24, 0)], [1e18]])
        circles = read_circles(hours(), {0: 24})
        for rows in (circles.turn(X), circles.turn_back(X)):
            assert np.ptp(rows) < 24
        assert (circles.turn_back(X) >= 0).all()

    def test_no_value_lies_outside(self):
        observation = ContinuousRows.read(hours(), periodic={0: 24})
        rows, outside = observation.place(rng().uniform(-99, 99, size=(500, 1)))
        assert not outside.any()
        low, high = observation.bounds[:2]
        assert ((low < rows) & (rows < high)).all()

    def test_whole_hours_come_back_whole(self):
        X = np.mod(np.round(hours(spread=5.0)), 24)
        observation = ContinuousRows.read(X, periodic={0: 24})
        spread = observation.spread(X, rng())
        assert (np.abs(np.mod(spread - X + 12, 24) - 12) <= 0.5).all()
        back = observation.draws(observation.turn(spread), on_grid=True)
        np.testing.assert_array_equal(back, X)
