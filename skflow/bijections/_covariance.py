"""Mean and covariance of rows, made safe to invert."""

import torch

from skflow.bijections._normalization import BLOCK, moments, row_shares
from skflow.bijections._scaling import Standardize

__all__ = ["MIN_VARIANCE", "gaussian_moments"]

# Least variance of any direction of the standardised columns.
MIN_VARIANCE = 1e-10


@torch.no_grad()
def gaussian_moments(x, weight=None):
    """Weighted mean and covariance, of maximum likelihood where that has any.

    The covariance is that of the columns divided by their standard deviations, its eigenvalues
    raised to ``MIN_VARIANCE`` where they are below it, back in the units of x. So it can be
    inverted if there are no more rows than columns, or collinear columns; all others are left as
    they are. A constant column counts as independent with the standard deviation that
    :class:`Standardize` gives it.

    Parameters
    ----------
    x : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional

    Returns
    -------
    mean : tensor of shape (*members, d), float64
    covariance : tensor of shape (*members, d, d), float64
        Divides by the sum of the weights (no n - 1).
    """
    standardize = Standardize(x.shape[-1])
    standardize._take(*moments(x, weight))  # far rows count as they are
    share = row_shares(x, weight).unsqueeze(-1)
    correlation = 0.0
    for part, rows in zip(share.split(BLOCK, -2), x.split(BLOCK, -2), strict=True):
        z = torch.where(part > 0, standardize(rows.double())[0], 0.0)
        correlation = correlation + (part * z).mT @ z
    constant = correlation.diagonal(dim1=-2, dim2=-1) < 0.5  # it is 0 there, and 1 elsewhere
    correlation = correlation + constant.to(z).diag_embed()
    variances, directions = torch.linalg.eigh(correlation)
    if bool((variances < MIN_VARIANCE).any()):
        variances = variances.clamp(min=MIN_VARIANCE)
        correlation = directions * variances.unsqueeze(-2) @ directions.mT
    scale = standardize.scale
    return standardize.mean, scale.unsqueeze(-1) * correlation * scale.unsqueeze(-2)
