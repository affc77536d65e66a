"""Fitting flows to log densities: search, training and a verdict on the result."""

from skflow.variational._amortized import fit_amortized, row_elbos
from skflow.variational._arviz import to_arviz
from skflow.variational._context import check_context, input_dtype
from skflow.variational._fit import ApproximationSettings, fit_density
from skflow.variational._recipes import RECIPES
from skflow.variational._target import Target
from skflow.variational._verdict import judge

__all__ = [
    "RECIPES",
    "ApproximationSettings",
    "Target",
    "check_context",
    "fit_amortized",
    "fit_density",
    "input_dtype",
    "judge",
    "row_elbos",
    "to_arviz",
]
