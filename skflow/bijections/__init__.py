"""Invertible maps as torch modules, which all keep one contract.

:class:`skflow.bijections.Bijection` states it.
"""

from skflow.bijections._autoregressive import Autoregressive
from skflow.bijections._base import Bijection, Chain, Inverse
from skflow.bijections._bounded import BoundedToNormal
from skflow.bijections._conditioned import ConditionalElementwise, Conditioned, LinearShift
from skflow.bijections._continuous import Continuous
from skflow.bijections._coupling import Coupling
from skflow.bijections._curves import PReLU, SinhArcsinh
from skflow.bijections._elementwise import Additive, Affine, Composed, Elementwise
from skflow.bijections._linear import (
    PLU,
    Diagonal,
    Permutation,
    Reverse,
    Triangular,
)
from skflow.bijections._logistic import LogisticToNormal
from skflow.bijections._low_rank import Planar, Radial, Sylvester
from skflow.bijections._marginal_gaussianization import MarginalGaussianization
from skflow.bijections._mean_free import MeanFree
from skflow.bijections._mixture_cdf import DeepSigmoid, MixtureLogisticCDF
from skflow.bijections._mixture_normal import MixtureNormalCDF
from skflow.bijections._monotone import MonotoneNet, UnconstrainedMonotone
from skflow.bijections._normal_scores import NormalScores
from skflow.bijections._normalization import ActNorm
from skflow.bijections._orthogonal import QR, Orthogonal
from skflow.bijections._residual import Residual
from skflow.bijections._reversible import Reversible
from skflow.bijections._scaling import Standardize, Whiten
from skflow.bijections._soft_tails import SoftTails
from skflow.bijections._spline import RationalQuadraticSpline
from skflow.bijections._support import SupportMap
from skflow.bijections._tukey import TukeyTails
from skflow.images.bijections._emerging import EmergingConv
from skflow.images.bijections._pixels import (
    Checkerboard,
    PerPixel,
    Rearranged,
    Split,
    Squeeze,
    ToImage,
)

__all__ = [
    "ActNorm",
    "Additive",
    "Affine",
    "Autoregressive",
    "Bijection",
    "BoundedToNormal",
    "Chain",
    "Checkerboard",
    "Composed",
    "ConditionalElementwise",
    "Conditioned",
    "Continuous",
    "Coupling",
    "DeepSigmoid",
    "Diagonal",
    "Elementwise",
    "EmergingConv",
    "MarginalGaussianization",
    "MeanFree",
    "NormalScores",
    "Inverse",
    "LinearShift",
    "LogisticToNormal",
    "MixtureLogisticCDF",
    "MixtureNormalCDF",
    "MonotoneNet",
    "Orthogonal",
    "PLU",
    "PReLU",
    "PerPixel",
    "Permutation",
    "Planar",
    "QR",
    "Radial",
    "RationalQuadraticSpline",
    "Rearranged",
    "Residual",
    "Reverse",
    "Reversible",
    "SinhArcsinh",
    "SoftTails",
    "Split",
    "Squeeze",
    "Standardize",
    "SupportMap",
    "TukeyTails",
    "Sylvester",
    "ToImage",
    "Triangular",
    "UnconstrainedMonotone",
    "Whiten",
]
