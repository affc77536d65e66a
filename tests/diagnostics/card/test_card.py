"""Model cards: what they say is so, and each limit is told where its fact is, and only there."""

import copy
import functools
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KernelDensity

import skflow
from skflow._pages import page_of
from skflow.diagnostics import ModelCard
from skflow.estimators._contract import FittedFlow
from skflow.estimators.stack._asked import FittedStack
from tests.instances import quick

N = 40
SMALL = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 1, "random_state": 0}


def frame(seed=0):
    X = np.random.default_rng(seed).normal(size=(N, 2))
    return pd.DataFrame(X, columns=["size", "age <b>"])


def labels():
    return np.arange(N) % 2


def table():
    small = {"hidden_features": (8,), "n_members": 1, "n_orders": 2, "max_steps": 9}
    return skflow.TableDensity(**small, random_state=0)


@functools.cache
def approximator():
    model = skflow.FlowVariationalApproximator(n_features=2, feature_names=["a", "b"], **SMALL)
    return model.fit(lambda z: -z.square().sum(1))


# by name: a fitted estimator, and what else model_card takes beside rows
MODELS = {
    "trained": lambda: (quick(skflow.NSFDensity).fit(frame()), {}),
    "given": lambda: (
        quick(skflow.NSFDensity).fit(frame(), context=frame(2)),
        {"context": frame(2)},
    ),
    "kernels": lambda: (quick(skflow.KernelFlowDensity).fit(frame()), {}),
    "stack": lambda: (quick(skflow.StackedDensity).fit(frame()), {}),
    "table": lambda: (table().fit(frame()), {}),
    "detector": lambda: (
        skflow.FlowOutlierDetector(
            quick(skflow.MixtureFlowDensity), score="typicality", random_state=0
        ).fit(frame()),
        {},
    ),
    "classifier": lambda: (
        skflow.FlowClassifier(density=quick(skflow.MixtureFlowDensity), cv=2, random_state=0).fit(
            frame(), labels()
        ),
        {"y": labels()},
    ),
    "regressor": lambda: (
        skflow.FlowRegressor(density=quick(skflow.NSFDensity), features=[], random_state=0).fit(
            frame(), frame(3)["size"]
        ),
        {"y": frame(4)["size"]},
    ),
    "posterior": lambda: (
        skflow.SimulationPosterior(density=quick(skflow.NSFDensity), random_state=0).fit(
            frame(), frame(3).to_numpy()
        ),
        {"y": frame(3).to_numpy()},
    ),
}


@pytest.fixture(scope="module", params=MODELS)
def fitted(request):
    return MODELS[request.param]()


def said(card, *words):
    """Whether one of the limits holds all of these words."""
    return any(all(word in limit for word in words) for limit in card.limits)


class TestEveryCard:
    def test_of_the_fit_alone(self, fitted):
        model, _ = fitted
        card = model.model_card()
        assert isinstance(card, ModelCard)
        assert card.estimator == type(model).__name__
        assert card.data["rows"] == str(N)
        assert card.data["columns"].startswith("2: size")
        assert float(card.fit["seconds"]) == pytest.approx(model._fit_record_["seconds"], abs=0.01)
        assert card.settings["random_state"] == "0"
        assert set(card.versions) == {"python", "skflow", "torch", "scikit-learn", "numpy"}
        assert card.diagnosis is None
        assert said(card, "pass some to model_card")
        assert said(card, f"learnt from {N} rows")

    def test_of_rows(self, fitted):
        model, others = fitted
        card = model.model_card(frame(1), **others)
        alone = model.model_card()
        assert len(card.scores) > len(alone.scores)
        assert all(np.isfinite(score.value) for score in card.scores)
        assert not said(card, "pass some to model_card")
        of_numbers = isinstance(model, FittedFlow | FittedStack) and not model.n_context_
        checked = of_numbers or isinstance(model, skflow.SimulationPosterior)
        assert checked == (card.diagnosis is not None)

    def test_as_text_and_as_a_page(self, fitted, tmp_path):
        model, _ = fitted
        card = model.model_card()
        text = str(card)
        assert text.startswith(f"# Model card: {card.estimator}\n")
        headings = re.findall("^## (.*)$", text, re.M)
        assert headings == list(card.parts())
        card.to_html(tmp_path / "card.html")
        html = (tmp_path / "card.html").read_text(encoding="utf-8")
        assert "<b>size" not in html
        assert "age <b>" not in html
        assert "age &lt;b&gt;" in html
        assert [each.title for each in page_of(card).cards] == headings
        assert "<script" not in card._repr_html_()

    def test_of_a_file(self, fitted, tmp_path):
        model, _ = fitted
        if not hasattr(model, "save"):
            pytest.skip("it is not saved")
        model.save(tmp_path / "model")
        assert str(skflow.load(tmp_path / "model").model_card()) == str(model.model_card())

    def test_not_fitted(self, fitted):
        with pytest.raises(NotFittedError):
            clone(fitted[0]).model_card()

    def test_rows_are_asked_for(self, fitted):
        with pytest.raises(ValueError, match="pass X, too"):
            fitted[0].model_card(y=labels())


class TestScores:
    def test_they_are_means_with_their_standard_errors(self):
        model = quick(skflow.MixtureFlowDensity).fit(frame())
        (score,) = model.model_card(frame(1)).scores
        scores = model.score_samples(frame(1))
        assert score.value == pytest.approx(scores.mean())
        assert score.error == pytest.approx(scores.std(ddof=1) / np.sqrt(N))
        assert score.rows == f"{N} rows that were passed"

    def test_of_rows_that_the_fit_held_out(self):
        model = quick(skflow.StackedDensity).fit(frame())
        (score,) = model.model_card().scores
        assert score.value == pytest.approx(model.held_out_scores_.mean())
        assert "held out in the fit" in score.rows

    def test_of_a_regressor(self):
        model, others = MODELS["regressor"]()
        *_, density, error, inside = model.model_card(frame(1), **others).scores
        y = others["y"].to_numpy()
        assert density.value == pytest.approx(model.log_density(frame(1), y).mean())
        assert error.value == pytest.approx(np.sqrt(((model.predict(frame(1)) - y) ** 2).mean()))
        low, high = model.predict_interval(frame(1), 0.9).T
        assert inside.value == pytest.approx(((low <= y) & (y <= high)).mean())
        column = model.model_card(frame(1), y[:, None]).scores
        assert column[1:] == [density, error, inside]  # y as a column is the same y

    def test_of_a_classifier(self):
        model, _ = MODELS["classifier"]()
        _, right, surprise, _ = model.model_card(frame(1), labels()).scores
        assert right.value == pytest.approx(model.score(frame(1), labels()))
        own = model.predict_proba(frame(1))[np.arange(N), labels()]
        assert surprise.value == pytest.approx(np.log(own).mean())

    def test_the_evidence_of_a_function(self):
        card = approximator().model_card()
        assert card.scores[0].name == "log evidence"
        assert card.data["columns"] == "2: a, b"
        assert not said(card, "pass some to model_card")

    def test_the_diagnosis_of_rows(self):
        X = np.random.default_rng(0).normal(size=(300, 2))
        narrow = [("kernels", KernelDensity(bandwidth=0.02))]
        card = skflow.StackedDensity(narrow, cv=2).fit(X[:100]).model_card(X[100:])
        assert [cause.name for cause in card.diagnosis.causes] == ["overfit"]
        assert page_of(card).verdict == "Likely: overfit."
        assert page_of(card).bad is True
        assert "## Diagnosis" in str(card)

    def test_few_rows_are_not_checked(self):
        card = quick(skflow.MixtureFlowDensity).fit(frame()).model_card(frame(1)[:20])
        assert card.diagnosis is None
        assert said(card, "20 rows are too few")


class TestLimits:
    @pytest.mark.parametrize(
        ("settings", "change", "words"),
        [
            ({}, lambda X: X, ("No bounds", "column 0, column 1")),
            ({}, np.round, ("Values repeat in column 0, column 1",)),
            ({"validation_fraction": 0}, lambda X: X, ("No row was held out",)),
            ({}, lambda X: X, ("last pass",)),
            ({"base": "student_t"}, lambda X: np.tan(X), ("variances are infinite",)),
        ],
        ids=["bounds", "repeats", "held out", "last pass", "tails"],
    )
    def test_a_fact_and_its_sentence(self, settings, change, words):
        X = change(np.random.default_rng(0).uniform(-1.57, 1.57, size=(150, 2)))
        model = quick(skflow.NSFDensity, max_epochs=30, **settings).fit(X)
        assert said(model.model_card(), *words)

    def test_none_of_them_without_its_fact(self):
        X = np.random.default_rng(0).uniform(size=(150, 2))
        support = {0: (0, 1), 1: (0, 1)}
        model = quick(skflow.NSFDensity, support=support, max_epochs=200, n_iter_no_change=1)
        card = model.fit(X).model_card(X)
        assert card.fit["ended by"] == "n_iter_no_change"
        assert card.limits == []

    def test_rows_that_are_in_the_model(self):
        flow = quick(skflow.NSFDensity).fit(frame())
        kernels = quick(skflow.KernelFlowDensity).fit(frame())
        stack = quick(skflow.StackedDensity, estimators=[("k", KernelDensity())]).fit(frame())
        inside = "part of the model"
        assert not said(flow.model_card(), inside)
        assert said(kernels.model_card(), inside)
        assert said(stack.model_card(), inside)

    def test_the_verdict_of_a_fit(self):
        model = copy.copy(approximator())
        assert not said(model.model_card(), "calls itself")
        model.verdict_, model.verdict_reasons_ = "bad", ["khat is 1.2"]
        assert said(model.model_card(), "calls itself 'bad': khat is 1.2.")


def test_what_auto_came_to_and_what_was_set():
    model = quick(skflow.NSFDensity, n_bins=4, batch_size="auto").fit(frame())
    card = model.model_card()
    assert card.settings["n_bins"] == "4"
    assert card.chosen["batch_size"] == str(model.batch_size_)
    assert "n_bins" not in card.chosen
    assert "weight_decay" not in card.settings
    shares = quick(skflow.StackedDensity).fit(frame()).model_card().chosen["weights"]
    assert shares.startswith("gaussian ")


@pytest.mark.parametrize(
    ("name", "arguments", "match"),
    [
        ("trained", {"y": labels()}, "takes no y"),
        ("table", {"context": frame()}, "takes no context"),
        ("regressor", {}, r"model_card\(X, y\)"),
        ("classifier", {}, r"model_card\(X, y\)"),
        ("classifier", {"y": labels() + 7}, "has not seen"),
        ("posterior", {}, r"model_card\(X, y\)"),
    ],
)
def test_what_is_refused(name, arguments, match):
    model, _ = MODELS[name]()
    with pytest.raises(ValueError, match=match):
        model.model_card(frame(1), **arguments)


def test_rows_of_a_function_are_refused():
    with pytest.raises(ValueError, match="takes no rows"):
        approximator().model_card(frame())


def test_a_file_of_an_earlier_version_knows_less():
    model = quick(skflow.MixtureFlowDensity).fit(frame())
    del model._fit_record_
    card = model.model_card()
    assert "rows" not in card.data
    assert card.fit == {}
    assert card.versions == {}
    assert "## Versions" not in str(card)
