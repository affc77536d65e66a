"""Gaussians with diagonal covariances and shared directions: what fit and density need of them."""

import math

import torch

__all__ = ["drawn_in", "log_joint"]


def log_joint(u, centres, precisions, level):
    """Log densities (n, k) of rows u (n, d) under k Gaussians, plus a level (k,) of each."""
    own = centres * precisions
    level = (
        level + 0.5 * (precisions / (2 * math.pi)).log().sum(-1) - 0.5 * (own * centres).sum(-1)
    )
    # (u - c)^2 times the precisions, expanded: rows times kernels is one product
    squares = torch.cat([u, u.square()], -1) @ torch.cat([own, -0.5 * precisions], -1).mT
    return squares.add_(level)


def drawn_in(precisions, variances, weight):
    """Factors rho (d,) by which centres are drawn towards the mean."""
    return (1 - weight @ (1 / precisions) / variances).clamp(min=0).sqrt()
