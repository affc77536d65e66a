"""Transforms of held-out rows, their histogram and their curve."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from scipy import stats
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow.plots import PITDisplay, ReliabilityDisplay
from tests.metrics.toys import Normal, rows

BOTH = [PITDisplay, ReliabilityDisplay]


def fitted(n=400, n_targets=None, **settings):
    X, y = rows(n, n_targets)
    return Normal(**settings).fit(X, y), X, y


class TestPIT:
    def test_numbers(self):
        model, X, y = fitted()
        display = PITDisplay.from_estimator(model, X, y, n_bins=8)
        np.testing.assert_array_equal(display.pits, model.cdf(X, y))
        counts = np.histogram(display.pits, 8, (0, 1))[0]
        np.testing.assert_allclose(display.heights, counts / 50)
        np.testing.assert_allclose(display.heights @ np.diff(display.edges), 1)

    def test_bars_of_even_rows_end_in_the_band_as_often_as_it_says(self):
        rng, ax = np.random.default_rng(0), plt.subplots()[1]
        inside = []
        for _ in range(150):
            ax.clear()
            display = PITDisplay.from_predictions(rng.uniform(size=300), ax=ax)
            low, high = display.band
            inside.append((low <= display.heights) & (display.heights <= high))
        # counts are whole numbers, so that a band holds at least 95 %
        assert 0.94 < np.mean(inside) < 0.98

    @pytest.mark.parametrize(("sd", "in_the_middle"), [(2.0, True), (0.5, False)])
    def test_wide_is_a_hump_and_narrow_a_valley(self, sd, in_the_middle):
        display = PITDisplay.from_estimator(*fitted(2_000, sd=sd), n_bins=5)
        low, high = display.band
        middle, ends = display.heights[2], display.heights[[0, -1]]
        assert (middle > high) == in_the_middle
        assert (ends < low).all() == in_the_middle

    def test_automatic_bins(self):
        for n, bins in ((9, 5), (100, 10), (10_000, 20)):
            assert len(PITDisplay.from_predictions(np.linspace(0, 1, n)).heights) == bins

    def test_rounded_values_are_spread_over_their_step(self):
        model, X, y = fitted(4_000, sd=1.0)
        y = 2 * np.round(y / 2)
        plain = PITDisplay.from_estimator(model, X, y)
        spread = PITDisplay.from_estimator(model, X, y, resolution=2.0)
        again = PITDisplay.from_estimator(model, X, y, resolution=2.0, random_state=1)
        assert stats.kstest(plain.pits, "uniform").pvalue < 1e-4
        assert stats.kstest(spread.pits, "uniform").pvalue > 1e-3
        assert (spread.pits != again.pits).any()
        low, high = model.cdf(X, y - 1), model.cdf(X, y + 1)
        assert ((low <= spread.pits) & (spread.pits <= high)).all()

    def test_drawn(self):
        display = PITDisplay.from_estimator(*fitted(), color="black")
        (bars,) = (patch for patch in display.ax_.patches if hasattr(patch, "get_data"))
        np.testing.assert_array_equal(bars.get_data().values, display.heights)
        assert display.ax_.get_xlim() == (0, 1)


class TestReliability:
    def test_numbers(self):
        model, X, y = fitted()
        display = ReliabilityDisplay.from_estimator(model, X, y, levels=[0.9, 0.2])
        np.testing.assert_array_equal(display.nominal, [0.2, 0.9])
        below = y[:, None] <= model.predict_quantiles(X, [0.2, 0.9])
        np.testing.assert_allclose(display.observed, below.mean(axis=0))
        np.testing.assert_allclose(display.band[0] * 400, stats.binom.ppf(0.025, 400, [0.2, 0.9]))

    def test_faults(self):
        low, high = ReliabilityDisplay.from_estimator(*fitted(sd=3.0)).observed[[1, -2]]
        assert low < 0.1 < 0.9 < high
        low, high = ReliabilityDisplay.from_estimator(*fitted(sd=0.3)).observed[[1, -2]]
        assert 0.1 < low < high < 0.9
        shifted = ReliabilityDisplay.from_estimator(*fitted(shift=-1.0))
        assert (shifted.observed < shifted.band[0]).all()

    def test_two_in_one_axes(self):
        display = ReliabilityDisplay.from_estimator(*fitted(), name="one")
        ReliabilityDisplay.from_estimator(*fitted(sd=2), name="two", ax=display.ax_, color="black")
        labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert labels == ["95% band", "as claimed", "one", "two"]


@pytest.mark.parametrize("cls", BOTH)
class TestBoth:
    def numbers(self, display):
        return display.pits if isinstance(display, PITDisplay) else display.observed

    def test_target(self, cls):
        model, X, y = fitted(n_targets=2)
        y[:, 1] += 1
        for target in (0, 1):
            found = cls.from_estimator(model, X, y, target=target)
            expected = cls.from_predictions(model.cdf(X, y)[:, target])
            np.testing.assert_array_equal(self.numbers(found), self.numbers(expected))
        for target in (2, -1, "a"):
            with pytest.raises(ValueError, match="target must be the number .* from 0 to 1, got"):
                cls.from_estimator(model, X, y, target=target)

    def test_through_wrappers(self, cls):
        X, y = rows()
        inner = make_pipeline(StandardScaler(), Normal())
        model = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
        model.fit(X, np.exp(y))
        expected = cls.from_estimator(inner.fit(X, y), X, y)
        found = cls.from_estimator(model, X, np.exp(y)[:, None])
        np.testing.assert_allclose(self.numbers(found), self.numbers(expected), rtol=1e-12)

    @pytest.mark.parametrize("pits", [[0.5] * 7, [[0.5] * 9], [1.2] * 9, [np.nan] * 9])
    def test_bad_predictions(self, cls, pits):
        with pytest.raises(ValueError, match="pits must be at least 8 probabilities"):
            cls.from_predictions(pits)

    @pytest.mark.parametrize("resolution", [0, -1, "auto"])
    def test_bad_resolution(self, cls, resolution):
        with pytest.raises(ValueError, match="resolution must be None or a number above 0"):
            cls.from_estimator(*fitted(), resolution=resolution)

    def test_no_distribution(self, cls):
        X, y = rows()
        with pytest.raises(TypeError, match="a regressor with `cdf` is needed"):
            cls.from_estimator(LinearRegression().fit(X, y), X, y)


def test_bad_levels():
    with pytest.raises(ValueError, match="levels must lie strictly between 0 and 1, got 5"):
        ReliabilityDisplay.from_predictions(np.full(9, 0.5), levels=[5])
