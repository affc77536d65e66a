"""Ridge regression whose penalty the rows choose."""

import torch

__all__ = ["ridge_regression"]

# Penalties that are tried, in units of the mean variance of the inputs.
PENALTIES = torch.logspace(-6, 3, 28, dtype=torch.float64)


def ridge_regression(x, y, weight=None):
    r"""Regress y on x by ridge regression, the penalty of each output chosen by GCV.

    Generalised cross-validation [1]_ minimises, over the penalties, the mean squared residual
    over :math:`(1 - \mathrm{df} / n)^2`, with df the parameters that a penalty leaves free, the
    intercept among them. Cost: O(n c^2 + c^3).

    Parameters
    ----------
    x : tensor of shape (*members, n, c)
    y : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional

    Returns
    -------
    slope : tensor of shape (*members, d, c)
    intercept : tensor of shape (*members, d)

    References
    ----------
    .. [1] Golub, Heath & Wahba (1979), Generalized cross-validation as a method for choosing a
       good ridge parameter, Technometrics 21, eq. 1.4.
    """
    dtype, x, y = y.dtype, x.double(), y.double()
    weight = torch.ones_like(x[..., 0]) if weight is None else weight.double()
    share = (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(-1)
    mean_x, mean_y = ((share * t).sum(dim=-2, keepdim=True) for t in (x, y))
    x, y = x - mean_x, y - mean_y

    # along principal directions of x every penalty is a division
    variances, directions = torch.linalg.eigh((share * x).mT @ x)
    variances = variances.clamp(min=0)
    covariances = directions.mT @ (share * x).mT @ y  # (*members, c, d)
    penalties = PENALTIES.to(x.device) * variances.mean(dim=-1, keepdim=True).clamp(min=1e-300)
    inverse = 1 / (variances.unsqueeze(-1) + penalties.unsqueeze(-2))  # (*members, c, penalties)
    kept = variances.unsqueeze(-1) * inverse

    explained = covariances.square().mT @ (inverse * (2 - kept))  # (*members, d, penalties)
    squares = (share * y.square()).sum(dim=-2).unsqueeze(-1) - explained
    n = 1 / share.square().sum(dim=(-2, -1))  # of equal weights that tell as much
    free = 1 - (kept.sum(dim=-2) + 1) / n.unsqueeze(-1)
    gcv = squares.clamp(min=0) / free.clamp(min=1e-3).square().unsqueeze(-2)
    best = gcv.argmin(dim=-1).unsqueeze(-2).expand_as(covariances)

    slope = (directions @ (inverse.gather(-1, best) * covariances)).mT
    intercept = (mean_y - mean_x @ slope.mT).squeeze(-2)
    return slope.to(dtype), intercept.to(dtype)
