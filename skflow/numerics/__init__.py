"""Numerical tools that know nothing of flows: root finding and stable special functions."""

from skflow.numerics._logistic import mixture_logit
from skflow.numerics._normal import logit_of_normal, normal_of_logit
from skflow.numerics._roots import increasing_root

__all__ = ["increasing_root", "logit_of_normal", "mixture_logit", "normal_of_logit"]
