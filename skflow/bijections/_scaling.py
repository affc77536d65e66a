"""Preprocessing as bijections: fitted on the training rows, in float64, and not trained.

Whatever they do to the units of the data is in their log-dets, so that a flow behind them is
still a density in the units of x. They hold buffers, not parameters. Their tensors are float64
and should stay so: columns at 1e9 with a spread of 1 keep their digits only if they are centred
before the cast to float32.
"""

import torch
from torch.linalg import solve_triangular

from skflow.bijections._base import Bijection
from skflow.bijections._normalization import (
    moments,
    robust_moments,
    row_shares,
    student_t_moments,
    winsorized_moments,
)

__all__ = ["Standardize", "Whiten"]

# Smallest Ledoit-Wolf shrinkage: no direction is scaled by more than 1e4 over its columns.
MIN_SHRINKAGE = 1e-8
REACH = 0.95  # power of the largest number beyond which values count as that far: sums are numbers
# Spreads as which farther values of columns with heavy tails count in a covariance.
WINSORIZED = 5.0
# And of all others, so that gross errors do not lean into the columns beside theirs.
FARTHEST = 12.0
# Spreads beyond which a value leaves its column to itself.
ALONE_FROM = 100.0


class Standardize(Bijection):
    """Columns centred on their mean and divided by their standard deviation.

    Both are of columns in which what lies far beyond all but a hundredth of the rows is held
    near: a few gross errors do not make all else small.

    Forward ``z = (x - mean) / scale``, log-det ``-sum_i log scale_i``; inverse
    ``x = z * scale + mean``, at most the largest float, log-det minus that. Cost: O(n d).

    A column that is constant up to rounding has no spread to divide by: its scale is the size
    of its value, or 1 where the value is 0. So the scale follows the units there as well.
    The identity until :meth:`from_data` or :meth:`initialize` sets the numbers.
    """

    shapes = {"mean": "d", "scale": "d"}

    def __init__(self, n_features):
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(n_features, dtype=torch.float64))

    @classmethod
    def from_data(cls, x, weight=None, robust=None):
        """Fit to rows x (*members, n, d) with weights (*members, n), 0 for unused rows.

        Columns marked in ``robust`` (d,) get the location and the scale of a Student-t density
        fitted to them: their tails may be so heavy that there is no variance to estimate.
        """
        standardize = cls(x.shape[-1])
        standardize._fit(x, weight, robust)
        return standardize

    def only(self, which):
        """Leave all columns as they are but those marked in ``which`` (d,)."""
        self.mean = torch.where(which, self.mean, 0.0)
        self.scale = torch.where(which, self.scale, 1.0)
        return self

    def initialize(self, x, context=None, weight=None):
        self._fit(x, weight)
        return self(x)[0]

    def initialize_inverse(self, z, context=None, weight=None):
        self._fit(z, weight)
        self.mean, self.scale = -self.mean / self.scale, 1 / self.scale
        return self.inverse(z)[0]

    def _fit(self, x, weight, robust=None):
        self._take(*winsorized_moments(x, weight))
        if robust is not None and bool(robust.any()):
            loc, scale = student_t_moments(x, weight)
            self.mean = torch.where(robust, loc, self.mean)
            self.scale = torch.where(robust, scale, self.scale)

    def _take(self, mean, std):
        """Take moments (*members, d) for the location and the scale; std is 0 of constants."""
        size = mean.abs()
        self.mean = mean
        self.scale = torch.where(std > 0, std, torch.where(size > 0, size, 1.0))

    def forward(self, x, context=None):
        mean, scale = self.mean.unsqueeze(-2), self.scale.unsqueeze(-2)
        away = x - mean
        z = torch.where(away.isinf(), (0.5 * x - 0.5 * mean) / (0.5 * scale), away / scale)
        return z, -self._log_volume().expand(x.shape[:-1])

    def inverse(self, z, context=None):
        x = z * self.scale.unsqueeze(-2) + self.mean.unsqueeze(-2)
        largest = torch.finfo(x.dtype).max
        return x.clamp(-largest, largest), self._log_volume().expand(z.shape[:-1])

    def _log_volume(self):
        return self.scale.log().sum(-1, keepdim=True)


class Whiten(Bijection):
    """Columns standardised, then decorrelated by a shrunk covariance.

    Forward ``z = C^-1 (x - mean) / scale``, with :class:`Standardize`'s mean and scale and C the
    Cholesky factor of ``C C^T = (1 - a) S + a m I``. S is the covariance of the standardised
    columns, ``m = tr S / d`` and a the Ledoit-Wolf shrinkage (at least ``MIN_SHRINKAGE``), so
    that n < d and collinear columns are ordinary input. Log-det
    ``-sum_i log scale_i - sum_i log C_ii``. Inverse ``x = (C z) * scale + mean``, log-det minus
    that. Constant columns keep a variance of 1 in C, and so does a column with a value beyond 100
    spreads that is not marked as heavy: draws near that value would carry other columns away by a
    share of its distance. Beyond 1e292 spreads all counts as that far.

    Cost: fitting O(n d^2 + d^3), then O(n d^2), either way.

    Weights enter the shrinkage through their shares, ``b = sum_i share_i^2 |x_i x_i^T - S|^2``,
    which for equal weights is the published ``sum_i |...|^2 / n^2``. So their unit does not
    matter; two equal rows shrink a trifle less than one row of weight 2.

    References
    ----------
    Ledoit & Wolf (2004), A well-conditioned estimator for large-dimensional covariance
    matrices, J. Multivariate Analysis 88, lemmas 3.2 to 3.5 and equation 14.
    """

    def __init__(self, n_features):
        super().__init__()
        self.standardize = Standardize(n_features)
        self.register_buffer("factor", torch.eye(n_features, dtype=torch.float64))

    @classmethod
    def from_data(cls, x, weight=None, robust=None):
        """Fit to rows x (*members, n, d) with weights (*members, n), 0 for unused rows.

        Columns marked in ``robust`` (d,) are scaled as :class:`Standardize` does it, and count
        in the covariance with at most ``WINSORIZED`` spreads.
        """
        whiten = cls(x.shape[-1])
        whiten._fit(x, weight, robust)
        return whiten

    @classmethod
    def from_root(cls, mean, root):
        """Send the Gaussian of mean (d,) and covariance ``root @ root.T``, (d, d), to noise.

        Nothing is shrunk, and the root, which need not be triangular, is never squared.
        """
        whiten = cls(len(mean))
        root = torch.as_tensor(root, dtype=torch.float64)
        whiten.standardize.mean = torch.as_tensor(mean, dtype=torch.float64).clone()
        whiten.standardize.scale = torch.linalg.vector_norm(root, dim=1)
        upper = torch.linalg.qr((root / whiten.standardize.scale.unsqueeze(-1)).mT).R
        whiten.factor = (upper * upper.diagonal().sign().unsqueeze(-1)).mT.contiguous()
        return whiten

    def initialize(self, x, context=None, weight=None):
        self._fit(x, weight)
        return self(x)[0]

    def initialize_inverse(self, z, context=None, weight=None):
        self._fit(z, weight)
        mean, scale = self.standardize.mean, self.standardize.scale
        eye = torch.eye(z.shape[-1], dtype=scale.dtype, device=scale.device)
        root = solve_triangular(self.factor, eye, upper=False) / scale.unsqueeze(-2)
        self.standardize.mean = -(root @ mean.unsqueeze(-1)).squeeze(-1)
        self.standardize.scale, self.factor = torch.ones_like(scale), root
        return self.inverse(z)[0]

    def _fit(self, x, weight, robust=None):
        self.standardize._fit(x, weight, robust)
        share = row_shares(x, weight)
        z = torch.where(share.unsqueeze(-1) > 0, self.standardize(x)[0], 0.0)
        z = torch.where((moments(x, weight)[1] > 0).unsqueeze(-2), z, 0.0)  # else rounding noise
        alone = _has_far_rows(x, weight, share)
        z = z.clamp(-FARTHEST, FARTHEST)
        if robust is not None:
            z = torch.where(robust, z.clamp(-WINSORIZED, WINSORIZED), z)
            alone = alone & ~robust
        z = torch.where(alone.unsqueeze(-2), 0.0, z)
        covariance, shrinkage = _ledoit_wolf(z, share)
        d = x.shape[-1]
        variances = covariance.diagonal(dim1=-2, dim2=-1)
        target = variances.mean(-1, keepdim=True).expand(variances.shape)
        shrinkage = shrinkage[..., None, None].clamp(min=MIN_SHRINKAGE)
        shrunk = (1 - shrinkage) * covariance + shrinkage * target.diag_embed()
        constant = (variances == 0).diag_embed()
        shrunk = torch.where(constant, torch.eye(d, dtype=z.dtype, device=z.device), shrunk)
        self.factor = torch.linalg.cholesky(shrunk)

    def forward(self, x, context=None):
        y, log_det = self.standardize(x)
        limit = torch.finfo(y.dtype).max ** REACH
        z = solve_triangular(self.factor.mT, y.clamp(-limit, limit), upper=True, left=False)
        return z, log_det - self._log_volume()

    def inverse(self, z, context=None):
        limit = torch.finfo(z.dtype).max ** REACH
        x, log_det = self.standardize.inverse(z.clamp(-limit, limit) @ self.factor.mT)
        return x, log_det + self._log_volume()

    def _log_volume(self):
        return self.factor.diagonal(dim1=-2, dim2=-1).log().sum(-1, keepdim=True)


def _has_far_rows(x, weight, share):
    """Which columns have a value that far off, (*members, d), also where rows are few."""
    median, spread = (t.unsqueeze(-2) for t in robust_moments(x, weight))
    away = torch.where(share.unsqueeze(-1) > 0, x.double() - median, 0.0)
    return (away.abs() > ALONE_FROM * spread).any(-2)


def _ledoit_wolf(z, share):
    """Covariance (*members, d, d) of centred rows z, and its best shrinkage (*members,)."""
    d = z.shape[-1]
    covariance = (share.unsqueeze(-1) * z).mT @ z
    size = covariance.square().sum((-2, -1))
    # |z z^T - S|^2 of every row without forming its d x d matrix.
    distance = z.square().sum(-1).square() - 2 * ((z @ covariance) * z).sum(-1)
    noise = (share.square() * (distance + size.unsqueeze(-1))).sum(-1)
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    eye = torch.eye(d, dtype=z.dtype, device=z.device)
    spread = (covariance - (trace / d)[..., None, None] * eye).square().sum((-2, -1))
    shrinkage = torch.where(spread > 0, noise / spread, 0.0).clamp(0, 1)
    return covariance, shrinkage
