"""Students of fitted flows: near their teachers, fast, and ordinary estimators."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

import skflow
from skflow import IAFDensity, MAFDensity, NSFDensity, distill
from skflow._threads import one_thread
from skflow.bijections import Autoregressive
from skflow.exceptions import ConvergenceWarning
from skflow.flow import Ensemble
from skflow.training import ReverseKL
from tests.instances import FLOWS, quick

TINY = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 2, "base": "normal"}


def rows(n=80, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return 100 + rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


def tiny(**settings):
    return IAFDensity(**{**TINY, **settings})


def quickly(teacher, student=None, **settings):
    student = tiny() if student is None else student
    return distill(teacher, student, **{"n_samples": 200, "random_state": 0, **settings})


@pytest.fixture(scope="module")
def teacher():
    return quick(MAFDensity, n_members=2).fit(rows())


@pytest.fixture(scope="module")
def student(teacher):
    return quickly(teacher)


class TestResult:
    def test_is_an_ordinary_fitted_iaf(self, teacher, student):
        X = rows()
        assert type(student) is IAFDensity
        scores = student.score_samples(X)
        assert scores.shape == (80,)
        assert np.isfinite(scores).all()
        assert student.sample(5, random_state=0).shape == (5, 3)
        np.testing.assert_allclose(student.inverse_transform(student.transform(X)), X, rtol=1e-5)
        again = pickle.loads(pickle.dumps(student))
        np.testing.assert_array_equal(again.score_samples(X), scores)
        assert not hasattr(clone(student), "flow_")
        assert student.get_feature_names_out()[0] == "iafdensity0"

    def test_has_every_fitted_attribute_of_a_fit_and_its_own(self, student):
        fitted = tiny(random_state=0).fit(rows())
        extra = {"reverse_kl_", "reverse_kl_error_", "forward_kl_", "forward_kl_error_"}
        assert set(vars(student)) == set(vars(fitted)) | extra
        assert all(name in distill.__doc__ for name in extra)
        assert student.n_iter_ == len(student.history_) == 2
        assert student.stopped_by_ == "max_epochs"
        assert student.n_members_ == 1
        assert np.isnan(student.held_out_scores_).all()
        assert student.held_out_scores_.shape == (80,)
        assert np.isfinite(student.validation_score_)

    def test_can_be_fitted_to_rows_afterwards(self, student):
        refitted = clone(student).set_params(random_state=0).fit(rows())
        assert refitted.n_members_ == 5
        going_on = pickle.loads(pickle.dumps(student)).set_params(warm_start=True, n_members=1)
        assert np.isfinite(going_on.fit(rows()).score(rows()))

    def test_parameters_are_trainable_and_the_teacher_is_untouched(self, teacher):
        before = pickle.dumps(teacher)
        student = quickly(teacher)
        assert pickle.dumps(teacher) == before
        assert all(p.requires_grad for p in student.flow_.parameters())
        own = {p.data_ptr() for p in student.flow_.state_dict().values()}
        assert own.isdisjoint(p.data_ptr() for p in teacher.flow_.state_dict().values())

    def test_feature_names_and_bounds_are_those_of_the_teacher(self):
        X = pd.DataFrame(np.random.default_rng(0).gamma(2, size=(60, 2)), columns=["a", "b"])
        teacher = quick(MAFDensity, support={"a": (0, None)}).fit(X)
        student = quickly(teacher)
        assert list(student.feature_names_in_) == ["a", "b"]
        assert student.support == {"a": (0, None)}
        assert (student.sample(500, random_state=0)[:, 0] > 0).all()
        outside = X.assign(a=-1.0)
        assert (student.score_samples(outside) == -np.inf).all()

    def test_members_are_an_ensemble(self, teacher):
        student = quickly(teacher, tiny(n_members=3, base="mixture"))
        assert isinstance(student.flow_, Ensemble)
        assert student.n_members_ == student.flow_.n_members == 3
        scores = [member.score_samples(rows()) for member in student._members()]
        np.testing.assert_allclose(
            np.logaddexp.reduce(scores, axis=0) - np.log(3), student.score_samples(rows())
        )

    def test_reproducible(self, teacher):
        by_argument = [quickly(teacher).score_samples(rows()) for _ in range(2)]
        own = quickly(teacher, tiny(random_state=0), random_state=None)
        other = quickly(teacher, random_state=1)
        np.testing.assert_array_equal(*by_argument)
        np.testing.assert_array_equal(own.score_samples(rows()), by_argument[0])
        assert not np.array_equal(other.score_samples(rows()), by_argument[0])

    def test_leaves_the_random_state_alone(self, teacher):
        torch.manual_seed(0)
        np.random.seed(0)  # noqa: NPY002
        states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
        quickly(teacher)
        assert torch.equal(torch.get_rng_state(), states[0])
        np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


class TestTeachers:
    @pytest.mark.parametrize("cls", FLOWS, ids=lambda cls: cls.__name__)
    def test_any_flow(self, cls):
        student = quickly(quick(cls).fit(rows()))
        assert np.isfinite([student.reverse_kl_, student.forward_kl_]).all()

    @pytest.mark.parametrize("preprocessing", ["standardize", "whiten", "gaussianize", "none"])
    @pytest.mark.parametrize("n_members", [1, 2])
    def test_any_preprocessing(self, preprocessing, n_members):
        X = (rows() - 100) / 3
        teacher = quick(MAFDensity, preprocessing=preprocessing, n_members=n_members).fit(X)
        student = quickly(teacher, tiny(max_epochs=1, batch_size=32))
        assert student.preprocessing_ == preprocessing
        # what training minimised, in preprocessed rows, is what is found in the units of X
        assert student.history_[-1]["validation_loss"] == pytest.approx(
            student.reverse_kl_, abs=5 * student.reverse_kl_error_ + 0.02
        )

    def test_one_feature(self):
        student = quickly(quick(NSFDensity).fit(rows(d=1)))
        assert student.sample(4).shape == (4, 1)

    def test_double_precision(self, teacher):
        student = quickly(teacher, tiny(dtype="float64"))
        assert student.flow_.dtype == torch.float64

    @pytest.mark.parametrize("base", ["normal", "student_t", "mixture"])
    def test_any_base_of_the_student(self, teacher, base):
        student = quickly(teacher, tiny(base=base, max_epochs=4))
        losses = [record["validation_loss"] for record in student.history_]
        assert losses[-1] < losses[0]


class TestErrors:
    def test_teacher_that_is_not_fitted(self):
        with pytest.raises(NotFittedError, match="MAFDensity"):
            distill(MAFDensity())

    @pytest.mark.parametrize(
        "teacher",
        [skflow.StackedDensity(), GaussianMixture(), None],
        ids=lambda t: type(t).__name__,
    )
    def test_teacher_that_is_no_flow(self, teacher):
        with pytest.raises(TypeError, match="teacher must be a fitted flow.*NSFDensity.*got"):
            distill(teacher)

    @pytest.mark.parametrize("wrong", [MAFDensity(), IAFDensity, "iaf"], ids=str)
    def test_student_of_another_kind(self, teacher, wrong):
        with pytest.raises(TypeError, match="student must be an IAFDensity"):
            distill(teacher, wrong)

    @pytest.mark.parametrize(
        "setting",
        [
            {"preprocessing": "whiten"},
            {"support": {0: (0, 1)}},
            {"context_columns": [0, 1]},
            {"context_columns": np.array([0, 1])},
        ],
    )
    def test_student_with_what_the_teacher_decides(self, teacher, setting):
        (name,) = setting
        with pytest.raises(ValueError, match=f"student has {name}=.*takes over the teacher's"):
            distill(teacher, IAFDensity(**setting))

    def test_bad_setting_of_the_student(self, teacher):
        with pytest.raises(ValueError, match="'n_layers' parameter of IAFDensity"):
            distill(teacher, IAFDensity(n_layers=0))

    @pytest.mark.parametrize("n_samples", [3, 1e3, "many"])
    def test_number_of_draws(self, teacher, n_samples):
        with pytest.raises(ValueError, match="n_samples must be an integer of at least 20"):
            distill(teacher, n_samples=n_samples)


class TestStopping:
    def test_out_of_time(self, teacher):
        student = quickly(teacher, tiny(max_epochs=10_000, max_seconds=0.3))
        assert student.stopped_by_ == "max_seconds"
        best = min(record["validation_loss"] for record in student.history_)
        assert student.reverse_kl_ == pytest.approx(best, abs=5 * student.reverse_kl_error_ + 0.02)

    def test_interrupt_keeps_the_best_weights(self, teacher, monkeypatch):
        calls = []
        plain = ReverseKL.__call__

        def interrupted(self, flow, batch):
            calls.append(flow.training)
            if sum(calls) > 70:
                raise KeyboardInterrupt
            return plain(self, flow, batch)

        monkeypatch.setattr(ReverseKL, "__call__", interrupted)
        with pytest.warns(ConvergenceWarning, match="interrupted; the best weights"):
            student = quickly(teacher, tiny(max_epochs=10))
        assert student.stopped_by_ == "interrupt"
        assert student.n_iter_ == 1
        assert np.isfinite(student.score(rows()))


def naive_sample(flow, n):
    """Draw n rows of a single flow, one pass of every net a column."""
    x = flow.base.sample(n)
    for layer in reversed(flow.bijection.bijections):
        if not isinstance(layer, Autoregressive):
            x = layer.inverse(x)[0]
            continue
        z, x = x, torch.zeros_like(x)
        for i in range(z.shape[-1]):
            x[:, i] = layer.elementwise.inverse(z[:, i], layer.net(x)[:, i])[0]
    return flow.preprocessing.inverse(x.double())[0]


def moons(n=600):
    """Two moons and a column that depends on both of theirs."""
    X, _ = make_moons(n, noise=0.1, random_state=0)
    noise = np.random.default_rng(0).normal(scale=0.2, size=n)
    return np.column_stack([X, X[:, 0] * X[:, 1] + noise])


def test_comes_near_its_teacher_quickly():
    teacher = NSFDensity(n_layers=2, n_members=1, max_epochs=30, random_state=0).fit(moons())
    student = distill(
        teacher, IAFDensity(n_layers=2, max_epochs=6), n_samples=2_000, random_state=0
    )
    assert -3 * student.reverse_kl_error_ < student.reverse_kl_ < 0.05 * 3
    assert student.forward_kl_ < 0.5
    draws = student.sample(2_000, random_state=1)
    gap = student.score_samples(draws) - teacher.score_samples(draws)
    assert gap.mean() == pytest.approx(student.reverse_kl_, abs=5 * student.reverse_kl_error_)


@pytest.mark.slow
@pytest.mark.parametrize("cls", [MAFDensity, NSFDensity])
def test_defaults_come_near_their_teachers(cls):
    teacher = cls(random_state=0).fit(moons())
    student = distill(teacher, random_state=0)
    assert student.reverse_kl_ < 0.05 * 3
    assert student.forward_kl_ < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("cls", [MAFDensity, NSFDensity])
def test_draws_d_times_faster_than_passes_column_by_column(cls):
    d, n = 12, 4_000
    teacher = cls(n_members=1, max_epochs=1, random_state=0).fit(rows(300, d))
    student = distill(teacher, IAFDensity(max_epochs=1), n_samples=2_000, random_state=0)
    with torch.no_grad(), one_thread():
        assert naive_sample(teacher.flow_, n).shape == (n, d)
        naive = fastest(lambda: naive_sample(teacher.flow_, n))
        assert naive > d * fastest(lambda: student.flow_.sample(n))


def fastest(function, repeats=9):
    """Seconds of the processor in the fastest of some calls, whatever else the machine does."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)
