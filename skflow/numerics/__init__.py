"""Numerical tools that know nothing of flows: roots, integrals, stable special functions."""

from skflow.numerics._logistic import mixture_logit
from skflow.numerics._normal import logit_of_normal, normal_of_logit
from skflow.numerics._quadrature import gauss_legendre
from skflow.numerics._roots import implicit_root, increasing_root

__all__ = [
    "gauss_legendre",
    "implicit_root",
    "increasing_root",
    "logit_of_normal",
    "mixture_logit",
    "normal_of_logit",
]
