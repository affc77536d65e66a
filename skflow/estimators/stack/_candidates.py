"""Which estimators a stack tries: its own choice by the size of the table, or those listed."""

import numpy as np
from sklearn.base import clone, get_config
from sklearn.utils.validation import has_fit_parameter

from skflow.estimators._tabular import TableFlow
from skflow.estimators.flows._autoregressive import MAFDensity, NSFDensity
from skflow.estimators.flows._kernel import KernelFlowDensity
from skflow.estimators.flows._mixture import MixtureFlowDensity
from skflow.tables._bounds import resolve_support
from skflow.tables._periodic import resolve_periods
from skflow.tables._resolution import resolve_resolution

__all__ = [
    "DECLARED",
    "check_candidates",
    "declared_by_index",
    "refuse_different_spaces",
    "seeded_clones",
    "stack_candidates",
    "takes_context",
]

# what a stack lets users declare of columns
DECLARED = ("support", "resolution", "periodic")
# Scoring a row against more kernels than this takes longer than a flow does.
MAX_ROWS_KERNELS = 20_000
# Rows, and rows times columns, up to which a second view of the table costs little.
MEDIUM = 5_000, 100_000
# And other estimators too: on few rows each errs in a way of its own.
SMALL = 2_000, 50_000
# Entries up to which other flows are among them. On larger tables a flow trains for minutes, and
# these got hardly any weight.
MAX_ENTRIES_FLOWS = 25_000


def stack_candidates(n, d, **given):
    """Pairs (name, estimator) for a table of n rows and d columns, the strongest first.

    Columns of a context count, too. What is given are parameters of all of them.
    """
    small, medium = (
        n <= max_rows and n * d <= max_entries for max_rows, max_entries in (SMALL, MEDIUM)
    )
    smooth = {"preprocessing": "gaussianize", **given}
    plain = {"preprocessing": "standardize", **given}
    if medium:
        pairs = [
            ("flow", NSFDensity(**plain)),
            ("flow_gaussianized", NSFDensity(**smooth)),
        ]
    else:
        pairs = [("flow", NSFDensity(**given))]
    if small and n * d <= MAX_ENTRIES_FLOWS:
        pairs.append(("flow_coupling", NSFDensity(structure="coupling", **plain)))
        pairs.append(("flow_affine", MAFDensity(**plain)))
    if n <= MAX_ROWS_KERNELS:
        pairs.append(("kernel", KernelFlowDensity(**given)))
    if medium:
        pairs.append(("kernel_gaussianized", KernelFlowDensity(**smooth)))
    if small:
        pairs.append(("kernel_diagonal", KernelFlowDensity(bandwidth="diagonal", **given)))
        pairs.append(("mixture", MixtureFlowDensity(**given)))
    return pairs


def declared_by_index(stack, n_features, names=None):
    """Return what is declared of columns without their names, which candidates do not see."""
    declared = dict.fromkeys(DECLARED)
    if stack.support is not None:
        bounds = zip(*resolve_support(stack.support, n_features, names), strict=True)
        declared["support"] = {j: (low, high) for j, (low, high) in enumerate(bounds)}
    if stack.resolution is not None:
        declared["resolution"] = resolve_resolution(stack.resolution, n_features, names)
    if stack.periodic is not None:
        declared["periodic"] = resolve_periods(stack.periodic, n_features, names)
    return declared


def check_candidates(pairs, given):
    """Raise what (name, estimator) pairs cannot be fitted and mixed for.

    Parameters
    ----------
    pairs : list of (str, estimator)
    given : bool
        Whether there is a context.
    """
    _check_parameters(pairs)
    refuse_different_spaces(pairs)
    if given:
        _refuse_those_without_context(pairs)


def _check_parameters(pairs):
    """Raise scikit-learn's ValueError for a parameter of wrong kind or range, however deep.

    Fits of folds go past the checks of ``fit``, and would leave out what they refuse.
    """
    if get_config()["skip_parameter_validation"]:
        return
    for _, estimator in pairs:
        for part in (estimator, *estimator.get_params().values()):
            if hasattr(part, "_parameter_constraints") and not isinstance(part, type):
                part._validate_params()


def takes_context(estimator):
    """Whether an estimator's ``fit`` can be given a context beside X."""
    if isinstance(estimator, TableFlow):
        return estimator._family().takes_context and estimator.context_columns is None
    return has_fit_parameter(estimator, "context")


def _refuse_those_without_context(pairs):
    """Raise a ValueError if any of (name, estimator) pairs takes no context."""
    without = [name for name, estimator in pairs if not takes_context(estimator)]
    if without:
        raise ValueError(
            f"the estimators {without} take no context: leave them out. NSFDensity, "
            "RealNVPDensity and the other flows with hidden_features, MixtureFlowDensity and "
            "KernelFlowDensity take one, where context_columns=None, and so does whatever has "
            "fit(X, context=), score_samples(X, context=) and sample(n, context=)."
        )


def refuse_different_spaces(pairs):
    """Raise a ValueError if densities around a centre of mass stand beside such of all columns."""
    symmetric = [name for name, estimator in pairs if getattr(estimator, "symmetry", None)]
    if symmetric and len(symmetric) < len(pairs):
        raise ValueError(
            f"the estimators {symmetric} have symmetry=..., so that their densities are ones "
            "around the centre of mass, in fewer dimensions than X has columns: they cannot be "
            "mixed or compared with those of all columns. Leave out the former, or in a stack the "
            "latter."
        )


def seeded_clones(pairs, rng):
    """Clones of (name, estimator) pairs, with a seed for every ``random_state`` that has none."""
    clones = [(name, clone(estimator)) for name, estimator in pairs]
    for _, estimator in clones:
        seeds = [
            name
            for name, value in sorted(estimator.get_params().items())
            if name.split("__")[-1] == "random_state" and value is None
        ]
        estimator.set_params(**{name: rng.randint(np.iinfo(np.int32).max) for name in seeds})
    return clones
