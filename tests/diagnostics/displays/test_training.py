"""Curves of training show the records of the fit."""

import numpy as np
import pytest

from skflow import KernelFlowDensity, NSFDensity, StackedDensity
from skflow.plots import TrainingCurveDisplay
from tests.instances import quick


def records(losses, **others):
    return [
        {"epoch": k, "train_loss": loss - 1, "validation_loss": loss, **others}
        for k, loss in enumerate(losses, 1)
    ]


@pytest.fixture(scope="module")
def display(ensemble):
    return TrainingCurveDisplay.from_estimator(ensemble)


class TestEnsemble:
    def test_means_are_those_of_the_members(self, display):
        assert display.member_training.shape == display.member_validation.shape == (4, 3)
        np.testing.assert_allclose(display.member_training.mean(axis=1), display.training)
        np.testing.assert_allclose(display.member_validation.mean(axis=1), display.validation)

    def test_best_epoch(self, display):
        assert display.validation[display.best_epoch - 1] == display.validation.min()
        star = display.ax_.lines[-1]
        assert star.get_xdata() == display.best_epoch
        assert star.get_ydata() == display.validation.min()

    def test_lines(self, display):
        lines = [line for line in display.ax_.lines if len(line.get_xdata()) == 4]
        assert len(lines) == 2 * (3 + 1)
        strong = [line for line in lines if line.get_alpha() is None]
        assert [line.get_label() for line in strong] == ["training", "validation"]
        assert [line.get_linestyle() for line in strong] == ["--", "-"]
        without = display.plot(show_members=False)
        assert len(without.ax_.lines) == 3

    def test_the_record_is_not_touched(self, ensemble):
        before = [dict(record) for record in ensemble.history_]
        TrainingCurveDisplay.from_estimator(ensemble)
        assert ensemble.history_ == before


def test_one_member_has_no_faint_line(flow):
    display = TrainingCurveDisplay.from_estimator(flow)
    assert display.member_validation.shape == (3, 1)
    assert len(display.ax_.lines) == 3


def test_nothing_held_out(plane):
    settings = {"n_members": 1, "n_layers": 1, "max_epochs": 3, "validation_fraction": 0}
    display = TrainingCurveDisplay.from_estimator(NSFDensity(**settings).fit(plane))
    assert np.isnan(display.validation).all()
    assert display.member_validation is None
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["training", f"best epoch, {display.best_epoch}"]


def test_records_without_members():
    display = TrainingCurveDisplay.from_history(records([3.0, 2.0, 2.5]))
    assert display.best_epoch == 2
    assert display.member_training is None


def test_losses_that_are_no_numbers():
    display = TrainingCurveDisplay.from_history(records([np.nan, np.nan]))
    assert display.best_epoch == 1


def test_the_last_stage():
    history = records([9.0, 8.0], stage="start") + records([3.0, 2.0, 2.5], stage="flow")
    display = TrainingCurveDisplay.from_history(history)
    np.testing.assert_array_equal(display.validation, [3.0, 2.0, 2.5])


def test_estimators_that_are_not_trained(plane):
    kernel = quick(KernelFlowDensity).fit(plane)
    stack = StackedDensity([("kernel", quick(KernelFlowDensity))], cv=2).fit(plane)
    for model in (kernel, stack):
        with pytest.raises(TypeError, match=f"{type(model).__name__} has none in `history_`"):
            TrainingCurveDisplay.from_estimator(model)
