"""Maps, curves and corners show the numbers of the density."""

import matplotlib.pyplot as plt
import numpy as np
import polars as pl
import pytest
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow import KernelFlowDensity, MixtureFlowDensity
from skflow.plots import DensityDisplay


def line_labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.fixture(scope="module")
def plane_map(gaussian, plane):
    return DensityDisplay.from_estimator(gaussian, plane, resolution=30)


@pytest.fixture(scope="module")
def corner(gaussian3, space):
    return DensityDisplay.from_estimator(gaussian3, space, n_samples=500)


class TestMap:
    def test_log_density_at_the_points_of_the_grid(self, plane_map, gaussian, plane):
        i, j = 7, 21
        point = plane.iloc[:1].copy()
        point[:] = [[plane_map.grid[0][j], plane_map.grid[1][i]]]
        assert plane_map.log_density[i, j] == gaussian.score_samples(point)[0]

    def test_grid_holds_all_rows_in_their_units(self, plane_map, plane):
        for points, column in zip(plane_map.grid, plane, strict=True):
            assert points[0] < plane[column].min() < plane[column].max() < points[-1]

    def test_regions_of_a_gaussian(self, plane_map):
        # chi-square with two degrees of freedom: the region of share a ends 2 log 1 / (1 - a) out
        top = plane_map.log_density.max()
        np.testing.assert_allclose(top - plane_map.thresholds, -np.log([0.5, 0.1]), atol=0.15)
        assert line_labels(plane_map.ax_) == ["rows", "50% region", "90% region"]

    def test_names_and_extent(self, plane_map):
        assert (plane_map.ax_.get_xlabel(), plane_map.ax_.get_ylabel()) == ("height", "weight")
        assert plane_map.ax_.get_xlim() == (plane_map.grid[0][0], plane_map.grid[0][-1])

    def test_colours_are_the_density(self, plane_map):
        (mesh,) = (c for c in plane_map.ax_.collections if hasattr(c, "get_coordinates"))
        np.testing.assert_allclose(mesh.get_array(), np.exp(plane_map.log_density))
        assert mesh.get_clim() == (0.0, np.exp(plane_map.log_density).max())

    def test_log_scale(self, plane_map):
        again = plane_map.plot(log=True, show_rows=False)
        (mesh,) = (c for c in again.ax_.collections if hasattr(c, "get_coordinates"))
        np.testing.assert_allclose(mesh.get_array(), plane_map.log_density)
        assert "rows" not in line_labels(again.ax_)
        assert again.figure_.axes[-1].get_ylabel() == "log density (nats)"

    def test_columns_the_other_way_round(self, plane_map, gaussian, plane):
        turned = DensityDisplay.from_estimator(
            gaussian, plane, columns=["weight", 0], resolution=30
        )
        assert turned.names == ["weight", "height"]
        np.testing.assert_array_equal(turned.log_density, plane_map.log_density.T)
        np.testing.assert_array_equal(turned.rows, plane[["weight", "height"]])

    def test_colour_bar_once_in_the_same_axes(self, gaussian, plane):
        figure, ax = plt.subplots()
        display = DensityDisplay.from_estimator(gaussian, plane, resolution=5, ax=ax)
        display.plot(ax)
        assert len(figure.axes) == 2
        assert display.plot(colorbar=False).figure_.axes == [display.ax_]

    def test_density_zero_outside_a_support(self):
        X = np.random.default_rng(0).exponential(size=(200, 2))
        model = KernelFlowDensity(support={0: (0, None), 1: (0, None)}).fit(X)
        display = DensityDisplay.from_estimator(model, X, resolution=20)
        assert np.isinf(display.log_density[:, 0]).all()
        for log in (False, True):
            display.plot(log=log).figure_.canvas.draw()

    def test_region_that_no_point_of_the_grid_meets(self, plane):
        grid, zero = [np.arange(3.0), np.arange(3.0)], np.zeros((3, 3))
        display = DensityDisplay(
            rows=plane.to_numpy(),
            names=["a", "b"],
            grid=grid,
            log_density=zero,
            regions=[0.5],
            thresholds=[1.0],
        )
        assert line_labels(display.plot().ax_) == ["rows (300 of 300 outside)"]


@pytest.fixture(scope="module")
def heavy():
    rng = np.random.default_rng(0)
    return np.c_[rng.standard_t(1, size=500), rng.lognormal(size=500)]


class TestHeavyTails:
    def test_map_shows_the_density(self, heavy):
        display = DensityDisplay.from_estimator(KernelFlowDensity().fit(heavy), heavy)
        (left, right), (_, top) = display.ax_.get_xlim(), display.ax_.get_ylim()
        assert right - left < 60
        assert top < 40
        outside = (heavy[:, 0] < left) | (heavy[:, 0] > right) | (heavy[:, 1] > top)
        assert 0 < outside.mean() < 0.08
        assert display.n_outside_ == outside.sum()
        assert line_labels(display.ax_) == [
            f"rows ({outside.sum()} of 500 outside)",
            "50% region",
            "90% region",
        ]

    def test_curve(self, heavy):
        X = heavy[:, :1]
        display = DensityDisplay.from_estimator(MixtureFlowDensity(n_components=5).fit(X), X)
        left, right = display.ax_.get_xlim()
        assert right - left < 70
        area = sum(bar.get_width() * bar.get_height() for bar in display.ax_.patches)
        assert area == pytest.approx(1 - display.n_outside_ / 500)
        assert display.n_outside_ > 0

    def test_one_far_row_does_not_squeeze_a_corner(self, space):
        rows = space.copy()
        rows[7, 0] = 1e5
        display = DensityDisplay(rows=rows, names=list("abc"), samples=space).plot()
        assert display.axes_[2, 0].get_xlim()[1] < 10
        assert display.n_outside_ == 1
        assert "rows (1 of 200 outside)" in line_labels(display.axes_[0, 0])
        low, high = display.axes_[2, 1].get_xlim()
        assert low < space[:, 1].min() < space[:, 1].max() < high

    def test_rare_values_of_a_column_that_is_mostly_zero(self, space):
        rows = np.where(np.arange(200)[:, None] % 50 == 0, space, 0.0)
        display = DensityDisplay(rows=rows, names=list("abc"), samples=rows).plot()
        assert display.n_outside_ == 0


class TestCurve:
    def test_density_over_a_histogram(self):
        X = np.random.default_rng(0).normal(3.0, 0.5, size=(500, 1))
        model = MixtureFlowDensity(n_components=1).fit(X)
        display = DensityDisplay.from_estimator(model, X)
        (points,) = display.grid
        assert len(points) == 500
        (line,) = display.ax_.lines
        np.testing.assert_array_equal(line.get_ydata(), np.exp(display.log_density))
        bars = display.ax_.patches
        area = sum(bar.get_width() * bar.get_height() for bar in bars)
        assert area == pytest.approx(1.0)
        exact = stats.norm(X.mean(), X.std()).pdf(points)
        np.testing.assert_allclose(line.get_ydata(), exact, atol=0.02)

    def test_log_density_with_empty_bars(self):
        X = np.r_[np.zeros(20), np.full(20, 9.0)][:, np.newaxis] + np.linspace(0, 1, 40)[:, None]
        model = MixtureFlowDensity(n_components=2).fit(X)
        display = DensityDisplay.from_estimator(model, X, log=True)
        display.figure_.canvas.draw()
        assert display.ax_.get_ylabel() == "log density (nats)"


class TestCorner:
    def test_panels(self, corner):
        assert corner.axes_.shape == (3, 3)
        shown = np.array([[ax.axison for ax in row] for row in corner.axes_])
        np.testing.assert_array_equal(shown, np.tri(3, dtype=bool))
        assert [ax.get_xlabel() for ax in corner.axes_[2]] == corner.names
        assert [ax.get_ylabel() for ax in corner.axes_[:, 0]] == ["", *corner.names[1:]]

    def test_samples(self, corner, gaussian3, space):
        assert corner.samples.shape == (500, 3)
        spreads = corner.samples.std(axis=0) / space.std(axis=0)
        np.testing.assert_allclose(spreads, 1, atol=0.15)

    def test_histograms_are_shares(self, corner):
        for ax in corner.axes_.diagonal():
            for patch in ax.patches:
                values, edges, _ = patch.get_data()
                assert 0.97 < (values * np.diff(edges)).sum() <= 1 + 1e-9

    def test_points_lie_where_the_rows_are(self, corner):
        points = np.concatenate([c.get_offsets() for c in corner.axes_[2, 1].collections[::2]])
        order = np.lexsort(points.T)
        expected = corner.rows[:, [1, 2]]
        np.testing.assert_array_equal(points[order], expected[np.lexsort(expected.T)])

    def test_rows_and_draws_differ_in_shape_and_lightness(self, corner):
        rows, draws = corner.axes_[1, 0].collections[:2]
        assert len(rows.get_paths()[0].vertices) != len(draws.get_paths()[0].vertices)
        weights = [0.2126, 0.7152, 0.0722]
        light = [c.get_edgecolor()[0, :3] @ weights for c in (rows, draws)]
        assert abs(light[0] - light[1]) > 0.2

    def test_chosen_columns(self, gaussian3, space):
        display = DensityDisplay.from_estimator(gaussian3, space, columns=[2, 1], n_samples=50)
        assert display.names == ["column 2", "column 1"]
        np.testing.assert_array_equal(display.rows, space[:, [2, 1]])
        assert display.axes_[0, 0].get_legend().get_title().get_text() == "2 of 3 columns"

    def test_one_chosen_column(self, gaussian, plane):
        display = DensityDisplay.from_estimator(gaussian, plane, columns="weight", n_samples=50)
        assert display.samples.shape == (50, 1)
        assert display.ax_.get_xlabel() == "weight"

    def test_the_first_six_of_many(self):
        X = np.random.default_rng(0).normal(size=(60, 9))
        model = MixtureFlowDensity(n_components=1).fit(X)
        assert DensityDisplay.from_estimator(model, X, n_samples=20).axes_.shape == (6, 6)

    def test_far_draws_do_not_squeeze_the_rows(self, space):
        samples = space.copy()
        samples[0] = 1e6
        display = DensityDisplay(rows=space, names=list("abc"), samples=samples).plot()
        assert display.axes_[2, 0].get_xlim()[1] < 10

    def test_draws_are_the_same_each_time(self, gaussian3, space):
        first, second, other = (
            DensityDisplay.from_estimator(gaussian3, space, n_samples=9, random_state=k).samples
            for k in (3, 3, 4)
        )
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)


class TestOtherEstimators:
    def test_scikit_learn(self, plane, space):
        mixture = GaussianMixture(2, random_state=0)
        display = DensityDisplay.from_estimator(mixture.fit(space), space, n_samples=20)
        assert display.samples.shape == (20, 3)
        kernel = KernelDensity(kernel="linear").fit(plane)  # has no sample for this kernel
        assert len(DensityDisplay.from_estimator(kernel, plane, resolution=5).regions) == 0

    def test_without_sample_a_map_has_no_regions(self, gaussian, plane):
        class ScoresOnly(BaseEstimator):
            n_features_in_, feature_names_in_ = 2, gaussian.feature_names_in_

            def fit(self, X):
                return self

            def __sklearn_is_fitted__(self):
                return True

            def score_samples(self, X):
                return gaussian.score_samples(X)

        display = DensityDisplay.from_estimator(ScoresOnly(), plane, resolution=5)
        assert len(display.regions) == 0
        with pytest.raises(TypeError, match="DensityDisplay needs an estimator with `sample`"):
            DensityDisplay.from_estimator(ScoresOnly(), plane, columns=0)

    def test_polars(self, plane):
        table = pl.DataFrame({name: plane[name].to_numpy() for name in plane})
        model = MixtureFlowDensity(n_components=1).fit(table)
        display = DensityDisplay.from_estimator(model, table, resolution=5)
        assert display.ax_.get_xlabel() == "height"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("log", [False, True])
def test_a_constant_column(log):
    X = np.ones((30, 1))
    model = MixtureFlowDensity(n_components=1, random_state=0).fit(X)
    display = DensityDisplay.from_estimator(model, X, log=log)
    display.figure_.canvas.draw()
    assert np.isfinite(display.ax_.get_ylim()).all()


class TestErrors:
    def test_unfitted(self, plane):
        with pytest.raises(NotFittedError, match="MixtureFlowDensity instance is not fitted"):
            DensityDisplay.from_estimator(MixtureFlowDensity(), plane)

    @pytest.mark.parametrize("columns", ["age", 2, [0, "age"], [1.5]])
    def test_unknown_columns(self, gaussian, plane, columns):
        with pytest.raises(ValueError, match=r"expected names among \['height', 'weight'\]"):
            DensityDisplay.from_estimator(gaussian, plane, columns=columns)

    @pytest.mark.parametrize("columns", [[], [0, "height"]])
    def test_no_columns_or_the_same_twice(self, gaussian, plane, columns):
        with pytest.raises(ValueError, match="columns must name one column or several different"):
            DensityDisplay.from_estimator(gaussian, plane, columns=columns)

    def test_wrong_table(self, gaussian, plane):
        with pytest.raises(ValueError, match="feature names should match"):
            DensityDisplay.from_estimator(gaussian, plane.assign(age=1.0))
        with pytest.raises(ValueError, match="column 1 \\('weight'\\) has 1 NaN"):
            DensityDisplay.from_estimator(gaussian, plane.assign(weight=[np.nan, *range(299)]))

    def test_wrong_number_of_axes(self, gaussian3, space):
        axes = plt.subplots(1, 2)[1]
        with pytest.raises(ValueError, match="expected one axes, or 3 x 3 of them, got 2"):
            DensityDisplay.from_estimator(gaussian3, space, n_samples=5, ax=axes)
