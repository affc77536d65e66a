"""Convolutional networks that steer couplings of images."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from skflow._random import generator

__all__ = ["Conv", "ConvNet", "convolve", "drop_channels", "with_context"]


def convolve(x, weight, bias=None):
    """Convolve images with zeros around them, at every member's own weights.

    Parameters
    ----------
    x : tensor of shape (*members, n, channels, height, width)
    weight : tensor of shape (*members, n_out, channels, k, k)
        k is odd.
    bias : tensor of shape (*members, n_out), optional

    Returns
    -------
    y : tensor of shape (*members, n, n_out, height, width)
    """
    if weight.dim() == 4 and weight.shape[-3] > 0 and weight.shape[-1] == 1:
        return _pointwise(x, weight[..., 0, 0], bias)
    if weight.dim() == 4:
        if weight.shape[-3] == 0:  # torch makes no image of no channels
            x, weight = (F.pad(t, (0, 0, 0, 0, 0, 1)) for t in (x, weight))
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2)
    biases = [None] * len(weight) if bias is None else bias
    return torch.stack([convolve(*one) for one in zip(x, weight, biases, strict=True)])


def with_context(x, context):
    """Put the context before the channels of images x (*members, n, channels, height, width).

    It is (*members, n, n_context), columns which every pixel sees, or images of n_context
    channels, of which every pixel sees its own; or None.
    """
    if context is None:
        return x
    if context.dim() < x.dim():
        context = context[..., None, None].expand(*context.shape, *x.shape[-2:])
    return torch.cat([context, x], dim=-3)


def drop_channels(h, share):
    """Set about ``share`` of the channels (of whole images) to zero and scale up the rest."""
    if not share:
        return h
    unit = h.new_empty(*h.shape[:-2], 1, 1).uniform_(generator=generator(h.device))
    return h * ((unit >= share) / (1 - share))


def half_precision(x, wanted):
    """Products of a block in bfloat16 on the device of x, if wanted."""
    return torch.autocast(x.device.type, torch.bfloat16, enabled=wanted)


def _pointwise(x, weight, bias):
    """Convolve with 1 x 1 kernels: a product of matrices is several times faster on a CPU."""
    weight, pixels = weight.expand(x.shape[0], -1, -1), x.flatten(-2)
    if bias is None:
        y = torch.bmm(weight, pixels)
    else:
        y = torch.baddbmm(bias.unsqueeze(-1), weight, pixels)
    return y.unflatten(-1, x.shape[-2:])


class Conv(nn.Module):
    """A convolution with zeros around the image; ``zero=True`` starts it at zero."""

    def __init__(self, n_in, n_out, kernel_size=3, zero=False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(n_out, n_in, kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.zeros(n_out))
        if not zero:
            bound = 1 / math.sqrt(max(n_in * kernel_size**2, 1))
            for p in (self.weight, self.bias):
                p.data.uniform_(-bound, bound, generator=generator(p.device))

    def forward(self, h):
        return convolve(h, self.weight, self.bias)


class ConvNet(nn.Module):
    r"""A convolutional net from images to raw numbers of every pixel and channel.

    Plain, it is the net of Glow [1]_: a 3 x 3 convolution, 1 x 1 convolutions, a 3 x 3 one.
    Residual, every hidden layer is 3 x 3 and adds to what came before it. After the first layer
    a learnt number for each place and channel is added, since what stands where matters in
    images that are centred alike; it starts at zero, like the last layer.

    Parameters
    ----------
    n_in : int
        Channels of the input.
    image_size : tuple of int
        (height, width). Kernels are 1 x 1 where both are 1.
    n_out, n_params : int
        Output ``(*members, n, n_out, height, width, n_params)``.
    hidden_features : tuple of int
        Channels of the hidden layers.
    n_context : int
        Columns of a context ``(*members, n, n_context)``, which every pixel sees; or channels of
        one ``(*members, n, n_context, height, width)``, of which every pixel sees its own.
    residual : bool
        Equal widths only.
    dropout : float
        Share of hidden channels (of whole images) dropped in training, in all hidden layers but
        the first.
    mixed_precision : bool
        In training, products in bfloat16, which GPUs are made for; what comes out is in the
        dtype of x.

    References
    ----------
    .. [1] Kingma & Dhariwal (2018), Glow, arXiv:1807.03039, section 4.
    """

    def __init__(
        self,
        n_in,
        image_size,
        n_out,
        n_params,
        hidden_features=(64, 64),
        n_context=0,
        residual=False,
        dropout=0.0,
        mixed_precision=False,
    ):
        super().__init__()
        if residual and len(set(hidden_features)) > 1:
            raise ValueError(f"a residual net needs equal widths, got {tuple(hidden_features)}")
        k = 1 if max(image_size) == 1 else 3
        widths = [n_context + n_in, *hidden_features]
        sizes = [k] + [k if residual else 1] * (len(hidden_features) - 1)
        self.hidden = nn.ModuleList(
            Conv(a, b, size) for a, b, size in zip(widths[:-1], widths[1:], sizes, strict=True)
        )
        self.place = nn.Parameter(torch.zeros(widths[1], *image_size))
        self.last = Conv(widths[-1], n_params * n_out, k, zero=True)
        self.n_params, self.residual, self.dropout = n_params, residual, dropout
        self.mixed_precision = mixed_precision

    def forward(self, x, context=None):
        with half_precision(x, self.mixed_precision and self.training):
            h = self.hidden[0](with_context(x, context)) + self.place.unsqueeze(-4)
            for layer in self.hidden[1:]:
                update = self._drop(layer(F.relu(h)))
                h = h + update if self.residual else update
            raw = self.last(F.relu(h))
        return raw.to(x.dtype).unflatten(-3, (-1, self.n_params)).movedim(-3, -1)

    def _drop(self, h):
        return drop_channels(h, self.dropout) if self.training else h
