"""scikit-learn's callbacks: a context for the fit, for each training in it and for each epoch.

They are public since scikit-learn 1.9 (SLEP023); with earlier versions nothing here does anything.
"""

import itertools
import time
from contextlib import contextmanager, nullcontext
from threading import Lock

import numpy as np

from skflow._fit_record import fit_record
from skflow._watch import tell, watched

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this version of scikit-learn has no callbacks."""

    def with_callbacks(method):
        """Return a method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "fit_task", "subtask", "with_callbacks"]

# of the record of an epoch: what its context has as attributes
FIELDS = (
    *("train_loss", "validation_loss", "learning_rate", "seconds"),
    *("member_train_losses", "member_validation_losses"),
)


@contextmanager
def fit_task(estimator, X=None, y=None, n_tasks=None, **metadata):
    """Have the fit of an estimator watched in the block, by its ``verbose`` and its callbacks.

    Parameters
    ----------
    estimator : estimator
    X : array-like
        As the user passed it.
    y : array-like or None
    n_tasks : int or None
        How many parts the fit has, if that is known.
    **metadata
        What else was passed to ``fit``; None stands for what was not.

    Yields
    ------
    FitTask or None
        None if the estimator has no callbacks.
    """
    task, start = None, time.perf_counter()
    if hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx"):
        task = FitTask(estimator, X, y, n_tasks, metadata)
    with watched(type(estimator).__name__, getattr(estimator, "verbose", 0), task):
        if X is not None:
            shape = getattr(X, "shape", None)
            size = "" if shape is None else f" of shape {tuple(shape)}"
            tell(f"reading the {type(X).__name__}{size}")
        yield task
        estimator._fit_record_ = fit_record(X, time.perf_counter() - start)
        if task is not None:
            task.end()
        tell("done")


@contextmanager
def subtask(task, name, number, sub_estimator=None, n_tasks=0):
    """Have the block be a part of a fit.

    Parameters
    ----------
    task : FitTask, TaskPart or None
    name : str
    number : int
    sub_estimator : estimator, optional
        That the part fits, and nothing else: it gets those of the callbacks that go down to it.
    n_tasks : int
        How many parts the part has.

    Yields
    ------
    TaskPart or None
        None without a task.
    """
    if task is None:
        yield
        return
    part = TaskPart(task, name, number, n_tasks)
    takes = isinstance(sub_estimator, CallbackSupportMixin)
    with part.context.propagate_callback_context(sub_estimator) if takes else nullcontext():
        part.begin()
        yield part
        part.end()


class TaskPart:
    """A part of a fit as scikit-learn's callbacks see it.

    Parameters
    ----------
    whole : FitTask or TaskPart
    name : str
    number : int
    n_tasks : int
        How many parts it has itself.
    """

    def __init__(self, whole, name, number, n_tasks=0):
        self.estimator, self.data = whole.estimator, whole.data
        self.context = whole.context.subcontext(
            task_name=name, task_id=number, max_subtasks=n_tasks, sequential_subtasks=False
        )

    def begin(self):
        """Say that it begins."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def end(self, attributes=None):
        """Say that it is over; return whether a callback asks to stop."""
        return self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=attributes
        )


class FitTask:
    """The fit of an estimator as scikit-learn's callbacks see it.

    Parameters
    ----------
    estimator, X, y, n_tasks, metadata
        As :func:`fit_task` has them.
    """

    def __init__(self, estimator, X, y, n_tasks, metadata):
        self.estimator = estimator
        given = {name: value for name, value in metadata.items() if value is not None}
        # scikit-learn's ScoringMonitor leaves out what has no y, and log densities need none
        y = (lambda: np.zeros(len(X))) if y is None and hasattr(X, "__len__") else y
        self.data = {"X": X, "y": y, "metadata": given or None}
        self.context = estimator._init_callback_context(
            max_subtasks=n_tasks, sequential_subtasks=False
        )
        self.numbers, self.lock = itertools.count(), Lock()
        self.context.call_on_fit_task_begin(estimator=estimator, **self.data)

    def __getstate__(self):  # for processes, which work for the fit side by side
        return {**vars(self), "lock": None, "numbers": None}

    def end(self):
        """Say that the fit is over."""
        fitted = _fitted(vars(self.estimator))
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.data, reconstruction_attributes=fitted
        )

    def training(self, watch, n_epochs):
        """Begin a training run of so many epochs."""
        with self.lock:
            number = next(self.numbers) if watch.number is None else watch.number
            return TrainingTask(self, watch, TaskPart(self, watch.label, number, n_epochs))


class TrainingTask:
    """A training run as scikit-learn's callbacks see it.

    Callbacks of runs side by side are called one at a time.
    """

    def __init__(self, fit, watch, part):
        self.lock, self.watch, self.part = fit.lock, watch, part
        self.numbers, self.epoch = itertools.count(), None
        self.part.begin()

    def begin_epoch(self):
        """Say that an epoch begins."""
        with self.lock:
            self.epoch = TaskPart(self.part, "epoch", next(self.numbers))
            self.epoch.begin()

    def end_epoch(self, record, snapshot):
        """Say that an epoch is over; return whether a callback asks to stop.

        Parameters
        ----------
        record : dict
            Of the history.
        snapshot : callable
            Returns the flow and the history, as they would be if training stopped now.
        """
        vars(self.epoch.context).update({name: record[name] for name in FIELDS})

        def attributes():
            return _fitted(self.watch.seen(*snapshot()))

        with self.lock:
            return self.epoch.end(attributes if self.watch.views else None)

    def end(self):
        """Say that the run is over."""
        with self.lock:
            self.part.end()


def _fitted(attributes):
    """Attributes of an estimator but those that scikit-learn's callbacks put there."""
    own = ("_skl_callbacks", "_callback_fit_ctx", "_parent_callback_ctx")
    return {k: v for k, v in attributes.items() if not k.startswith(own)}
