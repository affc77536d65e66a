"""Ridge regression whose penalty the rows choose."""

import torch

__all__ = ["ridge_regression"]

# Penalties tried, as shares of the mean eigenvalue of the covariance of the inputs.
PENALTIES = torch.logspace(-6, 3, 28, dtype=torch.float64)


def ridge_regression(x, y, weight=None):
    r"""Coefficients of y on x by ridge regression, the penalty of each output chosen by GCV.

    Generalised cross-validation [1]_ minimises, over penalties :math:`\lambda`, the mean squared
    residual over :math:`(1 - \mathrm{df}(\lambda) / n)^2`, where df counts the parameters that
    the penalty leaves, the intercept among them. Cost: O(n c^2 + c^3).

    Parameters
    ----------
    x : tensor of shape (*members, n, c)
    y : tensor of shape (*members, n, d)
    weight : tensor of shape (*members, n), optional

    Returns
    -------
    coefficients : tensor of shape (*members, d, c)
    intercept : tensor of shape (*members, d)

    References
    ----------
    .. [1] Golub, Heath & Wahba (1979), Generalized cross-validation as a method for choosing a
       good ridge parameter, Technometrics 21, eq. 1.4.
    """
    dtype, x, y = y.dtype, x.double(), y.double()
    weight = torch.ones_like(x[..., 0]) if weight is None else weight.double()
    share = (weight / weight.sum(dim=-1, keepdim=True)).unsqueeze(-1)
    n = 1 / share.square().sum(dim=(-2, -1))  # rows that equal weights would make of these
    mean_x, mean_y = ((share * t).sum(dim=-2, keepdim=True) for t in (x, y))
    x, y = x - mean_x, y - mean_y
    values, vectors = torch.linalg.eigh((share * x).mT @ x)
    values = values.clamp(min=0)
    along = vectors.mT @ (share * x).mT @ y  # (*members, c, d)
    penalty = PENALTIES * values.mean(dim=-1, keepdim=True).clamp(min=1e-300)
    kept = 1 / (values.unsqueeze(-1) + penalty.unsqueeze(-2))  # (*members, c, penalties)
    # squared residuals without the rows: |y|^2 - 2 b'X'y + b'X'Xb
    gain = torch.einsum("...cd,...cp->...dp", along.square(), kept * (2 - values.unsqueeze(-1) * kept))
    squares = (share * y.square()).sum(dim=-2).unsqueeze(-1) - gain  # (*members, d, penalties)
    free = (1 - ((values.unsqueeze(-1) * kept).sum(dim=-2) + 1) / n.unsqueeze(-1)).clamp(min=1e-3)
    best = (squares.clamp(min=0) / free.square().unsqueeze(-2)).argmin(dim=-1)  # (*members, d)
    chosen = kept.gather(-1, best.unsqueeze(-2).expand(*along.shape))
    coefficients = (vectors @ (chosen * along)).mT
    intercept = (mean_y - mean_x @ coefficients.mT).squeeze(-2)
    return coefficients.to(dtype), intercept.to(dtype)
