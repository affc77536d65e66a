"""Base distributions by name: how each is made, and what it needs of the flow before it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from skflow.bases import GaussianMixture, Normal, Product, StudentT, Uniform, choose_mixture
from skflow.bijections import Chain, Diagonal, Inverse, SupportMap

__all__ = ["build_base", "end_where_base_lies", "heavy_columns"]

EM_TOL = 1e-2  # training goes on from there
LOGISTIC_SCALE = 1 / 1.702  # of the logistic distribution function nearest to the normal one


def _normal(x, weight):
    return Normal(x.shape[-1])


def _student_t(x, weight):
    return StudentT(x.shape[-1])


def _uniform(x, weight):
    return Uniform(x.shape[-1])


def _mixture(x, weight):
    choice = choose_mixture(x, weight)
    return GaussianMixture(
        x.shape[-1],
        choice.n_components,
        covariance_type=choice.covariance_type,
        reg_covar=choice.reg_covar,
        tol=EM_TOL,
    )


@dataclass(frozen=True)
class _Kind:
    """A row of the table below.

    Attributes
    ----------
    build : callable
        From the rows (n, c) of its columns, as they enter the flow, and weights (n,) or None.
    heavy : bool
        Its tails are a power's, so that nothing before it may bend them.
    interval : tuple of float
        Where its latents lie.
    """

    build: Callable
    heavy: bool = False
    interval: tuple = (-math.inf, math.inf)


KINDS = {
    "normal": _Kind(_normal),
    "student_t": _Kind(_student_t, heavy=True),
    "uniform": _Kind(_uniform, interval=(0.0, 1.0)),
    "mixture": _Kind(_mixture),
}


def heavy_columns(base, d):
    """Which of d columns have a base with a power's tails, a bool tensor (d,).

    ``base`` is a name or a tuple of d names, here and below.
    """
    return torch.tensor([KINDS[name].heavy for name in _names(base, d)])


def build_base(base, x, weight=None):
    """Build the base for rows x (n, d); columns of one name share one distribution."""
    groups = {}
    for column, name in enumerate(_names(base, x.shape[-1])):
        groups.setdefault(name, []).append(column)
    parts = [KINDS[name].build(x[:, columns], weight) for name, columns in groups.items()]
    return parts[0] if len(parts) == 1 else Product(parts, list(groups.values()))


def end_where_base_lies(bijection, base, d):
    """Put a squashing behind the bijection for columns whose base lives on an interval.

    It is the logistic function, on a learnt scale that starts where normal scores come out
    almost uniform: it goes on where the normal distribution function would be flat in float32.
    """
    intervals = torch.tensor([KINDS[name].interval for name in _names(base, d)])
    bounded = intervals.isfinite().all(-1)
    if not bounded.any():
        return bijection
    scaling = Diagonal(d)
    with torch.no_grad():
        scaling.log_scale.copy_(torch.where(bounded, -math.log(LOGISTIC_SCALE), 0.0))
    return Chain([bijection, scaling, Inverse(SupportMap(*intervals.T))])


def _names(base, d):
    return (base,) * d if isinstance(base, str) else base
