"""Which estimators a stack tries when it is not told."""

from skflow.estimators.flows._autoregressive import MAFDensity, NSFDensity
from skflow.estimators.flows._kernel import KernelFlowDensity
from skflow.estimators.flows._mixture import MixtureFlowDensity

__all__ = ["outlier_candidates", "stack_candidates"]

# Scoring a row against more kernels than this takes longer than a flow does.
MAX_ROWS_KERNELS = 20_000
# Rows, and rows times columns, up to which a second view of the table costs little.
MEDIUM = 5_000, 100_000
# And other structures too: on few rows each errs in a way of its own.
SMALL = 2_000, 50_000
# Seconds that a flow may take: the only one, the first of several, the others. Few tables come
# near; they keep a stack within six minutes.
ALONE, FIRST, SECOND, OTHER = 240, 150, 80, 40


def stack_candidates(n, d, support=None):
    """Pairs (name, estimator) for a table of n rows and d columns, the strongest first."""
    small, medium = (
        n <= max_rows and n * d <= max_entries for max_rows, max_entries in (SMALL, MEDIUM)
    )
    given = {"support": support}
    smooth = {"preprocessing": "gaussianize", **given}
    plain = {"preprocessing": "standardize", **given}
    if medium:
        pairs = [
            ("flow", NSFDensity(max_seconds=FIRST, **plain)),
            ("flow_gaussianized", NSFDensity(max_seconds=SECOND, **smooth)),
        ]
    else:
        pairs = [("flow", NSFDensity(max_seconds=ALONE, **given))]
    if small:
        coupling = NSFDensity(structure="coupling", max_seconds=OTHER, **plain)
        pairs.append(("flow_coupling", coupling))
        pairs.append(("flow_affine", MAFDensity(max_seconds=OTHER, **plain)))
    if n <= MAX_ROWS_KERNELS:
        pairs.append(("kernel", KernelFlowDensity(**given)))
    if medium:
        pairs.append(("kernel_gaussianized", KernelFlowDensity(**smooth)))
    if small:
        pairs.append(("kernel_diagonal", KernelFlowDensity(bandwidth="diagonal", **given)))
        pairs.append(("mixture", MixtureFlowDensity(**given)))
    return pairs


def outlier_candidates():
    """Pairs (name, estimator) whose mixture tells normal rows from others.

    Kernels take a row for normal if it is near a few of the training rows, wherever these lie.
    """
    return [
        ("kernel_diagonal", KernelFlowDensity(bandwidth="diagonal")),
        ("kernel", KernelFlowDensity(bandwidth="scalar")),
    ]
