"""Which class densities a classifier tries, on which view of the rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skflow.estimators._tabular import TableFlow
from skflow.estimators.flows._autoregressive import NSFDensity
from skflow.estimators.stack._candidates import seeded_clones

__all__ = ["AS_GIVEN", "Candidate", "automatic_densities", "class_candidates", "view_for"]

AS_GIVEN = "as given"  # the view that is X itself
# Gaussians err less than other densities where rows are few.
TRUSTED = "linear", "between", "between_tails", "quadratic_tails", "quadratic"


@dataclass(frozen=True)
class Candidate:
    """Class densities that are tried.

    Attributes
    ----------
    name : str
    view : str
        Of the rows: the name of a preprocessing, or "as given".
    kind : object
        With ``fit(rows, rng)`` and ``log_density(z)``; not fitted, to be copied.
    slow : bool
        Whether it is left out if the time is short.
    trusted : bool
        Whether probabilities come by it where there are few rows to tell.
    is_density : bool
        Whether its scores are log densities, so that the log-det of the view counts.
    """

    name: str
    view: str
    kind: Any
    slow: bool = False
    trusted: bool = False
    is_density: bool = True


def class_candidates(classifier, rng):
    """List the candidates of a FlowClassifier, the quick ones first."""
    from skflow.estimators.classifier._own_densities import of_classes

    if isinstance(classifier.density, str):
        return automatic_densities(classifier.n_jobs, rng)
    ((name, density),) = seeded_clones([("density", classifier.density)], rng)
    view = view_for(density, "the classifier")
    return [Candidate(name, view, of_classes(density), trusted=True)]


def automatic_densities(n_jobs, rng):
    """List the class densities that are tried where none is given, the quick ones first."""
    from skflow.estimators.classifier._own_densities import of_classes

    ((_, flow),) = seeded_clones([("flow", NSFDensity(n_jobs=n_jobs))], rng)
    quick = [
        Candidate(f"{name}{suffix}", view, kind, trusted=name in TRUSTED and not suffix)
        for view, suffix in (("standardize", ""), ("gaussianize", "_gaussianized"))
        for name, kind in _quick_densities()
    ]
    return [*quick, Candidate("flow", "standardize", of_classes(flow), slow=True)]


def _quick_densities():
    from skflow.estimators.classifier._gaussians import ClassGaussians
    from skflow.estimators.classifier._kernels import ClassKernels, NaiveKernels
    from skflow.estimators.classifier._mixtures import ClassMixtures

    return [
        ("linear", ClassGaussians(np.inf)),
        ("between", ClassGaussians(4.0)),
        ("between_tails", ClassGaussians(1.0, tails=True)),
        ("quadratic_tails", ClassGaussians(0.2, tails=True)),
        ("quadratic", ClassGaussians(0.02)),
        ("naive", ClassGaussians(0.1, diagonal=True)),
        ("naive_kernels", NaiveKernels()),
        ("kernels", ClassKernels()),
        ("kernels_diagonal", ClassKernels(diagonal=True)),
        ("mixture", ClassMixtures(5e-2, (1, 2, 3, 5), ("full", "diag"))),
        ("mixture_fine", ClassMixtures(1e-3, (1, 2, 3, 4, 5), ("full",))),
    ]


def view_for(density, whose):
    """Which rows a density that was passed gets: integers as they are, others standardised."""
    params = density.get_params()
    if params.get("levels") is not None:
        return AS_GIVEN
    declared = [
        name for name in ("support", "resolution", "periodic") if params.get(name) is not None
    ]
    if declared and isinstance(density, TableFlow):
        raise ValueError(
            f"the density declares {declared[0]} in the units of X, and gets rows that are "
            f"standardised: pass support and resolution to {whose} instead, which prepares "
            "the rows for all densities; a periodic column, as its sine and cosine."
        )
    if params.get("context_columns") is not None:
        raise ValueError(
            f"the density has context_columns, and the densities of {whose} are of all columns: "
            "set context_columns=None."
        )
    return "standardize"
