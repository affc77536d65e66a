"""Kernels of whole rows, of which each column has its own size, by likelihood."""

from dataclasses import dataclass, replace

import torch

from skflow._clock import time_is_up
from skflow._random import generator
from skflow.conditionals._near_rows import NearRows, hot
from skflow.conditionals._univariate import LEAST

__all__ = ["Kernels", "likeliest_bandwidths"]

REACHES = (0.1, 0.35, 1.0)  # of the weights of rows, in bandwidths
WIDTHS = (0.03, 0.2, 1.2)  # of the kernels, in bandwidths
LEAST_SIZE, MOST_BLUR = 1e-4, 0.999
LEAST_BANDWIDTH = 1e-3
MOST_KERNELS, MOST_POINTS = 2_000, 1_000  # by which bandwidths are found
MOST_STEPS = 60
TOLERANCE = 1e-2  # relative change of the bandwidths at which the search for them ends
FARTHEST = 5.0  # deviations, up to which the outermost levels are spread
NEVER = -1e9  # log weight of a kernel that does not count


class Kernels(NearRows):
    r"""Kernel estimates by rows that are near in units of each column's own bandwidth.

    The squared distance is minus twice the log of a product of kernels, one a known cell, so that
    with reach and width 1 this is the conditional of a joint kernel density [1]_: of scores a
    normal kernel, of labels one that gives a part of its mass to all labels by their shares. From
    a hole it is as of all that may be there, a score being normal with what is expected of it.

    Parameters
    ----------
    encoding, shares, weight
        See :class:`NearRows`.
    points : Points
        The rows of the fit as they are known to others.
    spread : tensor of shape (N, d)
        Where they are as they are asked for: in the middle of what repeated numbers cover.
    bandwidths : tensor of shape (d,)
        Deviations of the kernels of scores, and of labels the mass that goes to all.
    cells : tensor of shape (N, d)
        Deviations of what a repeated number is spread over, 0 for others: kernels around it are
        as wide as that, at least.

    References
    ----------
    .. [1] Hall, Racine & Li (2004), Cross-validation and the estimation of conditional
       probability densities, JASA 99(468).
    """

    def __init__(self, encoding, shares, points, spread, weight, bandwidths, cells):
        super().__init__(encoding, shares, spread, weight, REACHES, WIDTHS)
        self.register_buffer("bandwidths", bandwidths.float())
        self.register_buffer("cells", cells)
        self.register_buffer("sides", _sides(encoding, shares, points, bandwidths.double()))

    def distances(self, values, known):
        cells = _Cells.of(self.encoding, values.to(self.sides).masked_fill(~known, torch.nan))
        return cells.asking() @ self.sides.mT

    def sizes(self, j):
        return (torch.tensor(self.widths) * self.bandwidths[j]).clamp(min=LEAST_SIZE)

    def deviations(self, index, j):
        return torch.hypot(super().deviations(index, j), self.cells[:, j][index])

    def blurs(self, j):
        return self.sizes(j).clamp(max=MOST_BLUR)


@dataclass(frozen=True)
class _Cells:
    """Scores (n, s) of rows, NaN in holes, and of each column of labels which it is (n, L)."""

    scores: torch.Tensor
    hot: list

    @classmethod
    def of(cls, encoding, values):
        return cls(encoding.scores_of(values), list(hot(encoding, values)))

    def first(self, n):
        """Return the cells of the first n rows."""
        return _Cells(self.scores[:n], [own[:n] for own in self.hot])

    def asking(self):
        """Return what of rows distances are made from (n, f): see :func:`_sides`."""
        seen, scores = ~torch.isnan(self.scores), self.scores.nan_to_num(0.0)
        return torch.cat([seen.to(scores), scores, scores.square(), *self.hot], 1)


def _sides(encoding, shares, points, bandwidths):
    """Return what of kernels distances are made from, (N, f).

    Of a score x from a kernel of mean z and variance v it is (x - z)^2 / v + log v, of which is
    left out what it would be from a known cell at 0. So with labels: 0 if they differ.
    """
    square, z = bandwidths[encoding.scores].square(), points.means
    variance = square + points.variances
    parts = [
        z.square() / variance + (variance / square).log(),
        -2 * z / variance,
        1 / variance - 1 / square,
    ]
    for j, share, own in zip(encoding.labels, shares, points.shares, strict=True):
        blur, share = bandwidths[j], torch.as_tensor(share).double().clamp(min=LEAST)
        parts.append(-2 * torch.log1p((1 - blur) * own / (blur * share)))
    return torch.cat(parts, 1)


def likeliest_bandwidths(encoding, shares, values, points, weight=None):
    r"""Find the bandwidth of each column by the leave-one-out likelihood of rows, by EM.

    With :math:`r_{ij}` the share of kernel j in the density at row i, a score's bandwidth becomes
    :math:`h^2 = \sum r_{ij} (x_i - x_j)^2 / \sum r_{ij}` [1]_, and a label's mass that goes to all
    the expected share of rows that have theirs by it.

    Parameters
    ----------
    encoding : Encoding
    shares : list of ndarray
        Of the labels of each column that has labels.
    values : tensor of shape (N, d)
        Rows of the fit, NaN in holes, which do not count where bandwidths are.
    points : Points
        The same rows as they are known to others.
    weight : tensor of shape (N,), optional

    Returns
    -------
    bandwidths : tensor of shape (d,), float64

    References
    ----------
    .. [1] Leiva-Murillo & Artes-Rodriguez (2012), Algorithms for maximum-likelihood bandwidth
       selection in kernel density estimators, Pattern Recognition Letters 33(13), section 3.
    """
    rows = torch.randperm(len(values), generator=generator())[:MOST_KERNELS]
    weight = torch.ones(len(rows)) if weight is None else weight[rows]
    weight, kernels = weight.double(), _smooth(encoding, values[rows].double())
    points = points.at(rows)
    means = torch.where(torch.isnan(kernels.scores), points.means, kernels.scores)
    points = replace(points, means=means)
    asked = kernels.first(MOST_POINTS)
    asking, n = asked.asking(), len(asked.scores)
    d = values.shape[1]
    bandwidths = torch.full((d,), len(rows) ** (-1 / (d + 4)), dtype=torch.float64)
    for _ in range(MOST_STEPS):
        log_joint = -0.5 * asking @ _sides(encoding, shares, points, bandwidths).mT
        log_joint.add_(weight.clamp(min=LEAST).log()).fill_diagonal_(NEVER)
        pair = torch.softmax(log_joint, 1).mul_(weight[:n, None])
        updated = _expected(encoding, shares, asked, kernels, pair, bandwidths)
        change = (updated / bandwidths).log().abs().max()
        bandwidths = updated
        if change < TOLERANCE or time_is_up():
            break
    return bandwidths


def _smooth(encoding, values):
    """Cells of rows, ordered levels being spread evenly over what they cover of a normal score."""
    cells = _Cells.of(encoding, values)
    for i in encoding.ordered:
        mass = torch.special.ndtr(encoding.edges_of(i).double())
        code = values[:, encoding.scores[i]]
        k = code.nan_to_num(0.0).long()
        inside = torch.rand(len(k), generator=generator(), dtype=torch.float64)
        score = torch.special.ndtri(torch.lerp(mass[k], mass[k + 1], inside))
        score = score.clamp(-FARTHEST, FARTHEST)
        cells.scores[:, i] = score.where(~torch.isnan(code), torch.nan)
    return cells


def _expected(encoding, shares, asked, kernels, pair, bandwidths):
    """Bandwidths (d,) by the shares (n, N) of kernels in the densities at rows asked for."""
    updated = bandwidths.clone()
    seen, x = (~torch.isnan(asked.scores)).double(), asked.scores.nan_to_num(0.0)
    there, z = (~torch.isnan(kernels.scores)).double(), kernels.scores.nan_to_num(0.0)
    both = pair @ there
    square = x.square() * both - 2 * x * (pair @ z) + seen * (pair @ z.square())
    square = square.sum(0).clamp(min=0) / (seen * both).sum(0).clamp(min=LEAST)
    updated[encoding.scores] = square.sqrt().clamp(min=LEAST_BANDWIDTH)
    columns = zip(encoding.labels, shares, asked.hot, kernels.hot, strict=True)
    for j, share, own, other in columns:
        found, blur = pair @ other, bandwidths[j]
        total = (own.sum(1) * found.sum(1)).sum().clamp(min=LEAST)
        own_mass = (1 - blur) / (1 - blur + blur * torch.as_tensor(share).double())
        updated[j] = (1 - ((own * found).sum(0) * own_mass).sum() / total).clamp(
            LEAST_BANDWIDTH, MOST_BLUR
        )
    return updated
