"""Few numbers that say of many what matters: of vectors, of series, of sets of observations."""

import math

from torch import nn
from torch.nn.utils import skip_init

from skflow._random import generator

__all__ = ["SeriesSummary", "VectorSummary"]

FARTHEST = 10.0  # deviations of an input that still tell, so that no outlier takes the net along
SEGMENTS = 4  # of a series, that are averaged apart


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
        self.each = nn.Sequential(
            _layer(nn.Linear, n_in, width), nn.ReLU(), _layer(nn.Linear, width, width), nn.ReLU()
        )
        self.all = nn.Sequential(
            _layer(nn.Linear, width, width), nn.ReLU(), _layer(nn.Linear, width, n_out)
        )

    def forward(self, x):
        return self.all(self.each(x.clamp(-FARTHEST, FARTHEST)).mean(dim=-2))


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
        layers = []
        for a, b in zip(widths[:-1], widths[1:], strict=True):
            layers += [_layer(nn.Conv1d, a, b, 5, stride=2, padding=2), nn.ReLU()]
        self.seen = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(SEGMENTS), nn.Flatten())
        self.all = nn.Sequential(
            _layer(nn.Linear, SEGMENTS * widths[-1], width),
            nn.ReLU(),
            _layer(nn.Linear, width, n_out),
        )

    def forward(self, x):
        return self.all(self.seen(x.clamp(-FARTHEST, FARTHEST).mT))


def _layer(kind, *sizes, **settings):
    """Make a layer that starts as torch's do, from the generator of the block and no other."""
    layer = skip_init(kind, *sizes, **settings)
    bound = 1 / math.sqrt(layer.weight[0].numel())
    for p in layer.parameters():
        p.data.uniform_(-bound, bound, generator=generator(p.device))
    return layer
