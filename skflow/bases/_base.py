"""The contract of a base distribution: a log density and exact samples."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

from skflow._random import generator

__all__ = ["Base", "saturate"]


class Base(nn.Module, ABC):
    """A distribution over noise z of shape ``(*members, n, n_features)``.

    Every base holds one buffer ``origin`` of shape ``(*members, n_features)``, zeros, that takes
    part in no density. Stacking members gives it their leading axes as it does all tensors, so
    that a base without parameters knows its members, its dtype and its device too.

    Parameters
    ----------
    n_features : int
        Number of columns of z.

    Attributes
    ----------
    n_features : int
    members : tuple of int
        The leading axes of the parameters; empty for a single base.
    """

    # weight decay would pull a mixture's means to zero and every tail to one index
    weight_decay: ClassVar[bool] = False

    def __init__(self, n_features):
        super().__init__()
        self.n_features = n_features
        self.register_buffer("origin", torch.zeros(n_features))

    @property
    def members(self):
        """The leading axes of the parameters."""
        return tuple(self.origin.shape[:-1])

    @property
    def tail_index(self):
        """Power at which each column's tails fall, float64 (*members, n_features).

        ``P(|z_j| > t)`` falls like ``t**-tail_index[j]``; infinite where it falls faster than
        any power, as it does by default.
        """
        return torch.full_like(self.origin, torch.inf, dtype=torch.float64)

    @abstractmethod
    def log_prob(self, z, context=None):
        """Natural-log density of each row.

        Parameters
        ----------
        z : tensor of shape (*members, n, n_features) or (n, n_features)
        context : tensor of shape (*members, n, c), optional

        Returns
        -------
        log_prob : tensor of shape (*members, n)
            In nats. Finite for every finite z inside the support: where a density is too small
            for the dtype, it is the lowest finite number of the dtype or near it.
        """

    @abstractmethod
    def sample(self, n, context=None):
        """Draw n rows for each member, with torch's random numbers.

        Returns
        -------
        z : tensor of shape (*members, n, n_features)
        """

    @abstractmethod
    def normal_scores(self, z, context=None):
        """Map rows of this base to standard normal rows, column after column.

        Each column goes through its distribution function given the columns before it, and
        through the normal quantile function (Rosenblatt's transformation). In float64.

        Parameters
        ----------
        z : tensor of shape (*members, n, n_features)
        context : tensor of shape (*members, n, c), optional

        Returns
        -------
        scores : tensor of shape (*members, n, n_features), float64
            Independent standard normal numbers if z was drawn from this base.
        """

    def cool(self, z, temperature):
        """Latents of a distribution with ``temperature`` times the deviation of this one."""
        raise ValueError(
            f"temperature={temperature} needs a normal base; a {type(self).__name__} has no "
            "deviation to scale. Draw with temperature=1, or fit with base='normal'."
        )

    @property
    def n_seeds(self):
        """How many standard normal numbers :meth:`from_seeds` makes one row of."""
        return self.n_features

    def draw_seeds(self, n):
        """Seeds of n rows for each member, (*members, n, n_seeds), for :meth:`from_seeds`."""
        shape = (*self.members, n, self.n_seeds)
        return self._normal_numbers(shape)

    def from_seeds(self, seeds, context=None):
        """Make draws that are differentiable in the parameters, from standard normal numbers.

        What depends on the parameters smoothly has its gradient through z. A choice among
        components has none there; its probability is returned, so that for any f the gradient
        of ``f(z) + f(z).detach() * log_share`` has the gradient of E[f(z)] as its mean.

        Parameters
        ----------
        seeds : tensor of shape (*members, n, n_seeds)
        context : tensor of shape (*members, n, c), optional

        Returns
        -------
        z : tensor of shape (*members, n, n_features)
        log_share : tensor of shape (*members, n)
            Log probability of the component that each row comes from; 0 where there is one only.
        """
        raise NotImplementedError(
            f"the base {type(self).__name__} has no draws that are differentiable in its "
            "parameters, which reverse KL needs"
        )

    def initialize(self, z, weight=None, context=None):
        """Set data-dependent parameters once, from latents of training rows; nothing by default.

        Parameters
        ----------
        z : tensor of shape (n, n_features) or (*members, n, n_features)
        weight : tensor of shape (n,) or (*members, n), optional
            Not negative; a row of weight zero plays no part.
        context : tensor of shape (*members, n, c), optional
            What the rows are given, for bases that depend on it.
        """
        return

    def _normal_numbers(self, shape):
        """Draw standard normal numbers of the dtype and on the device of the base."""
        device = self.origin.device
        return torch.randn(
            shape, generator=generator(device), dtype=self.origin.dtype, device=device
        )

    def _with_members(self, z):
        """View z with the member axes of this base; rows given once are every member's."""
        return z.expand(torch.broadcast_shapes(z.shape, self.origin.unsqueeze(-2).shape))

    def extra_repr(self):
        return f"n_features={self.n_features}"


def saturate(log_prob):
    """Replace -inf, left by a square that overflowed, by the lowest finite number.

    NaN stays NaN: a diverged flow must not look like a confident one.
    """
    return log_prob.clamp(min=torch.finfo(log_prob.dtype).min)
