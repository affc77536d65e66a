"""Which densities tell normal rows from others when a detector is not told."""

__all__ = ["outlier_candidates"]


# Weight of what is far from most rows, beside each of two kernel densities.
FAR, FAR_IF_DECLARED = 1.0, 3.0
# Weight of tails of single columns, beside the pool of these three.
TAILS = 1.0


def outlier_candidates(*, declared):
    """Pairs (name, estimator) of what tells normal rows from others.

    Where outliers are declared to be among the rows of the fit, the distance from most rows
    counts for more: kernels that have seen a few outliers together find them normal.
    """
    from skflow.estimators.outlier._pool import PooledKernels

    return [("pool", PooledKernels(far=FAR_IF_DECLARED if declared else FAR, tails=TAILS))]
