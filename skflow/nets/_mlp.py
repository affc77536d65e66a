"""Plain and residual multilayer perceptrons, and encoders of a context."""

import torch
from torch import nn

from skflow.nets._layers import Dense, bend, hidden_pass, plain_pass

__all__ = ["MLP", "Encoder"]


class MLP(nn.Module):
    """A perceptron from ``(*members, n, n_in)`` to ``(*members, n, n_features, n_params)``.

    Parameters
    ----------
    n_in, n_features, n_params : int
    hidden_features : tuple of int
        Width of each hidden layer.
    n_context : int
        Columns of the context that is put before the input.
    residual : bool
        Add each hidden layer to what came before it, ``h + W relu(h)``; equal widths only.
    dropout : float
        Share of hidden units dropped in training.
    reach : float, optional
        Inputs far beyond it count by the logarithm of their size; None takes them as they are.

    Notes
    -----
    The last layer starts at zero, so that whatever the net steers starts at the identity.
    """

    def __init__(
        self,
        n_in,
        n_features,
        n_params,
        hidden_features=(64, 64),
        n_context=0,
        residual=False,
        dropout=0.0,
        reach=None,
    ):
        super().__init__()
        if residual and len(set(hidden_features)) > 1:
            raise ValueError(f"a residual net needs equal widths, got {tuple(hidden_features)}")
        widths = [n_context + n_in, *hidden_features]
        self.hidden = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = Dense(widths[-1], n_params * n_features, zero=True)
        self.n_features, self.n_params = n_features, n_params
        self.residual, self.dropout, self.reach = residual, dropout, reach

    @property
    def layers(self):
        """All layers in order."""
        return [*self.hidden, self.last]

    def forward(self, x, context=None):
        x = bend(x, self.reach)
        h = (x if context is None else torch.cat([context, x], dim=-1)).mT
        plain = not self.residual and not (self.dropout and self.training)
        raw = plain_pass(h, self.layers) if plain else self.last(hidden_pass(self, h))
        return raw.unflatten(-2, (self.n_params, self.n_features)).transpose(-1, -3)


class Encoder(nn.Module):
    """A perceptron from ``(*members, n, n_in)`` to features ``(*members, n, n_out)`` of them.

    It reads a context for others to be steered by: there is a ReLU after every layer, the last
    one too, and no layer starts at zero, since those that it feeds do.

    Parameters
    ----------
    n_in : int
    hidden_features : tuple of int
        Width of each layer, of which there is at least one; the last is n_out.
    dropout : float
        Share of units dropped in training.
    """

    residual = False

    def __init__(self, n_in, hidden_features=(128, 128), dropout=0.0):
        super().__init__()
        widths = [n_in, *hidden_features]
        self.hidden = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.dropout = dropout

    def forward(self, x):
        return hidden_pass(self, x.mT).mT
