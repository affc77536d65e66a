"""How training went."""

from dataclasses import dataclass

import numpy as np

from skflow.diagnostics.measures._finding import Finding

__all__ = ["TrainingCurves", "training_curves"]

# nats, and share of the whole fall, that a settled loss may still gain in the second half
MIN_EPOCHS = 3
SETTLED, SETTLED_SHARE = 0.02, 0.15


@dataclass(frozen=True, repr=False)
class TrainingCurves(Finding):
    """What :func:`training_curves` finds.

    Attributes
    ----------
    epochs : ndarray of shape (n_epochs,)
    training, validation : ndarray of shape (n_epochs,)
        Losses in nats of preprocessed rows, means over members; NaN where no rows were held out.
    best_epoch : int
        With the lowest validation loss; with the lowest training loss if no rows were held out;
        the first if no loss is finite.
    late_fall : float
        Nats by which the loss that chooses the weights fell in the second half of the epochs.
    late_share : float
        The same as a share of its fall since the first epoch; 1 with fewer than three epochs.
    settled : bool
        False if the best epoch is among the last tenth, the second half brought more than 0.02
        nats, and these are more than 15 % of the whole fall; with fewer than three epochs; and if
        no loss is finite.
    gap : float
        Validation loss less training loss at the best epoch. Training losses are taken with
        dropout and input noise, so that this understates overfitting.
    reading : str
    """

    epochs: np.ndarray
    training: np.ndarray
    validation: np.ndarray
    best_epoch: int
    late_fall: float
    late_share: float
    settled: bool
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
    trained 6 epochs, best after 5: the loss no longer fell
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
    known = np.isfinite(deciding)
    best = int(np.where(known, deciding, np.inf).argmin())
    fall, share = _late_fall(deciding)
    late = best >= 0.9 * len(epochs) - 1
    told = known.any() and len(epochs) >= MIN_EPOCHS
    settled = bool(told and not (late and fall > SETTLED and share > SETTLED_SHARE))
    if not known.any():
        ending = "no loss was a finite number"
    elif not told:
        ending = "too few to tell whether the loss still fell"
    elif settled:
        ending = "the loss no longer fell"
    else:
        ending = f"{fall:.2g} nats, {100 * share:.0f} % of the fall, came in the second half"
    reading = f"trained {len(epochs)} epochs, best after {epochs[best]}: {ending}"
    gap = float(validation[best] - training[best])
    return TrainingCurves(
        epochs, training, validation, int(epochs[best]), fall, share, settled, gap, reading
    )


def _losses(history, name):
    values = [record.get(name) for record in history]
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _late_fall(losses):
    """Nats gained in the second half, and their share of what was gained since the first epoch."""
    losses = np.fmin.accumulate(losses)  # what early stopping keeps
    if len(losses) < 3:
        return float(losses[0] - losses[-1]), 1.0
    fall = float(losses[len(losses) // 2 - 1] - losses[-1])
    return fall, fall / max(float(losses[0] - losses[-1]), np.finfo(float).tiny)
