"""scikit-learn's callbacks: contexts, what they are told, and what they can do."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV

from skflow import (
    FlowClassifier,
    FlowOutlierDetector,
    KernelFlowDensity,
    MAFDensity,
    StackedDensity,
    TableDensity,
)

callback = pytest.importorskip("sklearn.callback", reason="callbacks are of scikit-learn 1.9")

X = np.random.default_rng(0).normal(size=(80, 2))
MANY = np.random.default_rng(1).normal(size=(1200, 2))
APART = {"n_members": 2, "batch_size": 512}


def maf(**params):
    settings = {"n_layers": 1, "hidden_features": (8,), "max_epochs": 3, "n_members": 1}
    settings["random_state"] = 0
    return MAFDensity(**(settings | params))


class Recorder:
    """Writes down all that it is told, and says whether to stop."""

    def __init__(self, stop=lambda context: False, depth=None):
        self.stop, self.max_propagation_depth = stop, depth
        self.begun, self.ended, self.fitted, self.contexts = [], [], [], []
        self.open = 0

    def setup(self, estimator, context):
        self.open += 1

    def teardown(self, estimator, context):
        self.open -= 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(path(context))

    def on_fit_task_end(self, estimator, context, *, X, fitted_estimator):
        self.ended.append(path(context))
        self.contexts.append(context)
        self.fitted.append(fitted_estimator)
        return self.stop(context)

    def epochs(self):
        """Contexts and fitted estimators of the epochs."""
        told = zip(self.contexts, self.fitted, strict=True)
        return [pair for pair in told if pair[0].task_name == "epoch"]


def path(context):
    names = [context.task_name]
    while context.parent is not None:
        context = context.parent
        names.append(context.task_name)
    return " > ".join(reversed(names))


def recorded(estimator, *fit_arguments, **options):
    recorder = Recorder(**options)
    fitted = clone(estimator).set_callbacks(recorder).fit(*(fit_arguments or (X,)))
    return recorder, fitted


EPOCH = "fit > training > epoch"
STACK = StackedDensity([("maf", maf()), ("mixture", GaussianMixture())], cv=2, random_state=0)
TABLE = TableDensity(n_members=1, hidden_features=(8,), max_steps=60, random_state=0)
# an estimator, how often each context ends
CONTEXTS = {
    "flow": (maf(), {EPOCH: 3, "fit > training": 1, "fit": 1}),
    "members together": (maf(n_members=2), {EPOCH: 3, "fit > training": 1}),
    "members apart": (
        maf(**APART, n_jobs=2),
        {"fit > member 1 of 2 > epoch": 3, "fit > member 2 of 2 > epoch": 3, "fit": 1},
    ),
    "classical": (KernelFlowDensity(), {"fit": 1}),
    "stack of ensembles": (
        StackedDensity([("maf", maf(n_members=2))], cv=2, random_state=0),
        {EPOCH: 3, "fit > training": 1, "fit": 1},
    ),
    "detector": (FlowOutlierDetector(STACK), {"fit > fit > maf": 1, "fit": 1}),
}


class TestContexts:
    @pytest.mark.parametrize("name", CONTEXTS)
    def test_each_ends_as_often_as_it_is_entered(self, name):
        estimator, expected = CONTEXTS[name]
        recorder, _ = recorded(estimator, MANY if name == "members apart" else X)
        assert sorted(recorder.begun) == sorted(recorder.ended)
        for told, n in expected.items():
            assert sum(end.endswith(told) for end in recorder.ended) >= n, told
        assert recorder.open == 0

    def test_nothing_is_left_on_the_estimator(self):
        _, fitted = recorded(maf())
        assert [name for name in vars(fitted) if "callback" in name] == ["_skl_callbacks"]

    def test_those_of_a_search_reach_the_epochs(self):
        search = GridSearchCV(maf(), {"n_layers": [1, 2]}, cv=2, refit=False)
        recorder, _ = recorded(search)
        assert sum(end.endswith("> training > epoch") for end in recorder.ended) == 4 * 3

    def test_those_of_a_stack_reach_its_folds(self):
        recorder, _ = recorded(STACK)
        assert {"fit > maf", "fit > mixture"} <= set(recorder.ended)
        # two folds and all rows
        assert sum(end.endswith("> training > epoch") for end in recorder.ended) == 3 * 3

    def test_a_search_can_have_those_of_a_table(self):
        recorder, _ = recorded(TABLE)
        assert any(end.endswith("epoch") for end in recorder.ended)


class TestWhatIsTold:
    @pytest.mark.parametrize("params", [{}, {"n_members": 2}])
    def test_losses_of_epochs_are_attributes(self, params):
        recorder, fitted = recorded(maf(**params))
        contexts = [context for context, _ in recorder.epochs()]
        for context, record in zip(contexts, fitted.history_, strict=True):
            assert context.validation_loss == record["validation_loss"]
            assert context.member_train_losses == record["member_train_losses"]

    @pytest.mark.parametrize("params", [{}, {"n_members": 2}])
    def test_the_last_one_is_the_fit(self, params):
        recorder, fitted = recorded(maf(**params))
        *_, (_, last) = recorder.epochs()
        np.testing.assert_array_equal(last.score_samples(X), fitted.score_samples(X))
        assert last.validation_score_ == fitted.validation_score_

    def test_earlier_ones_are_fits_with_the_best_weights_so_far(self):
        recorder, _ = recorded(maf(max_epochs=8, learning_rate=0.003), np.exp(MANY))
        flows = [flow for _, flow in recorder.epochs()]
        losses = [context.validation_loss for context, _ in recorder.epochs()]
        scores = np.array([flow.validation_score_ for flow in flows])
        assert [len(flow.history_) for flow in flows] == list(range(1, 9))
        # the start counts as well: before the first epoch that is better scores are its own
        best = np.minimum.accumulate(losses)[scores > scores[0]]
        assert len(best) > 3
        scores = scores[scores > scores[0]]
        np.testing.assert_allclose(scores - scores[0], best[0] - best, atol=1e-6)

    def test_of_a_member_apart_it_is_the_member(self):
        recorder, fitted = recorded(maf(**APART), MANY)
        _, last = recorder.epochs()[-1]
        np.testing.assert_allclose(
            last.score_samples(X), fitted._members()[1].score_samples(X), rtol=1e-5
        )

    def test_parts_are_not_taken_for_the_whole(self):
        classifier = FlowClassifier(density=maf(n_members=2), cv=2, random_state=0)
        recorder, _ = recorded(classifier, X, X[:, 0] > 0)
        assert recorder.ended == ["fit"]
        assert recorder.fitted[0].predict(X).shape == (len(X),)

    def test_what_has_no_length_has_no_scores(self):
        class Blocks:
            def __iter__(self):
                return iter([X])

        recorder = Recorder()
        recorder.on_fit_task_end = lambda estimator, context, *, y: None
        assert maf().set_callbacks(recorder).fit(Blocks()).n_iter_ == 3

    def test_the_fit_does_not_depend_on_who_watches(self):
        _, watched = recorded(maf(n_members=2))
        alone = maf(n_members=2).fit(X)
        np.testing.assert_array_equal(watched.score_samples(X), alone.score_samples(X))


class TestStopping:
    @pytest.mark.parametrize("params", [{}, APART])
    def test_a_callback_can_end_the_training(self, params):
        second = lambda context: context.task_name == "epoch" and context.task_id == 1  # noqa: E731
        _, fitted = recorded(maf(max_epochs=10, **params), MANY, stop=second)
        assert fitted.n_iter_ == 2
        assert fitted.stopped_by_ == "callback"
        assert np.isfinite(fitted.score(X))

    def test_an_error_in_one_leaves_the_last_fit(self):
        def broken(context):
            raise RuntimeError("broken")

        model = maf().fit(X)
        before = model.score_samples(X)
        with pytest.raises(RuntimeError, match="broken"):
            model.set_callbacks(Recorder(stop=broken)).fit(X + 1)
        np.testing.assert_array_equal(model.score_samples(X), before)


class TestThoseOfScikitLearn:
    def test_scoring_monitor(self):
        def log_density(estimator, X, y):
            return {"log_density": estimator.score(X)}

        monitor = callback.ScoringMonitor(scoring=log_density)
        fitted = maf().set_callbacks(monitor).fit(X)
        rows = monitor.get_logs().data
        epochs = [row["log_density"] for row in rows if row["task_name"] == "epoch"]
        assert len(epochs) == 3
        assert epochs[-1] == pytest.approx(fitted.score(X))

    def test_progress_bar(self, capfd):
        pytest.importorskip("rich")
        search = GridSearchCV(maf(), {"n_layers": [1, 2]}, cv=2)
        search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X)
        out = capfd.readouterr().out
        assert "MAFDensity - training" in out
        assert "100%" in out
