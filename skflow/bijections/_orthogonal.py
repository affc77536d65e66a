"""Learnable rotations by Householder reflections, alone and before a triangular matrix."""

import torch
from torch import nn
from torch.linalg import solve_triangular
from torch.nn import functional

from skflow._random import generator
from skflow.bijections._base import Bijection
from skflow.bijections._normalization import row_shares

__all__ = ["QR", "Orthogonal"]


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
        vectors = torch.empty(n_reflections // copies, n_features)
        vectors.normal_(generator=generator(vectors.device))
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
            self._turn(_principal_directions(x, weight))
        return self(x)[0]

    @torch.no_grad()
    def initialize_inverse(self, z, context=None, weight=None):
        if self.start == "pca":
            self._turn(_principal_directions(z, weight))
            self.vectors.copy_(self.vectors.flip(-2))  # the product is then the transpose
        return self.inverse(z)[0]

    @torch.no_grad()
    def whiten(self, mean, covariance):
        """Turn to the principal directions: columns end uncorrelated, with other variances."""
        variances, directions = torch.linalg.eigh(covariance)
        self._turn(directions)
        mean = (self.matrix().to(mean) @ mean.unsqueeze(-1)).squeeze(-1)
        return mean, variances.diag_embed()

    def _turn(self, directions):
        """Make the given columns (*members, d, d) the rows of Q, up to signs."""
        self.vectors.copy_(_reflections(directions, self.vectors.shape[-2]))

    def forward(self, x, context=None):
        return x @ self.matrix().mT, x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return z @ self.matrix(), z.new_zeros(z.shape[:-1])


class QR(Bijection):
    """Any matrix of positive determinant, as a rotation times a triangular matrix.

    Forward ``z = x W^T + b`` with ``W = Q R``: Q a rotation as in :class:`Orthogonal`, R upper
    triangular with ``R_ii = exp(raw_ii)``, ``R_ij = raw_ij`` for j > i and 0 for j < i; log-det
    ``sum_i raw_ii``. Inverse ``x = (z - b) Q R^-T`` by one triangular solve, log-det minus that.
    Starts at the identity. Unlike :class:`PLU` it reaches every rotation, without a permutation.

    Cost: O(d^3) once for W, then O(n d^2); the inverse O(n d^2); the log-dets O(d).

    Attributes
    ----------
    rotation : Orthogonal
    raw : parameter of shape (*members, d, d)
        What lies below the diagonal is unused.
    bias : parameter of shape (*members, d)

    References
    ----------
    Hoogeboom, van den Berg & Welling (2019), Emerging convolutions for generative normalizing
    flows, arXiv:1901.11137, the part on 1 x 1 convolutions.
    """

    def __init__(self, n_features):
        super().__init__()
        self.n_features = n_features
        self.rotation = Orthogonal(n_features)
        self.raw = nn.Parameter(torch.zeros(n_features, n_features))
        self.bias = nn.Parameter(torch.zeros(n_features))

    @property
    def _log_diag(self):
        return self.raw.diagonal(dim1=-2, dim2=-1)

    def _upper(self):
        return self.raw.triu(1) + self._log_diag.exp().diag_embed()

    def matrix(self):
        """W, of shape (*members, d, d)."""
        return self.rotation.matrix() @ self._upper()

    @torch.no_grad()
    def whiten(self, mean, covariance):
        """Principal components, each to variance 1."""
        variances, directions = torch.linalg.eigh(covariance)
        q, r = torch.linalg.qr(variances.rsqrt().unsqueeze(-1) * directions.mT)
        sign = torch.where(r.diagonal(dim1=-2, dim2=-1) < 0, -1.0, 1.0).to(r)
        r = sign.unsqueeze(-1) * r
        self.rotation._turn((q * sign.unsqueeze(-2)).mT)
        self.raw.copy_(r.triu(1) + r.diagonal(dim1=-2, dim2=-1).log().diag_embed())
        self.bias.copy_(-(self.matrix() @ mean.to(self.raw).unsqueeze(-1)).squeeze(-1))
        eye = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
        return torch.zeros_like(mean), eye.expand(covariance.shape)

    def forward(self, x, context=None):
        z = x @ self.matrix().mT + self.bias.unsqueeze(-2)
        return z, self._log_diag.sum(-1, keepdim=True).expand(x.shape[:-1])

    def inverse(self, z, context=None):
        y = (z - self.bias.unsqueeze(-2)) @ self.rotation.matrix()
        x = solve_triangular(self._upper().mT, y, upper=False, left=False)
        return x, -self._log_diag.sum(-1, keepdim=True).expand(z.shape[:-1])


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
