"""Files of skops: the same scores, and nothing to trust but estimators of the package."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skflow
from skflow import ModelFileError
from tests.instances import quick


def rows():
    return np.random.default_rng(0).normal(size=(30, 3))


def frame():
    return pd.DataFrame(rows(), columns=["a", "b", "c"])


def table():
    small = {"hidden_features": (8,), "n_members": 1, "n_orders": 2, "max_steps": 9}
    return skflow.TableDensity(**small, random_state=0).fit(frame())


def classifier():
    mixture = quick(skflow.MixtureFlowDensity)
    model = skflow.FlowClassifier(density=mixture, cv=2, random_state=0)
    return model.fit(rows(), np.arange(30) % 2)


FLOWS = (
    *(skflow.KernelFlowDensity, skflow.MixtureFlowDensity, skflow.NSFDensity),
    *(skflow.ResidualFlowDensity, skflow.StackedDensity),
)
MODELS = {
    **{cls.__name__: lambda cls=cls: quick(cls).fit(rows()) for cls in FLOWS},
    "TableDensity": table,
    "FlowClassifier": classifier,
    "FlowOutlierDetector": lambda: skflow.FlowOutlierDetector(
        quick(skflow.MixtureFlowDensity), random_state=0
    ).fit(rows()),
    "a pipeline": lambda: make_pipeline(StandardScaler(), quick(skflow.MAFDensity)).fit(rows()),
}


@pytest.mark.parametrize("name", MODELS)
def test_it_comes_back_with_a_trust_list_of_our_types_only(name):
    model = MODELS[name]()
    data = skops.io.dumps(model)
    untrusted = skops.io.get_untrusted_types(data=data)
    assert untrusted
    assert all(each.startswith("skflow.") for each in untrusted)
    again = skops.io.loads(data, trusted=untrusted)
    X = frame() if name == "TableDensity" else rows()
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


def test_without_trust_it_does_not():
    data = skops.io.dumps(quick(skflow.MAFDensity))
    with pytest.raises(skops.io.exceptions.UntrustedTypesFoundException, match="MAFDensity"):
        skops.io.loads(data)


def test_what_save_refuses_is_refused():
    member = make_pipeline(quick(skflow.MixtureFlowDensity))
    stack = skflow.StackedDensity([("mine", member)])
    with pytest.raises(TypeError, match=r"estimators.0.1, a sklearn.pipeline.Pipeline, cannot"):
        skops.io.dumps(stack)


class Forgetful(skflow.MAFDensity):
    """Leaves a part of itself out of pickles, as subclasses of estimators may."""

    def __getstate__(self):
        state = super().__getstate__().copy()
        state.pop("history_", None)
        return state


class TestPickleAndCopy:
    """They go on to take the attributes as they are."""

    def test_no_bytes_of_files_are_in_a_pickle(self):
        data = pickle.dumps(quick(skflow.MAFDensity).fit(rows()))
        assert b"skflow file" not in data

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_it_holds_what_files_do_not(self, protocol):
        model = quick(skflow.MAFDensity, base=np.array(["normal", None, 3], dtype=object))
        again = pickle.loads(pickle.dumps(model, protocol))
        assert again.base.tolist() == model.base.tolist()

    def test_a_copy_shares_its_parts(self):
        model = quick(skflow.MAFDensity).fit(rows())
        assert copy.copy(model).flow_ is model.flow_
        assert copy.deepcopy(model).flow_ is not model.flow_
        assert clone(model).get_params() == model.get_params()

    def test_a_subclass_has_its_own_say(self):
        model = Forgetful(**quick(skflow.MAFDensity).get_params()).fit(rows())
        again = pickle.loads(pickle.dumps(model))
        assert hasattr(model, "history_")
        assert not hasattr(again, "history_")
        np.testing.assert_array_equal(again.score_samples(rows()), model.score_samples(rows()))


class TestStates:
    def test_of_another_class(self):
        state = quick(skflow.MAFDensity).__getstate__()
        with pytest.raises(ModelFileError, match="holds a MAFDensity, not a NSFDensity"):
            skflow.NSFDensity().__setstate__(state)

    def test_that_is_damaged(self):
        (data,) = quick(skflow.MAFDensity).__getstate__().values()
        with pytest.raises(ModelFileError, match="the state is cut short"):
            skflow.MAFDensity().__setstate__({"skflow file": data[:-9]})

    def test_attributes_are_a_state_as_well(self):
        state = BaseEstimator.__getstate__(quick(skflow.MAFDensity))
        again = skflow.MAFDensity(n_layers=7)
        again.__setstate__(state)
        assert again.n_layers == 1
