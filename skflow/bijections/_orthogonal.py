"""Learnable rotations by Householder reflections."""

import torch
from torch import nn
from torch.linalg import solve_triangular
from torch.nn import functional

from skflow.bijections._base import Bijection
from skflow.bijections._normalization import row_shares

__all__ = ["Orthogonal"]


class Orthogonal(Bijection):
    """A learnable rotation: a product of Householder reflections, paired to start at I.

    Forward ``z = x Q^T`` with ``Q = H_1 H_2 ... H_r``, ``H_k = I - 2 v_k v_k^T / |v_k|^2``;
    inverse ``x = z Q``; both log-dets are exactly 0. The vectors start as r / 2 random equal
    pairs: such a pair is the identity, and moving its vectors apart rotates in their plane. The
    default number of reflections, d or d + 1, reaches every rotation.

    The product is not taken factor by factor but in its compact form ``Q = I - V T V^T``, with
    the unit vectors as columns of V and T upper triangular, ``T^-1 = I / 2 + striu(V^T V)``.
    T is always well conditioned: ``|T_jk| <= 4``.

    With ``start="pca"``, :meth:`initialize` turns the rows of Q to the principal directions of
    the rows given, by the reflections of Householder's QR decomposition.

    Cost: O(r^2 d + r d^2) once for Q, then O(n d^2), either way.

    Parameters
    ----------
    n_features : int
    n_reflections : int, optional
        r, an even number. By default the smallest one that is at least ``n_features``.
    start : {"identity", "pca", "random"}, default="identity"
        "pca" needs all d or d + 1 reflections; "random" takes vectors that are not paired.

    References
    ----------
    Tomczak & Welling (2016), Improving variational auto-encoders using Householder flow,
    arXiv:1611.09630.
    Schreiber & Van Loan (1989), A storage-efficient WY representation for products of
    Householder transformations, SIAM J. Sci. Stat. Comput. 10 (the compact form).
    """

    # Shorter vectors count as 0; only an exact 0 has no direction, and H is then the identity.
    min_norm = 1e-12

    def __init__(self, n_features, n_reflections=None, start="identity"):
        super().__init__()
        if n_reflections is None:
            n_reflections = n_features + n_features % 2
        if start not in ("identity", "pca", "random"):
            raise ValueError(f'start must be "identity", "pca" or "random", got {start!r}')
        if start == "pca" and n_reflections < n_features:
            raise ValueError(f'start="pca" needs n_reflections >= {n_features}')
        self.start = start
        if n_reflections < 2 or n_reflections % 2:
            raise ValueError(f"n_reflections must be even and at least 2, got {n_reflections}")
        copies = 1 if start == "random" else 2
        vectors = torch.randn(n_reflections // copies, n_features)
        self.vectors = nn.Parameter(vectors.repeat_interleave(copies, 0))

    def matrix(self):
        """Q, of shape (*members, d, d)."""
        rows = functional.normalize(self.vectors, dim=-1, eps=self.min_norm)
        n_reflections, n_features = rows.shape[-2:]
        half = 0.5 * torch.eye(n_reflections, dtype=rows.dtype, device=rows.device)
        inverse_t = (rows @ rows.mT).triu(1) + half
        identity = torch.eye(n_features, dtype=rows.dtype, device=rows.device)
        return identity - rows.mT @ solve_triangular(inverse_t, rows, upper=True)

    @torch.no_grad()
    def initialize(self, x, context=None, weight=None):
        if self.start == "pca":
            self.vectors.copy_(
                _reflections(_principal_directions(x, weight), self.vectors.shape[-2])
            )
        return self(x)[0]

    def forward(self, x, context=None):
        return x @ self.matrix().mT, x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return z @ self.matrix(), z.new_zeros(z.shape[:-1])


def _principal_directions(x, weight=None):
    """Eigenvectors of the covariance of rows x (*members, n, d), as columns, in float64."""
    share = row_shares(x, weight).unsqueeze(-1)
    x = x.double()
    x = x - (share * x).sum(-2, keepdim=True)
    return torch.linalg.eigh((share * x).mT @ x).eigenvectors


def _reflections(directions, n_reflections):
    """Vectors (*members, r, d) of a product whose rows are the given columns, up to signs.

    Householder's QR decomposition of an orthogonal matrix, ``A = H_1 ... H_(d-1) D`` with signs
    on D's diagonal, hence ``D A^T = H_(d-1) ... H_1``; what r leaves flips the last direction,
    or does nothing.
    """
    rest = directions.clone()
    d = rest.shape[-1]
    vectors = torch.zeros_like(rest[..., :1, :]).repeat_interleave(n_reflections, -2)
    vectors[..., : n_reflections - d + 1, -1] = 1
    for i in range(d - 1):
        v = rest[..., :, i].clone()
        v[..., :i] = 0
        # away from zero, so that nothing cancels
        v[..., i] += torch.where(v[..., i] < 0, -1.0, 1.0) * v.norm(dim=-1)
        v = v / v.norm(dim=-1, keepdim=True)
        vectors[..., n_reflections - 1 - i, :] = v
        v = v.unsqueeze(-1)
        rest = rest - 2 * v @ (v.mT @ rest)
    return vectors
