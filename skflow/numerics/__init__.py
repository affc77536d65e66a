"""Numerical tools that know nothing of flows: roots, integrals, stable special functions."""

from skflow.numerics._bend import TailBend, from_tukey, max_exponent
from skflow.numerics._beta_fit import LogBeta, bent_ends, fit_log_beta
from skflow.numerics._fixed_point import contraction_root
from skflow.numerics._incomplete_beta import beta_logit
from skflow.numerics._log_det import (
    exact_log_det,
    roulette_log_det,
    series_log_det,
    series_terms,
)
from skflow.numerics._logistic import mixture_logit
from skflow.numerics._mixture_score import mixture_score
from skflow.numerics._normal import LOG_ROOT_2_PI, logit_of_normal, normal_of_logit
from skflow.numerics._ode import integrate_adaptively, integrate_in_steps
from skflow.numerics._psis import khat_error, pareto_smoothed, unseen_share
from skflow.numerics._quadrature import gauss_legendre
from skflow.numerics._ridge import ridge_regression
from skflow.numerics._roots import implicit_root, increasing_root, neighbours
from skflow.numerics._tail_index import fit_student_t
from skflow.numerics._truncated import truncated_normal

__all__ = [
    "TailBend",
    "from_tukey",
    "max_exponent",
    "LOG_ROOT_2_PI",
    "LogBeta",
    "bent_ends",
    "beta_logit",
    "contraction_root",
    "exact_log_det",
    "fit_log_beta",
    "fit_student_t",
    "gauss_legendre",
    "implicit_root",
    "increasing_root",
    "integrate_adaptively",
    "integrate_in_steps",
    "khat_error",
    "logit_of_normal",
    "mixture_logit",
    "mixture_score",
    "neighbours",
    "normal_of_logit",
    "pareto_smoothed",
    "ridge_regression",
    "roulette_log_det",
    "series_log_det",
    "series_terms",
    "truncated_normal",
    "unseen_share",
]
