"""Invertible residual blocks: x plus a contraction of x."""

from typing import ClassVar, Literal

import torch

from skflow._graph import row_blocks
from skflow.bijections._base import Bijection
from skflow.exceptions import BrokenGuaranteeError
from skflow.numerics import (
    contraction_root,
    exact_log_det,
    roulette_log_det,
    series_log_det,
    series_terms,
)

__all__ = ["Residual"]

BLOCK = 2**23  # numbers in the largest temporary tensors of a log-det
COLUMNS = 64  # unit vectors that a power series takes at a time
ROUNDING = 1e-4
INVERSE_TOLERANCE = 1e-12


class Residual(Bijection):
    r"""A residual block z = x + g(x), invertible since g is a contraction [1]_.

    .. math::
        z = x + g(x), \qquad \log|\det| = \log\det(I + J)
            = \sum_{k \ge 1} \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k, \qquad
        x = z - g(x), \qquad \text{log-det of the inverse} = -\log\det(I + J)

    with J the Jacobian of g at x, and the last equation solved for x. The determinant is
    positive, since no singular value of I + J lies outside 1 - L and 1 + L.

    *In training mode* the log-det is random [2]_: unbiased, with an unbiased gradient, by a
    random number of terms of the series and random probes for their traces, see
    :func:`skflow.numerics.roulette_log_det`; ``training_log_det="exact"`` replaces it.

    *In eval mode* it is deterministic. Up to ``exact_limit`` it is exact: of dense nets by the
    determinant of a matrix of order r, the narrowest of d and the hidden layers, of convolutional
    ones by elimination in the bands of J. Beyond, the series is cut off after ``n_terms`` terms
    with exact traces, and what is left out is below ``truncation_bound``, which is less than
    ``series_tolerance``. Gradients flow through either.

    The inverse is iterative, in float64 whatever the dtype, to a residual
    :math:`|x + g(x) - z| \le 10^{-12} \max(1, |z|)`, hence x to that over 1 - L; see
    :func:`skflow.numerics.contraction_root`. Its gradients are those of the implicit function
    theorem.

    Cost: forward is one pass of the net, in training about ``4 + n_exact_terms + 1 / (1 - ratio)``
    with all gradients; the exact log-det of a dense net r passes and O(r^3), of a convolutional
    one see there; the inverse five to thirty passes. Gradients of the inverse solve with a matrix
    of order d for every row. The series is there to bound memory: it costs more than the
    determinant.

    Images go through it as rows: ``Chain([Inverse(ToImage(s)), Residual(net), ToImage(s)])``
    maps images of the shape s.

    Parameters
    ----------
    net : LipschitzMLP or LipschitzConvNet
        g, from rows to rows.
    training_log_det : {"roulette", "exact"}
        What training mode uses.
    n_exact_terms : int
        Terms of the series that are always computed.
    ratio : float, optional
        Probability that after any of the other terms another one follows. By default ``L**2``,
        with which the variance is finite for every net with the bound L.
    exact_limit : int, optional
        Largest order r of J whose determinant is computed; by default what suits the net.
    series_tolerance : float
        Bound of what the series may leave out, in nats.
    max_iterations : int
        Of the inverse.

    References
    ----------
    .. [1] Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen (2019), Invertible residual networks,
       arXiv:1811.00995, sections 2 and 3.
    .. [2] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735, section 3.
    """

    invertible: ClassVar[Literal["iterative"]] = "iterative"

    def __init__(
        self,
        net,
        training_log_det="roulette",
        n_exact_terms=2,
        ratio=None,
        exact_limit=None,
        series_tolerance=1e-3,
        max_iterations=1000,
    ):
        super().__init__()
        if training_log_det not in ("roulette", "exact"):
            raise ValueError(
                f'training_log_det must be "roulette" or "exact", got {training_log_det!r}'
            )
        self.net = net
        self.n_features = net.n_features
        self.training_log_det = training_log_det
        self.n_exact_terms = n_exact_terms
        self.ratio = net.lipschitz**2 if ratio is None else ratio
        self.exact_limit = net.exact_limit if exact_limit is None else exact_limit
        self.series_tolerance = series_tolerance
        self.max_iterations = max_iterations

    @property
    def n_terms(self):
        """Terms of the power series in eval mode; None where the log-det is exact."""
        return self._series()[0]

    @property
    def truncation_bound(self):
        """Largest possible error of the log-det in eval mode, in nats; 0 where it is exact."""
        return self._series()[1]

    def _series(self):
        order = self.net.order
        if order <= self.exact_limit:
            return None, 0.0
        return series_terms(order, self.net.lipschitz, self.series_tolerance)

    def lipschitz_bound(self):
        """Bound of the Lipschitz constant of g by exact spectral norms, (*members,)."""
        return self.net.lipschitz_bound()

    def verify(self):
        bound = float(self.lipschitz_bound().amax())
        stated = self.net.lipschitz
        if not bound <= stated * (1 + ROUNDING):
            raise BrokenGuaranteeError(
                f"the spectral norms of a residual block multiply to {bound:.6g}, above its "
                f"stated Lipschitz bound of {stated:.6g}: it may not be invertible"
            )

    def initialize(self, x, context=None, weight=None):
        self.net.initialize(x, context, weight)
        return x + self.net(x, context)

    def initialize_inverse(self, z, context=None, weight=None):
        self.net.initialize(z, context, weight)  # which is 0 until it is trained: x is z
        return self.inverse(z, context)[0]

    def forward(self, x, context=None):
        g, jacobian = self.net.linearize(x, context)
        return x + g, self._log_det(jacobian)

    def inverse(self, z, context=None):
        solve = self.net.frozen(context)
        limits = (self.net.lipschitz, INVERSE_TOLERANCE, self.max_iterations)
        x = contraction_root(solve, z.detach().double(), *limits).to(z)
        if torch.is_grad_enabled():
            x = self._with_gradient(x, z, context)
        return x, -self._log_det(self.net.linearize(x, context)[1])

    def _with_gradient(self, x, z, context):
        """Give the root x its gradients: those of one Newton step, which does not move it."""
        g, jacobian = self.net.linearize(x, context)
        residual = x + g - z
        slope = jacobian.detach().matrix()
        slope = slope + torch.eye(x.shape[-1], dtype=x.dtype, device=x.device)
        step = torch.linalg.solve(slope, (residual - residual.detach()).unsqueeze(-1))
        return x - step.squeeze(-1)

    def _log_det(self, jacobian):
        if self.training and self.training_log_det == "roulette":
            return roulette_log_det(jacobian, self.n_exact_terms, self.ratio)
        n_rows = max(1, BLOCK // jacobian.row_size)
        blocks = [
            self._fixed_log_det(jacobian.rows(*ends))
            for ends in row_blocks(jacobian.n_rows, n_rows)
        ]
        return blocks[0] if len(blocks) == 1 else torch.cat(blocks, dim=-1)

    def _fixed_log_det(self, jacobian):
        if self.n_terms is None:
            return exact_log_det(jacobian)
        return series_log_det(jacobian, self.n_terms, COLUMNS)
