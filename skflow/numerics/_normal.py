"""From log-odds to normal scores and back, without under- or overflow in any tail."""

import math

import torch
from torch.autograd.function import once_differentiable

from skflow._graph import applied

__all__ = ["LOG_ROOT_2_PI", "logit_of_normal", "normal_of_logit"]

NEWTON_STEPS = {torch.float32: 3, torch.float64: 4}  # to the last digits, from the bound
# Above it z - 1 / mills(z) loses more digits than its series does.
SERIES_FROM = {torch.float32: 10.0, torch.float64: 100.0}
LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
LARGEST_SLOPE = math.sqrt(2 * math.pi) / 4


def normal_of_logit(logit):
    r"""Quantile of the standard normal at the probability with the given log-odds.

    .. math:: z = \Phi^{-1}(\sigma(l)), \quad
              \log\frac{dz}{dl} = \log\sigma(|l|) + \log m(|z|)

    with the Mills ratio :math:`m(z) = (1 - \Phi(z)) / \phi(z)`. Solves
    :math:`-\log(1 - \Phi(z)) = \log(1 + e^{|l|})` by Newton's method, whose left side is convex;
    from a bound above the root it falls to it monotonically. For large :math:`|l|`, where
    :math:`z \approx \sqrt{2|l|}`, every term keeps its digits.

    Parameters
    ----------
    logit : tensor of shape (...,)
        l, finite.

    Returns
    -------
    z, log_slope : tensors of shape (...,)
        Differentiable once.
    """
    return applied(_NormalOfLogit, logit)


def logit_of_normal(z):
    """Log-odds of the standard normal distribution function, ``log Phi(z) - log Phi(-z)``."""
    return torch.special.log_ndtr(z) - torch.special.log_ndtr(-z)


class _NormalOfLogit(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logit):
        size = logit.abs()
        rest = torch.exp(-size)
        log_rest = torch.log1p(rest)
        surprise = size + log_rest  # -log of the smaller of the two probabilities
        bound = (2 * (surprise - math.log(2))).clamp(min=0).sqrt()
        z = torch.minimum(bound, LARGEST_SLOPE * size)
        for _ in range(NEWTON_STEPS[logit.dtype]):
            mills = _mills(z)
            excess = 0.5 * z * z + LOG_ROOT_2_PI - mills.log() - surprise
            z = torch.addcmul(z, excess, mills, value=-1).clamp_(min=0)
        mills = _mills(z)
        slope = mills / (1 + rest)
        bend = torch.where(
            z < SERIES_FROM[logit.dtype], z - 1 / mills, (2 / z.square() - 1) / z.clamp(min=1)
        )
        sign = logit.sign()
        ctx.save_for_backward(slope, sign * (rest / (1 + rest) + bend * slope))
        return z * sign, mills.log() - log_rest

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_z, grad_log_slope):
        slope, bend = ctx.saved_tensors
        return grad_z * slope + grad_log_slope * bend


def _mills(z):
    return math.sqrt(math.pi / 2) * torch.special.erfcx(z * math.sqrt(0.5))
