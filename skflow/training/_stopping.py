"""The best weights so far, member by member."""

import torch

__all__ = ["BestWeights"]

# nats above the start that count of a member's loss: beyond it, a far row would choose for others
MOST = 5.0
# nats that later weights must bring others: below it, they suit those rows and not new ones
WORTH = 0.02
STATE = ("weights", "loss", "judged", "reference", "first", "waited", "improved")


class BestWeights:
    """Keeps the weights with the lowest loss of every member and counts epochs without one.

    Parameters
    ----------
    flat : tensor of shape (K, P)
        The live weights.
    patience : int or None
    tol : float
    by_others : bool, default=False
        Whether the losses of the other members choose a member's weights, and its own only how
        good these are: a loss that chose nothing is as low on new rows. Of a single member its
        own does.
    """

    def __init__(self, flat, patience=None, tol=0.0, by_others=False):
        self.flat = flat
        self.weights = flat.clone()
        self.loss = torch.full((len(flat),), torch.inf, dtype=torch.float64, device=flat.device)
        self.judged, self.reference = self.loss.clone(), self.loss.clone()
        self.first = self.loss.clone()
        self.by_others = by_others and len(flat) > 1
        self.waited = torch.zeros(len(flat), dtype=torch.long, device=flat.device)
        self.improved = torch.zeros_like(self.waited, dtype=torch.bool)  # upon the first loss
        self.patience, self.tol = patience, tol

    def update(self, loss):
        """Take note of the losses (K,) of the live weights."""
        loss = loss.double()
        judged = self._of_others(loss) if self.by_others else loss
        # weights without a density of their own rows are never kept
        worth = WORTH if self.by_others else 0.0
        better = (judged < self.judged - worth) & (loss < torch.inf)
        self.judged = torch.where(better, judged, self.judged)
        self.loss = torch.where(better, loss, self.loss)
        self.weights[better] = self.flat[better]
        progress = judged < self.reference - self.tol
        self.improved |= progress & (self.reference < torch.inf)
        self.reference = torch.where(progress, judged, self.reference)
        self.waited = torch.where(progress, 0, self.waited + 1)

    def _of_others(self, loss):
        """Mean loss of all members but one, for each."""
        self.first = torch.where(self.first < torch.inf, self.first, loss)
        risen = (loss - self.first).nan_to_num(nan=MOST, posinf=MOST).clamp(max=MOST)
        return (risen.sum() - risen) / (len(loss) - 1)

    def state(self):
        """Copy the best weights, and all that says which ones come after them."""
        return {name: getattr(self, name).to("cpu", copy=True) for name in STATE}

    def resume(self, state):
        """Go on from where another one was."""
        for name in STATE:
            getattr(self, name).copy_(state[name])

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
