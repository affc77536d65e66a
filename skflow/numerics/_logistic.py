"""Log-odds of the distribution function of a mixture of logistics."""

import torch
from torch.autograd.function import once_differentiable

from skflow._graph import applied

__all__ = ["mixture_logit"]


def mixture_logit(x, log_weight, loc, log_scale):
    r"""Log-odds of a mixture of logistic distribution functions, and the log of their slope.

    With :math:`t_k = (x - \mu_k) / s_k`, :math:`F_k = \sigma(t_k)` and
    :math:`F = \sum_k w_k F_k`,

    .. math::
        l = \log F - \log(1 - F), \quad
        \frac{dl}{dx} = \sum_k \frac{w_k F_k (1 - F_k)}{s_k F (1 - F)}
                      \in \bigl(0, \max_k 1 / s_k\bigr]

    Both logarithms are sums of exponentials in log space, so that no tail under- or overflows.
    The slope is a mean of :math:`1/s_k` under shares that add up to at most one, taken from the
    side on which x lies: nothing cancels. Its logarithm ends at that of the smallest normal
    number, in valleys where all logistics have vanished.

    Parameters
    ----------
    x : tensor of shape (...,)
    log_weight, loc, log_scale : tensors that broadcast to (n_components, ...)
        Components along the first axis; the weights add up to 1, and gradients hold along
        weights that do.

    Returns
    -------
    logit, log_slope : tensors of shape (...,)
        Differentiable once.
    """
    return applied(_MixtureLogit, x, log_weight, loc, log_scale)


class _MixtureLogit(torch.autograd.Function):
    """The backward pass is derived by hand, since through autograd it is some fifty kernels."""

    @staticmethod
    def forward(ctx, x, log_weight, loc, log_scale):
        rate = torch.exp(-log_scale)
        t = (x - loc) * rate
        edge = torch.exp(-t.abs())
        log_edge = torch.log1p(edge)
        upper, lower = torch.sigmoid(t), torch.sigmoid(-t)
        log_p = log_weight + (t.clamp(max=0) - log_edge)
        log_q = log_weight + ((-t).clamp(max=0) - log_edge)
        log_f, log_g = torch.logsumexp(log_p, 0), torch.logsumexp(log_q, 0)
        p, q = log_p.sub_(log_f).exp_(), log_q.sub_(log_g).exp_()
        logit = log_f - log_g
        rest_p, rest_q = p * lower, q * upper
        part = torch.where(logit >= 0, rest_q, rest_p).mul_(rate)
        part.mul_(torch.exp(-logit.abs()).add_(1))
        slope = part.sum(0).clamp_(min=torch.finfo(x.dtype).tiny)
        bend = lower.sub_(upper)
        ctx.save_for_backward(t, rate, p, q, rest_p, rest_q, bend, part.div_(slope))
        ctx.shapes = [a.shape for a in (x, log_weight, loc, log_scale)]
        return logit, slope.log()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_logit, grad_log_slope):
        t, rate, p, q, rest_p, rest_q, bend, share = ctx.saved_tensors
        # log slope = log sum_k w_k F_k (1 - F_k) / s_k - log F - log(1 - F)
        grad_f, grad_g = grad_logit - grad_log_slope, -grad_logit - grad_log_slope
        grad_share = grad_log_slope * share
        grad_weight = torch.addcmul(grad_share, grad_f, p).addcmul_(grad_g, q)
        grad_t = (grad_share * bend).addcmul_(grad_f, rest_p)
        grad_t.addcmul_(grad_g, rest_q, value=-1)
        grad_scale = torch.addcmul(grad_share, grad_t, t).neg_()
        grad_loc = grad_t.mul_(rate).neg_()
        grads = (-grad_loc.sum(0), grad_weight, grad_loc, grad_scale)
        return tuple(g.sum_to_size(s) for g, s in zip(grads, ctx.shapes, strict=True))
