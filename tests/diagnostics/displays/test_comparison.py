"""The picture of a comparison says what its table says."""

import numpy as np
import pytest

from skflow import KernelFlowDensity, MixtureFlowDensity, compare_densities
from skflow.estimators._score_table import ScoreTable
from skflow.plots import DensityComparisonDisplay
from tests.instances import quick


def table(*gains):
    """Rows for two flows, then the best classical one, another one and a failure."""
    names = ["flow", "other", "gmm", "gaussian"]
    gains = [*gains[:2], np.nan, gains[2]]
    errors = [0.05, 0.1, np.nan, 0.2]
    return ScoreTable(
        [
            {"name": name, "score": 0.0, "gain": gain, "gain_error": error}
            for name, gain, error in zip(names, gains, errors, strict=True)
        ]
    )


class TestDisplay:
    def test_points_bars_and_names(self):
        display = DensityComparisonDisplay.from_scores(table(0.5, -0.2, -0.7)).plot()
        assert display.reference == "gmm"
        labels = [tick.get_text() for tick in display.ax_.get_yticklabels()]
        assert labels == ["flow", "other", "gmm", "gaussian"]
        points = [c.lines[0].get_xdata()[0] for c in display.ax_.containers]
        assert points == [0.5, -0.2, 0.0, -0.7]
        (bar,) = display.ax_.containers[0].lines[2]
        np.testing.assert_allclose(bar.get_segments()[0][:, 0], [0.4, 0.6])
        assert "gain over gmm" in display.ax_.get_xlabel()
        assert display.figure_ is display.ax_.figure

    def test_kinds_differ_in_shape(self):
        display = DensityComparisonDisplay.from_scores(table(0.5, -0.2, -0.7)).plot()
        markers = [c.lines[0].get_marker() for c in display.ax_.containers]
        assert markers == ["o", "o", "s", "s"]
        assert len(display.ax_.get_legend().get_texts()) == 2

    def test_best_is_on_top(self):
        display = DensityComparisonDisplay.from_scores(table(0.5, -0.2, -0.7)).plot()
        low, high = display.ax_.get_ylim()
        assert low > high

    def test_a_far_loser_does_not_squeeze_the_others(self):
        display = DensityComparisonDisplay.from_scores(table(0.5, -0.2, -900.0)).plot()
        assert display.ax_.get_xlim()[0] > -5
        assert "-900.0" in [text.get_text().strip() for text in display.ax_.texts]

    @pytest.mark.parametrize("size", [1e-4, 1e-3, 2.6e-3, 1.0, 1e3])
    def test_labels_fit_the_size(self, size):
        gains = table(0.9 * size, -0.3 * size, -40 * size)
        for row in gains:
            row["gain_error"] *= size
        display = DensityComparisonDisplay.from_scores(gains).plot()
        display.figure_.canvas.draw()
        low, high = display.ax_.get_xlim()
        labels = display.ax_.get_xticklabels()
        shown = [t for t in labels if low <= t.get_position()[0] <= high]
        ends = [t.get_window_extent() for t in shown]
        assert len(ends) >= 3
        assert all(a.x1 + 5 < b.x0 for a, b in zip(ends, ends[1:], strict=False))

    def test_digits_of_a_small_loss(self):
        display = DensityComparisonDisplay.from_scores(table(5e-4, -2e-4, -0.02))
        display.errors = display.errors / 1e3
        display.plot()
        assert "-0.020" in [text.get_text().strip() for text in display.ax_.texts]

    def test_failure_is_told(self):
        display = DensityComparisonDisplay.from_scores(table(0.5, np.nan, -0.7)).plot()
        assert "no finite score" in [text.get_text().strip() for text in display.ax_.texts]
        display = DensityComparisonDisplay.from_scores(table(np.nan, -np.inf, -0.7)).plot()
        assert np.isfinite(display.ax_.get_xlim()).all()

    def test_into_given_axes(self):
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1]
        assert DensityComparisonDisplay.from_scores(table(1, 2, 3)).plot(ax=ax).ax_ is ax

    def test_other_tables_are_refused(self):
        with pytest.raises(ValueError, match="expected a table of compare_densities"):
            DensityComparisonDisplay.from_scores(ScoreTable([{"name": "stack", "score": 1.0}]))


class TestFromEstimators:
    def test_gains_are_those_of_the_table(self, plane):
        model = MixtureFlowDensity(n_components=1)
        display = DensityComparisonDisplay.from_estimators([model], plane, cv=2)
        table = compare_densities(plane, model, cv=2)
        assert display.names == [row["name"] for row in table]
        np.testing.assert_array_equal(display.gains, [row["gain"] for row in table])
        assert display.ax_.get_xlabel().startswith("held-out gain")

    def test_names(self, plane):
        one, two = MixtureFlowDensity(n_components=1), MixtureFlowDensity(n_components=2)
        display = DensityComparisonDisplay.from_estimators(
            [one, two, ("kernel", quick(KernelFlowDensity))], plane, cv=2
        )
        ours = {"MixtureFlowDensity 1", "MixtureFlowDensity 2", "kernel"}
        assert set(display.names) - set(display.classical) == ours

    @pytest.mark.parametrize(
        "estimators",
        [
            KernelFlowDensity(),
            [KernelFlowDensity],
            ("kernel", KernelFlowDensity()),
            [(KernelFlowDensity(), "kernel")],
            np.zeros((9, 2)),
            [[0.0, 1.0], [1.0, 2.0]],
            None,
        ],
    )
    def test_what_is_no_list_of_estimators(self, estimators, plane):
        with pytest.raises(TypeError, match="estimators must be a list of estimators or"):
            DensityComparisonDisplay.from_estimators(estimators, plane)

    def test_an_empty_list(self, plane):
        with pytest.raises(ValueError, match="estimators is empty"):
            DensityComparisonDisplay.from_estimators([], plane)
