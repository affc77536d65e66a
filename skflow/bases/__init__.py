"""Base distributions: where noise comes from, and what a flow's latents are scored against."""

from skflow.bases._base import Base
from skflow.bases._choice import MixtureChoice, choose_mixture
from skflow.bases._given_kernels import GivenKernels
from skflow.bases._given_mixture import GivenMixture
from skflow.bases._harmonic import Harmonic
from skflow.bases._kernel import KernelDensity
from skflow.bases._mixture import GaussianMixture
from skflow.bases._normal import Normal
from skflow.bases._product import Product
from skflow.bases._smoothed_rows import KernelMixture
from skflow.bases._student_t import StudentT
from skflow.bases._uniform import Uniform

__all__ = [
    "Base",
    "GaussianMixture",
    "GivenKernels",
    "GivenMixture",
    "Harmonic",
    "KernelDensity",
    "KernelMixture",
    "MixtureChoice",
    "Normal",
    "Product",
    "StudentT",
    "Uniform",
    "choose_mixture",
]
