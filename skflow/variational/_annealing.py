"""Targets that are flat at first and take on their full shape during training."""

__all__ = ["AnnealedBatches"]

SHARE = 0.5  # of the epochs, over which the temperature falls


class AnnealedBatches:
    """Batches that raise a :class:`ReverseKL`'s inverse temperature to 1, epoch by epoch.

    It grows geometrically over the first half of the epochs, so that modes that are far apart
    stay connected for a while.

    Parameters
    ----------
    batches : sized iterable of Batch
    objective : ReverseKL
    start : float
        Inverse temperature in the first epoch, between 0 and 1.
    n_epochs : int
    """

    def __init__(self, batches, objective, start, n_epochs):
        self.batches, self.objective = batches, objective
        self.start, self.n_annealed = start, max(1, round(SHARE * n_epochs))
        self.epoch = 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        done = min(1.0, self.epoch / self.n_annealed)
        self.objective.inverse_temperature = self.start ** (1 - done)
        self.epoch += 1
        yield from self.batches
