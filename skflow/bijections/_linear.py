"""Linear maps: orderings of the features, and learnable mixing of them.

Those that learn have a method ``whiten(mean, covariance)``, which sets them in closed form so
that rows of such moments leave them centred, uncorrelated and of variance 1, as far as they can
do that, and returns the moments with which they leave: before a standard normal base, that is
maximum likelihood.
"""

import torch
from torch import nn
from torch.linalg import solve_triangular

from skflow.bijections._base import Bijection
from skflow.nets._layers import affine_map

__all__ = ["PLU", "Diagonal", "Permutation", "Reverse", "Triangular"]


class Permutation(Bijection):
    """Features in another, fixed order.

    Forward ``z_i = x_{order[i]}``; inverse ``x_{order[i]} = z_i``; both log-dets are 0.
    Cost: one gather, O(n d).

    Parameters
    ----------
    order : sequence of int of length d
        Every number from 0 to d - 1 once.
    """

    def __init__(self, order):
        super().__init__()
        order = _checked_order(order)
        self.register_buffer("order", order)
        self.register_buffer("inverse_order", order.argsort())

    @classmethod
    def random(cls, n_features, seed):
        """Draw a permutation that depends on ``seed`` alone, so that members can share it."""
        return cls(_random_order(n_features, seed))

    def forward(self, x, context=None):
        return x.index_select(-1, self.order), x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return z.index_select(-1, self.inverse_order), z.new_zeros(z.shape[:-1])


class Reverse(Bijection):
    """Features in reversed order: ``z_i = x_{d-1-i}``, its own inverse; both log-dets are 0."""

    def __init__(self, n_features):
        super().__init__()
        self.n_features = n_features

    def forward(self, x, context=None):
        return x.flip(-1), x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return self.forward(z)


class Diagonal(Bijection):
    """One positive scale and one offset for each feature; starts at the identity.

    Forward ``z = x * s + b`` with ``s = exp(log_scale)``, log-det ``sum_i log s_i``;
    inverse ``x = (z - b) / s``, log-det minus that. Cost: O(n d).
    """

    def __init__(self, n_features):
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    @torch.no_grad()
    def whiten(self, mean, covariance):
        """Give every column variance 1; correlations stay."""
        scale = covariance.diagonal(dim1=-2, dim2=-1).rsqrt()
        self.log_scale.copy_(scale.log())
        self.bias.copy_(-mean * scale)
        return torch.zeros_like(mean), scale.unsqueeze(-1) * covariance * scale.unsqueeze(-2)

    def forward(self, x, context=None):
        z = x * self.log_scale.exp().unsqueeze(-2) + self.bias.unsqueeze(-2)
        return z, _same_for_all_rows(self.log_scale.sum(-1), x)

    def inverse(self, z, context=None):
        x = (z - self.bias.unsqueeze(-2)) * (-self.log_scale).exp().unsqueeze(-2)
        return x, _same_for_all_rows(-self.log_scale.sum(-1), z)


class Triangular(Bijection):
    """A lower triangular matrix with a positive diagonal; starts at the identity.

    Forward ``z = x L^T + b`` with ``L_ii = exp(raw_ii)``, ``L_ij = raw_ij`` for j < i and 0 for
    j > i; log-det ``sum_i raw_ii``. Inverse by one triangular solve, log-det minus that.
    With a standard normal base it is every Gaussian. Cost: O(n d^2), either way.

    Attributes
    ----------
    raw : parameter of shape (*members, d, d)
        What lies above the diagonal is unused.
    """

    def __init__(self, n_features):
        super().__init__()
        self.raw = nn.Parameter(torch.zeros(n_features, n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    @property
    def _log_diag(self):
        return self.raw.diagonal(dim1=-2, dim2=-1)

    def matrix(self):
        """L, of shape (*members, d, d)."""
        return self.raw.tril(-1) + self._log_diag.exp().diag_embed()

    @torch.no_grad()
    def whiten(self, mean, covariance):
        """L is the inverse of the Cholesky factor: each column less what those before it say."""
        eye = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
        inverse = solve_triangular(torch.linalg.cholesky(covariance), eye, upper=False)
        self.raw.copy_(inverse.tril(-1) + inverse.diagonal(dim1=-2, dim2=-1).log().diag_embed())
        self.bias.copy_(-(inverse @ mean.unsqueeze(-1)).squeeze(-1))
        return torch.zeros_like(mean), eye.expand(covariance.shape)

    def forward(self, x, context=None):
        z = x @ self.matrix().mT + self.bias.unsqueeze(-2)
        return z, _same_for_all_rows(self._log_diag.sum(-1), x)

    def inverse(self, z, context=None):
        centred = z - self.bias.unsqueeze(-2)
        x = solve_triangular(self.matrix().mT, centred, upper=True, left=False)
        return x, _same_for_all_rows(-self._log_diag.sum(-1), z)


class PLU(Bijection):
    """Learnable linear mixing of all features whose determinant costs nothing.

    Forward ``z = x W^T + b`` with ``W = P L U``: P a fixed permutation, L lower triangular
    with ones on its diagonal, U upper triangular with the diagonal ``exp(log_diag)``;
    log-det ``sum_i log_diag_i``. Inverse by two triangular solves, log-det minus that.
    Starts at P, hence at the identity unless an order is given.

    Cost: O(d^3) once for W, then O(n d^2); the inverse O(n d^2); the log-dets O(d).

    Parameters
    ----------
    n_features : int
    order : sequence of int of length d, optional
        Row i of W is row ``order[i]`` of L U, as in :class:`Permutation`.

    Attributes
    ----------
    lu : parameter of shape (*members, d, d)
        L below the diagonal, log_diag on it, U above it.
    bias : parameter of shape (*members, d)

    References
    ----------
    Kingma & Dhariwal (2018), Glow: Generative flow with invertible 1x1 convolutions,
    arXiv:1807.03039, equations 10 and 11 (there U's diagonal also carries fixed signs).
    Oliva et al. (2018), Transformation autoregressive networks, arXiv:1801.09819.
    """

    shapes = {"lu": "dd", "bias": "d"}

    def __init__(self, n_features, order=None):
        super().__init__()
        self.lu = nn.Parameter(torch.zeros(n_features, n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))
        self.permutation = None if order is None else Permutation(order)
        if order is not None and len(self.permutation.order) != n_features:
            raise ValueError(f"order must hold {n_features} numbers, one per feature: {order}")

    @classmethod
    def random(cls, n_features, seed):
        """Draw P; it depends on ``seed`` alone, so that members can share it."""
        return cls(n_features, _random_order(n_features, seed))

    @property
    def _log_diag(self):
        return self.lu.diagonal(dim1=-2, dim2=-1)

    def _upper(self):
        return self.lu.triu(1) + self._log_diag.exp().diag_embed()

    def matrix(self):
        """W, of shape (*members, d, d)."""
        upper = self._upper()
        # The ones on L's diagonal give the first term, which saves building an identity.
        weight = upper + self.lu.tril(-1) @ upper
        if self.permutation is None:
            return weight
        return weight.index_select(-2, self.permutation.order)

    @torch.no_grad()
    def whiten(self, mean, covariance):
        """L U is the symmetric root of the precision: columns move as little as they can."""
        variances, directions = torch.linalg.eigh(covariance)
        root = directions * variances.rsqrt().unsqueeze(-2) @ directions.mT
        factor = torch.linalg.cholesky(root)
        diagonal = factor.diagonal(dim1=-2, dim2=-1)
        lower = factor / diagonal.unsqueeze(-2)
        upper = factor.mT * diagonal.unsqueeze(-1)
        self.lu.copy_(lower.tril(-1) + upper.triu(1) + diagonal.square().log().diag_embed())
        self.bias.copy_(-(self.matrix() @ mean.to(self.lu).unsqueeze(-1)).squeeze(-1))
        eye = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
        return torch.zeros_like(mean), eye.expand(covariance.shape)

    def forward(self, x, context=None):
        z = affine_map(x.mT, self.matrix(), self.bias).mT
        return z, _same_for_all_rows(self._log_diag.sum(-1), x)

    def inverse(self, z, context=None):
        y = z - self.bias.unsqueeze(-2)
        if self.permutation is not None:
            y, _ = self.permutation.inverse(y)
        # With unitriangular, the solve takes ones for the diagonal and reads nothing below it.
        y = solve_triangular(self.lu.mT, y, upper=True, left=False, unitriangular=True)
        x = solve_triangular(self._upper().mT, y, upper=False, left=False)
        return x, _same_for_all_rows(-self._log_diag.sum(-1), z)


def _same_for_all_rows(log_det, x):
    return log_det.unsqueeze(-1).expand(x.shape[:-1])


def _checked_order(order):
    order = torch.as_tensor(order).clone()
    expected = torch.arange(order.numel(), device=order.device)
    whole = not (order.is_floating_point() or order.is_complex()) and order.dtype != torch.bool
    if order.ndim != 1 or not whole or not torch.equal(order.long().sort().values, expected):
        raise ValueError(
            "order must be a sequence holding every feature index from 0 to d - 1 once, got "
            f"{order.tolist()}"
        )
    return order.long()


def _random_order(n_features, seed):
    return torch.randperm(n_features, generator=torch.Generator().manual_seed(seed))
