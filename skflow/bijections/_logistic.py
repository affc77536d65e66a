"""Between the standard logistic and the standard normal distribution."""

import math

import torch

from skflow.bijections._base import Bijection
from skflow.numerics import logit_of_normal, normal_of_logit

__all__ = ["LogisticToNormal"]


class LogisticToNormal(Bijection):
    r"""Log-odds to normal scores, which makes every standard logistic column standard normal.

    .. math::
        z = \Phi^{-1}(\sigma(x)), \quad x = \log \Phi(z) - \log \Phi(-z)

        \log|\det dx/dz| = \sum_i \log \phi(z_i) - \log \Phi(z_i) - \log \Phi(-z_i)

    and the forward log-det is minus that. Behind a logistic squashing of (0, 1) it makes uniform
    numbers normal, and keeps their digits far out, where the normal distribution function is
    flat. Cost: O(n d); forward is a few Newton steps.
    """

    def forward(self, x, context=None):
        z, log_slope = normal_of_logit(x)
        return z, log_slope.sum(-1)

    def inverse(self, z, context=None):
        log_density = -0.5 * (z.square() + math.log(2 * math.pi))
        log_both = torch.special.log_ndtr(z) + torch.special.log_ndtr(-z)
        return logit_of_normal(z), (log_density - log_both).sum(-1)
