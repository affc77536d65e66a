"""Scores, threshold and p-values are those of the detector."""

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from skflow.plots import OutlierDisplay


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    normal = rng.normal(size=(150, 3)) * [1.0, 2.0, 3.0]
    odd = rng.normal(size=(6, 3)) * 30
    return np.concatenate([normal, odd]), np.repeat([1, -1], [150, 6])


def test_numbers(detector, table):
    X, y = table
    display = OutlierDisplay.from_estimator(detector, X, y, p_values=True)
    np.testing.assert_array_equal(display.scores, detector.score_samples(X))
    np.testing.assert_array_equal(display.p_values, detector.p_values(X))
    assert display.threshold == detector.offset_
    flagged = detector.predict(X) == -1
    assert display.false_alarms == flagged[:150].mean()
    assert display.found == flagged[150:].mean() > 0.5
    np.testing.assert_array_equal(display.outlier, y == -1)


def test_without_labels(detector, table):
    X, _ = table
    display = OutlierDisplay.from_estimator(detector, X)
    assert (display.outlier, display.found, display.p_values) == (None, None, None)
    flagged = detector.predict(X) == -1
    assert display.false_alarms == flagged.mean()
    ticks = next(line for line in display.ax_.lines if line.get_label() == "flagged")
    assert len(ticks.get_xdata()) == flagged.sum()


def test_bars_are_shares_of_their_group(detector, table):
    display = OutlierDisplay.from_estimator(detector, *table, p_values=True)
    for ax in display.axes_.flat:
        assert [patch.get_data()[0].sum() for patch in ax.patches] == pytest.approx([1, 1])
    assert display.ax_.lines[0].get_xdata() == [display.threshold] * 2


def test_far_scores_do_not_squeeze_the_others():
    scores = np.r_[np.linspace(-2, 0, 50), -1e6, -np.inf]
    display = OutlierDisplay(scores=scores, threshold=-1.9).plot()
    assert display.ax_.get_xlim()[0] > -20
    (text,) = (t.get_text() for t in display.ax_.texts)
    assert "2 rows further left" in text
    assert "down to -inf" in text
    display.figure_.canvas.draw()


def test_equal_scores():
    OutlierDisplay(scores=np.zeros(5), threshold=0.0).plot().figure_.canvas.draw()


def test_groups_differ_in_more_than_colour(detector, table):
    normal, odd = OutlierDisplay.from_estimator(detector, *table).ax_.patches
    assert (normal.get_fill(), odd.get_fill()) == (True, False)
    assert odd.get_hatch()


def test_detectors_of_scikit_learn(table):
    X, y = table
    forest = IsolationForest(n_estimators=20, random_state=0).fit(X)
    display = OutlierDisplay.from_estimator(forest, X, y)
    assert display.threshold == forest.offset_
    with pytest.raises(TypeError, match="p_values=True needs .* IsolationForest has none"):
        OutlierDisplay.from_estimator(forest, X, y, p_values=True)


def test_errors(detector, gaussian3, table):
    X, y = table
    with pytest.raises(TypeError, match="`offset_`; MixtureFlowDensity has none"):
        OutlierDisplay.from_estimator(gaussian3, X)
    with pytest.raises(ValueError, match=r"y must hold 1 .* it holds \[0\]"):
        OutlierDisplay.from_estimator(detector, X, np.where(y == 1, 0, 1))
    with pytest.raises(ValueError, match=r"expected shape \(156,\), got \(3,\)"):
        OutlierDisplay.from_estimator(detector, X, [1, 1, -1])


def test_labels_may_all_be_normal(detector, table):
    X, y = table
    display = OutlierDisplay.from_estimator(detector, X[:150], y[:150])
    assert np.isnan(display.found)
