"""The best weights so far, member by member."""

import torch

__all__ = ["BestWeights"]


class BestWeights:
    """Keeps the weights with the lowest loss of every member and counts epochs without one.

    Parameters
    ----------
    flat : tensor of shape (K, P)
        The live weights.
    patience : int or None
    tol : float
    """

    def __init__(self, flat, patience=None, tol=0.0):
        self.flat = flat
        self.weights = flat.clone()
        self.loss = torch.full((len(flat),), torch.inf, dtype=torch.float64, device=flat.device)
        self.reference = self.loss.clone()
        self.waited = torch.zeros(len(flat), dtype=torch.long, device=flat.device)
        self.patience, self.tol = patience, tol

    def update(self, loss):
        """Take note of the losses (K,) of the live weights."""
        loss = loss.double()
        better = loss < self.loss
        self.loss = torch.where(better, loss, self.loss)
        self.weights[better] = self.flat[better]
        progress = loss < self.reference - self.tol
        self.reference = torch.where(progress, loss, self.reference)
        self.waited = torch.where(progress, 0, self.waited + 1)

    @property
    def exhausted(self):
        """True when no member has improved for ``patience`` epochs."""
        return self.patience is not None and bool((self.waited >= self.patience).all())

    def restore(self, members=None):
        """Put the best weights back, of some members (K,) or of all."""
        best = self.weights
        if members is not None:
            best = torch.where(members.unsqueeze(1), best, self.flat)
        self.flat.copy_(best)
