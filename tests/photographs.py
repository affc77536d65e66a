"""Maps of images for the property tests, as maps of rows: see tests/instances.py."""

from functools import partial

import torch

from skflow import FlowPPDensity, GlowDensity, RealNVPDensity, ResidualFlowDensity
from skflow.architectures import (
    checkerboard_step,
    flowpp_step,
    glow_step,
    image_coupling,
    multiscale_stack,
    realnvp_step,
    residual_step,
)
from skflow.bijections import (
    PLU,
    ActNorm,
    Affine,
    Chain,
    Checkerboard,
    EmergingConv,
    Inverse,
    PerPixel,
    RationalQuadraticSpline,
    Rearranged,
    Residual,
    Reversible,
    Split,
    Squeeze,
    ToImage,
)
from skflow.nets import LipschitzConvNet

IMAGE_SHAPE = (2, 4, 4)
NET = {"hidden_features": (8, 8)}


def on_rows(bijection, out=IMAGE_SHAPE):
    """Run a map of images on rows; ``out`` is the shape of its latents."""
    return Chain([ToImage(IMAGE_SHAPE), bijection, Inverse(ToImage(out))])


def coupling(shape=IMAGE_SHAPE, elementwise=None, **settings):
    return image_coupling(shape, elementwise or Affine(), **NET, **settings)


def split():
    return Split(IMAGE_SHAPE, coupling(), Inverse(ToImage((1, 4, 4))))


def glow(n_context=0, mixing="conv1x1", **settings):
    step = partial(glow_step, elementwise=Affine(), mixing=mixing, n_context=n_context, **NET)
    prior = partial(image_coupling, elementwise=Affine(), n_context=n_context, **NET)
    return multiscale_stack(IMAGE_SHAPE, step, prior, n_steps=1, n_scales=2, **settings)


def real_nvp(n_context=0, **more):
    settings = {"elementwise": Affine(), "n_context": n_context, **NET}
    step = partial(realnvp_step, **settings)
    prior = partial(image_coupling, **settings)
    before = partial(checkerboard_step, step=step)
    sizes = {"n_steps": 2, "n_scales": 2}
    return multiscale_stack(IMAGE_SHAPE, step, prior, before_squeeze=before, **sizes, **more)


def residual(n_context=0, lipschitz=0.9, kernel_size=3, **settings):
    net = LipschitzConvNet(IMAGE_SHAPE, (8, 8), n_context, lipschitz, kernel_size)
    return Residual(net, **settings)


def residual_flow(n_context=0):
    step = partial(residual_step, n_context=n_context, **NET)
    prior = partial(image_coupling, elementwise=Affine(), n_context=n_context, **NET)
    return multiscale_stack(IMAGE_SHAPE, step, prior, n_steps=1, n_scales=2)


IMAGE_BIJECTIONS = {
    "Squeeze": lambda: on_rows(Squeeze(), (8, 2, 2)),
    "Checkerboard": lambda: on_rows(Checkerboard(), (4, 4, 2)),
    "PerPixel": lambda: on_rows(PerPixel(Chain([ActNorm(2), PLU(2)]))),
    "Inverse(PerPixel)": lambda: on_rows(Inverse(PerPixel(PLU.random(2, seed=0)))),
    "Coupling of images": lambda: on_rows(coupling()),
    "Coupling of images, swapped": lambda: on_rows(coupling(swap=True)),
    "Coupling of images, residual": lambda: on_rows(coupling(residual=True)),
    "Coupling of images, spline": lambda: on_rows(coupling(elementwise=RationalQuadraticSpline())),
    "Coupling of images with context": lambda: on_rows(coupling(n_context=2)),
    "Coupling of images, attention": lambda: on_rows(coupling(net="attention", dropout=0.1)),
    "Coupling of images, attention with context": lambda: on_rows(
        coupling(net="attention", n_context=2, n_heads=2)
    ),
    "Rearranged": lambda: on_rows(Rearranged(Checkerboard(), coupling((4, 4, 2)))),
    "EmergingConv": lambda: on_rows(EmergingConv(2)),
    "EmergingConv, 5 x 5": lambda: on_rows(EmergingConv(2, kernel_size=5)),
    "Inverse(EmergingConv)": lambda: on_rows(Inverse(EmergingConv(2))),
    "Reversible": lambda: on_rows(Reversible([EmergingConv(2), PerPixel(PLU(2)), coupling()])),
    "Split": lambda: Chain([ToImage(IMAGE_SHAPE), split()]),
    "Glow": glow,
    "Glow with context": partial(glow, n_context=2),
    "Glow with emerging convolutions": partial(glow, mixing="emerging"),
    "Glow with QR": partial(glow, mixing="qr"),
    "Glow with Householder reflections": partial(glow, mixing="orthogonal"),
    "Glow with permutations": partial(glow, mixing="permutation"),
    "Glow, memory efficient": partial(glow, memory_efficient=True),
    "Flow++ step": lambda: on_rows(flowpp_step(IMAGE_SHAPE, 0, n_components=2, **NET)),
    "Real NVP of images": real_nvp,
    "Real NVP of images with context": partial(real_nvp, n_context=2),
    "Real NVP of images, memory efficient": partial(real_nvp, memory_efficient=True),
    "Residual of images": residual,
    "Residual of images with context": partial(residual, n_context=2),
    "Residual of images, power series": partial(
        residual, lipschitz=0.2, exact_limit=0, series_tolerance=1e-12
    ),
    "Inverse(Residual of images)": lambda: Inverse(residual(kernel_size=5)),
    "Residual flow of images": residual_flow,
    "Residual flow of images with context": partial(residual_flow, n_context=2),
}


def image_rows(n_rows=6):
    """Rows (n, d) and context (n, 2) for them, in float64."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n_rows, 32, generator=generator, dtype=torch.float64)
    return x, torch.randn(n_rows, 2, generator=generator, dtype=torch.float64)


IMAGE_ESTIMATORS = {
    "GlowDensity": GlowDensity,
    "GlowDensity, additive": partial(GlowDensity, coupling="additive"),
    "GlowDensity, emerging": partial(GlowDensity, mixing="emerging"),
    "GlowDensity, memory efficient": partial(
        GlowDensity, mixing="permutation", memory_efficient=True
    ),
    "GlowDensity, mixed precision": partial(GlowDensity, mixed_precision=True),
    "GlowDensity, variational": partial(GlowDensity, dequantization="variational"),
    "RealNVPDensity": RealNVPDensity,
    "FlowPPDensity": partial(FlowPPDensity, n_components=2),
    "ResidualFlowDensity": partial(ResidualFlowDensity, log_det="exact"),
}
