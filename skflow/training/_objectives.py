"""What to minimise: callables from a flow and a batch to losses per row."""

__all__ = ["MaximumLikelihood"]


class MaximumLikelihood:
    """Negative log density of the rows, (*members, n), in nats."""

    def __call__(self, flow, batch):
        return -flow.log_prob(batch.x, batch.context)
