"""From mixtures to standard normal rows, one column given those before it."""

import torch
from torch.special import log_ndtr

from skflow.numerics import normal_of_logit

__all__ = ["mixture_scores"]


def mixture_scores(log_weights, columns):
    r"""Map columns of a mixture to normal scores, each given those before it [1]_.

    .. math::
        s_j = \Phi^{-1}\Bigl(\sum_c w_c\, \Phi(y_{cj})\Bigr), \qquad
        w_c \propto \pi_c \prod_{i < j} \frac{\phi(y_{ci})}{\sigma_{ci}}

    with :math:`y_{cj}` the residual of column j in component c given the columns before it, in
    units of its deviation :math:`\sigma_{cj}`. Sums are those of logarithms in both tails, so
    that rows far from every component keep their score.

    Parameters
    ----------
    log_weights : tensor of shape (*members, 1, C) or (*members, n, C)
        Logarithms of pi, up to a constant; those of each row where they depend on a context.
    columns : iterable of d pairs of tensors, of shapes (*members, n, C) and (*members, 1, C)
        The residuals y and log deviations of one column after the other.

    Returns
    -------
    scores : tensor of shape (*members, n, d)

    References
    ----------
    .. [1] Rosenblatt (1952), Remarks on a multivariate transformation, Annals of Mathematical
       Statistics 23(3).
    """
    log_joint, scores = log_weights, []
    for residual, log_deviation in columns:
        share = log_joint.log_softmax(-1)
        below = torch.logsumexp(share + log_ndtr(residual), dim=-1)
        above = torch.logsumexp(share + log_ndtr(-residual), dim=-1)
        scores.append(normal_of_logit(below - above)[0])
        log_joint = share - log_deviation - 0.5 * residual.square()
    return torch.stack(scores, dim=-1)
