r"""Log-determinants of I + J, where J is a contraction that need not be formed.

``jacobian`` is an object with the methods of :class:`skflow.nets._jacobian.LayeredJacobian`; its
vectors may have any shape, see its ``signs`` and ``dot``.
"""

import math

import torch

from skflow._random import generator

__all__ = ["exact_log_det", "roulette_log_det", "series_log_det", "series_terms"]


def exact_log_det(jacobian):
    r"""log|det(I + J)| (*members, n), by a factorisation of matrices no larger than J.

    Of the bands :math:`(A_i, B_i, C_i)` of a block-tridiagonal J, below, on and above the
    diagonal, the determinant is that of the pivots

    .. math:: S_1 = I + B_1, \qquad S_{i+1} = I + B_{i+1} - A_{i+1} S_i^{-1} C_i.

    No rows need to be exchanged between blocks: :math:`S_i^{-1}` is a part of the inverse of
    a leading part of I + J, so that its norm is below 1 / (1 - L).
    """
    total, product = 0, None
    for below, block, above in jacobian.bands():
        pivot = block + torch.eye(block.shape[-1], dtype=block.dtype, device=block.device)
        pivot = pivot if product is None else pivot - below @ product
        if above is None:  # the last
            total = total + torch.linalg.slogdet(pivot).logabsdet
        else:
            factors, exchanges, _ = torch.linalg.lu_factor_ex(pivot)
            total = total + factors.diagonal(dim1=-2, dim2=-1).abs().log().sum(-1)
            product = torch.linalg.lu_solve(factors, exchanges, above)
    return total


def series_terms(order, lipschitz, tolerance):
    r"""Choose the number K of terms of a power series, and bound what it leaves out.

    .. math:: \Bigl|\log\det(I + J) - \sum_{k=1}^K \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k
        \Bigr| \le \frac{r L^{K+1}}{(K + 1)(1 - L)}

    for J of rank r with spectral norm at most L, since :math:`|\operatorname{tr} J^k| \le r L^k`.

    Returns
    -------
    n_terms : int
        The smallest number with a bound below ``tolerance``.
    bound : float
    """

    def bound(k):
        return order * lipschitz ** (k + 1) / ((k + 1) * (1 - lipschitz))

    n_terms = 1
    while bound(n_terms) >= tolerance:
        n_terms += 1
    return n_terms, bound(n_terms)


def series_log_det(jacobian, n_terms, columns):
    r""":math:`\sum_{k=1}^K (-1)^{k+1} \operatorname{tr}(J^k) / k`, (*members, n), K = n_terms.

    Traces are exact, by the unit vectors of the narrowest layer, of which ``columns`` are
    multiplied at a time.
    """
    order, total = jacobian.order, 0
    for start in range(0, order, columns):
        units = slice(start, min(start + columns, order))
        power = jacobian.new_zeros(order, jacobian.n_rows, units.stop - start)
        power[..., units, :, :].diagonal(dim1=-3, dim2=-1).fill_(1)
        for k in range(1, n_terms + 1):
            power = jacobian.core_times(power)
            trace = power[..., units, :, :].diagonal(dim1=-3, dim2=-1).sum(-1)
            total = total + trace * ((-1) ** (k + 1) / k)
    return total


def roulette_log_det(jacobian, n_exact, ratio):
    r"""Unbiased estimate of log det(I + J), (*members, n), with an unbiased gradient.

    A probe v of random signs and a random number of terms K = n_exact + N, geometric with
    :math:`P(N \ge j) = q^j`, shared by all rows, give [1]_

    .. math::
        \log\det(I + J) &= E \sum_{k=1}^{K} \frac{(-1)^{k+1}}{k}\,
            \frac{v^T J^k v}{P(K \ge k)} \\
        \nabla \log\det(I + J) &= E \Bigl[\sum_{k=0}^{K} \frac{(-1)^k}{P(K \ge k)}\,
            v^T J^k\Bigr] (\nabla J)\, v

    the second being their Neumann series (eq. 8): the sum in brackets needs no graph, so that
    memory does not grow with K. The variances are finite if J has norm below
    :math:`\sqrt q`.

    References
    ----------
    .. [1] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735.
    """
    probe = jacobian.signs()
    with torch.no_grad():
        fixed, row = jacobian.detach(), probe
        weighted, neumann, coefficient = torch.zeros_like(probe), probe, 1.0
        for k in range(1, n_exact + _geometric(ratio) + 1):
            coefficient *= -1.0 if k <= n_exact else -1.0 / ratio
            row = fixed.transposed_times(row)
            weighted.add_(row, alpha=-coefficient / k)
            neumann = torch.add(neumann, row, alpha=coefficient)
        value = fixed.dot(weighted, probe)
    surrogate = jacobian.dot(neumann, jacobian.times(probe))
    return value + (surrogate - surrogate.detach())


def _geometric(ratio):
    """Draw N with P(N >= j) = ratio^j."""
    uniform = 1 - float(torch.rand((), generator=generator(), dtype=torch.float64))
    return math.floor(math.log(uniform) / math.log(ratio))
