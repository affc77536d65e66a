"""What to minimise: callables from a flow and a batch to losses per row."""

from skflow.bijections._penalty import collected_penalties

__all__ = ["MaximumLikelihood"]


class MaximumLikelihood:
    """Negative log density of the rows, (*members, n), in nats, plus what bijections charge.

    They charge in training mode only, so that the loss in eval mode is the log density's.
    """

    def __call__(self, flow, batch):
        with collected_penalties() as penalties:
            losses = -flow.log_prob(batch.x, batch.context)
        return sum(penalties, losses)
