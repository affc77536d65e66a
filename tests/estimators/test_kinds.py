"""Arrays of torch and array-api-strict under scikit-learn's dispatch: answered in kind."""

import importlib.util
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
import sklearn
import torch
from sklearn.datasets import make_classification
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks as checks

import skflow
from skflow.estimators.stack._mixing import DensityMixture
from skflow.fitting import _blocks
from tests.estimators.posterior.small import quiet, small
from tests.instances import DENSITIES, FLOWS, quick

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)) @ RNG.normal(size=(3, 3)) + 3
NEW = X[:7] + 0.1
every_density = pytest.mark.parametrize("cls", DENSITIES, ids=lambda cls: cls.__name__)


def strict(device="CPU_DEVICE"):
    xp = pytest.importorskip("array_api_strict")
    return lambda values: xp.asarray(values, device=xp.Device(device))


MAKERS = {
    "torch": lambda: torch.from_numpy,
    "torch, with gradients": lambda: lambda values: torch.tensor(values, requires_grad=True),
    "strict": strict,
    "strict, another device": lambda: strict("device1"),
}
every_library = pytest.mark.parametrize("library", MAKERS)


@pytest.fixture(autouse=True)
def _dispatch(monkeypatch):
    if importlib.util.find_spec("sklearn.externals.array_api_compat") is None:
        pytest.importorskip("array_api_compat")  # which scikit-learn 1.6 has not within
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    with sklearn.config_context(array_api_dispatch=True):
        yield


def same(found, array, expected, **tolerance):
    """Require an answer in the kind of an array, with the values of another answer."""
    assert type(found) is type(array)
    assert found.device == array.device
    values = skflow._containers.on_host(found)
    assert values.dtype == expected.dtype
    np.testing.assert_allclose(values, expected, **{"rtol": 1e-5, "atol": 1e-5} | tolerance)


@pytest.mark.skipif(
    not hasattr(checks, "check_array_api_mixed_inputs"), reason="checks of scikit-learn 1.9"
)
class TestScikitLearnsChecks:
    @every_density
    def test_of_methods(self, cls):
        """Over all namespaces, devices and dtypes there are; the fit itself is in numpy."""
        combinations = sklearn.utils._array_api.yield_namespace_device_dtype_combinations
        rows = make_classification(n_samples=30, n_features=10, random_state=42)[0]
        model, ran = FrozenEstimator(quick(cls).fit(rows)), set()
        for namespace, device, dtype in combinations():
            try:
                checks.check_array_api_input_and_values(
                    cls.__name__, model, namespace, device, dtype_name=dtype
                )
                ran.add(namespace)
            except SkipTest:
                continue
        assert {"numpy", "torch"} <= ran

    @pytest.mark.parametrize("cls", [skflow.LinearFlowDensity, skflow.StackedDensity])
    def test_of_all_estimators(self, cls):
        """Of those that do not have the tag: with arrays of numpy, dispatch changes nothing."""
        assert not quick(cls).__sklearn_tags__().array_api_support
        options = {"array_namespace": "numpy", "check_values": True}
        checks.check_array_api_input(cls.__name__, quick(cls), **options)

    def test_of_fits(self):
        """Of estimators that show no arrays, whose libraries it compares."""
        pytest.importorskip("array_api_strict")
        model = skflow.LinearFlowDensity()
        checks.check_array_api_input_and_values("", model, "array_api_strict", "device1")
        checks.check_array_api_input_and_values("", model, "torch", "cpu")


@every_library
class TestAnswers:
    @pytest.mark.parametrize(
        "cls",
        [skflow.LinearFlowDensity, skflow.MAFDensity],
        ids=lambda cls: cls.__name__,
    )
    def test_of_a_fit_to_them(self, cls, library):
        make = MAKERS[library]()
        plain = quick(cls).fit(X)
        weight = make(np.ones(60))
        model = quick(cls).fit(make(X), sample_weight=weight)
        same(model.score_samples(make(NEW)), make(NEW), plain.score_samples(NEW))
        assert model.score(make(NEW)) == pytest.approx(plain.score(NEW))
        assert type(model.score_samples(NEW)) is np.ndarray
        assert type(model.sample(3)) is np.ndarray  # no array was asked with
        same(model.transform(make(NEW)), make(NEW), plain.transform(NEW))
        same(model.inverse_transform(make(NEW)), make(NEW), plain.inverse_transform(NEW))

    def test_of_bounds_and_circles(self, library):
        make = MAKERS[library]()
        rows = np.column_stack([np.exp(X[:, 0]), RNG.uniform(0, 24, 60)])
        model = skflow.MixtureFlowDensity(support={0: (0, None)}, periodic={1: 24})
        model.set_params(random_state=0).fit(rows)
        asked = np.array([[0.0, 3.0], [-1.0, 3.0], [2.0, 51.0], [2.0, 3.0]])
        scores = model.score_samples(asked)
        same(model.score_samples(make(asked)), make(asked), scores)
        assert scores[1] == -np.inf
        assert scores[2] == pytest.approx(scores[3])
        with pytest.raises(ValueError, match="1 rows lie outside.* the first is row 1"):
            model.transform(make(asked))
        latents = model.transform(asked[2:])
        same(model.transform(make(asked[2:])), make(asked), latents)
        same(model.inverse_transform(make(latents)), make(asked), asked[[3, 3]])

    def test_of_images_of_integers(self, library):
        make = MAKERS[library]()
        pixels = RNG.integers(0, 4, size=(40, 4)).astype(float)
        model = skflow.GlowDensity(
            image_shape=(1, 2, 2), levels=4, n_layers=1, hidden_features=(4, 4), max_epochs=1
        )
        model.set_params(random_state=0).fit(make(pixels))
        same(model.score_samples(make(pixels)), make(pixels), model.score_samples(pixels))
        with pytest.raises(ValueError, match=r"column 0 holds \d.5 in row 0"):
            model.score_samples(make(pixels + 0.5))

    def test_of_a_context(self, library):
        make = MAKERS[library]()
        model = quick(skflow.MAFDensity).fit(X[:, 1:], context=X[:, :1])
        rows, given = NEW[:, 1:], NEW[:, :1]
        for method in (model.score_samples, model.transform, model.inverse_transform):
            found = method(make(rows), context=make(given))
            same(found, make(rows), method(rows, context=given))
        draws = model.sample(4, random_state=0, context=given)
        same(model.sample(4, random_state=0, context=make(given)), make(given), draws)
        columns = quick(skflow.MAFDensity, context_columns=[0]).fit(make(X))
        same(columns.score_samples(make(NEW)), make(NEW), model.score_samples(rows, given))

    def test_of_other_estimators(self, library):
        make = MAKERS[library]()
        detector = skflow.FlowOutlierDetector(skflow.LinearFlowDensity(), random_state=0)
        detector.fit(make(X))
        for name in ("score_samples", "decision_function", "predict", "p_values"):
            method = getattr(detector, name)
            same(method(make(NEW)), make(NEW), method(NEW))

    @pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # of StandardScaler
    def test_of_a_pipeline(self, library):
        if not StandardScaler().__sklearn_tags__().array_api_support:
            pytest.skip("the scaler of this scikit-learn takes no such arrays")
        rows = MAKERS[library]()(X)
        if library.endswith("gradients"):
            rows = rows.detach()  # scikit-learn takes none
        plain = make_pipeline(StandardScaler(), skflow.LinearFlowDensity()).fit(X)
        model = make_pipeline(StandardScaler(), skflow.LinearFlowDensity()).fit(rows)
        same(model.score_samples(rows), rows, plain.score_samples(X))

    def test_frames_where_they_are_asked_for(self, library):
        make = MAKERS[library]()
        model = skflow.LinearFlowDensity().fit(X).set_output(transform="pandas")
        frame = model.transform(make(NEW))
        assert type(frame) is type(model.inverse_transform(make(NEW))) is pd.DataFrame
        assert type(model.score_samples(make(NEW))) is type(make(NEW))

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda values: values[:, :2], "X has 2 features, but LinearFlowDensity is expecting"),
            (lambda values: values[:, 0], "Expected 2D array, got 1D array"),
            (lambda values: values[:0], "0 sample"),
            (lambda values: np.where(values == values[2, 1], np.nan, values), r"column 1.*row 2"),
            (lambda values: np.where(values == values[2, 1], np.inf, values), r"column 1.*row 2"),
            (lambda values: values + 1j, "Complex data not supported"),
        ],
    )
    def test_bad_input(self, library, spoil, message):
        bad, model = spoil(NEW), skflow.LinearFlowDensity().fit(X)
        for call in (model.fit, model.score_samples, model.transform):
            if call == model.fit and "2 features" in message:
                continue
            with pytest.raises(ValueError, match=message) as plain:
                call(bad)
            with pytest.raises(ValueError, match=message) as found:
                call(MAKERS[library]()(bad))
            assert str(found.value) == str(plain.value)


class TestTensors:
    def test_stay_where_they_are(self, monkeypatch):
        """Of a table no more than a row leaves its device, and no answer comes from the host."""
        models = [quick(skflow.NSFDensity, base="mixture"), skflow.KernelFlowDensity()]
        models.append(quick(skflow.StackedDensity))
        fits = [model.fit(X) for model in models]
        copied = []
        monkeypatch.setattr(
            torch.Tensor, "cpu", lambda self: copied.append(self.shape) or self.clone()
        )

        def refused(*_):
            raise AssertionError("made of an array of numpy")

        monkeypatch.setattr(_blocks.torch, "from_numpy", refused)
        for model in fits:
            tensor = torch.tensor(NEW)
            scores = model.score_samples(tensor)
            assert isinstance(scores, torch.Tensor)
            if hasattr(model, "transform"):
                assert isinstance(model.inverse_transform(model.transform(tensor)), torch.Tensor)
        assert {shape[0] for shape in copied} == {1}

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64])
    def test_of_any_dtype_are_answered_in_float64(self, dtype):
        model = skflow.LinearFlowDensity().fit(X)
        tensor = torch.tensor(NEW).to(dtype)
        same(model.score_samples(tensor), tensor, model.score_samples(tensor.double().numpy()))

    def test_names_are_missed_as_those_of_arrays_are(self):
        model = skflow.LinearFlowDensity().fit(pd.DataFrame(X, columns=list("abc")))
        for rows in (NEW, torch.tensor(NEW)):
            with pytest.warns(UserWarning, match="X does not have valid feature names"):
                model.score_samples(rows)

    def test_in_a_stack_with_estimators_of_others(self):
        pairs = [("own", skflow.LinearFlowDensity()), ("other", GaussianMixture())]
        model = skflow.StackedDensity(pairs, cv=2, random_state=0).fit(torch.tensor(X))
        same(model.score_samples(torch.tensor(NEW)), torch.tensor(NEW), model.score_samples(NEW))
        parts = [skflow.LinearFlowDensity().fit(X), KernelDensity().fit(X)]
        model.mixture_ = DensityMixture(parts, np.array([0.25, 0.75]))
        same(model.score_samples(torch.tensor(NEW)), torch.tensor(NEW), model.score_samples(NEW))

    def test_many_rows(self):
        model, rows = quick(skflow.NSFDensity, n_members=2).fit(X), np.repeat(X, 100, axis=0)
        tensor = torch.from_numpy(rows)
        same(model.score_samples(tensor), tensor, model.score_samples(rows))

    def test_of_a_posterior(self):
        model = quiet(small(2), lambda z: -0.5 * (z**2).sum(dim=-1))
        rows = NEW[:, :2]
        for method in (model.score_samples, model.transform, model.inverse_transform):
            same(method(torch.tensor(rows)), torch.tensor(rows), method(rows))


def test_devices_without_float64():
    array = strict("no_float64")(NEW.astype(np.float32))
    model = skflow.LinearFlowDensity().fit(array)
    scores = model.score_samples(array)
    assert "float32" in str(scores.dtype)
    same(scores, array, model.score_samples(NEW).astype(np.float32), rtol=1e-3)


@pytest.mark.gpu
@every_density
def test_tensors_on_a_gpu(cls):
    model, tensor = quick(cls).fit(X), torch.tensor(NEW, device="cuda")
    tolerance = {"rtol": 1e-3, "atol": 1e-3}
    same(model.score_samples(tensor), tensor, model.score_samples(NEW), **tolerance)
    if cls in FLOWS:
        latents = model.transform(tensor)
        same(latents, tensor, model.transform(NEW), **tolerance)
        same(model.inverse_transform(latents), tensor, NEW, **tolerance)
    refitted = quick(cls).fit(tensor.double())
    assert np.isfinite(refitted.score_samples(NEW)).all()
