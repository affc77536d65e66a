"""Convolutional networks whose Lipschitz constant has a bound that holds at all times."""

import math

import torch
from torch import nn

from skflow.images.nets._bands import ConvJacobian
from skflow.images.nets._convolution import Conv, convolve
from skflow.nets._lipschitz import LipschitzNet
from skflow.nets._norms import conv_norm, conv_norm_bound

__all__ = ["LipschitzConvNet"]


class LipschitzConvNet(LipschitzNet):
    r"""A convolutional net that is a contraction: a ``LipschitzNet`` of convolutions.

    From rows of pixels to rows of pixels, in the order channel, line, column. The first and the
    last layer have kernels of ``kernel_size``, those between 1 x 1, as in [1]_; there are zeros
    around the image. Their norms are bounded in the Fourier basis, see
    ``conv_norm_bound``, which leaves a hundredth of the bound unused at
    8 x 8 pixels and a tenth at 4 x 4. To the first layer a learnt number for each place and unit
    is added, since what stands where matters in images that are centred alike.

    The Jacobian is banded, so that log-dets are exact at any size:
    ``C (2 r + 1)^2`` products with it, r pixels being the reach of the whole net (2 with kernels
    of 3), and ``H / r`` matrices of order ``r W C`` to factorise.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width).
    hidden_features : tuple of int
        Channels of each hidden layer, at least one.
    n_context : int
        Columns of the context, which every pixel sees.
    lipschitz : float
        The bound L, between 0 and 1.
    kernel_size : int
        Odd. Kernels are 1 x 1 for images of one pixel.

    References
    ----------
    .. [1] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735, appendix.
    """

    exact_limit = math.inf

    def __init__(
        self, image_shape, hidden_features=(32, 32), n_context=0, lipschitz=0.9, kernel_size=3
    ):
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd, got {kernel_size!r}")
        channels, *size = image_shape
        k = 1 if max(size) == 1 else kernel_size
        widths = [channels, *hidden_features]
        pairs = enumerate(zip(widths[:-1], widths[1:], strict=True))
        hidden = [Conv(*pair, 1 if i else k) for i, pair in pairs]
        super().__init__(hidden, Conv(widths[-1], channels, k, zero=True), n_context, lipschitz)
        self.place = nn.Parameter(torch.zeros(widths[1], *size))
        self.image_shape = tuple(image_shape)
        self.n_features = self.order = math.prod(image_shape)

    def _opened(self, x):
        return x.unflatten(-1, self.image_shape)

    def _closed(self, h):
        return h.flatten(-3)

    def _mapped(self, h, weight, bias):
        return convolve(h, weight, bias)

    def _on_units(self, p):
        return p[..., None, :, None, None]

    def _unit_rows(self, u, weight):
        if weight is not None:
            weight = weight.repeat_interleave(u.shape[-2:].numel(), dim=-1)
        return u.movedim(-3, -4).flatten(-3), weight

    def _shift(self, context, dtype):
        place = self.place.unsqueeze(-4).to(dtype)
        if context is None:
            return place
        return place + (context.to(dtype) @ self.context_weight.to(dtype).mT)[..., None, None]

    def _norm_bound(self, weight):
        return conv_norm_bound(weight, self.image_shape[1:])

    def _norm(self, weight):
        return conv_norm(weight, self.image_shape[1:])

    def _jacobian(self, weights, slopes):
        return ConvJacobian(weights, slopes)
