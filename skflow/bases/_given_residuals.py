"""What a regression on the context leaves of rows, along the axes of kernels."""

from dataclasses import dataclass, replace

import torch

from skflow.bases._fineness import fineness
from skflow.bases._leave_one_out import likeliest_gaussian
from skflow.numerics import ridge_regression

__all__ = ["MIN_SCALE", "Residuals"]

# Smallest deviation of kernels beside that of context and rows, where these resolve no less.
MIN_SCALE = 1e-3
N_FOLDS = 10  # of rows that regressions foretell


@dataclass(frozen=True)
class Residuals:
    """Contexts h (n, c), what a ridge regression on them leaves of rows, and how far it errs.

    Attributes
    ----------
    h : tensor of shape (n, c)
    u : tensor of shape (n, d)
        Residuals: a row is ``slope @ h + intercept + axes @ u``.
    foretold : tensor of shape (n, d)
        The same by regressions that have not seen the row.
    weight : tensor of shape (n,)
    beside : tensor of shape (n,) or None
        Log density of the latter under the Gaussian of the others; None without a background.
    spread : tensor of shape (d,)
        Variances of the latter.
    floor : float
        Smallest deviation of kernels of rows, beside that of the rows.
    slope, intercept, axes : tensors of shape (d, c), (d,) and (d, d)
    """

    h: torch.Tensor
    u: torch.Tensor
    foretold: torch.Tensor
    weight: torch.Tensor
    beside: torch.Tensor | None
    spread: torch.Tensor
    floor: float
    slope: torch.Tensor
    intercept: torch.Tensor
    axes: torch.Tensor

    @classmethod
    def read(cls, h, z, weight, bandwidth, background):
        """Regress rows z (n, d) on h (n, c), with shares (n,) of the rows."""
        slope, intercept = ridge_regression(h, z, weight)
        left, foretold = z - h @ slope.mT - intercept, _foretold(h, z, weight)
        axes, spread, beside = (_principal if bandwidth == "full" else _upright)(foretold, weight)
        u, foretold = (torch.linalg.solve(axes, t.mT).mT for t in (left, foretold))
        beside = beside + torch.linalg.slogdet(axes).logabsdet if background else None
        floor = MIN_SCALE * fineness(u / spread.sqrt())
        return cls(h, u, foretold, weight, beside, spread, floor, slope, intercept, axes)

    def of(self, index):
        """Return some of the rows."""
        beside = None if self.beside is None else self.beside[index]
        weight = self.weight[index] / self.weight[index].sum()
        rows = {name: getattr(self, name)[index] for name in ("h", "u", "foretold")}
        return replace(self, **rows, weight=weight, beside=beside)

    @property
    def variances(self):
        """Of the background, along the axes: no kernel is wider."""
        return torch.full_like(self.spread, torch.inf) if self.beside is None else self.spread


def _foretold(h, z, weight):
    """Residuals of rows by ridge regressions on the other folds of them."""
    n = len(z)
    fold = torch.randperm(n, generator=torch.Generator().manual_seed(0)) % min(N_FOLDS, n)
    residuals = torch.empty_like(z)
    for k in range(int(fold.max()) + 1):
        own = fold == k
        slope, intercept = ridge_regression(h[~own], z[~own], weight[~own])
        residuals[own] = z[own] - h[own] @ slope.mT - intercept
    return residuals


def _principal(residuals, weight):
    """Principal axes (d, d) of the correlations, variances along them, and log densities beside.

    The latter (n,) are those of each row under the Gaussian of the others.
    """
    _, covariance, beside = likeliest_gaussian(residuals, weight)
    scale = covariance.diagonal().sqrt()
    values, vectors = torch.linalg.eigh(covariance / scale / scale.unsqueeze(-1))
    return scale.unsqueeze(-1) * vectors * values.sqrt(), torch.ones_like(scale), beside


def _upright(residuals, weight):
    """Return the same along the columns, as if these did not correlate."""
    found = [likeliest_gaussian(column, weight) for column in residuals.split(1, dim=-1)]
    _, variances, beside = zip(*found, strict=True)
    return torch.eye(len(found)).to(residuals), torch.cat(variances).squeeze(-1), sum(beside)
