"""How training went."""

from dataclasses import dataclass

import numpy as np

from skflow.diagnostics._reading import Finding

__all__ = ["TrainingCurves", "training_curves"]

# share of the epochs at whose end a fit that had ended would be flat
LAST = 0.2
# nats by which a flat curve may still fall there
FLAT = 0.01


@dataclass(frozen=True)
class TrainingCurves(Finding):
    """What :func:`training_curves` finds.

    Attributes
    ----------
    epochs : ndarray of shape (n_epochs,)
    training, validation : ndarray of shape (n_epochs,)
        Losses in nats of preprocessed rows, means over members; NaN where no rows were held out.
    best_epoch : int
        With the lowest validation loss; with the lowest training loss if no rows were held out.
    still_falling : float
        Nats by which the loss that chooses the weights fell over the last fifth of the epochs.
    gap : float
        Validation loss less training loss at the best epoch. Training losses are taken with
        dropout and input noise, so that this understates overfitting.
    reading : str
    """

    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    best_epoch: int
    still_falling: float
    gap: float
    reading: str


def training_curves(history):
    """Read the record of a training.

    Parameters
    ----------
    history : list of dict
        ``history_`` of a fitted estimator: records with ``epoch``, ``train_loss`` and
        ``validation_loss``.

    Returns
    -------
    TrainingCurves

    Raises
    ------
    ValueError
        If there are no records, as for estimators that do not train.

    Examples
    --------
    >>> from skflow.diagnostics import training_curves
    >>> losses = [3.0, 2.0, 1.5, 1.4, 1.398, 1.41]
    >>> curves = training_curves(
    ...     [
    ...         {"epoch": e, "train_loss": loss - 0.1, "validation_loss": loss}
    ...         for e, loss in enumerate(losses, 1)
    ...     ]
    ... )
    >>> curves.best_epoch
    5
    >>> print(curves)
    trained 6 epochs, best after 5: the loss had ended falling
    """
    if not history:
        raise ValueError(
            "expected the records of a training, got none; estimators such as "
            "MixtureFlowDensity do not train"
        )
    epochs = np.array([record["epoch"] for record in history])
    training = _losses(history, "train_loss")
    validation = _losses(history, "validation_loss")
    deciding = validation if np.isfinite(validation).any() else training
    best = int(np.nanargmin(deciding))
    fall = _fall(deciding)
    return TrainingCurves(
        epochs,
        training,
        validation,
        int(epochs[best]),
        fall,
        float(validation[best] - training[best]),
        _read(epochs, best, fall),
    )


def _losses(history, name):
    values = [record.get(name) for record in history]
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _fall(losses):
    """Nats between the best before the last fifth and the best of all; inf with one epoch."""
    losses = losses[~np.isnan(losses)]
    before = losses[: max(1, int((1 - LAST) * len(losses)))]
    return float(before.min() - losses.min()) if len(losses) > 1 else np.inf


def _read(epochs, best, fall):
    start = f"trained {len(epochs)} epochs, best after {epochs[best]}"
    if not np.isfinite(fall):
        return f"{start}: too few to tell whether the loss had ended falling"
    if fall > FLAT:
        return f"{start}: the loss still fell by {fall:.2g} nats in the last fifth"
    return f"{start}: the loss had ended falling"
