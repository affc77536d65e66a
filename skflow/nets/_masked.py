"""MADE: a perceptron whose outputs for feature i see only the features before i."""

import torch
from torch import nn
from torch.nn import functional as F

from skflow.nets._layers import MaskedDense, affine_map, bend, hidden_pass

__all__ = ["MADE"]


class MADE(nn.Module):
    r"""Masked autoencoder for distribution estimation [1]_, plain or residual.

    Hidden unit k has a degree :math:`m_k` in 1..d-1 and sees the features with index
    :math:`< m_k` (with a context also degree 0, which sees nothing else); output i sees the
    hidden units with :math:`m_k \le i`, hence the features :math:`x_{<i}` (their eqs. 8 and 9,
    counted from zero).
    Units are sorted by degree, equally in each layer, so that residual connections keep the
    order and ``MADECursor`` can compute each unit once as features arrive.

    Parameters
    ----------
    n_features, n_params : int
        Output shape is ``(*members, n, n_features, n_params)``.
    hidden_features : tuple of int
    n_context : int
        Columns of the context, seen by every unit.
    residual : bool
        ``h + W relu(h)`` between hidden layers; equal widths only.
    dropout : float
    reach : float, optional
        Inputs far beyond it count by the logarithm of their size; None takes them as they are.
    start : tensor of shape (n_params,), optional
        Raw numbers that every output emits before training; zeros by default.

    References
    ----------
    .. [1] Germain, Gregor, Murray & Larochelle (2015), MADE, arXiv:1502.03509.
    """

    def __init__(
        self,
        n_features,
        n_params,
        hidden_features=(64, 64),
        n_context=0,
        residual=False,
        dropout=0.0,
        reach=None,
        start=None,
    ):
        super().__init__()
        if residual and len(set(hidden_features)) > 1:
            raise ValueError(f"a residual net needs equal widths, got {tuple(hidden_features)}")
        inputs = torch.cat([torch.zeros(n_context).long(), torch.arange(1, n_features + 1)])
        lowest = 0 if n_context or n_features == 1 else 1
        degrees = [inputs, *(_degrees(width, lowest, n_features) for width in hidden_features)]
        outputs = torch.arange(n_features).repeat(n_params)
        masks = [b[:, None] >= a for a, b in zip(degrees, [*degrees[1:], outputs], strict=True)]
        self.hidden = nn.ModuleList(MaskedDense(mask) for mask in masks[:-1])
        self.last = MaskedDense(masks[-1], zero=True)
        if start is not None:
            with torch.no_grad():
                self.last.bias.copy_(start.repeat_interleave(n_features))
        # how many units of each hidden layer are known once i features are
        self.known_units = [[int((d <= i).sum()) for i in range(n_features)] for d in degrees[1:]]
        self.n_features, self.n_params, self.n_context = n_features, n_params, n_context
        self.residual, self.dropout, self.reach = residual, dropout, reach

    def forward(self, x, context=None):
        if self._sees_context_alone(context):
            x = context.new_zeros(*context.shape[:-1], 1)
        x = bend(x, self.reach)
        h = (x if context is None else torch.cat([context, x], dim=-1)).mT
        raw = self.last(hidden_pass(self, h))
        return raw.unflatten(-2, (self.n_params, self.n_features)).transpose(-1, -3)

    def cursor(self, context, shape, like):
        """Return a cursor at the first feature, for ``x`` of ``shape`` (*members, n)."""
        if self._sees_context_alone(context):
            shape = context.shape[:-1]
        return MADECursor(self, context, shape, like)

    def _sees_context_alone(self, context):
        """Whether no output sees x: then one pass will do for all x given a row of the context."""
        return context is not None and self.n_features == 1


def _degrees(width, lowest, n_features):
    # evenly spread over lowest..d-1; units of degree 0 see the context alone
    return lowest + torch.arange(width) * (n_features - lowest) // width


class MADECursor:
    """The outputs of a MADE one feature at a time, as the features become known.

    Naive inversion of an autoregressive flow runs the whole net d times. Since the units of
    degree m depend on nothing that comes after feature m, each is computed once, when it is
    first needed: d thin slices that add up to the arithmetic of about one pass, with the same
    sums and therefore the same result.

    The known units are a contiguous prefix of each layer's activations (*members, units, n).
    With gradients on, prefixes are concatenated instead of written in place.
    """

    def __init__(self, net, context, shape, like):
        self.net = net
        self.layers = [(layer.masked_weight, layer.bias) for layer in [*net.hidden, net.last]]
        rows = tuple(shape)
        self.inputs = _Prefix(net.n_context + net.n_features, rows, like)
        self.units = [_Prefix(layer.mask.shape[0], rows, like) for layer in net.hidden]
        self.residuals = [_Prefix(u.size, rows, like) for u in self.units] if net.residual else []
        if context is not None:
            self.inputs.append(context.mT)
        self.feature = 0

    def params(self):
        """Raw numbers of the current feature, (*members, n, n_params)."""
        self._advance_units()
        weight, bias = self.layers[-1]
        known = self.units[-1].known
        rows = slice(self.feature, None, self.net.n_features)
        return affine_map(known, weight[..., rows, : known.shape[-2]], bias[..., rows]).mT

    def append(self, x):
        """Tell the value of the current feature, (*members, n), and go to the next."""
        self.feature += 1
        if self.feature < self.net.n_features:  # the last one is seen by nothing
            self.inputs.append(bend(x, self.net.reach).unsqueeze(-2))

    def _advance_units(self):
        source = self.inputs
        stream = None  # the residual stream before the activation
        for k, units in enumerate(self.units):
            rows = slice(units.length, self.net.known_units[k][self.feature])
            if rows.stop > rows.start:
                weight, bias = self.layers[k]
                known = source.known
                h = affine_map(known, weight[..., rows, : known.shape[-2]], bias[..., rows])
                if self.residuals:
                    h = h if stream is None else h + stream.known[..., rows, :]
                    self.residuals[k].append(h)
                units.append(F.relu(h))
            source = units
            stream = self.residuals[k] if self.residuals else None


class _Prefix:
    """Rows that become known from the top: (*members, size, n) of which ``length`` are filled."""

    def __init__(self, size, rows, like):
        self.size, self.length = size, 0
        self.grad = torch.is_grad_enabled()
        empty = like.new_empty(*rows[:-1], 0 if self.grad else size, rows[-1])
        self.buffer = empty

    @property
    def known(self):
        return self.buffer[..., : self.length, :]

    def append(self, rows):
        if self.grad:
            self.buffer = torch.cat([self.buffer, rows], dim=-2)
        else:
            self.buffer[..., self.length : self.length + rows.shape[-2], :] = rows
        self.length += rows.shape[-2]
