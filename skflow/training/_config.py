"""Settings of a training run and what it reports."""

from dataclasses import dataclass, field

__all__ = ["History", "TrainingConfig"]


@dataclass(frozen=True)
class TrainingConfig:
    """How :func:`skflow.training.train` optimises.

    Parameters
    ----------
    max_epochs : int
        Passes over the batches.
    schedule : {"cosine", "constant"}
        What the learning rate does after a linear warm-up: it falls from ``learning_rate`` to
        zero over all passes, or it stays. If it stays, weights are averaged in any case.
    learning_rate, weight_decay : float
        Of AdamW; the decay acts on weight matrices only, not on biases and scales.
    n_iter_no_change : int or None
        Stop after as many epochs without a better validation loss; None never stops early. Members
        that were never better than their start first go back there, at a quarter of the rate,
        twice at most.
    tol : float
        What counts as better, in nats.
    chosen_by_others : bool
        Of several members side by side, keep those weights of each for which the validation loss
        of the others is lowest. Its own rows then only judge, and their loss is no lower than
        that of new rows; on few rows they would choose badly, too.
    gradient_clip : float
        Largest Euclidean norm of a member's gradient.
    warmup_steps : int
    averaged_steps : float
        Steps over which the weights that are validated and kept are averaged; 1 for the live
        ones, as without validation rows where the rate falls.
    max_seconds : float or None
        Stop in time with the best weights so far.
    validations_after : int
        How many validations' worth of a limited time is left for what comes after training.
    verbose : int
        1 shows a progress bar.
    cuda_graphs : bool
        Record a step on a GPU once and replay it; see ``History.cuda_graphs``.
    """

    max_epochs: int = 200
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    n_iter_no_change: int | None = 30
    tol: float = 1e-4
    chosen_by_others: bool = False
    schedule: str = "cosine"
    gradient_clip: float = 5.0
    warmup_steps: int = 20
    averaged_steps: float = 1
    max_seconds: float | None = None
    validations_after: int = 0
    verbose: int = 0
    cuda_graphs: bool = True


@dataclass
class History:
    """What happened: one record an epoch, and counts of the troubles met.

    Attributes
    ----------
    records : list of dict
        ``epoch``, ``learning_rate``, ``train_loss`` (of the live weights), ``validation_loss``
        (of the averaged ones; both means over members, nats), ``member_train_losses``,
        ``member_validation_losses`` (lists, one number each) and ``seconds`` since the start.
    validation_loss : list of float
        Best validation loss of each member (training loss where there are no such rows).
    skipped_steps, rollbacks : int
        Steps left out for a non-finite gradient, and returns to the last good weights.
    validation_seconds : float
        What the last validation took.
    stopped_by : str
        "max_epochs", "n_iter_no_change", "max_seconds", "interrupt", "callback" where one of
        scikit-learn's callbacks asked for it, or "diverged" where no step was ever finite and the
        start was kept.
    cuda_graphs : str
        "replayed" where steps were; why not where steps or the validation could not be recorded,
        as they ask the host about the device's numbers; "" where that was not tried: on a CPU,
        with an objective that is not known to do the same at every call (``repeatable``), with
        batches that are not dealt by :class:`Batches`.
    sharpened : bool
        Whether the losses, after others that are none, are those of a log density.
    """

    records: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    skipped_steps: int = 0
    rollbacks: int = 0
    validation_seconds: float = 0.0
    stopped_by: str = "max_epochs"
    cuda_graphs: str = ""
    sharpened: bool = False
