"""Which densities tell normal rows from others when a detector is not told."""

from skflow.estimators.flows._kernel import KernelFlowDensity

__all__ = ["outlier_candidates"]


def outlier_candidates():
    """Pairs (name, estimator) whose mixture tells normal rows from others.

    Kernels alone take a row for normal if it is near a few of the training rows, wherever these
    lie; a background would take it for normal if it lies within the table.
    """
    return [
        ("kernel_diagonal", KernelFlowDensity(bandwidth="diagonal", background=False)),
        ("kernel", KernelFlowDensity(bandwidth="scalar", background=False)),
    ]
