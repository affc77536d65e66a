"""A convolutional network with self-attention between pixels: the net of Flow++."""

import torch
from torch import nn
from torch.nn import functional as F

from skflow.images.nets._convolution import Conv, drop_channels, half_precision, with_context

__all__ = ["AttentionConvNet"]

EPSILON = 1e-5  # added to variances


class AttentionConvNet(nn.Module):
    r"""A net from images to raw numbers in which every pixel can attend to every other [1]_.

    Blocks of a convolution and of self-attention, each gated and added to what came before it,
    then brought to mean 0 and variance 1 over the channels of every pixel:

    .. math::
        h \leftarrow \mathrm{norm}(h + \mathrm{gate}(\phi(\mathrm{conv}(\phi(h))))), \quad
        h \leftarrow \mathrm{norm}(h + \mathrm{gate}(\mathrm{attention}(h + e)))

        \mathrm{gate}(h) = a \odot \sigma(b) \text{ with } (a, b) = W h, \quad
        \phi = \mathrm{ReLU}

    of a 3 x 3 convolution, learnt numbers e for each place, scaled dot products as in [2]_, and
    learnt scales and shifts in each norm. A 3 x 3 convolution comes before and after the
    blocks; the last one starts at zero. [1]_ has an ELU of h and -h side by side for
    :math:`\phi`, at twice the price.

    Cost: the attention is quadratic in the number of pixels, so that it is for images of up to
    some 32 x 32 pixels; the rest is some three times that of a plain net of as many layers.

    Parameters
    ----------
    n_in : int
        Channels of the input.
    image_size : tuple of int
        (height, width). Kernels are 1 x 1 where both are 1.
    n_out, n_params : int
        Output ``(*members, n, n_out, height, width, n_params)``.
    hidden_features : tuple of int
        Channels of each block, all equal and a multiple of n_heads.
    n_context : int
        Channels of the context; see :class:`skflow.nets.ConvNet`.
    dropout : float
        Share of channels (of whole images) dropped before the gates, in training.
    n_heads : int
        Of the attention.
    mixed_precision : bool
        See :class:`skflow.nets.ConvNet`.

    References
    ----------
    .. [1] Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, arXiv:1902.00275, section 3.3.
    .. [2] Vaswani et al. (2017), Attention is all you need, arXiv:1706.03762, section 3.2.
    """

    def __init__(
        self,
        n_in,
        image_size,
        n_out,
        n_params,
        hidden_features=(64, 64),
        n_context=0,
        dropout=0.0,
        n_heads=4,
        mixed_precision=False,
    ):
        super().__init__()
        width = hidden_features[0]
        if len(set(hidden_features)) > 1 or width % n_heads:
            raise ValueError(
                f"hidden_features={tuple(hidden_features)}: a net with attention needs equal "
                f"widths that are multiples of its {n_heads} heads, such as "
                f"{(max(1, round(width / n_heads)) * n_heads,) * len(hidden_features)}."
            )
        k = 1 if max(image_size) == 1 else 3
        self.first = Conv(n_context + n_in, width, k)
        self.blocks = nn.ModuleList(
            _Block(width, image_size, k, n_heads, dropout) for _ in hidden_features
        )
        self.last = Conv(width, n_params * n_out, k, zero=True)
        self.n_params = n_params
        self.mixed_precision = mixed_precision

    def forward(self, x, context=None):
        with half_precision(x, self.mixed_precision and self.training):
            h = self.first(with_context(x, context))
            for block in self.blocks:
                h = block(h)
            raw = self.last(h)
        return raw.to(x.dtype).unflatten(-3, (-1, self.n_params)).movedim(-3, -1)


class _Block(nn.Module):
    """A gated convolution and gated attention, each with its residual connection and norm."""

    def __init__(self, width, image_size, kernel_size, n_heads, dropout):
        super().__init__()
        self.conv = Conv(width, width, kernel_size)
        self.conv_gate = Conv(width, 2 * width, 1)
        self.conv_norm = _ChannelNorm(width)
        self.attention = _Attention(width, image_size, n_heads)
        self.attention_gate = Conv(width, 2 * width, 1)
        self.attention_norm = _ChannelNorm(width)
        self.dropout = dropout

    def forward(self, h):
        update = self._drop(F.relu(self.conv(F.relu(h))))
        h = self.conv_norm(h + F.glu(self.conv_gate(update), dim=-3))
        update = self._drop(self.attention(h))
        return self.attention_norm(h + F.glu(self.attention_gate(update), dim=-3))

    def _drop(self, h):
        return drop_channels(h, self.dropout) if self.training else h


class _Attention(nn.Module):
    """Several heads of scaled dot-product attention between the pixels of an image."""

    def __init__(self, width, image_size, n_heads):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(width, *image_size))
        self.all_three = Conv(width, 3 * width, 1)
        self.n_heads = n_heads

    def forward(self, h):
        all_three = self.all_three(h + self.place.unsqueeze(-4)).flatten(-2)
        # (images, heads, pixels, channels of a head), whatever the member axes
        heads = all_three.flatten(0, -3).unflatten(1, (3, self.n_heads, -1)).mT
        mixed = F.scaled_dot_product_attention(*heads.unbind(1))
        return mixed.mT.reshape(h.shape)


class _ChannelNorm(nn.Module):
    """Mean 0 and variance 1 over the channels of every pixel, then a learnt scale and shift."""

    def __init__(self, n_channels):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_channels))
        self.shift = nn.Parameter(torch.zeros(n_channels))

    def forward(self, h):
        variance, mean = torch.var_mean(h, dim=-3, keepdim=True, correction=0)
        scale, shift = (p[..., None, :, None, None] for p in (self.log_scale.exp(), self.shift))
        return (h - mean) * (variance + EPSILON).rsqrt() * scale + shift
