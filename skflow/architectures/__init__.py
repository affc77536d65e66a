"""Recipes: settings to bijections. A paper is a row of pieces here, not a class.

========================  ==============  ===================  =====================
paper                     structure       elementwise          mixing between layers
========================  ==============  ===================  =====================
NICE                      coupling        additive             reverse, final scaling
Real NVP                  coupling        affine               linear (PLU)
NSF, coupling             coupling        spline               linear (PLU)
MADE                      autoregressive  affine               one layer
MADE, mixtures            autoregressive  mixture of normals   one layer
MAF                       autoregressive  affine               linear (PLU)
NSF, autoregressive       autoregressive  spline               linear (PLU)
IAF                       inverse of MAF  affine               linear (PLU)
NAF                       either          deep sigmoids        linear (PLU)
UMNN                      either          integral of a net    linear (PLU)
Flow++                    coupling        mixture CDF, affine  linear (PLU)
Gaussianization flow      every column    normal scores        linear (PLU)
linear flows              linear          none                 none
planar, radial flows      one direction   tanh, 1 / (a + r)    none, final triangle
Sylvester flow            M directions    tanh                 none, final triangle
FFJORD                    velocity field  none                 none
equivariant flow          velocity field  none                 none
residual flow             x + g(x)        (all at once)        scale and shift
Glow                      coupling        affine, additive     PLU of channels
Flow++, of images         coupling        mixture CDF, affine  PLU of channels
Real NVP, of images       coupling        affine               halves take turns
residual flow, images     x + g(x)        (all at once)        scale of channels
========================  ==============  ===================  =====================

They can be used without scikit-learn: ``Flow(autoregressive_stack(...), Normal(d))`` is an
ordinary torch module.
"""

from skflow.architectures._amortized import POSTERIORS, amortized_flow
from skflow.architectures._layered import (
    ELEMENTWISE,
    MIXINGS,
    STACKS,
    autoregressive_stack,
    coupling_stack,
    gaussianization_stack,
)
from skflow.architectures._whole import (
    LINEAR,
    continuous_stack,
    linear_stack,
    low_rank_stack,
    particle_flow,
    residual_stack,
)
from skflow.images.architectures._multiscale import (
    IMAGE_MIXINGS,
    NETS,
    glow_step,
    image_coupling,
    multiscale_stack,
    residual_step,
)
from skflow.images.architectures._steps import (
    checkerboard_step,
    dequantizing_flow,
    flowpp_step,
    realnvp_step,
)

__all__ = [
    "ELEMENTWISE",
    "IMAGE_MIXINGS",
    "LINEAR",
    "MIXINGS",
    "NETS",
    "POSTERIORS",
    "STACKS",
    "amortized_flow",
    "autoregressive_stack",
    "checkerboard_step",
    "continuous_stack",
    "coupling_stack",
    "dequantizing_flow",
    "flowpp_step",
    "gaussianization_stack",
    "glow_step",
    "image_coupling",
    "linear_stack",
    "low_rank_stack",
    "multiscale_stack",
    "particle_flow",
    "realnvp_step",
    "residual_stack",
    "residual_step",
]
