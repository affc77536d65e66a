"""Independent Student-t columns with learnable degrees of freedom."""

import math

import numpy as np
import torch
from scipy.special import stdtr
from torch import nn

from skflow._random import generator
from skflow.bases._base import Base
from skflow.numerics import fit_student_t, normal_of_logit

__all__ = ["StudentT"]

MIN_DF = 1.0
MAX_DF = 1000.0


class StudentT(Base):
    r"""Product of Student-t densities, one per column, each with its own learnable tail.

    .. math::
        \log p(z) = \sum_j c(\nu_j)
                    - \tfrac{\nu_j + 1}{2} \log\bigl(1 + z_j^2 / \nu_j\bigr), \qquad
        c(\nu) = \log\Gamma\bigl(\tfrac{\nu+1}{2}\bigr) - \log\Gamma\bigl(\tfrac{\nu}{2}\bigr)
                 - \tfrac12 \log(\nu\pi)

    The degrees of freedom move geometrically between ``MIN_DF`` (Cauchy) and ``MAX_DF`` (normal
    for all purposes): ``nu = MIN_DF (MAX_DF / MIN_DF)**sigmoid(raw)``. A step of the optimiser
    then changes nu by a share of itself, so that going from 20 to 2 takes no longer than from 200
    to 20.

    The columns are **not** rescaled to unit variance. The plain density keeps its core nearly
    fixed while nu changes (at zero it goes from 0.40 to 0.32), so that tail and scale are learnt
    apart; unit variance has no meaning for nu of 2 and less and couples the two above it.

    Draws that are differentiable in nu come from two standard normals a and b a column [1]_:

    .. math:: z = a \sqrt{\frac{\nu}{r^2} \bigl(e^{r^2/\nu} - 1\bigr)}, \qquad r^2 = a^2 + b^2

    :meth:`initialize` starts nu at its maximum-likelihood value for each column, with a location
    and a scale of its own that are left to the flow to learn.

    Cost: O(n d); log-gammas only of nu, once a call. Finite for every finite z of the dtype.
    :meth:`initialize` looks at most at 5,000 rows, some hundred and fifty times.

    Parameters
    ----------
    n_features : int
        Number of columns d.
    df : float, default=20.0
        Degrees of freedom until :meth:`initialize`, the same in all columns; between ``MIN_DF``
        and ``MAX_DF``, both excluded.

    Attributes
    ----------
    df : tensor of shape (*members, n_features), float64
        Degrees of freedom of each column, as learnt so far.

    References
    ----------
    .. [1] Bailey (1994), Polar generation of random variates with the t-distribution,
       Mathematics of Computation 62(206).
    """

    def __init__(self, n_features, df=20.0):
        super().__init__(n_features)
        if not MIN_DF < df < MAX_DF:
            raise ValueError(f"df must lie strictly between {MIN_DF} and {MAX_DF}, got {df}")
        self.raw_df = nn.Parameter(torch.empty(n_features))
        self._set_df(torch.full((n_features,), df))

    @property
    def df(self):
        """Degrees of freedom of each column, float64 of shape (*members, n_features)."""
        return MIN_DF * (MAX_DF / MIN_DF) ** self.raw_df.double().sigmoid()

    @property
    def tail_index(self):
        return self.df.detach()

    def _set_df(self, df):
        share = torch.log(df / MIN_DF) / math.log(MAX_DF / MIN_DF)
        with torch.no_grad():
            self.raw_df.copy_(torch.logit(share))

    @torch.no_grad()
    def initialize(self, z, weight=None, context=None):
        self._set_df(fit_student_t(z, weight)[2])

    def log_prob(self, z, context=None):
        # float64 for what depends on nu alone: the log-gammas are near 2600 at nu = 1000 and
        # cancel to a few units. These are d numbers, whatever n is.
        df = self.df
        constant = (
            torch.lgamma((df + 1) / 2) - torch.lgamma(df / 2) - 0.5 * torch.log(math.pi * df)
        ).sum(-1, keepdim=True)
        scale = df.rsqrt().to(z.dtype).unsqueeze(-2)
        power = (df + 1).to(z.dtype).unsqueeze(-2)
        # log(1 + u^2) / 2 as log(hypot(1, u)): no square that overflows.
        tail = torch.hypot(z * scale, z.new_ones(())).log()
        return constant.to(z.dtype) - (power * tail).sum(-1)

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        z, df = self._with_members(z).double().cpu(), self.df.unsqueeze(-2).cpu()
        beyond = torch.from_numpy(np.asarray(stdtr(df.numpy(), -z.abs().numpy())))
        beyond = beyond.clamp(min=torch.finfo(beyond.dtype).tiny)
        score = normal_of_logit(torch.log1p(-beyond) - beyond.log())[0]
        return (score * z.sign()).to(self.origin.device)

    @property
    def n_seeds(self):
        return 2 * self.n_features

    def from_seeds(self, seeds, context=None):
        # Box and Muller's pair, its radius stretched to that of a Student-t: see the class.
        a, b = seeds.chunk(2, dim=-1)
        share = (a.square() + b.square()) / self.df.to(seeds.dtype).unsqueeze(-2)
        share = share.clamp(min=torch.finfo(share.dtype).tiny)
        return a * (torch.expm1(share) / share).sqrt(), seeds.new_zeros(seeds.shape[:-1])

    def sample(self, n, context=None):
        # Drawn in float64, where the gamma variate under the root has no underflow to speak of.
        df, source = self.df.detach(), generator(self.origin.device)
        shape = (n, *df.shape)
        normal = torch.randn(shape, generator=source, dtype=df.dtype, device=df.device)
        gamma = torch._standard_gamma((0.5 * df).expand(shape), generator=source)
        chi_square = (2 * gamma).clamp(min=torch.finfo(df.dtype).tiny)
        draws = normal * torch.rsqrt(chi_square / df)
        return draws.movedim(0, -2).to(self.origin.dtype)
