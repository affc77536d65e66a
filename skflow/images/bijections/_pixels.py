r"""Maps of images ``(*members, n, channels, height, width)``.

Images come as rows, in the order channel, line, column: :class:`ToImage` shapes them,
:class:`Squeeze` and :class:`Split` give them several scales, and :class:`PerPixel` runs any
bijection of vectors on the channels of each pixel, which makes a 1 x 1 convolution of every
linear map of the package.
"""

import math
from abc import abstractmethod

import torch

from skflow.bijections._base import Bijection, largest_tolerance, weakest_inverse
from skflow.bijections._coupling import coupling_sizes

__all__ = ["Checkerboard", "PerPixel", "Rearranged", "Split", "Squeeze", "ToImage"]


class ToImage(Bijection):
    """Rows ``(*members, n, d)`` to images ``(*members, n, *image_shape)``; both log-dets are 0.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width), d in all.
    """

    def __init__(self, image_shape):
        super().__init__()
        self.image_shape = tuple(image_shape)

    def forward(self, x, context=None):
        return x.unflatten(-1, self.image_shape), x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return z.flatten(-3), z.new_zeros(z.shape[:-3])


class Squeeze(Bijection):
    """Blocks of 2 x 2 pixels become channels: (C, H, W) to (4C, H/2, W/2) [1]_.

    Channel ``4 c + 2 i + j`` holds line i and column j of the blocks of channel c; both
    log-dets are 0.

    References
    ----------
    .. [1] Dinh, Sohl-Dickstein & Bengio (2017), Real NVP, arXiv:1605.08803, section 3.6.
    """

    def forward(self, x, context=None):
        blocks = x.unflatten(-1, (-1, 2)).unflatten(-3, (-1, 2))  # (..., C, H/2, 2, W/2, 2)
        z = blocks.movedim((-3, -1), (-4, -3)).flatten(-5, -3)
        return z, x.new_zeros(x.shape[:-3])

    def inverse(self, z, context=None):
        blocks = z.unflatten(-3, (-1, 2, 2)).movedim((-4, -3), (-3, -1))
        return blocks.flatten(-4, -3).flatten(-2), z.new_zeros(z.shape[:-3])


class Checkerboard(Bijection):
    """Fields of a checkerboard become channels: (C, H, W) to (2C, H, W/2).

    The first C channels hold the fields (i, j) with even i + j, the others the rest, so that a
    coupling of channels behind it is one of the two colours [1]_. Both log-dets are 0.

    References
    ----------
    .. [1] Dinh, Sohl-Dickstein & Bengio (2017), Real NVP, arXiv:1605.08803, section 3.4.
    """

    def forward(self, x, context=None):
        pairs = x.unflatten(-1, (-1, 2))
        return torch.cat(_colours(pairs), dim=-4).squeeze(-1), x.new_zeros(x.shape[:-3])

    def inverse(self, z, context=None):
        halves = z.unsqueeze(-1).chunk(2, dim=-4)
        pairs = torch.cat(_colours(torch.cat(halves, dim=-1)), dim=-1)
        return pairs.flatten(-2), z.new_zeros(z.shape[:-3])


def _colours(pairs):
    """Firsts and seconds of pairs (..., H, W/2, 2), which change places in odd lines."""
    odd = (torch.arange(pairs.shape[-3], device=pairs.device) % 2 == 1)[:, None, None]
    first, second = pairs.chunk(2, dim=-1)
    return torch.where(odd, second, first), torch.where(odd, first, second)


class _Around(Bijection):
    """A map that runs another on its numbers in some other arrangement, either way."""

    def __init__(self, bijection):
        super().__init__()
        self.bijection = bijection

    @property
    def invertible(self):
        return self.bijection.invertible

    @property
    def tolerance(self):
        return self.bijection.tolerance

    def forward(self, x, context=None):
        return self._apply_map(self.bijection.forward, x, context)

    def inverse(self, z, context=None):
        return self._apply_map(self.bijection.inverse, z, context)

    def verify(self):
        self.bijection.verify()

    @abstractmethod
    def _apply_map(self, f, x, context):
        """Arrange x and the context, apply f and arrange what comes out as x was."""


class PerPixel(_Around):
    """A bijection of vectors on the channels of every pixel alike; log-dets add up over pixels.

    What leaves it lies channels-last in memory, which convolutions on GPUs prefer.

    Parameters
    ----------
    bijection : Bijection
        Of as many features as the images have channels. ``PerPixel(ActNorm(C))`` and
        ``PerPixel(PLU(C))`` are the scaling and the 1 x 1 convolution of Glow [1]_.

    References
    ----------
    .. [1] Kingma & Dhariwal (2018), Glow, arXiv:1807.03039, sections 3.1 and 3.2.
    """

    def initialize(self, x, context=None, weight=None):
        return self._start(self.bijection.initialize, x, context, weight)

    def initialize_inverse(self, z, context=None, weight=None):
        return self._start(self.bijection.initialize_inverse, z, context, weight)

    def _start(self, initialize, x, context, weight):
        pixels, context = _pixels(x, context)
        if weight is not None:
            weight = weight[..., None].expand(*weight.shape, x.shape[-2:].numel()).flatten(-2)
        return _images(initialize(pixels, context, weight), x.shape)

    def _apply_map(self, f, x, context):
        y, log_det = f(*_pixels(x, context))
        return _images(y, x.shape), log_det.unflatten(-1, (x.shape[-4], -1)).sum(-1)


def _pixels(x, context):
    """Images as rows of channels (*members, n * height * width, C), and the context of each."""
    if context is not None:
        context = context.repeat_interleave(x.shape[-2:].numel(), dim=-2)
    return x.movedim(-3, -1).flatten(-4, -2), context


def _images(pixels, shape):
    n, _, height, width = shape[-4:]
    return pixels.unflatten(-2, (n, height, width)).movedim(-1, -3)


class Split(Bijection):
    r"""Half of the channels leave as latents, the other half goes on to coarser scales [1]_.

    .. math::
        (h, v) = \mathrm{prior}(x), \qquad z = (\mathrm{deeper}(h), v)

    with a coupling as the prior, of which h passes unchanged and steers a map of v. For an
    affine coupling before a normal base, v then has a Gaussian prior whose mean and scale a net
    makes of h [2]_: nothing but a coupling is needed for it.

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width) of what comes in.
    prior : Bijection
        A coupling of channels in which the first half steers.
    deeper : Bijection
        From the images h, of half the channels, to rows: it ends in ``Inverse(ToImage(...))``.

    References
    ----------
    .. [1] Dinh, Sohl-Dickstein & Bengio (2017), Real NVP, arXiv:1605.08803, section 3.6.
    .. [2] Kingma & Dhariwal (2018), Glow, arXiv:1807.03039: only its code has it.
    """

    def __init__(self, image_shape, prior, deeper):
        super().__init__()
        channels, height, width = image_shape
        self.n_kept, n_leaving = coupling_sizes(channels)
        self.leaving_shape = (n_leaving, height, width)
        self.prior = prior
        self.deeper = deeper

    @property
    def invertible(self):
        return weakest_inverse([self.prior, self.deeper])

    @property
    def tolerance(self):
        return largest_tolerance([self.prior, self.deeper])

    def forward(self, x, context=None):
        y, log_det = self.prior(x, context)
        kept, leaving = self._halves(y)
        z, deeper_log_det = self.deeper(kept, context)
        return torch.cat([z, leaving.flatten(-3)], dim=-1), log_det + deeper_log_det

    def inverse(self, z, context=None):
        z, leaving = self._parts(z)
        kept, deeper_log_det = self.deeper.inverse(z, context)
        y = torch.cat([kept, leaving.unflatten(-1, self.leaving_shape)], dim=-3)
        x, log_det = self.prior.inverse(y, context)
        return x, log_det + deeper_log_det

    def initialize(self, x, context=None, weight=None):
        kept, leaving = self._halves(self.prior.initialize(x, context, weight))
        z = self.deeper.initialize(kept, context, weight)
        return torch.cat([z, leaving.flatten(-3)], dim=-1)

    def initialize_inverse(self, z, context=None, weight=None):
        z, leaving = self._parts(z)
        kept = self.deeper.initialize_inverse(z, context, weight)
        y = torch.cat([kept, leaving.unflatten(-1, self.leaving_shape)], dim=-3)
        return self.prior.initialize_inverse(y, context, weight)

    def verify(self):
        self.prior.verify()
        self.deeper.verify()

    def _parts(self, z):
        n_leaving = math.prod(self.leaving_shape)
        return z.split([z.shape[-1] - n_leaving, n_leaving], dim=-1)

    def _halves(self, y):
        return y.split([self.n_kept, y.shape[-3] - self.n_kept], dim=-3)


class Rearranged(_Around):
    """A bijection of numbers in another order or shape, of x and of the context alike.

    ``z = r^-1(f(r(x); r(context)))``, log-dets those of f: a way for context that is an image
    like x to reach the nets of f pixel by pixel. A coupling of the fields of a checkerboard,
    say, whose net sees both fields of the context: ``Rearranged(Checkerboard(), coupling)``.

    Parameters
    ----------
    arrangement : Bijection
        r, which takes a context like x and changes no volume: :class:`ToImage`,
        :class:`Squeeze` or :class:`Checkerboard`.
    bijection : Bijection
        f, between numbers of the same shape.
    """

    def __init__(self, arrangement, bijection):
        super().__init__(bijection)
        self.arrangement = arrangement

    def initialize(self, x, context=None, weight=None):
        return self._start(self.bijection.initialize, x, context, weight)

    def initialize_inverse(self, z, context=None, weight=None):
        return self._start(self.bijection.initialize_inverse, z, context, weight)

    def _start(self, initialize, x, context, weight):
        y = initialize(self._arrange(x), self._arrange(context), weight)
        return self.arrangement.inverse(y)[0]

    def _apply_map(self, f, x, context):
        y, log_det = f(self._arrange(x), self._arrange(context))
        return self.arrangement.inverse(y)[0], log_det

    def _arrange(self, x):
        return None if x is None else self.arrangement(x)[0]
