"""Displays of the checks of posteriors show what these found."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from skflow import check_posterior
from skflow.diagnostics import posterior_predictive
from skflow.plots import (
    ExpectedCoverageDisplay,
    LocalTwoSampleDisplay,
    PosteriorPredictiveDisplay,
    RankDisplay,
)
from tests.diagnostics.posteriors import Normal, Posterior

DISPLAYS = {
    "calibration": RankDisplay,
    "coverage": ExpectedCoverageDisplay,
    "two samples": LocalTwoSampleDisplay,
    "two samples at x_o": LocalTwoSampleDisplay,
    "predictive": PosteriorPredictiveDisplay,
}


@pytest.fixture(scope="module")
def check():
    """Everything found about a posterior of three parameters that is too narrow."""
    problem, rng = Normal(3), np.random.default_rng(0)
    theta, x = problem.simulate(200, rng)
    options = {"x_o": x[0], "simulator": lambda theta: problem.simulator(theta, rng)}
    posterior = Posterior(problem, "narrow")
    return check_posterior(posterior, theta, x, **options, n_draws=39, verbose=False)


@pytest.mark.parametrize("name", DISPLAYS)
def test_from_the_findings_of_a_check(name, check):
    display = DISPLAYS[name].from_finding(check.findings[name])
    display.figure_.canvas.draw()
    plt.close(display.figure_)


@pytest.mark.parametrize("cls", dict.fromkeys(DISPLAYS.values()))
def test_another_finding(cls):
    with pytest.raises(TypeError, match=r"expected what skflow.diagnostics.\w+ returns, got str"):
        cls.from_finding("finding")


class TestRanks:
    def test_curves_and_bands(self, check):
        found = check.findings["calibration"]
        display = RankDisplay.from_finding(found, color="black")
        assert display.axes_.shape == (2, 3)
        panel = display.axes_[0, 0]
        (curve,) = (line for line in panel.lines if line.get_label() == "parameters")
        even, height = curve.get_data()
        share = [(found.ranks[:, 0] <= k).mean() for k in range(40)]
        np.testing.assert_allclose(height, np.array(share) - even)
        assert curve.get_color() == "black"
        assert panel.get_title().startswith("theta 0\np = ")

    def test_histograms(self, check):
        display = RankDisplay.from_finding(check.findings["calibration"], kind="histogram")
        (bars,) = (p for p in display.axes_[0, 0].patches if hasattr(p, "get_data"))
        heights, edges, _ = bars.get_data()
        assert len(heights) == 20
        np.testing.assert_allclose(heights @ np.diff(edges), 1)

    def test_bad_kind(self, check):
        with pytest.raises(ValueError, match="kind must be one of 'difference', 'histogram'"):
            RankDisplay.from_finding(check.findings["calibration"], kind="bars")


def test_coverage_of_two_posteriors_in_one_axes(check):
    found = check.findings["coverage"]
    display = ExpectedCoverageDisplay.from_finding(found, name="one")
    again = ExpectedCoverageDisplay.from_finding(found, name="two", ax=display.ax_, alpha=0.5)
    labels = [text.get_text() for text in again.ax_.get_legend().get_texts()]
    assert labels[:2] == ["95% band", "as claimed"]
    assert labels[2:4] == ["one, around references", "one, of highest density"]
    (curve,) = (line for line in again.ax_.lines if line.get_label() == labels[2])
    np.testing.assert_allclose(curve.get_ydata()[1:], found.observed[0])


class TestLocal:
    def test_columns(self, check):
        found = check.findings["two samples at x_o"]
        display = LocalTwoSampleDisplay.from_finding(found, columns=["theta 2", 0])
        panel = display.axes_[0, 1]
        assert (panel.get_xlabel(), panel.get_ylabel()) == ("theta 2", "theta 0")
        np.testing.assert_allclose(panel.collections[0].get_offsets(), found.draws[:, [2, 0]])
        np.testing.assert_allclose(panel.collections[0].get_array(), found.log_odds)
        curve = LocalTwoSampleDisplay.from_finding(found, columns=["theta 1"])
        assert curve.axes_[0, 1].get_xlabel() == "theta 1"
        with pytest.raises(ValueError, match="must name one or two parameters"):
            LocalTwoSampleDisplay.from_finding(found, columns=[0, 1, 2])

    def test_statistic(self, check):
        found = check.findings["two samples"]
        display = LocalTwoSampleDisplay.from_finding(found)
        assert display.axes_.shape == (1, 1)
        assert display.ax_.lines[0].get_xdata()[0] == found.statistic


def test_many_statistics_show_the_most_extreme(check):
    replicates = np.random.default_rng(0).normal(size=(100, 12))
    x_o = np.zeros(12)
    x_o[10] = 5.0
    display = PosteriorPredictiveDisplay.from_finding(posterior_predictive(x_o, replicates))
    titles = [panel.get_title() for panel in display.axes_.flat]
    assert len(titles) == 8
    assert any(title.startswith("column 10\n") for title in titles)
    assert titles[-1].startswith("distance\n")
