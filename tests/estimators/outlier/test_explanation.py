"""Which columns make a row strange."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.datasets import load_wine

from skflow import FlowOutlierDetector, MAFDensity
from skflow.estimators.outlier._explanation import column_surprise, usual_values
from tests.estimators.outlier.detectors import KERNEL, SMALL, quick, rows


class TestExplain:
    def test_a_wine_of_25_percent_alcohol(self):
        wine = load_wine(as_frame=True).data
        detector = FlowOutlierDetector(random_state=0).fit(wine)
        odd = wine[:3].assign(alcohol=25.0)
        surprise = detector.explain(odd)
        assert surprise.shape == odd.shape
        others = np.delete(surprise, wine.columns.get_loc("alcohol"), axis=1)
        assert (surprise[:, 0] > 10 * np.abs(others).max(axis=1)).all()

    def test_a_value_that_is_odd_only_beside_the_others(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=400)
        X = np.column_stack([x, x + 0.1 * rng.normal(size=400), rng.normal(size=400)])
        detector = FlowOutlierDetector(KERNEL, random_state=0).fit(X)
        usual, odd = detector.explain([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
        assert np.abs(usual).max() < 2
        assert odd[:2].min() > 5
        assert abs(odd[2]) < 1

    def test_of_a_normal_it_is_the_squared_residual(self):
        rng = np.random.default_rng(0)
        X = rng.multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]], 20_000)
        values = usual_values(X)
        normal = multivariate_normal([0, 0], [[1, 0.8], [0.8, 1]])
        found = column_surprise(normal.logpdf, np.array([[1.0, 0.5], [0.2, -0.4]]), values)
        z2 = np.array([[0.6, -0.3], [0.52, -0.56]]) ** 2 / 0.36
        np.testing.assert_allclose(found, z2 / 2 - 0.5, atol=0.03)

    def test_outside_a_declared_support(self):
        X = np.exp(rows(80))
        flow = MAFDensity(**SMALL, max_epochs=2, support={0: (0, None)})
        detector = FlowOutlierDetector(flow, random_state=0).fit(X)
        surprise = detector.explain(X[:2] * [[-1, 1, 1], [1, 1, 1]])
        assert surprise[0].tolist() == [np.inf, 0.0, 0.0]
        assert np.isfinite(surprise[1]).all()

    def test_no_rows_are_refused_and_bad_ones_named(self):
        detector = quick().fit(rows(60))
        with pytest.raises(ValueError, match="column 1 has 1 NaN value in row 0"):
            detector.explain([[0.0, np.nan, 0.0]])
