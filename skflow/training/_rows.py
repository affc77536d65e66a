"""Rows that members share: one table, and the numbers of the rows that are each member's."""

import copy
from typing import NamedTuple

import torch

__all__ = ["Batch", "Numbers", "Rows"]


class Batch(NamedTuple):
    """Rows x (*members, n, d), their context (*members, n, c) and weights (*members, n)."""

    x: torch.Tensor
    context: torch.Tensor | None = None
    weight: torch.Tensor | None = None

    def parts(self, n_parts):
        """Cut the rows into about equal parts; pairs of a part and its share of the weight."""
        weight = torch.ones_like(self.x[..., 0]) if self.weight is None else self.weight
        whole = weight.sum(dim=-1).clamp(min=1e-30)
        for rows in torch.arange(self.x.shape[-2]).tensor_split(n_parts):
            place = slice(int(rows[0]), int(rows[-1]) + 1)
            x, context = (None if t is None else t[..., place, :] for t in self[:2])
            own = None if self.weight is None else weight[..., place]
            yield Batch(x, context, own), weight[..., place].sum(dim=-1) / whole


class Numbers(NamedTuple):
    """Numbers of the rows (*members, m) that are each member's.

    With factors of that shape on their weights: 1, and 0 for those at the end that only fill up
    a member's index; None if all count.
    """

    index: torch.Tensor
    factor: torch.Tensor | None = None

    def of_first(self):
        """Return the numbers (m,) of the first member, those that count."""
        index = self.index if self.index.dim() == 1 else self.index[0]
        return index if self.factor is None else index[self.factor[0] > 0]

    def of_member(self, k):
        """Return the numbers (m,) of one of several members, and their factors."""
        return Numbers(*(None if t is None else t[k] for t in self))

    def to(self, device, dtype):
        """Move the index to a device, and the factors, which get the dtype."""
        factor = None if self.factor is None else self.factor.to(device, dtype)
        return Numbers(self.index.to(device), factor)


class Rows:
    """Rows of a table by their numbers, copied only when they are taken.

    Parameters
    ----------
    table : Batch
        x (n, d) with context (n, c) and weight (n,); or with a leading axis of planes, x (planes,
        n, d) and so on, if members see the rows each in its own way.
    index : tensor of shape (*members, m), optional
        Numbers of the rows; member k reads plane k, or the only one. Without it the rows are all
        of the table, whose planes are then the members.
    factor : tensor of shape (*members, m), optional
        Factors on the weights of the table: 0 for numbers at the end that only fill up an index.
    """

    def __init__(self, table, index=None, factor=None):
        planes, n = table.x.shape[:-2], table.x.shape[-2]
        if index is None:
            index = torch.arange(n, device=table.x.device).expand(*planes, n)
        if planes and planes[0] > 1:
            index = index + n * torch.arange(planes[0], device=index.device).unsqueeze(-1)
        self.index, self.factor = index, factor
        # planes become offsets into one long table, so that taking rows is one gather
        self.table = Batch(*(None if t is None else _lengthen(t, table.x) for t in table))

    @property
    def n_rows(self):
        """How many rows each member has."""
        return self.index.shape[-1]

    @property
    def sizes(self):
        """How many rows of each member count, as a list."""
        if self.factor is None:
            return [self.n_rows] * self.members.numel()
        return (self.factor > 0).sum(dim=-1).reshape(-1).tolist()

    @property
    def members(self):
        """The leading axes."""
        return self.index.shape[:-1]

    @property
    def n_entries_of_row(self):
        """Entries of one row, of all members together."""
        return self.members.numel() * self.table.x.shape[1:].numel()

    @property
    def weight(self):
        """Weights (*members, m), None if all are equal."""
        if self.table.weight is None:
            return self.factor
        weight = self.table.weight[self.index]
        return weight if self.factor is None else weight * self.factor

    def of_member(self, k):
        """Return the rows of one member, without a leading axis."""
        one = copy.copy(self)
        one.index = self.index[k]
        one.factor = None if self.factor is None else self.factor[k]
        return one

    def take(self, places=slice(None)):
        """Rows at some of the places (*members, k) of the index, or at a slice of them all."""
        if isinstance(places, slice):
            index = self.index[..., places]
            factor = None if self.factor is None else self.factor[..., places]
        else:
            index = self.index.gather(-1, places)
            factor = None if self.factor is None else self.factor.gather(-1, places)
        x, context, weight = (None if t is None else t[index] for t in self.table)
        if factor is not None:
            weight = factor if weight is None else weight * factor
        return Batch(x, context, weight)


def _lengthen(tensor, x):
    return tensor.reshape(-1, *tensor.shape[x.dim() - 1 :])
