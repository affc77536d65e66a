"""Steps of Real NVP and Flow++ on images, and the flow that dequantises images."""

import torch

from skflow.bases import Normal
from skflow.bijections import (
    ActNorm,
    Affine,
    Chain,
    Checkerboard,
    Composed,
    Inverse,
    LogisticToNormal,
    MixtureLogisticCDF,
    PerPixel,
    Rearranged,
    SupportMap,
    ToImage,
)
from skflow.flow import Flow
from skflow.images.architectures._multiscale import glow_step, image_coupling

__all__ = ["checkerboard_step", "dequantizing_flow", "flowpp_step", "realnvp_step"]


def realnvp_step(shape, i, elementwise, **net):
    """Build a scaling of channels and a coupling of them, whose halves take turns.

    Real NVP has such steps after a squeezing and, by :func:`checkerboard_step`, before it (Dinh
    et al. 2017, section 3.6), with batch normalisation in place of the scaling.
    """
    scaling = PerPixel(ActNorm(shape[0]))
    return Chain([scaling, image_coupling(shape, elementwise, swap=i % 2 == 1, **net)])


def flowpp_step(shape, i, n_components=8, net="attention", **settings):
    """Build a step of Flow++: a scaling, a mixing and a coupling by mixtures of logistics.

    It is Glow's step with a coupling by the log-odds of a mixture, then an affine map, steered
    by a net with attention (Ho et al. 2019, sections 3.2 and 3.3).
    """
    elementwise = Composed([MixtureLogisticCDF(n_components), Affine()])
    return glow_step(shape, i, elementwise, net=net, **settings)


def checkerboard_step(shape, i, step):
    """Build a step of the two colours of a checkerboard, which it takes for channels.

    For images of even width. :func:`multiscale_stack` takes it as ``before_squeeze``, which runs
    at scales of even height and width only: an image of odd size has steps of channels alone.
    """
    channels, height, width = shape
    inner = step((2 * channels, height, width // 2), i)
    return Chain([Checkerboard(), inner, Inverse(Checkerboard())])


def dequantizing_flow(image_shape, *, n_steps=2, hidden_features=(32, 32), **settings):
    """Build a flow of the noise of integer images: rows u in (0, 1), given the image's row.

    Affine couplings of log-odds, whose nets see the noise of one part and the whole image, each
    number at its place. The parts take turns: the colours of a checkerboard, or the halves of
    the channels where the width is odd. At the start u is uniform, and a logistic distribution
    function of noise that is logistic, so that it is nowhere flat (Ho et al. 2019, section 3.1,
    whose couplings are by mixtures).

    Parameters
    ----------
    image_shape : tuple of int
        (channels, height, width).
    n_steps : int, default=2
        Couplings; with two each number is moved once.
    hidden_features, **settings
        See :func:`image_coupling`; an ``elementwise`` other than Affine() among them.

    Returns
    -------
    Flow
        For :class:`skflow.dequantization.Dequantized`; base Normal, context (n, d) within -1
        to 1.
    """
    d = torch.Size(image_shape).numel()
    settings = {"elementwise": Affine(), "hidden_features": hidden_features} | settings
    steps = Chain([_noise_coupling(tuple(image_shape), i, settings) for i in range(n_steps)])
    # the numbers of a float32 flow stay float32
    squashing = SupportMap(torch.zeros(d), torch.ones(d)).to(torch.get_default_dtype())
    inner = Rearranged(ToImage(image_shape), steps)
    return Flow(Chain([squashing, inner, LogisticToNormal()]), Normal(d))


def _noise_coupling(shape, i, settings):
    channels, height, width = shape
    if width % 2:
        return image_coupling(shape, swap=i % 2 == 1, n_context=channels, **settings)
    fields = (2 * channels, height, width // 2)
    coupling = image_coupling(fields, swap=i % 2 == 1, n_context=2 * channels, **settings)
    return Rearranged(Checkerboard(), coupling)
