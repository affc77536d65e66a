"""Which estimators a stack tries when it is not told."""

from skflow.estimators._autoregressive import MAFDensity, NSFDensity
from skflow.estimators._classical import KernelFlowDensity, MixtureFlowDensity

__all__ = ["outlier_candidates", "stack_candidates"]

# Scoring a row against more kernels than this takes longer than a flow does.
MAX_ROWS_KERNELS = 20_000
# Up to here a second view of the table costs little: other margins, smaller models.
MAX_ROWS_MEDIUM = 5_000
# And here, other structures too: on few rows each errs in a way of its own.
MAX_ROWS_SMALL = 2_000
# Seconds that a flow may take: the only one, the first of several, the others. Few tables come
# near; they keep a stack within six minutes.
ALONE, FIRST, SECOND, OTHER = 240, 150, 80, 40


def stack_candidates(n, d, support=None):
    """Pairs (name, estimator) for a table of n rows and d columns, the strongest first."""
    given = {"support": support}
    smooth = {"preprocessing": "gaussianize", **given}
    plain = {"preprocessing": "standardize", **given}
    if n > MAX_ROWS_MEDIUM:
        pairs = [("flow", NSFDensity(max_seconds=ALONE, **given))]
    else:
        pairs = [
            ("flow", NSFDensity(max_seconds=FIRST, **plain)),
            ("flow_gaussianized", NSFDensity(max_seconds=SECOND, **smooth)),
        ]
    if n <= MAX_ROWS_SMALL:
        coupling = NSFDensity(structure="coupling", max_seconds=OTHER, **plain)
        pairs.append(("flow_coupling", coupling))
        pairs.append(("flow_affine", MAFDensity(max_seconds=OTHER, **plain)))
    if n <= MAX_ROWS_KERNELS:
        pairs.append(("kernel", KernelFlowDensity(**given)))
    if n <= MAX_ROWS_MEDIUM:
        pairs.append(("kernel_gaussianized", KernelFlowDensity(**smooth)))
    if n <= MAX_ROWS_SMALL:
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
