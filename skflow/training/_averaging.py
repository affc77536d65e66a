"""Weights averaged over the last steps, which are what is validated and kept."""

from contextlib import contextmanager

import torch

__all__ = ["AveragedWeights"]


class AveragedWeights:
    """Exponential moving average of the live weights.

    At a rate that does not fall yet, weights wander around the place where they should be, and
    their mean lies nearer to it (Polyak & Juditsky 1992). Its loss has less noise, too, so that
    it takes fewer epochs to tell that there is no more progress.

    Parameters
    ----------
    flat : tensor of shape (K, P)
        The live weights.
    n_steps : float
        Over how many steps the average reaches back; over the last third of all in the
        beginning. 1 makes it the live weights.
    """

    def __init__(self, flat, n_steps=1):
        self.flat, self.n_steps = flat, n_steps
        self.mean = flat.clone()
        self.taken = 0

    def update(self):
        """Take note of the live weights after a step."""
        self.taken += 1
        self.note(self.share(self.taken))

    def share(self, step):
        """Weight of the live weights in the average after a step; steps count from 1."""
        return max(1 / self.n_steps, 3 / (2 + step))

    def note(self, share):
        """Move the average by a share of the way, a number or a tensor, to the live weights."""
        self.mean.lerp_(self.flat, share)

    def restart(self, members):
        """Begin anew at the live weights of some members (K,), after they were rolled back."""
        self.mean.copy_(torch.where(members.unsqueeze(1), self.flat, self.mean))

    def state(self):
        """Copy the average, and how many steps it took note of."""
        return {"mean": self.mean.to("cpu", copy=True), "taken": self.taken}

    def resume(self, state):
        """Go on from where another one was."""
        self.mean.copy_(state["mean"])
        self.taken = state["taken"]

    @contextmanager
    def in_place(self):
        """Run a block in which the live weights are the average."""
        live = self.flat.clone()
        try:
            self.flat.copy_(self.mean)
            yield
        finally:
            self.flat.copy_(live)
