"""What a run of training says of itself when it is over."""

import torch

from skflow._notices import warn
from skflow.exceptions import ConvergenceWarning, TrainingDivergedError

__all__ = ["mean_loss", "report"]


def mean_loss(losses, weight):
    """Mean of losses (*members, n) by their weights, if they have any."""
    if weight is None:
        return losses.mean(dim=-1)
    return (losses * weight).sum(dim=-1) / weight.sum(dim=-1).clamp(min=1e-30)


def report(run):
    """Put the best losses into the history, and warn of troubles met."""
    history = run.history
    lost = run.step and not run.ever_finite and history.stopped_by != "interrupt"
    if lost:
        _settle_for_start(run)
    history.validation_loss = run.best.loss.tolist()
    if history.skipped_steps and not lost:
        warn(
            f"{history.skipped_steps} training steps had a non-finite gradient and were "
            f"skipped, with {history.rollbacks} returns to earlier weights at half the "
            "rate. The best weights are kept; a lower learning_rate may fit better.",
            ConvergenceWarning,
        )


def _settle_for_start(run):
    """Keep the start, which no step has changed, if rows have a density by it."""
    run.history.stopped_by = "diverged"
    if run.validation is None:
        run.best.update(_loss_of_start(run))
    trouble = (
        f"The loss was not finite in {run.history.skipped_steps} steps, at rates down to "
        f"{run.config.learning_rate * float(run.scale.min()):.1e}. "
    )
    remedy = "Lower learning_rate, scale the columns or remove extreme rows."
    if not bool(run.best.loss.isfinite().all()):
        raise TrainingDivergedError(trouble + remedy)
    warn(f"{trouble}The untrained start is kept. {remedy}", ConvergenceWarning)


@torch.no_grad()
def _loss_of_start(run):
    losses = [
        mean_loss(run.objective(run.flow, batch), batch.weight).reshape(-1)
        for batch in run.batches
    ]
    return torch.stack(losses).mean(dim=0)
