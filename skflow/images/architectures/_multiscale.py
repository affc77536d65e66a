"""Stacks for images: steps at several scales, half of the channels leaving between two."""

from functools import partial

from skflow.bijections import (
    PLU,
    QR,
    ActNorm,
    Chain,
    Coupling,
    EmergingConv,
    Inverse,
    Orthogonal,
    Permutation,
    PerPixel,
    Residual,
    Reversible,
    Split,
    Squeeze,
    ToImage,
)
from skflow.bijections._coupling import coupling_sizes
from skflow.nets import AttentionConvNet, ConvNet, LipschitzConvNet

__all__ = [
    "IMAGE_MIXINGS",
    "NETS",
    "glow_step",
    "image_coupling",
    "multiscale_stack",
    "residual_step",
]

NETS = {"conv": ConvNet, "attention": AttentionConvNet}

# name: images' channels and the layer's number, to a map of images; a PLU starts at a
# permutation, since couplings would else move the same half in every step at first
IMAGE_MIXINGS = {
    "conv1x1": lambda channels, i: PerPixel(PLU.random(channels, i)),
    "qr": lambda channels, i: PerPixel(QR(channels)),
    "orthogonal": lambda channels, i: PerPixel(Orthogonal(channels)),
    "permutation": lambda channels, i: PerPixel(Permutation.random(channels, i)),
    "emerging": lambda channels, i: Chain(
        [PerPixel(PLU.random(channels, i)), EmergingConv(channels)]
    ),
}


def multiscale_stack(
    image_shape, step, prior, *, n_steps, n_scales, before_squeeze=None, memory_efficient=False
):
    """Build steps at several scales, between rows of pixels and rows of latents.

    Each scale squeezes the image, runs its steps and, unless it is the last, lets half of the
    channels leave as latents, given the other half (Dinh et al. 2017, eqs. 14 to 16).

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width), both even as often as there are scales; an image of odd size
        allows one scale, which is not squeezed.
    step, prior : callable
        ``step(shape, i)`` builds the i-th step for images of that shape, and ``prior(shape)``
        what makes the leaving half depend on the other.
    n_steps : int
        At each scale.
    n_scales : int
    before_squeeze : callable, optional
        Like ``step``: as many steps more at each scale that is squeezed, before it is.
    memory_efficient : bool, default=False
        Steps in a row are one :class:`skflow.bijections.Reversible`: in training they are
        computed twice, and the memory is that of one step.

    Returns
    -------
    Chain
        From rows to rows.
    """

    def in_a_row(build, shape):
        steps = [build(shape, i) for i in range(n_steps if build else 0)]
        return [Reversible(steps)] if steps and memory_efficient else steps

    first, then = (partial(in_a_row, build) for build in (before_squeeze, step))
    scales = _scales(image_shape, first, then, prior, n_scales)
    return Chain([ToImage(image_shape), *scales])


def _scales(shape, first, then, prior, n_left):
    channels, height, width = shape
    parts = []
    if height % 2 == 0 and width % 2 == 0:
        parts += [*first(shape), Squeeze()]
        shape = (4 * channels, height // 2, width // 2)
    parts += then(shape)
    if n_left == 1:
        return [*parts, Inverse(ToImage(shape))]
    kept = (coupling_sizes(shape[0])[0], *shape[1:])
    deeper = Chain(_scales(kept, first, then, prior, n_left - 1))
    return [*parts, Split(shape, prior(shape), deeper)]


def image_coupling(shape, elementwise, swap=False, net="conv", **settings):
    """Build a coupling of channels with a convolutional net, a name in NETS with its settings."""
    n_steering, n_moved = coupling_sizes(shape[0], swap)
    net = NETS[net](n_steering, shape[1:], n_moved, elementwise.n_params, **settings)
    return Coupling(shape[0], elementwise.fresh(), net, swap, axis=-3)


def glow_step(shape, i, elementwise, mixing="conv1x1", **net):
    """Build a scaling of channels, a mixing of them and a coupling (Glow, figure 2)."""
    channels = shape[0]
    scaling, mixed = PerPixel(ActNorm(channels)), IMAGE_MIXINGS[mixing](channels, i)
    return Chain([scaling, mixed, image_coupling(shape, elementwise, **net)])


def residual_step(shape, i, *, log_det="roulette", **net):
    """Build a scaling of channels and a residual block on all of the image.

    Parameters
    ----------
    shape : tuple of int
        (channels, height, width).
    i : int
        Which step it is: all are alike.
    log_det : {"roulette", "exact"}
        In training mode: an unbiased estimate or the exact log-determinant.
    **net
        Of :class:`skflow.nets.LipschitzConvNet`: hidden_features, n_context, lipschitz,
        kernel_size.
    """
    residual = Residual(LipschitzConvNet(shape, **net), log_det)
    on_rows = Chain([Inverse(ToImage(shape)), residual, ToImage(shape)])
    return Chain([PerPixel(ActNorm(shape[0])), on_rows])
