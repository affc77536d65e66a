"""The elementwise map of Flow++: log-odds of a mixture of logistics."""

import math

import torch

from skflow.bijections._curves import soft_bound
from skflow.bijections._elementwise import Elementwise
from skflow.numerics import increasing_root, mixture_logit

__all__ = ["MixtureLogisticCDF"]

MIN_SLOPE = 1e-3


class MixtureLogisticCDF(Elementwise):
    r"""Log-odds of the distribution function of a mixture of logistics [1]_.

    .. math::
        y = (1 - a) \operatorname{logit} F(x) + a x, \quad
        F(x) = \sum_k w_k\, \sigma\bigl((x - \mu_k) / s_k\bigr)

        \log dy/dx = \log\Bigl(a + (1 - a) \sum_k
            \frac{w_k F_k (1 - F_k)}{s_k F (1 - F)}\Bigr)

    with the smallest slope ``a = 1e-3``, which [1]_ does without: valleys between far
    components would otherwise be flat to the last digit and have no inverse. The largest slope
    is ``exp(max_log_scale)``. Tails are linear. [1]_, section 3.2, puts an affine map on top.

    Raw numbers are n_components each of log-weights (softmax), means and log-scales (softly
    bounded). At 0 all components are the standard logistic, and y = x. Components that coincide
    have proportional gradients and would move as one for ever, so the raw mean and log-scale of
    each count by a factor of its own, from 1/2 to 2.

    Cost: O(n_components) a number. The inverse searches: some ten evaluations, to the last few
    digits; its gradients are those of the implicit function theorem.

    Parameters
    ----------
    n_components : int, default=8
    max_log_scale : float, default=2.0

    References
    ----------
    .. [1] Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, arXiv:1902.00275,
       section 3.2.
    """

    def __init__(self, n_components=8, max_log_scale=2.0):
        if n_components < 1:
            raise ValueError(f"n_components must be at least 1, got {n_components}")
        self.n_components = n_components
        self.max_log_scale = max_log_scale
        self.n_params = 3 * n_components

    def forward(self, x, raw):
        return self._map(x, *self._parameters(raw))

    def inverse(self, y, raw):
        parameters = self._parameters(raw)

        def value_and_slope(x):
            value, log_slope = self._map(x, *parameters)
            return value, log_slope.exp()

        x = increasing_root(value_and_slope, y, y)
        value, log_slope = self._map(x, *parameters)
        if not (torch.is_grad_enabled() and (y.requires_grad or raw.requires_grad)):
            return x, -log_slope
        # one Newton step from the solution gives x its gradient by the implicit function theorem
        x = x - (value - y) * torch.exp(-log_slope.detach())
        return x, -self._map(x, *parameters)[1]

    def _map(self, x, log_weight, loc, log_scale):
        logit, log_slope = mixture_logit(x, log_weight, loc, log_scale)
        floor = torch.full_like(log_slope, math.log(MIN_SLOPE))
        log_slope = torch.logaddexp(log_slope + math.log1p(-MIN_SLOPE), floor)
        return (1 - MIN_SLOPE) * logit + MIN_SLOPE * x, log_slope

    def _parameters(self, raw):
        """Log-weights, means and log-scales with the components along the first axis."""
        weight, loc, scale = raw.movedim(-1, 0).unflatten(0, (3, self.n_components))
        factor = torch.logspace(
            -1, 1, self.n_components, 2, dtype=raw.dtype, device=raw.device
        ).view(-1, *[1] * (raw.dim() - 1))
        log_scale = soft_bound(factor * scale, self.max_log_scale)
        return torch.log_softmax(weight, 0), factor * loc, log_scale
