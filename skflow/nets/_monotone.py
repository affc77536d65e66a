"""Small nets of one number and a signal: increasing ones, and integrands of increasing ones."""

import torch
from torch import nn

from skflow._random import generator
from skflow.nets._layers import Dense, affine_map

__all__ = ["IntegrandNet", "PositiveNet"]


class IntegrandNet(nn.Module):
    """A perceptron of a number t and a signal h, smooth in both (tanh).

    Parameters
    ----------
    n_signal : int
    hidden_features : tuple of int
    """

    def __init__(self, n_signal, hidden_features):
        super().__init__()
        first = hidden_features[0]
        # drawn apart from the signal's, so that units bend at different places from the start
        rate = torch.empty(first, 1)
        rate.uniform_(generator=generator(rate.device))
        self.rate = nn.Parameter(2 * rate - 1)
        self.signal = Dense(n_signal, first)
        widths = [*hidden_features, 1]
        self.layers = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )

    def offset(self, signal):
        """Compute what a signal (*members, n_signal, n) adds to the first layer, whatever t."""
        return self.signal(signal)

    def forward(self, t, offset):
        """Map t (*members, q, n), q numbers for each signal, to as many."""
        h = offset.unsqueeze(-2) + self.rate.unsqueeze(-1) * t.unsqueeze(-3)
        h = h.flatten(-2)
        for layer in self.layers:
            h = layer(torch.tanh(h))
        return h.squeeze(-2).unflatten(-1, t.shape[-2:])


class PositiveNet(nn.Module):
    """A perceptron that increases in one number x, steered by a signal; all weights by modulus.

    Half of the units of each layer are exponential-linear, ``elu(h)``, which is bounded below,
    half are ``-elu(-h)``, bounded above, so that with two units or more it goes from minus to
    plus infinity.

    Parameters
    ----------
    n_signal : int
        Length of the signal, which adds to the first layer.
    hidden_features : tuple of int
    """

    def __init__(self, n_signal, hidden_features):
        super().__init__()
        widths = [1, *hidden_features, 1]
        self.signal = nn.Parameter(Dense(n_signal, hidden_features[0]).weight.detach())
        self.layers = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        for i, width in enumerate(hidden_features):
            sign = torch.ones(width, 1)
            sign[(width + 1) // 2 :] = -1
            self.register_buffer(f"sign_{i}", sign, persistent=False)

    def offset(self, signal):
        """Compute what a signal (*members, n_signal, n) adds to the first layer."""
        return self.signal @ signal

    def forward(self, x, offset):
        """Map x (*members, n) to the value and its derivative by x."""
        h, tangent = x.unsqueeze(-2), None
        for i, layer in enumerate(self.layers):
            weight = layer.weight.abs()
            if i:
                sign = getattr(self, f"sign_{i - 1}")
                h = sign * h
                bend = torch.expm1(h.clamp(max=0))
                h = sign * (h.clamp(min=0) + bend)
                tangent = weight @ (tangent * (bend + 1))
            else:
                tangent = weight
            h = affine_map(h, weight, layer.bias)
            h = h if i else h + offset
        return h.squeeze(-2), tangent.squeeze(-2)

    def steepest(self):
        """Bound the derivative, (*members, 1), by that of a net without bends."""
        product = self.layers[0].weight.abs()
        for layer in self.layers[1:]:
            product = layer.weight.abs() @ product
        return product.squeeze(-1)
