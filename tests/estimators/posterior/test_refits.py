"""A fit that fails, is refused or is interrupted leaves the fit before it whole."""

import warnings

import numpy as np
import pytest

from skflow.exceptions import ConvergenceWarning
from tests.estimators.posterior.small import quiet, small
from tests.variational.densities import gaussian, two_modes


def standard(z):
    return -0.5 * z.square().sum(1)


def joint(z, x):
    return -0.5 * (z - x[:, :2]).square().sum(1)


def heavy(z):
    return -(1 + z.square()).log().sum(1)


def interrupting(function, *calls):
    """A density that presses Ctrl-C in the calls with the given numbers."""
    seen = []

    def impatient(*rows):
        seen.append(len(rows[0]))
        if len(seen) in calls:
            raise KeyboardInterrupt
        return function(*rows)

    impatient.seen = seen
    return impatient


@pytest.fixture(name="model")
def fitted_model():
    return quiet(small(2, flow="gaussian", max_epochs=1), two_modes)


@pytest.fixture(name="untouched")
def check_that_nothing_changes(model):
    before = dict(vars(model))
    yield
    assert vars(model) == before
    assert model.sample(3).shape == (3, 2)


CONTEXT = np.random.default_rng(0).normal(size=(200, 3))


@pytest.mark.usefixtures("untouched")
class TestLeavesTheOldFit:
    def test_a_refusal(self, model):
        with pytest.raises(ValueError, match="is constant"):
            model.fit(lambda z: 0 * z.sum(1))
        with pytest.raises(ValueError, match="flow must be one of"):
            model.fit(joint, context=CONTEXT)
        with pytest.raises(TypeError, match="must be a function"):
            model.fit(3)

    def test_an_interrupt_of_the_search(self, model):
        with pytest.raises(KeyboardInterrupt):
            model.fit(interrupting(two_modes, 15))

    def test_a_warning_that_is_an_error(self, model):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(ConvergenceWarning, match="k-hat"):
                model.fit(heavy)


@pytest.mark.parametrize("context", [None, CONTEXT], ids=["alone", "context"])
def test_an_error_in_the_midst_leaves_the_old_fit(context):
    model = quiet(small(2), two_modes)
    before = dict(vars(model))
    calls = []

    def broken(*rows):
        calls.append(len(rows[0]))
        if len(calls) == 8:
            raise ZeroDivisionError("tau")
        return standard(rows[0])

    with pytest.raises(ZeroDivisionError):
        model.fit(broken, context=context)
    assert vars(model) == before


class TestSecondInterrupt:
    """The first keeps the best so far, the second always gets through."""

    def test_while_the_verdict_is_found(self):
        counting = interrupting(gaussian)
        quiet(small(max_epochs=1), counting)
        last = len(counting.seen)  # the verdict's, whose 10,000 draws come in blocks of 2,000
        first = last - 20
        model = small(max_epochs=1)
        quiet(model, interrupting(gaussian, first))
        assert model.stopped_by_ == "interrupt"
        before = dict(vars(model))
        with pytest.raises(KeyboardInterrupt):
            quiet(model, interrupting(gaussian, first, first + 3))
        assert vars(model) == before

    def test_with_a_context(self):
        model = small(2, max_epochs=50)
        with pytest.warns(ConvergenceWarning, match="interrupted"):
            model.fit(interrupting(joint, 30), context=CONTEXT)
        assert model.stopped_by_ == "interrupt"
        before = dict(vars(model))
        with pytest.raises(KeyboardInterrupt):
            quiet(model, interrupting(joint, 30, 31), context=CONTEXT)
        assert vars(model) == before


def test_no_attribute_appears_before_the_end():
    model = small(2)
    seen = []

    def watching(z):
        seen.append([name for name in vars(model) if name.endswith("_")])
        return two_modes(z)

    quiet(model, watching)
    assert not any(seen)


def test_what_was_set_beside_the_fit_stays():
    model = small(2, flow="gaussian", max_epochs=1).set_output(transform="pandas")
    frame = quiet(model, two_modes).transform(np.zeros((2, 2)))
    assert list(frame.columns) == [f"flowvariationalapproximator{i}" for i in range(2)]


@pytest.mark.parametrize(
    ("density", "settings"), [(heavy, {"flow": "gaussian"}), (standard, {"flow": "maf"})]
)
def test_warnings_point_at_the_call(density, settings):
    with pytest.warns((ConvergenceWarning, UserWarning)) as caught:
        small(2, max_epochs=1, **settings).fit(density)
    assert {record.filename for record in caught} == {__file__}
