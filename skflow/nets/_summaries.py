"""Few numbers that say of many what matters: of vectors, of series, of sets of observations."""

import torch
from torch import nn
from torch.nn import functional as F

from skflow.nets._layers import Dense, start_as_torch

__all__ = ["SeriesSummary", "VectorSummary"]

FARTHEST = 10.0  # deviations of an input that still tell, so that no outlier takes the net along
SEGMENTS = 4  # of a series, that are averaged apart
N_TAPS = 5


class VectorSummary(nn.Module):
    r"""A summary (n, n_out) of r observations (n, r, k) of which the order does not matter.

    .. math:: s = \rho\left(\frac1r \sum_j \phi(x_j)\right)

    with perceptrons :math:`\phi` and :math:`\rho`, the form of every function of a set
    (Zaheer et al. 2017, Deep sets, theorem 2). One observation is a vector.

    Parameters
    ----------
    n_in, n_out : int
        The k columns of an observation, and numbers that are left.
    width : int
        Of the hidden layers.
    """

    def __init__(self, n_in, n_out, width=128):
        super().__init__()
        self.each = nn.ModuleList([RowDense(n_in, width), RowDense(width, width)])
        self.all = nn.ModuleList([RowDense(width, width), RowDense(width, n_out)])

    def forward(self, x):
        each = F.relu(_through(self.each, x.clamp(-FARTHEST, FARTHEST)))
        return _through(self.all, each.mean(dim=-2))


class SeriesSummary(nn.Module):
    """A summary (n, n_out) of series (n, length, channels), by a small convolutional net.

    Three layers of stride two with five taps each, averages over four stretches of the series,
    and a perceptron of these: what happens is seen wherever it does, and roughly when.

    Parameters
    ----------
    n_channels, n_out : int
    width : int
        Of the last layers; the first convolution has a quarter of it.
    """

    def __init__(self, n_channels, n_out, width=128):
        super().__init__()
        widths = [n_channels, width // 4, width // 2, width // 2]
        self.seen = nn.ModuleList(map(SeriesTaps, widths[:-1], widths[1:]))
        self.all = nn.ModuleList([RowDense(SEGMENTS * widths[-1], width), RowDense(width, n_out)])

    def forward(self, x):
        seen = F.relu(_through(self.seen, x.clamp(-FARTHEST, FARTHEST).mT))
        return _through(self.all, F.adaptive_avg_pool1d(seen, SEGMENTS).flatten(-2))


class RowDense(Dense):
    """An affine layer of rows (..., n_in)."""

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class SeriesTaps(nn.Module):
    """A convolution of series (n, n_in, length) with stride two and five taps."""

    shapes = {"weight": "oit", "bias": "o"}

    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in, N_TAPS))
        self.bias = nn.Parameter(torch.zeros(n_out))
        start_as_torch(self, n_in * N_TAPS)

    def forward(self, x):
        return F.conv1d(x, self.weight, self.bias, stride=2, padding=N_TAPS // 2)


def _through(layers, x):
    """Run layers with a ReLU between them."""
    for i, layer in enumerate(layers):
        x = layer(F.relu(x) if i else x)
    return x
