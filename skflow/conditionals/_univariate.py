"""Distributions of one cell in each of n rows: mixtures of normals, and shares of levels."""

import math
from dataclasses import dataclass

import torch

from skflow._random import generator
from skflow.numerics import increasing_root

__all__ = ["LEAST", "Levels", "Mixture", "interval_mass", "mixture_log_prob", "pooled"]

LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)
N_POINTS = 32  # by which an entropy is worked out
LEAST = 1e-30  # of a mass whose logarithm is taken


@dataclass(frozen=True)
class Mixture:
    """Mixtures of normals, one in each of n rows.

    Attributes
    ----------
    log_weight, loc, log_scale : tensors of shape (n_components, n)
    """

    log_weight: torch.Tensor
    loc: torch.Tensor
    log_scale: torch.Tensor

    def log_prob(self, z):
        """Log density (n,) at z (n,)."""
        return mixture_log_prob(z, self.log_weight, self.loc, self.log_scale)

    def cdf(self, z):
        """Mass (n,) below z (n,)."""
        t = (z - self.loc) * torch.exp(-self.log_scale)
        return (self.log_weight.exp() * torch.special.ndtr(t)).sum(0).clamp(max=1.0)

    def quantile(self, q):
        """Points (n,) with the mass q below them: a float, or one (n,) a row."""
        q = torch.as_tensor(q, dtype=self.loc.dtype).expand(self.loc.shape[1])
        sd = self.log_scale.exp()
        # between the lowest and the highest of the components' quantiles
        each = self.loc + sd * torch.special.ndtri(q)
        low, high = each.min(0).values, each.max(0).values

        def mass_and_slope(z):
            return self.cdf(z), self.log_prob(z).exp()

        return increasing_root(mass_and_slope, q, 0.5 * (low + high), between=(low, high))

    def draw(self):
        """One draw (n,) in each row."""
        u = torch.rand(self.loc.shape[1], generator=generator(), dtype=self.loc.dtype)
        k = (self.log_weight.exp().cumsum(0) < u).sum(0).clamp(max=len(self.loc) - 1)
        noise = torch.empty_like(u).normal_(generator=generator())
        loc, log_scale = (t.gather(0, k[None])[0] for t in (self.loc, self.log_scale))
        return loc + log_scale.exp() * noise

    def draw_between(self, low, high):
        """One draw (n,) in each row between two numbers, and the log mass (n,) there."""
        exact = Mixture(self.log_weight.double(), self.loc.double(), self.log_scale.double())
        u = torch.rand(self.loc.shape[1], generator=generator(), dtype=torch.float64)
        below, upto = (exact.cdf(torch.full_like(u, end)) for end in (low, high))
        mass = (upto - below).clamp(min=LEAST)
        z = exact.quantile((below + u * mass).clamp(LEAST, 1 - torch.finfo(u.dtype).eps))
        return z.clamp(low, high).to(self.loc), mass.log().to(self.loc)

    def usual(self):
        """Mean log density (n,) of the distribution's own draws: minus its entropy."""
        points = [self.quantile((i + 0.5) / N_POINTS) for i in range(N_POINTS)]
        return torch.stack([self.log_prob(z) for z in points]).mean(0)


@dataclass(frozen=True)
class Levels:
    """Shares of levels, in each of n rows.

    Attributes
    ----------
    log_share : tensor of shape (n_levels, n)
    """

    log_share: torch.Tensor

    def log_prob(self, code):
        """Log share (n,) of the levels of some codes (n,)."""
        return self.log_share.gather(0, code.long().clamp(min=0)[None])[0]

    def quantile(self, q):
        """Codes (n,) of the first levels up to which shares add up to q, a float or (n,)."""
        total = self.log_share.exp().cumsum(0)
        return (total < q).sum(0).clamp(max=len(total) - 1).to(total)

    def mode(self):
        """Codes (n,) of the levels with the largest shares."""
        return self.log_share.argmax(0).to(self.log_share)

    def draw(self):
        """One code (n,) in each row."""
        return self.quantile(
            torch.rand(self.log_share.shape[1], generator=generator(), dtype=self.log_share.dtype)
        )

    def draw_between(self, low, high):
        """One code (n,) in each row from low to high, and the log share (n,) of these."""
        code = torch.arange(len(self.log_share))[:, None]
        inside = self.log_share.masked_fill((code < low) | (code > high), -torch.inf)
        log_mass = torch.logsumexp(inside, 0)
        return Levels(inside - log_mass).draw(), log_mass

    def usual(self):
        """Mean log share (n,) of the distribution's own draws: minus its entropy."""
        return (self.log_share.exp() * self.log_share).sum(0)


def pooled(distributions):
    """Mix distributions of the same cells at equal shares."""
    n = len(distributions)
    if isinstance(distributions[0], Levels):
        each = torch.stack([one.log_share for one in distributions])
        return Levels(torch.logsumexp(each, 0) - math.log(n))
    return Mixture(
        torch.cat([one.log_weight for one in distributions]) - math.log(n),
        torch.cat([one.loc for one in distributions]),
        torch.cat([one.log_scale for one in distributions]),
    )


def mixture_log_prob(z, log_weight, loc, log_scale):
    """Log density (..., n) at z (..., n) of mixtures with components (..., K, n)."""
    t = (z.unsqueeze(-2) - loc) * torch.exp(-log_scale)
    return torch.logsumexp(log_weight - 0.5 * t.square() - log_scale, -2) - LOG_ROOT_2_PI


def interval_mass(low, high, log_weight, loc, log_scale):
    """Log mass (..., n) between low and high (..., n) of mixtures (..., K, n)."""
    rate = torch.exp(-log_scale)
    a, b = ((edge.unsqueeze(-2) - loc) * rate for edge in (low, high))
    # where both lie above the middle their mirror images do not, and nothing cancels
    upper = a > 0
    a, b = torch.where(upper, -b, a), torch.where(upper, -a, b)
    mass = torch.special.ndtr(b) - torch.special.ndtr(a)
    return (log_weight.exp() * mass).sum(-2).clamp(min=LEAST).log()
