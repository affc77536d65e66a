"""Distributions of a row's cells by the rows of the fit that are nearest to what is known."""

import math

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

__all__ = ["Neighbours"]

N_NEAREST = 100
REACHES = (0.03, 0.1, 0.35)  # of the weights of rows, in deviations of a known cell
WIDTHS = (0.005, 0.03, 0.2)  # of the kernels of scores and ordered levels
BLURS = (0.02, 0.1, 0.4)  # in their place for labels: mass that goes to all of them
MISMATCH = 2.0  # squared distance of labels that differ: as of two independent scores
NOWHERE = -1e9  # log weight of a row that has a hole where it is asked


class Neighbours(nn.Module):
    r"""Kernel estimates of any column given any others, several for each.

    The nearest rows of the fit get weights by their mean squared distance from what is known,
    :math:`w_i \propto \exp(-\lVert x_K - x_{i,K} \rVert^2 / (2 h^2 \lvert K \rvert))`, and each
    puts a kernel around its own cell: a Nadaraya-Watson estimate of a conditional density [1]_.
    There is one for each pair of a reach h and a width of the kernels. Labels that differ are
    as far apart as independent scores are on average, and so is a cell from a hole.

    Parameters
    ----------
    encoding : Encoding
        Of the columns.
    shares : list of ndarray
        Of the labels of each column that has labels: how often each occurs.
    points, spread : tensors of shape (N, d)
        Rows of the fit, as they are where cells are known and where they are asked for: scores,
        codes of levels, NaN in holes.
    weight : tensor of shape (N,), optional

    Attributes
    ----------
    reaches, widths : list of float
        Those of the estimates, as they were at the fit.
    n_kinds : int
        Number of estimates of a column.

    References
    ----------
    .. [1] Rosenblatt (1969), Conditional probability density and regression estimators, in
       Multivariate Analysis II, 25-31.
    """

    buffers_with_holes = ("spread",)  # others with NaN would be refused by files

    def __init__(self, encoding, shares, points, spread, weight=None):
        super().__init__()
        self.encoding = encoding
        self.reaches, self.widths = list(REACHES), list(WIDTHS)
        weight = torch.ones(len(points)) if weight is None else weight
        self.register_buffer("spread", spread)
        self.register_buffer("log_weight", weight.clamp(min=LEAST).log())
        for j, share in zip(encoding.labels, shares, strict=True):
            self.register_buffer(f"share_{j}", torch.as_tensor(share).float())
        # of sums of squares small distances are left, for which single precision is too coarse
        self.register_buffer("sides", self._sides(points.double()))

    @property
    def n_kinds(self):
        return len(self.reaches) * len(self.widths)

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
        distance = self._asking(values.to(self.sides), known) @ self.sides.mT
        distance /= known.sum(1, keepdim=True).clamp(min=1)
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
            sizes = torch.tensor(self.widths).log().repeat_interleave(index.shape[1])
            return Mixture(mixed.mT.flatten(0, 1), loc, sizes[:, None].expand_as(loc))
        shares = self._level_shares(index, log_weight, j)
        return Levels((log_share.exp() * shares).sum((0, 1)).mT.clamp(min=LEAST).log())

    def log_prob(self, nearest, j, own):
        """Log densities or shares (n_kinds, n) of cells (n,) of column j by each estimate."""
        index, log_weight = self._of_column(nearest, j)
        if self.encoding.kinds[j] == NUMBER:
            offset = own[:, None] - self.spread[:, j].nan_to_num(0.0)[index]
            each = [
                -0.5 * (offset / w).square() - math.log(w) - LOG_ROOT_2_PI for w in self.widths
            ]
            return torch.logsumexp(log_weight.unsqueeze(1) + torch.stack(each), -1).flatten(0, 1)
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
        encoding = self.encoding
        labels = encoding.kinds[j] == LABELS
        kernels = getattr(self, f"share_{j}") if labels else self._kernels(j)
        by_level = log_weight.new_zeros(*log_weight.shape[:2], kernels.shape[-1])
        code = self.spread[:, j].nan_to_num(0.0).long()[index].expand(log_weight.shape)
        by_level.scatter_add_(-1, code, log_weight.exp())
        if labels:
            return torch.stack([torch.lerp(by_level, kernels, blur) for blur in BLURS], 1)
        return by_level.unsqueeze(1) @ kernels

    def _kernels(self, j):
        """Masses (widths, L, L) that each level of ordered column j gives to each."""
        encoding = self.encoding
        i = encoding.scores.index(j)
        edges, k = encoding.edges_of(i), encoding.ordered.index(i)
        loc = encoding.middle[k, : len(edges) - 1, None, None]
        low, high = edges[:-1].expand(len(loc), -1), edges[1:].expand(len(loc), -1)
        nothing = torch.zeros_like(loc)
        sizes = [nothing + math.log(width) for width in self.widths]
        masses = [interval_mass(low, high, nothing, loc, size) for size in sizes]
        return torch.stack(masses).exp()

    def _asking(self, values, known):
        """Return what of rows (n, d) distances are made from, (n, f): see :meth:`_sides`."""
        encoding = self.encoding
        scores = encoding.scores_of(values).nan_to_num(0.0)
        seen = known.to(values.dtype)
        parts = [seen[:, encoding.scores], scores * seen[:, encoding.scores]]
        return torch.cat([*parts, *self._hot(values.where(known, torch.nan))], 1)

    def _sides(self, points):
        """Return what of the rows of the fit distances are made from, (N, f).

        The squared distance of a known score x from z is, but for x itself, z^2 - 2 x z; from a
        hole, where any score might be, 1 on average. That of a label is -2 if it is the same.
        """
        encoding = self.encoding
        scores = encoding.scores_of(points)
        hole = torch.isnan(scores)
        scores = scores.nan_to_num(0.0)
        parts = [torch.where(hole, 1.0, scores.square()), -2 * scores]
        for j, hot in zip(encoding.labels, self._hot(points), strict=True):
            hole = torch.isnan(points[:, j, None])
            parts.append(-MISMATCH * torch.where(hole, getattr(self, f"share_{j}"), hot))
        return torch.cat(parts, 1)

    def _hot(self, values):
        """For each column of labels, one number a level (n, L): 1 where it is that, else 0."""
        for j, size in zip(self.encoding.labels, self.encoding.sizes, strict=True):
            yield (values[:, j, None] == torch.arange(size)).to(values.dtype)
