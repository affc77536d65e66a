"""Log-odds of the Beta distribution function, to all digits in both of its tails."""

import torch
from torch.autograd.function import once_differentiable
from torch.nn.functional import logsigmoid

from skflow._graph import applied

__all__ = ["beta_logit", "log_beta"]

# Steps of the continued fraction: to the last digits for exponents up to 50.
STEPS = 32


def beta_logit(y, a, b):
    r"""Log-odds of a Beta distribution function at the number whose own log-odds are y.

    .. math:: l = \log\frac{F}{1 - F}, \quad F = I_u(a, b), \quad u = \sigma(y), \quad
              \log\frac{dl}{dy} = \log\frac{u^a (1 - u)^b}{B(a, b)\, F\, (1 - F)}

    On the side of :math:`(a + 1) / (a + b + 2)` where u lies, the smaller probability is its
    leading power times the continued fraction of [1]_, eq. 8.17.22, so that only logarithms are
    added: :math:`l \approx a y` and :math:`l \approx b y` far out keep their digits. Cost: some
    200 operations for each number.

    Parameters
    ----------
    y : tensor of shape (...,)
        Finite.
    a, b : tensors that broadcast with y
        Exponents, from about 0.01 to 50; without gradients.

    Returns
    -------
    logit, log_slope : tensors of shape (...,)
        Differentiable once, in y.

    References
    ----------
    .. [1] NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov/8.17.
    """
    return applied(_BetaLogit, y, a, b)


def log_beta(a, b):
    """Logarithm of the Beta function, ``log B(a, b)``."""
    return torch.lgamma(a) + torch.lgamma(b) - torch.lgamma(a + b)


class _BetaLogit(torch.autograd.Function):
    @staticmethod
    def forward(ctx, y, a, b):
        low = y < torch.log((a + 1) / (b + 1))
        sign = torch.where(low, 1.0, -1.0).to(y.dtype)
        near, far = torch.where(low, a, b), torch.where(low, b, a)
        side = sign * y
        log_part, log_rest = logsigmoid(side), logsigmoid(-side)
        part, rest = log_part.exp(), log_rest.exp()
        slope = near * _fraction(part, near, far)  # of log F
        log_mass = near * log_part + far * log_rest - log_beta(near, far) - slope.log()
        log_other = torch.log(-torch.expm1(log_mass))
        logit = log_mass - log_other
        log_slope = slope.log() - log_other
        bend = near * rest - far * part - slope * (1 - logit.exp())
        ctx.save_for_backward(log_slope.exp(), sign * bend)
        return sign * logit, log_slope

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_logit, grad_log_slope):
        slope, bend = ctx.saved_tensors
        return grad_logit * slope + grad_log_slope * bend, None, None


def _fraction(u, a, b):
    """One over the continued fraction, from its last step to the first."""
    value = torch.ones_like(u)
    for m in range(STEPS, 0, -1):
        end = a + 2 * m
        odd = (a + m) * (a + b + m) / (end * (end + 1))
        even = m * (b - m) / ((end - 1) * end)
        value = 1 + even * u / (1 - odd * u / value)
    return 1 - (a + b) / (a + 1) * u / value
