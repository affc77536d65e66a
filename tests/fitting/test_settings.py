"""Parameters: what "auto" comes to, what is refused and how, and what a fit leaves alone."""

import numpy as np
import pytest
import torch
from sklearn.utils._param_validation import InvalidParameterError

import skflow
from skflow.exceptions import TrainingDivergedError
from skflow.fitting._settings import units_hold
from skflow.training import MaximumLikelihood
from tests.instances import TRAINED

SMALL = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 3, "n_members": 1}
SMALL = {**SMALL, "base": "normal", "random_state": 0}
every_trained_flow = pytest.mark.parametrize("cls", TRAINED, ids=lambda cls: cls.__name__)


def rows(n=60, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3


class TestAuto:
    @every_trained_flow
    def test_is_visible_for_every_parameter_that_accepts_it(self, cls):
        model = cls(max_epochs=1, random_state=0).fit(rows())
        accepts = [name for name, value in model.get_params().items() if value == "auto"]
        assert len(accepts) >= 9
        for name in accepts:
            assert getattr(model, f"{name}_") != "auto", name
        assert model.max_epochs_ == 1

    def test_what_was_set_is_what_is_visible(self):
        settings = {
            "n_layers": 2,
            "hidden_features": (8, 8),
            "n_bins": 5,
            "preprocessing": "whiten",
            "base": "student_t",
            "n_members": 2,
            "max_epochs": 2,
            "batch_size": 16,
            "learning_rate": 0.004,
            "dropout": 0.2,
            "input_noise": 0.01,
            "validation_fraction": 0.25,
            "n_iter_no_change": 7,
        }
        model = skflow.NSFDensity(**settings, random_state=0).fit(rows())
        assert {name: getattr(model, f"{name}_") for name in settings} == settings

    @pytest.mark.parametrize("hidden", [[8, 8], np.array([8, 8]), (8, 8)])
    def test_hidden_features_in_any_sequence(self, hidden):
        model = skflow.NSFDensity(**{**SMALL, "hidden_features": hidden}).fit(rows())
        assert model.hidden_features_ == (8, 8)

    def test_batch_size_is_at_most_the_table(self):
        assert skflow.MAFDensity(**SMALL, batch_size=10**6).fit(rows()).batch_size_ <= 60

    def test_auto_of_one_size_and_of_another(self):
        small, large = (skflow.MAFDensity(max_epochs=1).fit(rows(n)) for n in (40, 6000))
        assert small.n_members_ > large.n_members_
        assert small.input_noise_ > large.input_noise_ == 0
        assert small.batch_size_ < large.batch_size_


@pytest.mark.parametrize("mixing", ["plu", "qr", "orthogonal", "permutation", "reverse", "none"])
@pytest.mark.parametrize("cls", [skflow.MAFDensity, skflow.RealNVPDensity])
def test_mixings(cls, mixing):
    model = cls(**{**SMALL, "n_layers": 3, "n_members": 2}, mixing=mixing).fit(rows())
    Z = model.transform(rows())
    np.testing.assert_allclose(model.inverse_transform(Z), rows(), atol=1e-3)


@pytest.mark.parametrize("base", ["normal", "student_t", "uniform", "mixture"])
@pytest.mark.parametrize("preprocessing", ["standardize", "whiten", "gaussianize", "none"])
def test_preprocessing_and_base(preprocessing, base):
    settings = {**SMALL, "base": base, "preprocessing": preprocessing, "n_members": 2}
    model = skflow.MAFDensity(**settings).fit(rows())
    assert model.base_ == base
    assert np.isfinite(model.score_samples(rows())).all()
    assert model.sample(9, random_state=0).shape == (9, 3)


BAD_PARAMETERS = [
    ("n_layers", 0),
    ("n_layers", 2.5),
    ("n_layers", "many"),
    ("hidden_features", 64),
    ("mixing", "lu"),
    ("preprocessing", "robust"),
    ("base", "cauchy"),
    ("order", "sorted"),
    ("n_members", 0),
    ("max_epochs", 0),
    ("batch_size", 0),
    ("learning_rate", 0.0),
    ("learning_rate", -1.0),
    ("weight_decay", -0.1),
    ("dropout", 1.0),
    ("dropout", -0.1),
    ("input_noise", -1),
    ("validation_fraction", 1.0),
    ("n_iter_no_change", 0),
    ("max_seconds", 0),
    ("device", 0),
    ("dtype", "float16"),
    ("random_state", "seed"),
    ("verbose", "yes"),
    ("warm_start", 2.0),
]


@pytest.mark.parametrize(("name", "value"), BAD_PARAMETERS)
def test_bad_parameter_is_named(name, value):
    model = skflow.NSFDensity(**{**SMALL, name: value})
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of NSFDensity must"):
        model.fit(rows())


@pytest.mark.parametrize(("name", "value"), [("structure", "tree"), ("n_bins", 1)])
def test_bad_parameter_of_nsf_is_named(name, value):
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of NSFDensity must"):
        skflow.NSFDensity(**{**SMALL, name: value}).fit(rows())


@pytest.mark.parametrize("hidden", [(), (0,), (-3, 8), (2.5,), ("a",), (8, 0), [[8, 8]]])
def test_bad_hidden_features(hidden):
    with pytest.raises((ValueError, TypeError), match="hidden_features"):
        skflow.MAFDensity(**{**SMALL, "hidden_features": hidden}).fit(rows())


def test_unequal_widths_of_a_residual_net():
    with pytest.raises(ValueError, match=r"equal widths, got \(8, 4\)"):
        skflow.NSFDensity(**{**SMALL, "hidden_features": (8, 4)}).fit(rows())


def test_more_bins_than_the_box_has_room_for():
    with pytest.raises(ValueError, match="n_bins"):
        skflow.NSFDensity(**SMALL, n_bins=1000).fit(rows())


@pytest.mark.parametrize("dropout", [0.9, 0.999])
def test_high_dropout(dropout):
    model = skflow.MAFDensity(**SMALL, dropout=dropout).fit(rows())
    assert np.isfinite(model.score_samples(rows())).all()


class TestDevice:
    def test_no_gpu(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="device='cuda' but no GPU was found by torch"):
            skflow.MAFDensity(**SMALL, device="cuda").fit(rows())

    def test_auto_without_a_gpu_is_the_cpu(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        model = skflow.MAFDensity(**SMALL, device="auto").fit(rows())
        expected = skflow.MAFDensity(**SMALL).fit(rows()).score_samples(rows())
        np.testing.assert_array_equal(model.score_samples(rows()), expected)

    def test_unknown(self):
        with pytest.raises(ValueError, match="device must be"):
            skflow.MAFDensity(**SMALL, device="gpu").fit(rows())


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "3", None])
def test_bad_number_of_draws(n_samples):
    model = skflow.MAFDensity(**SMALL).fit(rows())
    with pytest.raises(ValueError, match=f"at least 1, got {n_samples!r}"):
        model.sample(n_samples)


def test_number_of_draws_may_be_a_numpy_integer():
    model = skflow.MAFDensity(**SMALL).fit(rows())
    assert model.sample(np.int64(5)).shape == (5, 3)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0, np.nan], [2, 3]], "column 1 has 1 NaN value in row 0"),
        ([[1.0, 2], [np.inf, 3]], "column 0 has 1 infinite"),
        ([["a", "b"], ["c", "d"]], "column 0 holds 'a' in row 0"),
        (np.empty((0, 2)), "0 sample"),
        (np.empty((5, 0)), "0 feature"),
        ([[1j, 2], [3, 4]], "Complex data"),
        ([1.0, 2.0, 3.0], "Expected 2D array"),
    ],
)
def test_bad_table(X, message):
    with pytest.raises(ValueError, match=message):
        skflow.MAFDensity(**SMALL).fit(X)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-np.arange(60.0), "sample_weight must be zero or positive: -1.0 in row 1"),
        (np.zeros(60), "sample_weight is zero in every row"),
        (np.ones(59), r"expected shape \(60,\)"),
    ],
)
def test_bad_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        skflow.MAFDensity(**SMALL).fit(rows(), sample_weight=weight)


def test_weight_zero_leaves_a_row_out():
    X = np.vstack([rows(), [[1e6, -1e6, 0]]])
    weight = np.append(np.ones(60), 0)
    model = skflow.MAFDensity(**SMALL).fit(X, sample_weight=weight)
    expected = skflow.MAFDensity(**SMALL).fit(rows())
    np.testing.assert_array_equal(model.score_samples(rows()), expected.score_samples(rows()))


class TestNothingElseChanges:
    @pytest.fixture(autouse=True)
    def _three_threads(self):
        threads = torch.get_num_threads()
        torch.set_num_threads(3)
        yield
        torch.set_num_threads(threads)

    @staticmethod
    def surroundings():
        numpy_state = np.random.get_state()  # noqa: NPY002
        return (
            torch.get_rng_state().tolist(),
            numpy_state[1].tolist(),
            torch.get_num_threads(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
        )

    @pytest.mark.parametrize("random_state", [0, 1])
    def test_after_a_fit(self, random_state):
        X = rows()
        before, kept = self.surroundings(), X.copy()
        settings = {**SMALL, "random_state": random_state, "n_members": 2, "base": "mixture"}
        model = skflow.MAFDensity(**settings).fit(X)
        model.score_samples(X)
        model.transform(X)
        model.sample(5, random_state=0)
        assert self.surroundings() == before
        assert before[2] == 3
        np.testing.assert_array_equal(X, kept)

    @pytest.mark.parametrize("error", [ValueError, TrainingDivergedError])
    def test_after_a_fit_that_fails(self, monkeypatch, error):
        def failing(self, flow, batch):
            losses = -flow.log_prob(batch.x)
            if error is ValueError:
                raise ValueError("boom")
            return losses * torch.nan

        monkeypatch.setattr(MaximumLikelihood, "__call__", failing)
        before = self.surroundings()
        with pytest.raises(error):
            skflow.MAFDensity(**SMALL).fit(rows())
        assert self.surroundings() == before

    def test_read_only_table(self):
        X = rows()
        X.flags.writeable = False
        model = skflow.MAFDensity(**SMALL).fit(X)
        expected = skflow.MAFDensity(**SMALL).fit(rows()).score_samples(rows())
        np.testing.assert_array_equal(model.score_samples(X), expected)


@pytest.mark.parametrize(
    ("low", "high", "dtype", "hold"),
    [
        (1.0, 1.0, "float32", True),
        (1e-8, 1e8, "float32", True),
        (1e-10, 1.0, "float32", False),
        (1.0, 1e10, "float32", False),
        (1e-10, 1.0, "float64", True),
        (1e290, 1e290, "float64", False),
    ],
)
def test_units_that_a_dtype_holds(low, high, dtype, hold):
    X = np.array([[0.0, 0.0], [2 * low, 2 * high]])
    assert units_hold(X, dtype) == hold
    assert not units_hold(X, dtype, widest=0.5)
