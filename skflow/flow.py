"""Densities from bijections: the one place that adds base log density and log-determinants."""

import math
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from skflow._random import generator

__all__ = ["Ensemble", "Flow"]

Pair = tuple[Tensor, Tensor]


class Flow(nn.Module):
    r"""A density by change of variables.

    .. math:: \log p(x) = \log p_0(f(g(x))) + \log|\det J_f| + \log|\det J_g|

    with preprocessing g, bijection f and base density :math:`p_0`. The preprocessing is part of
    the flow, so that its Jacobian cannot be forgotten: log densities are in the units of x.

    Parameters
    ----------
    bijection : Bijection
    base : Base
    preprocessing : Bijection, optional
        Runs in float64, so that columns far from zero lose nothing before they are centred; the
        bijection then runs in the dtype of its parameters.
    """

    def __init__(self, bijection, base, preprocessing=None):
        super().__init__()
        self.bijection = bijection
        self.base = base
        self.preprocessing = preprocessing

    @property
    def dtype(self) -> torch.dtype:
        """Floating dtype of the bijection and the base."""
        # one after the other, as the first nearly always tells
        tensors = chain(self.bijection.parameters(), self.base.parameters(), self.base.buffers())
        return next((t.dtype for t in tensors if t.is_floating_point()), torch.get_default_dtype())

    def to_noise(self, x: Tensor, context: Tensor | None = None) -> Pair:
        """Latents z (*members, n, d) and log|det dz/dx| (*members, n) of rows x."""
        if self.preprocessing is None:
            return self.bijection(x, context)
        u, outer = self.preprocessing(x.double(), context)
        z, inner = self.bijection(u.to(self.dtype), context)
        return z, outer + inner

    def from_noise(self, z: Tensor, context: Tensor | None = None) -> Pair:
        """Rows x of latents z and log|det dx/dz|."""
        x, inner = self.bijection.inverse(z, context)
        if self.preprocessing is None:
            return x, inner
        x, outer = self.preprocessing.inverse(x.double(), context)
        return x, outer + inner

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density (*members, n) of rows x, in nats and in the units of x."""
        return self.log_prob_and_noise(x, context)[0]

    def log_prob_and_noise(self, x: Tensor, context: Tensor | None = None) -> Pair:
        """Log density (*members, n) of rows x and their latents z, in one pass."""
        z, log_det = self.to_noise(x, context)
        return self.base.log_prob(z, context) + log_det, z

    def sample(self, n: int, context: Tensor | None = None, temperature: float = 1.0) -> Tensor:
        """Draw n rows, (*members, n, d), of latents with ``temperature`` times their deviation."""
        z = self.base.sample(n, context)
        if temperature != 1:
            z = self.base.cool(z, temperature)
        return self.from_noise(z, context)[0]

    def sample_and_log_prob(self, n: int, context: Tensor | None = None) -> Pair:
        """Draw n rows (*members, n, d) and their log densities (*members, n) in one pass.

        With a context (*members, n, c) there is one draw for each of its rows. Where the base has
        no parameters, as :class:`skflow.bases.Normal`, gradients of all that depends on the draws
        reach the flow and the context through them.

        Cost: the inverse, once, and the base's density.
        """
        z = self.base.sample(n, context)
        x, log_det = self.from_noise(z, context)
        return x, self.base.log_prob(z, context) - log_det

    def initialize(
        self,
        x: Tensor,
        weight: Tensor | None = None,
        context: Tensor | None = None,
    ) -> None:
        """Set data-dependent parameters from rows x (*members, n, d), once."""
        self.base.initialize(self.bijection.initialize(x, context, weight), weight, context)

    def behind(self, preprocessing: nn.Module | None) -> "Flow":
        """Return the flow with another preprocessing; None for none."""
        return Flow(self.bijection, self.base, preprocessing)

    def verify(self) -> None:
        """Check what its parts guarantee; see :meth:`skflow.bijections.Bijection.verify`."""
        self.bijection.verify()


class Ensemble(nn.Module):
    r"""The equal mixture of K flows, :math:`p(x) = \frac1K \sum_k p_k(x)`.

    Parameters
    ----------
    members : Flow
        K flows of one structure as one stacked flow, see :func:`skflow.members.stack_members`.
    n_members : int
    reference : int, default=0
        The member whose latents stand for the ensemble, which as a mixture has none.
    """

    def __init__(self, members, n_members, reference=0):
        super().__init__()
        self.members = members
        self.n_members = n_members
        self.reference = reference

    @property
    def base(self) -> Any:
        """The members' bases as one stacked base."""
        return self.members.base

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Log density (n,) of rows x (n, d), in nats and in the units of x."""
        return self._mixed(self.members.log_prob(self._spread(x), self._spread(context)))

    def log_prob_and_noise(self, x: Tensor, context: Tensor | None = None) -> Pair:
        """Log density (n,) of rows x and their latents (n, d) by the reference, in one pass."""
        each, z = self.members.log_prob_and_noise(self._spread(x), self._spread(context))
        return self._mixed(each), z[self.reference]

    def sample(self, n: int, context: Tensor | None = None, **options: Any) -> Tensor:
        """Draw n rows (n, d): for each a member at random, then a draw from it."""
        member = torch.randint(self.n_members, (n,), generator=generator())
        if context is not None:  # every member draws for every context
            draws = self.members.sample(n, self._spread(context), **options)
            return draws[member, torch.arange(n)]
        counts = torch.bincount(member, minlength=self.n_members)
        draws = self.members.sample(int(counts.max()), **options)
        rank = torch.empty(n, dtype=torch.long)
        for k, count in enumerate(counts.tolist()):
            rank[member == k] = torch.arange(count)
        return draws[member, rank]

    def _mixed(self, each):
        return torch.logsumexp(each, dim=0) - math.log(self.n_members)

    def _spread(self, x):
        return None if x is None else x.expand(self.n_members, *x.shape)
