"""Distributions of one cell in each of n rows: mixtures of normals, and shares of levels."""

from dataclasses import dataclass

import torch

from skflow._random import generator
from skflow.numerics import LOG_ROOT_2_PI, increasing_root

__all__ = [
    "LEAST",
    "Levels",
    "Mixture",
    "interval_mass",
    "mixture_log_prob",
    "pooled",
]

N_POINTS = 32  # by which an entropy is worked out
LEAST = 1e-30  # of a mass whose logarithm is taken
NARROW = 0.05  # width, in deviations, over which a density hardly changes
FARTHEST = 1e-15  # mass beyond the draws of a component


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

    def log_mass(self, low, width):
        """Log mass (n,) from low (n,) on over a width (n,), however small."""
        rate = torch.exp(-self.log_scale)
        a, w = (low - self.loc) * rate, width * rate
        middle = a + 0.5 * w
        flat = w.log() - 0.5 * middle.square() - LOG_ROOT_2_PI
        log_mass = torch.where(w < NARROW, flat, _mass(a, a + w).clamp(min=LEAST).log())
        return torch.logsumexp(self.log_weight + log_mass, 0)

    def cdf(self, z):
        """Mass (n,) below z (n,)."""
        t = (z - self.loc) * torch.exp(-self.log_scale)
        return (self.log_weight.exp() * torch.special.ndtr(t)).sum(0).clamp(max=1.0)

    def moments(self):
        """Means and variances (n,)."""
        weight = self.log_weight.exp()
        mean = (weight * self.loc).sum(0)
        return mean, (weight * ((2 * self.log_scale).exp() + (self.loc - mean).square())).sum(0)

    def narrowed(self, share):
        """Components of these shares (n,) of their widths, about the same means."""
        return Mixture(self.log_weight, self.loc, self.log_scale + share.log())

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

    def draw(self, u):
        """Draws (n,) that uniform numbers (n,) are turned into; they mostly ascend with these.

        One picks a component, in the order of their means, and what of it is left over a point
        of that component.
        """
        return self._ascending()._draw(u)

    def _ascending(self):
        """Sort the components by their means."""
        order = self.loc.argsort(0)
        return Mixture(*(t.gather(0, order) for t in (self.log_weight, self.loc, self.log_scale)))

    def _draw(self, u):
        weight = self.log_weight.double().exp()
        upto = weight.cumsum(0)
        u = u.double() * upto[-1]
        k = (upto < u).sum(0, keepdim=True).clamp(max=len(upto) - 1)
        own = weight.gather(0, k)
        rest = (u - upto.gather(0, k) + own) / own.clamp(min=LEAST)
        noise = torch.special.ndtri(rest.clamp(FARTHEST, 1 - FARTHEST))
        loc, log_scale = (t.gather(0, k) for t in (self.loc, self.log_scale))
        return (loc + log_scale.exp() * noise)[0].to(self.loc)

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
        ordered = self._ascending()
        every = torch.full((self.loc.shape[1],), 1 / N_POINTS)
        points = [ordered._draw((i + 0.5) * every) for i in range(N_POINTS)]
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

    def draw(self, u):
        """Codes (n,) that uniform numbers (n,) are turned into, ascending with these."""
        return self.quantile(u)

    def draw_between(self, low, high):
        """One code (n,) in each row from low to high, and the log share (n,) of these."""
        code = torch.arange(len(self.log_share))[:, None]
        inside = self.log_share.masked_fill((code < low) | (code > high), -torch.inf)
        log_mass = torch.logsumexp(inside, 0)
        u = torch.rand(log_mass.shape, generator=generator(), dtype=log_mass.dtype)
        return Levels(inside - log_mass).draw(u), log_mass

    def usual(self):
        """Mean log share (n,) of the distribution's own draws: minus its entropy."""
        return (self.log_share.exp() * self.log_share).sum(0)


def pooled(distributions, log_weight):
    """Mix distributions of the same cells, each with a log weight: a float, or one (n,) a row."""
    pairs = list(zip(distributions, log_weight, strict=True))
    if isinstance(distributions[0], Levels):
        return Levels(torch.logsumexp(torch.stack([one.log_share + w for one, w in pairs]), 0))
    return Mixture(
        torch.cat([one.log_weight + w for one, w in pairs]),
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
    mass = _mass(*((edge.unsqueeze(-2) - loc) * rate for edge in (low, high)))
    return (log_weight.exp() * mass).sum(-2).clamp(min=LEAST).log()


def _mass(a, b):
    """Mass of a normal between a and b."""
    # where both lie above the middle their mirror images do not, and nothing cancels
    upper = a > 0
    a, b = torch.where(upper, -b, a), torch.where(upper, -a, b)
    return torch.special.ndtr(b) - torch.special.ndtr(a)
