"""Rows in memory, dealt out in batches; no loader, no copies but the batch itself."""

from typing import NamedTuple

import torch

__all__ = ["Batch", "Batches", "fold_rows"]


class Batch(NamedTuple):
    """Rows x (*members, n, d), their context (*members, n, c) and weights (*members, n)."""

    x: torch.Tensor
    context: torch.Tensor | None = None
    weight: torch.Tensor | None = None


class Batches:
    """Shuffled batches; each iteration is one epoch.

    Members of an ensemble, if any, are shuffled independently. An epoch is cut into equal parts
    near ``batch_size``, so that no last batch of a few rows makes a wild step.

    Parameters
    ----------
    rows : Batch
    batch_size : int
    noise : float, default=0.0
        Standard deviation of fresh Gaussian noise added to x in every batch, a smoothing
        regulariser (Rothfuss et al. 2019, arXiv:1907.08982).
    """

    def __init__(self, rows, batch_size, noise=0.0):
        self.n_rows = rows.x.shape[-2]
        self.noise = noise
        self.n_batches = max(1, round(self.n_rows / batch_size))
        self.members = rows.x.shape[:-2]
        # members become offsets into one long table, so that a batch is one gather
        self.table = Batch(*(None if t is None else _lengthen(t, rows.x) for t in rows))

    def __len__(self):
        return self.n_batches

    def __iter__(self):
        device = self.table.x.device
        if self.members:
            orders = [
                torch.randperm(self.n_rows, device=device) + k * self.n_rows
                for k in range(self.members[0])
            ]
            order = torch.stack(orders)
        else:
            order = torch.randperm(self.n_rows, device=device)
        for index in order.tensor_split(self.n_batches, dim=-1):
            x, context, weight = (None if t is None else t[index] for t in self.table)
            if self.noise:
                x = torch.add(x, torch.randn_like(x), alpha=self.noise)
            yield Batch(x, context, weight)


def _lengthen(tensor, x):
    return tensor.reshape(-1, *tensor.shape[x.dim() - 1 :])


def fold_rows(n_rows, n_members, n_folds, generator=None):
    """Row numbers for training (K, n - m) and validation (K, m), fold k held out by member k.

    The folds have equal sizes ``m = n_rows // n_folds``, so that members train in one batch; the
    few rows left over are in no fold and train everywhere.
    """
    order = torch.randperm(n_rows, generator=generator)
    size = n_rows // n_folds
    held = torch.stack([order[k * size : (k + 1) * size] for k in range(n_members)])
    rest = torch.stack(
        [torch.cat([order[: k * size], order[(k + 1) * size :]]) for k in range(n_members)]
    )
    return rest, held
