"""Numerical tools that know nothing of flows: roots, integration, stable special functions."""

from skflow.numerics._logistic import mixture_logit
from skflow.numerics._normal import logit_of_normal, normal_of_logit
from skflow.numerics._ode import integrate_adaptively, integrate_in_steps
from skflow.numerics._roots import increasing_root

__all__ = [
    "increasing_root",
    "integrate_adaptively",
    "integrate_in_steps",
    "logit_of_normal",
    "mixture_logit",
    "normal_of_logit",
]
