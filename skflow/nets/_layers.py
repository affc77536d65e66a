"""Linear layers on columns, with weights that may carry leading member axes."""

import math

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from skflow._graph import applied
from skflow._random import generator

SEGMENT = 128  # outputs of a masked layer that are computed together

__all__ = [
    "Dense",
    "MaskedDense",
    "affine_map",
    "bend",
    "hidden_pass",
    "plain_pass",
    "start_as_torch",
]


def bend(x, reach):
    """Make inputs what a net can bear: ``reach * log(1 + |x| / reach)`` with the sign of x.

    Nearly x in the middle, with slope 1 at 0, and the logarithm of its size far out. ``reach``
    None leaves all as they are.
    """
    return x if reach is None else (x.abs() / reach).log1p().mul(reach).copysign(x)


def affine_map(h, weight, bias):
    """``weight @ h + bias`` for h ``(*members, n_in, n)`` in one kernel.

    Nets keep one unit a row and one data row a column: the raw numbers of a spline then lie
    along contiguous memory, which makes its many small kernels several times faster, and the
    units known so far when an autoregressive map is inverted are a contiguous prefix.
    """
    if weight.dim() == 2 and h.dim() == 2:
        return torch.addmm(bias.unsqueeze(-1), weight, h)
    if weight.dim() == 3 and h.dim() == 3:
        return torch.baddbmm(bias.unsqueeze(-1), weight, h)
    return weight @ h + bias.unsqueeze(-1)


def start_as_torch(layer, n_seen):
    """Start weight and bias of a layer, each output of which sees so many numbers, as torch does.

    They come from the generator of the block and no other.
    """
    bound = 1 / math.sqrt(max(n_seen, 1))
    for p in (layer.weight, layer.bias):
        p.data.uniform_(-bound, bound, generator=generator(p.device))


class Dense(nn.Module):
    """An affine layer; ``zero=True`` starts it at zero (the last layer of every net)."""

    # by letters, after any axes of members; files with other shapes are refused
    shapes = {"weight": "oi", "bias": "o", "mask": "oi"}

    def __init__(self, n_in, n_out, zero=False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in))
        self.bias = nn.Parameter(torch.zeros(n_out))
        if not zero:
            start_as_torch(self, n_in)

    def forward(self, h):
        return affine_map(h, self.weight, self.bias)


class MaskedDense(Dense):
    """A dense layer in which ``mask (n_out, n_in)`` says which inputs each output may see.

    Where each output sees a prefix of the inputs, as in a MADE with sorted units, wide layers are
    computed in segments of outputs that leave out the inputs none of them sees: for a square
    layer of 512 units, five eighths of the arithmetic.
    """

    def __init__(self, mask, zero=False):
        super().__init__(mask.shape[1], mask.shape[0], zero)
        # a float, so that the product below is one fast kernel; structure, so not stacked
        self.register_buffer("mask", mask.to(self.weight.dtype), persistent=False)
        self.segments = _segments(mask)

    @property
    def masked_weight(self):
        """The weight with its forbidden entries at zero."""
        return self.weight * self.mask

    def forward(self, h):
        weight = self.masked_weight
        if len(self.segments) == 1:
            return affine_map(h, weight, self.bias)
        parts = []
        for start, stop, seen in self.segments:
            rows = slice(start, stop)
            block = weight[..., rows, :seen]
            parts.append(affine_map(h[..., :seen, :], block, self.bias[..., rows]))
        return torch.cat(parts, dim=-2)


def _segments(mask):
    """Cut outputs into (start, stop, number of leading inputs that any of them sees)."""
    positions = torch.arange(1, mask.shape[1] + 1)
    seen = (mask * positions).amax(dim=1).tolist() if mask.numel() else [0] * len(mask)
    starts = range(0, len(seen), SEGMENT)
    cuts = [(i, min(i + SEGMENT, len(seen)), max(seen[i : i + SEGMENT])) for i in starts]
    return cuts if len(cuts) > 1 else [(0, len(seen), mask.shape[1])]


def plain_pass(h, layers):
    """Run dense layers with a ReLU between them, as one node of the graph.

    Small nets spend as long on autograd's bookkeeping as on arithmetic; a backward pass
    derived by hand needs half of its kernels.
    """
    parameters = [p for layer in layers for p in (layer.weight, layer.bias)]
    return applied(_PlainPass, h, *parameters)


class _PlainPass(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, *parameters):
        weights, biases = parameters[::2], parameters[1::2]
        inputs = []
        for weight, bias in zip(weights, biases, strict=True):
            h = torch.relu_(h) if inputs else h
            inputs.append(h)
            h = affine_map(h, weight, bias)
        ctx.save_for_backward(*inputs, *weights)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        n_layers = len(ctx.saved_tensors) // 2
        inputs, weights = ctx.saved_tensors[:n_layers], ctx.saved_tensors[n_layers:]
        grads = []
        for i in reversed(range(n_layers)):
            grads += [grad.sum(dim=-1), grad @ inputs[i].mT]
            if i or ctx.needs_input_grad[0]:
                grad = weights[i].mT @ grad
            if i:  # the sign of an activation is 0 or 1: the slope of the ReLU
                grad.mul_(inputs[i].sign())
        return (grad if ctx.needs_input_grad[0] else None, *reversed(grads))


def hidden_pass(net, h):
    """Run the hidden layers of a net: activations, ready for its last layer."""
    # a residual stream goes on beside its activations; elsewhere they can take its memory
    activate = F.relu if net.residual else torch.relu_
    for i, layer in enumerate(net.hidden):
        update = layer(activate(h) if i else h)
        h = h + update if net.residual and i else update
        if net.dropout and net.training:
            h = h * _dropout_mask(h, net.dropout)
    return activate(h)


def _dropout_mask(h, share):
    """Zeros in about ``share`` of the places, the rest scaled up.

    One random byte a place decides, eight from each 64-bit draw: the share is rounded to 1/256,
    and a mask costs a fifth of torch's, whose draws would otherwise dominate small nets.
    """
    dropped = min(round(256 * share), 255)  # some units stay, however near to 1 the share
    draws = torch.empty((h.numel() + 7) // 8, dtype=torch.int64, device=h.device)
    draws.random_(-(2**63), None, generator=generator(h.device))
    bytes_ = draws.view(torch.uint8)[: h.numel()].view(h.shape).to(h.dtype)
    # 0 below ``dropped`` and 1 from there on, in kernels much faster than a comparison
    return bytes_.sub_(dropped - 1).clamp_(0, 1).mul_(256 / (256 - dropped))
