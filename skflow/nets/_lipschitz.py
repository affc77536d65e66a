"""Networks whose Lipschitz constant has a bound that holds at all times."""

import math

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from skflow.nets._jacobian import LayeredJacobian
from skflow.nets._layers import Dense, affine_map

__all__ = ["LipschitzMLP", "lip_swish", "norm_bound"]

MAX_SLOPE = 1.1  # of the swish, rounded up
SQUARINGS = 4  # even
TINY = 1e-30
REACH = 2.0
SHARPNESS = 6.0  # of the activations at the start, for inputs of standard deviation 1


class LipschitzMLP(nn.Module):
    r"""A perceptron g from R^d to R^d with ``|g(x) - g(y)| <= L |x - y|`` in the Euclidean norm.

    .. math::
        g(x) = \bar W_n\,\phi(\cdots \phi(\bar W_1 x + C c + b_1) \cdots) + b_n, \qquad
        \bar W_i = W_i \min\Bigl(1, \frac{L^{1/n}}{B(W_i)}\Bigr), \quad
        \phi(u) = \frac{u\,\sigma(\beta u)}{1.1}

    The activation is the LipSwish [1]_, with a learnable positive slope :math:`\beta` for each
    unit: its derivative depends on :math:`\beta u` alone and never exceeds 1. B is an upper bound
    of the spectral norm, see :func:`norm_bound`: nothing is estimated from step to step, so that
    the bound holds for any weights, in training as well. Columns c of a context enter by weights
    of their own, which do not count: L bounds how g changes with x.

    The last layer starts at zero. Cost: one pass of the layers, and ``SQUARINGS`` products of
    each weight's smaller side for its norm.

    Parameters
    ----------
    n_features : int
    hidden_features : tuple of int
        Width of each hidden layer, at least one.
    n_context : int
        Columns of the context.
    lipschitz : float
        The bound L, between 0 and 1.

    References
    ----------
    .. [1] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735, section 3.3.
    """

    def __init__(self, n_features, hidden_features=(64, 64), n_context=0, lipschitz=0.9):
        super().__init__()
        if not 0 < lipschitz < 1:
            raise ValueError(f"lipschitz must lie between 0 and 1, got {lipschitz!r}")
        if not hidden_features:
            raise ValueError("a LipschitzMLP needs at least one hidden layer")
        widths = [n_features, *hidden_features]
        self.hidden = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = Dense(widths[-1], n_features, zero=True)
        self.log_sharpness = nn.ParameterList(
            torch.full((width,), math.log(SHARPNESS)) for width in hidden_features
        )
        self.context_weight = None
        if n_context:
            bound = 1 / math.sqrt(n_context)
            weight = torch.empty(widths[1], n_context).uniform_(-bound, bound)
            self.context_weight = nn.Parameter(weight)
        self.n_features, self.lipschitz = n_features, lipschitz
        self.order = min(widths)  # of the smallest determinant that is that of I + J

    def weights(self):
        """Weights of all layers as they act, scaled down where they would stretch too far."""
        layers = [*self.hidden, self.last]
        share = self.lipschitz ** (1 / len(layers))
        return [
            layer.weight * (share / norm_bound(layer.weight).clamp(min=share))[..., None, None]
            for layer in layers
        ]

    @torch.no_grad()
    def lipschitz_bound(self):
        """Product of the exact spectral norms of the weights, (*members,), in float64."""
        norms = [torch.linalg.svdvals(w.double())[..., 0] for w in self.weights()]
        return torch.stack(norms).prod(0)

    def forward(self, x, context=None):
        return self.linearize(x, context)[0]

    def linearize(self, x, context=None):
        """Return g(x) (*members, n, d) and its Jacobian at every row."""
        weights, slopes = self.weights(), []
        h = x.mT
        for i, layer in enumerate(self.hidden):
            u = affine_map(h, weights[i], layer.bias)
            if i == 0 and context is not None:
                u = u + self.context_weight @ context.mT
            h, slope = lip_swish(u, self._sharpness(i))
            slopes.append(slope)
        g = affine_map(h, weights[-1], self.last.bias).mT
        return g, LayeredJacobian(weights, slopes)

    @torch.no_grad()
    def initialize(self, x, context=None, weight=None):
        """Bend the activations where the rows are; the net stays zero.

        Weights of norm 1 spread over many units leave each unit inputs so small that a fixed
        activation would look straight to them.
        """
        weights, h = self.weights(), x.mT
        for i, layer in enumerate(self.hidden):
            u = weights[i] @ h
            if i == 0 and context is not None:
                u = u + self.context_weight @ context.mT
            mean, std = _moments(u, weight)
            bends = REACH * (2 * torch.rand_like(std) - 1)
            layer.bias.copy_(bends * std - mean)
            self.log_sharpness[i].copy_(math.log(SHARPNESS) - std.log())
            h = lip_swish(u + layer.bias.unsqueeze(-1), self._sharpness(i))[0]

    def frozen(self, context=None, dtype=torch.float64):
        """Return g as a function of x alone, in another precision and without gradients.

        What does not depend on x is computed once, for iterations that need many values.
        """
        return _Frozen(self, context, dtype)

    def _sharpness(self, i):
        return self.log_sharpness[i].exp().unsqueeze(-1)


class _Frozen:
    def __init__(self, net, context, dtype):
        self.weights = [w.detach().to(dtype) for w in net.weights()]
        biases = [layer.bias.detach().unsqueeze(-1) for layer in (*net.hidden, net.last)]
        self.biases = [b.to(dtype) for b in biases]
        if context is not None:
            shift = net.context_weight.detach().to(dtype) @ context.detach().to(dtype).mT
            self.biases[0] = self.biases[0] + shift
        self.sharpness = [net._sharpness(i).detach().to(dtype) for i in range(len(net.hidden))]

    def __call__(self, x):
        h = x.mT
        for weight, bias, sharpness in zip(
            self.weights, self.biases, [*self.sharpness, None], strict=True
        ):
            h = weight @ h + bias
            if sharpness is not None:
                h = h * torch.sigmoid(sharpness * h).div_(MAX_SLOPE)
        return h.mT


def lip_swish(u, sharpness):
    r"""LipSwish :math:`u \sigma(\beta u) / 1.1` of u (*members, units, n), and its derivative.

    Both have gradients, by a derivation of their own that saves most kernels.
    """
    return _LipSwish.apply(u, sharpness)


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
        return sum(parts), sum(sharp_parts).sum(-1, keepdim=True)


def norm_bound(weight):
    r"""Upper bound of the spectral norm of matrices (*members, a, b), with gradients.

    .. math:: B(W) = \lVert (W^T W)^{2^m} \rVert_F^{2^{-(m + 1)}} = \Bigl(\sum_i
        \sigma_i^{2 p}\Bigr)^{1 / 2p}, \qquad p = 2^{m + 1}

    the Gram iteration [1]_ with m = ``SQUARINGS``, a Schatten norm: never below the largest
    singular value, and above it by a factor of at most ``rank^(1 / 2p)``, for rank 64 and m = 4
    by 7 %. The powers are scaled to norm 1 in between, so that nothing over- or underflows. A few
    roundings are added, so that the bound holds in float32 too.

    References
    ----------
    .. [1] Delattre, Barthélemy, Araujo & Allauzen (2023), Efficient bound of Lipschitz constant
       for convolutional layers by Gram iteration, arXiv:2305.16173.
    """
    return _NormBound.apply(weight)


def _moments(u, weight):
    """Weighted mean and standard deviation, 1 where there is none, of u (*members, units, n)."""
    share = torch.ones_like(u[..., :1, :]) if weight is None else weight.unsqueeze(-2).to(u)
    share = share / share.sum(-1, keepdim=True)
    mean = (share * u).sum(-1, keepdim=True)
    std = (share * (u - mean).square()).sum(-1).sqrt()
    return mean.squeeze(-1), torch.where(std > 0, std, 1.0)


def _size(matrix):
    """Frobenius norm of a matrix (*members, a, b), as a matrix of one number."""
    return torch.linalg.vector_norm(matrix, dim=(-2, -1), keepdim=True)


class _NormBound(torch.autograd.Function):
    # The gradient is the multiple of W (W^T W)^(p - 1) = W G G^2 G^4 ... G^(2^m) whose product
    # with W is B, since B is homogeneous of degree one.

    @staticmethod
    def forward(ctx, weight):
        tall = weight if weight.shape[-2] >= weight.shape[-1] else weight.mT
        power = tall.mT @ tall
        bound, powers = 1.0, []
        for i in range(SQUARINGS + 1):
            power = power @ power if i else power
            if i % 2 == 0:  # two squares of a matrix of norm 1 cannot underflow
                norm = _size(power)
                power = power / norm.clamp(min=TINY)
                bound = bound * norm ** (0.5 ** (i + 1))
            powers.append(power)
        bound = bound * (1 + max(weight.shape[-2:]) * torch.finfo(weight.dtype).eps)
        ctx.save_for_backward(weight, bound, *powers)
        return bound[..., 0, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        weight, bound, *powers = ctx.saved_tensors
        tall = weight.shape[-2] >= weight.shape[-1]
        direction = weight if tall else weight.mT
        for power in reversed(powers):
            direction = direction @ power
        direction = direction if tall else direction.mT
        length = (direction * weight).sum((-2, -1), keepdim=True).clamp(min=TINY)
        return direction * (grad[..., None, None] * bound / length)
