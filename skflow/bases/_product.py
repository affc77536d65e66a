"""Independent groups of columns, each under a base of its own."""

import torch
from torch import nn

from skflow.bases._base import Base

__all__ = ["Product"]


class Product(Base):
    r"""Groups of columns that are independent of each other, each under its own base.

    .. math:: \log p(z) = \sum_g \log p_g(z_{C_g})

    with the columns :math:`C_g` of group g. A mixture may hold several columns and so let them
    depend on each other. Cost: the sum of its parts', and a gather of the columns.

    Parameters
    ----------
    bases : sequence of Base
        One for each group.
    columns : sequence of sequences of int
        The columns of each group; together all columns of z, each once.

    Attributes
    ----------
    bases : ModuleList
        The bases of the groups, for example to read a Student-t's degrees of freedom.
    """

    def __init__(self, bases, columns):
        order = torch.tensor([column for group in columns for column in group])
        super().__init__(len(order))
        _check_groups(bases, columns)
        self.bases = nn.ModuleList(bases)
        self.sizes = [len(group) for group in columns]
        self.register_buffer("order", order)
        self.register_buffer("inverse_order", order.argsort())

    @property
    def columns(self):
        """The columns of each group, a list of lists."""
        return [group.tolist() for group in self.order.split(self.sizes)]

    @property
    def tail_index(self):
        return self._join([base.tail_index for base in self.bases])

    def log_prob(self, z, context=None):
        parts = self._split(z)
        return sum(b.log_prob(part, context) for b, part in zip(self.bases, parts, strict=True))

    def normal_scores(self, z, context=None):
        parts = zip(self.bases, self._split(z), strict=True)
        return self._join([base.normal_scores(part, context) for base, part in parts])

    def sample(self, n, context=None):
        return self._join([base.sample(n, context) for base in self.bases])

    @property
    def n_seeds(self):
        return sum(base.n_seeds for base in self.bases)

    def from_seeds(self, seeds, context=None):
        parts = seeds.split([base.n_seeds for base in self.bases], dim=-1)
        pairs = [b.from_seeds(part, context) for b, part in zip(self.bases, parts, strict=True)]
        draws, log_shares = zip(*pairs, strict=True)
        return self._join(draws), sum(log_shares)

    def initialize(self, z, weight=None, context=None):
        for base, part in zip(self.bases, self._split(z), strict=True):
            base.initialize(part, weight, context)

    def _split(self, z):
        return z.index_select(-1, self.order).split(self.sizes, dim=-1)

    def _join(self, parts):
        return torch.cat(parts, dim=-1).index_select(-1, self.inverse_order)


def _check_groups(bases, columns):
    held = sorted(column for group in columns for column in group)
    if held != list(range(len(held))):
        raise ValueError(f"columns must name each of 0 to d - 1 once, got {list(columns)}")
    sizes, wanted = [len(group) for group in columns], [base.n_features for base in bases]
    if sizes != wanted:
        raise ValueError(f"bases for {wanted} columns were given groups of {sizes} columns")
