"""Integrals over an interval."""

from functools import cache

import numpy as np
import torch

__all__ = ["gauss_legendre"]


def gauss_legendre(n_nodes, like):
    """Nodes in (0, 1) and weights that add up to 1, as tensors of the kind of ``like``.

    Exact for polynomials of degree up to ``2 n_nodes - 1``; the error of a function that is
    analytic around the interval falls geometrically with the number of nodes.
    """
    nodes, weights = _rule(n_nodes)
    return (torch.as_tensor(a, dtype=like.dtype, device=like.device) for a in (nodes, weights))


@cache
def _rule(n_nodes):
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return 0.5 * nodes + 0.5, 0.5 * weights
