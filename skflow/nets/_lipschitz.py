"""Networks whose Lipschitz constant has a bound that holds at all times."""

import math
from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from skflow._graph import applied
from skflow._random import generator
from skflow.nets._jacobian import LayeredJacobian
from skflow.nets._layers import Dense, affine_map
from skflow.nets._norms import norm_bound

__all__ = ["LipschitzMLP", "LipschitzNet", "lip_swish"]

MAX_SLOPE = 1.1  # of the swish, rounded up
REACH = 2.0
SHARPNESS = 6.0  # of the activations at the start, for inputs of standard deviation 1


class LipschitzNet(nn.Module, ABC):
    r"""A net g from R^d to R^d with ``|g(x) - g(y)| <= L |x - y|`` in the Euclidean norm.

    .. math::
        g(x) = \bar W_n\,\phi(\cdots \phi(\bar W_1 x + C c + b_1) \cdots) + b_n, \qquad
        \bar W_i = W_i \min\Bigl(1, \frac{L^{1/n}}{B(W_i)}\Bigr), \quad
        \phi(u) = \frac{u\,\sigma(\beta u)}{1.1}

    The activation is the LipSwish [1]_, with a learnable positive slope :math:`\beta` for each
    unit: its derivative depends on :math:`\beta u` alone and never exceeds 1. B is an upper bound
    of the spectral norm of a layer: nothing is estimated from step to step, so that the bound
    holds for any weights, in training as well. Columns c of a context enter by weights of their
    own, which do not count: L bounds how g changes with x. The last layer starts at zero.

    A class derived from it says what its linear layers are and how their rows and units lie.

    Parameters
    ----------
    hidden : list of modules
        With a weight (*members, units, ...) and a bias (*members, units); at least one.
    last : module
    n_context : int
        Columns of the context.
    lipschitz : float
        The bound L, between 0 and 1.

    Attributes
    ----------
    n_features : int
        d.
    order : int
        Largest rank of a Jacobian.
    exact_limit : float
        Largest order up to which determinants are the better choice.

    References
    ----------
    .. [1] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735, section 3.3.
    """

    def __init__(self, hidden, last, n_context, lipschitz):
        super().__init__()
        if not 0 < lipschitz < 1:
            raise ValueError(f"lipschitz must lie between 0 and 1, got {lipschitz!r}")
        if not hidden:
            raise ValueError(f"a {type(self).__name__} needs at least one hidden layer")
        self.hidden, self.last = nn.ModuleList(hidden), last
        widths = [len(layer.bias) for layer in hidden]
        self.log_sharpness = nn.ParameterList(
            torch.full((width,), math.log(SHARPNESS)) for width in widths
        )
        self.context_weight = None
        if n_context:
            bound = 1 / math.sqrt(n_context)
            weight = torch.empty(widths[0], n_context)
            weight.uniform_(-bound, bound, generator=generator(weight.device))
            self.context_weight = nn.Parameter(weight)
        self.lipschitz = lipschitz

    @abstractmethod
    def _opened(self, x):
        """Shape rows (*members, n, d) into what the layers take."""

    @abstractmethod
    def _closed(self, h):
        """Shape what the last layer gives into rows."""

    @abstractmethod
    def _mapped(self, h, weight, bias):
        """Apply a layer."""

    @abstractmethod
    def _on_units(self, p):
        """Give numbers of the units (*members, units) the axes that layers give."""

    @abstractmethod
    def _unit_rows(self, u, weight):
        """Values of each unit (*members, units, N), and their weights (*members, N) or None."""

    @abstractmethod
    def _shift(self, context, dtype):
        """Return what the first layer adds besides its bias, or None."""

    @abstractmethod
    def _norm_bound(self, weight):
        """Upper bound of the spectral norm of a layer, with gradients."""

    @abstractmethod
    def _norm(self, weight):
        """Spectral norm of a layer, or what it cannot exceed, by singular values."""

    @abstractmethod
    def _jacobian(self, weights, slopes):
        """Return the Jacobian that the layers make."""

    def weights(self):
        """Weights of all layers as they act, scaled down where they would stretch too far."""
        layers = [*self.hidden, self.last]
        share = self.lipschitz ** (1 / len(layers))
        return [self._scaled(layer.weight, share) for layer in layers]

    def _scaled(self, weight, share):
        scale = share / self._norm_bound(weight).clamp(min=share)
        return weight * scale[(..., *[None] * (weight.dim() - scale.dim()))]

    @torch.no_grad()
    def lipschitz_bound(self):
        """Product of the exact spectral norms of the layers, (*members,), in float64."""
        return torch.stack([self._norm(w.double()) for w in self.weights()]).prod(0)

    def forward(self, x, context=None):
        return self.linearize(x, context)[0]

    def linearize(self, x, context=None):
        """Return g(x) (*members, n, d) and its Jacobian at every row."""
        weights, slopes = self.weights(), []
        h, shift = self._opened(x), self._shift(context, x.dtype)
        for i, layer in enumerate(self.hidden):
            u = self._mapped(h, weights[i], layer.bias)
            u = u if i or shift is None else u + shift
            h, slope = lip_swish(u, self._sharpness(i))
            slopes.append(slope)
        g = self._mapped(h, weights[-1], self.last.bias)
        return self._closed(g), self._jacobian(weights, slopes)

    @torch.no_grad()
    def initialize(self, x, context=None, weight=None):
        """Bend the activations where the rows are; the net stays zero.

        Weights of norm 1 spread over many units leave each unit inputs so small that a fixed
        activation would look straight to them.
        """
        weights, h, shift = self.weights(), self._opened(x), self._shift(context, x.dtype)
        for i, layer in enumerate(self.hidden):
            u = self._mapped(h, weights[i], torch.zeros_like(layer.bias))
            u = u if i or shift is None else u + shift
            mean, std = _moments(*self._unit_rows(u, weight))
            unit = torch.empty_like(std).uniform_(generator=generator(std.device))
            bends = REACH * (2 * unit - 1)
            layer.bias.copy_(bends * std - mean)
            self.log_sharpness[i].copy_(math.log(SHARPNESS) - std.log())
            h = lip_swish(u + self._on_units(layer.bias), self._sharpness(i))[0]

    def frozen(self, context=None):
        """Return g as a function of x alone, in float64 and without gradients.

        What does not depend on x is computed once, for iterations that need many values.
        """
        return _Frozen(self, context)

    def _sharpness(self, i):
        return self._on_units(self.log_sharpness[i].exp())


class _Frozen:
    @torch.no_grad()
    def __init__(self, net, context):
        self.net, self.shift = net, net._shift(context, torch.float64)
        self.weights = [w.double() for w in net.weights()]
        self.biases = [layer.bias.double() for layer in (*net.hidden, net.last)]
        self.sharpness = [net._sharpness(i).double() for i in range(len(net.hidden))]

    @torch.no_grad()
    def __call__(self, x):
        h = self.net._opened(x)
        for i, sharpness in enumerate(self.sharpness):
            h = self.net._mapped(h, self.weights[i], self.biases[i])
            h = h if i or self.shift is None else h + self.shift
            h = h * torch.sigmoid(sharpness * h).div_(MAX_SLOPE)
        return self.net._closed(self.net._mapped(h, self.weights[-1], self.biases[-1]))


class LipschitzMLP(LipschitzNet):
    r"""A perceptron that is a contraction: a ``LipschitzNet`` of dense layers.

    Cost: one pass of the layers, and ``SQUARINGS`` products of each weight's smaller side for
    its norm, see ``norm_bound``.

    Parameters
    ----------
    n_features : int
    hidden_features : tuple of int
        Width of each hidden layer, at least one.
    n_context : int
        Columns of the context.
    lipschitz : float
        The bound L, between 0 and 1.
    """

    exact_limit = 64

    def __init__(self, n_features, hidden_features=(64, 64), n_context=0, lipschitz=0.9):
        widths = [n_features, *hidden_features]
        hidden = [Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
        last = Dense(widths[-1], n_features, zero=True)
        super().__init__(hidden, last, n_context, lipschitz)
        self.n_features, self.order = n_features, min(widths)

    def _opened(self, x):
        return x.mT

    def _closed(self, h):
        return h.mT

    def _mapped(self, h, weight, bias):
        return affine_map(h, weight, bias)

    def _on_units(self, p):
        return p.unsqueeze(-1)

    def _unit_rows(self, u, weight):
        return u, weight

    def _shift(self, context, dtype):
        if context is None:
            return None
        return self.context_weight.to(dtype) @ context.to(dtype).mT

    def _norm_bound(self, weight):
        return norm_bound(weight)

    def _norm(self, weight):
        return torch.linalg.svdvals(weight)[..., 0]

    def _jacobian(self, weights, slopes):
        return LayeredJacobian(weights, slopes)


def lip_swish(u, sharpness):
    r"""LipSwish :math:`u \sigma(\beta u) / 1.1`, and its derivative in u.

    Both have gradients, by a derivation of their own that saves most kernels. The sharpness
    :math:`\beta` has as many axes as u, some of length 1.
    """
    return applied(_LipSwish, u, sharpness)


class _LipSwish(torch.autograd.Function):
    # with t = beta u: slope = s (1 + t (1 - s)) / 1.1, whose derivative in t is the bend

    @staticmethod
    def forward(ctx, u, sharpness):
        ctx.set_materialize_grads(False)
        t = sharpness * u
        s = torch.sigmoid(t)
        rest = 1 - s
        slope = torch.addcmul(s, s * t, rest).div_(MAX_SLOPE)
        ctx.save_for_backward(u, sharpness, t, s, rest, slope)
        return (u * s).div_(MAX_SLOPE), slope

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_value, grad_slope):
        u, sharpness, t, s, rest, slope = ctx.saved_tensors
        parts, sharp_parts = [], []
        curve = (s * rest).div_(MAX_SLOPE)  # derivative of s in t
        if grad_value is not None:
            parts.append(grad_value * slope)
            sharp_parts.append(grad_value * u * u * curve)
        if grad_slope is not None:
            bend = torch.addcmul(2 * curve, curve * t, rest - s).mul_(grad_slope)
            parts.append(bend * sharpness)
            sharp_parts.append(bend * u)
        if not parts:
            return None, None
        return sum(parts), sum(sharp_parts).sum_to_size(sharpness.shape)


def _moments(u, weight):
    """Weighted mean and standard deviation, 1 where there is none, of u (*members, units, n)."""
    share = torch.ones_like(u[..., :1, :]) if weight is None else weight.unsqueeze(-2).to(u)
    share = share / share.sum(-1, keepdim=True)
    mean = (share * u).sum(-1, keepdim=True)
    std = (share * (u - mean).square()).sum(-1).sqrt()
    return mean.squeeze(-1), torch.where(std > 0, std, 1.0)
