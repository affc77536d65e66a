"""Distributions of a row's cells by the rows of the fit that are nearest to what is known."""

from abc import ABC, abstractmethod

import torch
from torch import nn

from skflow.conditionals._encoding import LABELS, NUMBER
from skflow.conditionals._univariate import (
    LEAST,
    Levels,
    Mixture,
    interval_mass,
)
from skflow.numerics import LOG_ROOT_2_PI

__all__ = ["NearRows", "hot"]

N_NEAREST = 100
NOWHERE = -1e9  # log weight of a row that has a hole where it is asked


class NearRows(nn.Module, ABC):
    r"""Kernel estimates of any column given any others, several for each.

    The nearest rows of the fit get weights by their squared distance D from what is known,
    :math:`w_i \propto \exp(-D_i / (2 h^2))`, and each puts a kernel around its own cell: a
    Nadaraya-Watson estimate of a conditional density [1]_. There is one for each pair of a reach
    h and a width of the kernels. How distances are measured is left to subclasses, and how wide
    kernels are.

    Parameters
    ----------
    encoding : Encoding
        Of the columns.
    shares : list of ndarray
        Of the labels of each column that has labels: how often each occurs.
    spread : tensor of shape (N, d)
        Rows of the fit as they are asked for: scores, codes of levels, NaN in holes.
    weight : tensor of shape (N,) or None
    reaches, widths : sequences of float
        The widths in units of the kernels of each column.

    Attributes
    ----------
    n_kinds : int
        Number of estimates of a column.

    References
    ----------
    .. [1] Rosenblatt (1969), Conditional probability density and regression estimators, in
       Multivariate Analysis II, 25-31.
    """

    buffers_with_holes = ("spread",)  # others with NaN would be refused by files

    def __init__(self, encoding, shares, spread, weight, reaches, widths):
        super().__init__()
        self.encoding = encoding
        self.reaches, self.widths = list(reaches), list(widths)
        weight = torch.ones(len(spread)) if weight is None else weight
        self.register_buffer("spread", spread)
        self.register_buffer("log_weight", weight.clamp(min=LEAST).log())
        for j, share in zip(encoding.labels, shares, strict=True):
            self.register_buffer(f"share_{j}", torch.as_tensor(share).float())

    @property
    def n_kinds(self):
        return len(self.reaches) * len(self.widths)

    @abstractmethod
    def distances(self, values, known):
        """Squared distances (n, N) of rows of the fit from the known cells of rows (n, d).

        Each row's may all be off by the same number.
        """

    @abstractmethod
    def sizes(self, j):
        """Deviations (n_widths,) of the kernels of scores of column j."""

    def deviations(self, index, j):
        """Deviations (n_widths, n, k) of the kernels of rows (n, k) in column j of numbers."""
        return self.sizes(j)[:, None, None].expand(-1, *index.shape)

    @abstractmethod
    def blurs(self, j):
        """Return the masses (n_widths,) of labels of column j that go to all of them."""

    def nearest(self, values, known, barred=None):
        """Numbers of the nearest rows, and logs of their weights by each reach.

        Parameters
        ----------
        values : tensor of shape (n, d)
        known : tensor of shape (n, d), bool
        barred : tensor of shape (n, N), bool, optional
            Rows of the fit that do not count.

        Returns
        -------
        index : tensor of shape (n, k)
        log_weight : tensor of shape (n_reaches, n, k)
            Not normalised.
        """
        distance = self.distances(values, known)
        if barred is not None:
            distance.masked_fill_(barred, -NOWHERE)
        near, index = distance.topk(min(N_NEAREST, len(self.spread)), largest=False, sorted=False)
        near = (near - near.min(1, keepdim=True).values).to(values)
        own = self.log_weight[index]
        return index, torch.stack([own - 0.5 * near / reach**2 for reach in self.reaches])

    def column(self, nearest, j, log_share):
        """Distribution of the cells of column j of rows, given what is nearest to them.

        Parameters
        ----------
        nearest : tuple of tensors
            By :meth:`nearest`.
        j : int
        log_share : tensor of shape (n_kinds,)
            Logs of the shares of the estimates, with sum 1.

        Returns
        -------
        distribution : Mixture or Levels
            Of n cells.
        """
        index, log_weight = self._of_column(nearest, j)
        log_share = log_share.view(len(self.reaches), len(self.widths), 1, 1)
        if self.encoding.kinds[j] == NUMBER:
            mixed = torch.logsumexp(log_weight.unsqueeze(1) + log_share, 0)  # (widths, n, k)
            loc = self.spread[:, j].nan_to_num(0.0)[index].mT.repeat(len(self.widths), 1)
            sizes = self.deviations(index, j).log().mT.flatten(0, 1)
            return Mixture(mixed.mT.flatten(0, 1), loc, sizes)
        shares = self._level_shares(index, log_weight, j)
        return Levels((log_share.exp() * shares).sum((0, 1)).mT.clamp(min=LEAST).log())

    def log_prob(self, nearest, j, own):
        """Log densities or shares (n_kinds, n) of cells (n,) of column j by each estimate."""
        index, log_weight = self._of_column(nearest, j)
        if self.encoding.kinds[j] == NUMBER:
            offset = own[:, None] - self.spread[:, j].nan_to_num(0.0)[index]
            sizes = self.deviations(index, j)
            each = -0.5 * (offset / sizes).square() - sizes.log() - LOG_ROOT_2_PI
            return torch.logsumexp(log_weight.unsqueeze(1) + each, -1).flatten(0, 1)
        shares = self._level_shares(index, log_weight, j)
        code = own.long().clamp(0, shares.shape[-1] - 1)
        code = code[:, None].expand(*shares.shape[:-1], 1)
        return shares.gather(-1, code)[..., 0].flatten(0, 1).clamp(min=LEAST).log()

    def _of_column(self, nearest, j):
        index, log_weight = nearest
        hole = torch.isnan(self.spread[:, j])[index]
        return index, torch.log_softmax(log_weight.masked_fill(hole, NOWHERE), -1)

    def _level_shares(self, index, log_weight, j):
        """Shares (reaches, widths, n, L) of the levels of column j."""
        labels = self.encoding.kinds[j] == LABELS
        kernels = getattr(self, f"share_{j}") if labels else self._kernels(j)
        by_level = log_weight.new_zeros(*log_weight.shape[:2], kernels.shape[-1])
        code = self.spread[:, j].nan_to_num(0.0).long()[index].expand(log_weight.shape)
        by_level.scatter_add_(-1, code, log_weight.exp())
        if labels:
            return torch.stack([torch.lerp(by_level, kernels, b) for b in self.blurs(j)], 1)
        return by_level.unsqueeze(1) @ kernels

    def _kernels(self, j):
        """Masses (widths, L, L) that each level of ordered column j gives to each."""
        encoding = self.encoding
        i = encoding.scores.index(j)
        edges, k = encoding.edges_of(i), encoding.ordered.index(i)
        loc = encoding.middle[k, : len(edges) - 1, None, None]
        low, high = edges[:-1].expand(len(loc), -1), edges[1:].expand(len(loc), -1)
        nothing = torch.zeros_like(loc)
        log_sizes = self.sizes(j).log()
        return torch.stack(
            [interval_mass(low, high, nothing, loc, nothing + size).exp() for size in log_sizes]
        )


def hot(encoding, values):
    """For each column of labels, one number a level (n, L): 1 where it is that, else 0."""
    for j, size in zip(encoding.labels, encoding.sizes, strict=True):
        yield (values[:, j, None] == torch.arange(size)).to(values.dtype)
