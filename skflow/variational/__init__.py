"""Fitting flows to log densities: search, training and a verdict on the result."""

from skflow.variational._amortized import fit_amortized, row_elbos
from skflow.variational._arviz import to_arviz
from skflow.variational._context import check_context, input_dtype
from skflow.variational._findings import findings_of, word_of
from skflow.variational._fit import ApproximationSettings, fit_density
from skflow.variational._particles import fit_particles
from skflow.variational._recipes import RECIPES
from skflow.variational._target import Target
from skflow.variational._verdict import MOST_DRAWS, N_DRAWS, judge

__all__ = [
    "MOST_DRAWS",
    "N_DRAWS",
    "RECIPES",
    "ApproximationSettings",
    "Target",
    "check_context",
    "fit_amortized",
    "findings_of",
    "fit_density",
    "fit_particles",
    "input_dtype",
    "judge",
    "row_elbos",
    "to_arviz",
    "word_of",
]
