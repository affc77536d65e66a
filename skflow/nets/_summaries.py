"""Few numbers that say of many what matters: of vectors, of series, of sets of observations."""

from torch import nn

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
    dropout : float
    """

    def __init__(self, n_in, n_out, width=128, dropout=0.0):
        super().__init__()
        self.each = nn.Sequential(
            nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.all = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_out)
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
    dropout : float
    """

    def __init__(self, n_channels, n_out, width=128, dropout=0.0):
        super().__init__()
        widths = [n_channels, width // 4, width // 2, width // 2]
        layers = []
        for a, b in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv1d(a, b, 5, stride=2, padding=2), nn.ReLU()]
        self.seen = nn.Sequential(*layers, nn.AdaptiveAvgPool1d(SEGMENTS), nn.Flatten())
        self.all = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(SEGMENTS * widths[-1], width),
            nn.ReLU(),
            nn.Linear(width, n_out),
        )

    def forward(self, x):
        return self.all(self.seen(x.clamp(-FARTHEST, FARTHEST).mT))
