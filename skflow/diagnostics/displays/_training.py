"""Losses while a flow was trained."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skflow.diagnostics.displays._style import BLUE, DARK, ORANGE, legend_above, new_axes
from skflow.diagnostics.displays._tables import check_keywords
from skflow.diagnostics.measures._training import training_curves

__all__ = ["TrainingCurveDisplay"]


class TrainingCurveDisplay:
    """Training and validation loss of each epoch, and the best one.

    Strong lines are means over the members of an ensemble, faint ones the members. The best
    epoch is that of the lowest validation loss, or of the lowest training loss if no rows were
    held out; each member keeps its weights of its own best epoch.

    Where the validation loss rises again the fit would overfit if it did not keep its best
    weights; where it still falls at the end, more epochs help. Training losses are taken
    with dropout and input noise, and may lie above those of validation. Make it with
    :meth:`from_estimator`.

    Parameters
    ----------
    epochs : ndarray of shape (n_epochs,)
    training, validation : ndarray of shape (n_epochs,)
        Losses in nats of preprocessed rows, means over members; NaN where no rows were held out.
    best_epoch : int
    member_training, member_validation : ndarray of shape (n_epochs, n_members), default=None
        Those of each member; NaN where no rows were held out.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skflow.diagnostics.training_curves : The numbers, with a reading.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import NSFDensity
    >>> from skflow.plots import TrainingCurveDisplay
    >>> flow = NSFDensity(n_layers=2, max_epochs=5, random_state=0).fit(load_iris().data)
    >>> display = TrainingCurveDisplay.from_estimator(flow)
    >>> display.epochs
    array([1, 2, 3, 4, 5])
    >>> display.member_validation.shape == (5, flow.n_members_)
    True
    """

    def __init__(
        self,
        *,
        epochs,
        training,
        validation,
        best_epoch,
        member_training=None,
        member_validation=None,
    ):
        self.epochs = epochs
        self.training = training
        self.validation = validation
        self.best_epoch = best_epoch
        self.member_training = member_training
        self.member_validation = member_validation

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, **kwargs):
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : fitted flow
            One that is trained: with ``history_``.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay

        Raises
        ------
        TypeError
            If the estimator is not trained by epochs.
        """
        check_keywords(cls, kwargs)
        check_is_fitted(estimator)
        if not getattr(estimator, "history_", None):
            raise TypeError(
                f"TrainingCurveDisplay draws the losses of a training, and "
                f"{type(estimator).__name__} has none in `history_`: it is not trained by epochs. "
                "Take a flow such as NSFDensity; the parts of a StackedDensity are in its "
                "`named_estimators_`."
            )
        return cls.from_history(estimator.history_, ax=ax, **kwargs)

    @classmethod
    def from_history(cls, history, *, ax=None, **kwargs):
        """Draw the records of a training.

        Parameters
        ----------
        history : list of dict
            ``history_`` of an estimator. Of a training in stages, the last one is drawn.
        ax : matplotlib Axes, default=None
            None makes a figure.
        **kwargs : dict
            Passed to :meth:`plot`.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        history = _last_stage(history)
        curves = training_curves(history)
        return cls(
            epochs=curves.epochs,
            training=curves.training,
            validation=curves.validation,
            best_epoch=curves.best_epoch,
            member_training=_of_members(history, "member_train_losses"),
            member_validation=_of_members(history, "member_validation_losses"),
        ).plot(ax, **kwargs)

    def plot(self, ax=None, *, show_members=True):
        """Draw the losses.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None makes a figure.
        show_members : bool, default=True
            Show the members of an ensemble.

        Returns
        -------
        display : TrainingCurveDisplay
        """
        ax = new_axes(ax, (5.6, 3.8))
        self.ax_, self.figure_ = ax, ax.figure
        held_out = np.isfinite(self.validation).any()
        kinds = [(self.training, self.member_training, ORANGE, "--", "training")]
        if held_out:
            kinds.append((self.validation, self.member_validation, BLUE, "-", "validation"))
        for mean, members, color, line, label in kinds:
            style = {"color": color, "linestyle": line}
            if show_members and members is not None and members.shape[1] > 1:
                ax.plot(self.epochs, members, linewidth=0.8, alpha=0.45, **style)
            ax.plot(self.epochs, mean, linewidth=2, label=label, **style)
        best = np.flatnonzero(self.epochs == self.best_epoch)[0]
        height = kinds[-1][0][best]
        mark = {"marker": "*", "markersize": 13, "color": DARK, "linestyle": "none", "zorder": 3}
        ax.plot(self.best_epoch, height, label=f"best epoch, {self.best_epoch}", **mark)
        ax.set(xlabel="epoch", ylabel="loss, nats a row")
        legend_above(ax)
        return self


def _last_stage(history):
    """Return the records of the last stage of a training: epochs are counted anew in each."""
    starts = [k for k, record in enumerate(history) if record["epoch"] == 1]
    return history[starts[-1] :] if starts else history


def _of_members(history, name):
    """Losses (n_epochs, n_members), NaN where there are none; None if no record has them."""
    found = [record.get(name) for record in history]
    n_members = max((len(losses) for losses in found if losses), default=0)
    if not n_members:
        return None
    return np.array([losses or [np.nan] * n_members for losses in found], dtype=float)
