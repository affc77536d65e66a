"""Normal scores of a mixture of normals."""

import math

import torch
from torch.autograd.function import once_differentiable

from skflow._graph import applied
from skflow.numerics._normal import normal_of_logit

__all__ = ["mixture_score"]

ROOT_HALF_PI = math.sqrt(math.pi / 2)


def mixture_score(x, log_weight, loc, log_scale):
    r"""Take normal scores of a mixture of normals, and the log of their slope.

    With :math:`t_k = (x - \mu_k) / s_k` and :math:`F = \sum_k w_k \Phi(t_k)`,

    .. math::
        y = \Phi^{-1}(F), \quad
        \frac{dy}{dx} = \sum_k \frac{w_k \phi(t_k)}{s_k \phi(y)}
                      = \frac{1}{h(|y|)} \sum_k r_k \frac{h(\pm t_k)}{s_k}

    with the hazard :math:`h(t) = \phi(t) / \Phi(-t)`, and with :math:`r_k` the shares of the
    components in :math:`1 - F` where :math:`y \ge 0` and in F elsewhere, which the sign of
    :math:`t_k` follows. y comes from the log-odds of F, whose two logarithms are sums of
    exponentials in log space: no tail under- or overflows, and far out y is a line. The
    logarithm of the slope ends at that of the smallest normal number, in valleys where all
    components have vanished.

    Parameters
    ----------
    x : tensor of shape (...,)
    log_weight, loc, log_scale : tensors that broadcast to (n_components, ...)
        Components along the first axis; the weights add up to 1, and gradients hold along
        weights that do.

    Returns
    -------
    score, log_slope : tensors of shape (...,)
        Differentiable once.
    """
    return applied(_MixtureScore, x, log_weight, loc, log_scale)


class _MixtureScore(torch.autograd.Function):
    """The backward pass is derived by hand; autograd's would subtract large equal numbers."""

    @staticmethod
    def forward(ctx, x, log_weight, loc, log_scale):
        limit = torch.finfo(x.dtype).max ** 0.45  # whose square is still a number
        rate = torch.exp(-log_scale)
        t = ((x - loc) * rate).clamp_(-limit, limit)
        size = t.abs()
        scaled = torch.special.erfcx(size * math.sqrt(0.5))
        log_tail = (0.5 * scaled).log_().addcmul_(size, size, value=-0.5)  # log Phi(-|t|)
        log_rest = torch.log1p(-log_tail.exp())
        positive = t > 0
        log_p = log_weight + torch.where(positive, log_rest, log_tail)
        log_q = log_weight + torch.where(positive, log_tail, log_rest)
        log_f, log_g = torch.logsumexp(log_p, 0), torch.logsumexp(log_q, 0)
        logit = log_f - log_g
        y, log_rise = normal_of_logit(logit)
        p, q = log_p.sub_(log_f).exp_(), log_q.sub_(log_g).exp_()
        upper = logit >= 0
        # the hazard at |t|, or at -|t| where x is in the other tail of the component
        hazard = (ROOT_HALF_PI * scaled).reciprocal_()
        hazard = torch.where(upper == positive, hazard, hazard * (log_tail - log_rest).exp_())
        part = torch.where(upper, q, p).mul_(hazard).mul_(rate)
        total = part.sum(0).clamp_(min=torch.finfo(x.dtype).tiny)
        mills = ROOT_HALF_PI * torch.special.erfcx(y.abs() * math.sqrt(0.5))
        rise = p.sub_(q).mul_(log_rise.exp())  # dy / dlog w
        ctx.save_for_backward(t, rate, part.div_(total), total * mills, y, rise)
        ctx.shapes = [a.shape for a in (x, log_weight, loc, log_scale)]
        return y, total.log() + mills.log()

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, grad_log_slope):
        t, rate, share, slope, y, rise = ctx.saved_tensors
        # log slope = log sum_k w_k phi(t_k) / s_k - log phi(y), and dy / dt_k is this rise:
        rise_t = slope / rate
        grad_share = grad_log_slope * share
        grad_t = grad_share * (y * rise_t - t) + share * grad_y * rise_t
        grad_weight = grad_share + (grad_y + grad_log_slope * y) * rise
        grad_loc = -grad_t * rate
        grad_scale = -(grad_t * t + grad_share)
        grads = (-grad_loc.sum(0), grad_weight, grad_loc, grad_scale)
        return tuple(g.sum_to_size(s) for g, s in zip(grads, ctx.shapes, strict=True))
