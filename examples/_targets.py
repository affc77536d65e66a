"""Eight densities in the plane, each with draws, its exact log density and its entropy.

The entropy is the floor of every negative log-likelihood: no density can have a lower one on
average. All targets lie in the square from -4 to 4, on which the uniform density has the entropy
log 64 = 4.16 nats.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

__all__ = ["TARGETS", "Target"]

BLOCK = 4096  # rows at a time


@dataclass(frozen=True)
class Target(ABC):
    """A density in the plane.

    ``reach`` is half the side of a square that holds all of its mass but less than 1e-6.
    """

    name: str
    reach: float = 5.5

    @abstractmethod
    def draw(self, n, rng):
        """Return n draws (n, 2)."""

    @abstractmethod
    def log_density(self, x):
        """Return the log density (n,) of points (n, 2)."""

    def quadrature(self, n_cells=220):
        """Midpoints (n_cells ** 2, 2) of a grid over the reach, and the area of a cell.

        For smooth densities that vanish at the boundary, the midpoint rule converges faster than
        any power of the step.
        """
        step = 2 * self.reach / n_cells
        middle = (np.arange(n_cells) + 0.5) * step - self.reach
        return np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2), step**2

    def entropy(self):
        """Return the differential entropy -E log p in nats, by quadrature."""
        points, area = self.quadrature()
        log_p = self.log_density(points)
        inside = np.isfinite(log_p)
        return -area * float(np.sum(np.exp(log_p[inside]) * log_p[inside]))


@dataclass(frozen=True)
class Blobs(Target):
    """Equal mixture of round Gaussians."""

    centres: tuple = ((0.0, 0.0),)
    spread: float = 1.0

    def draw(self, n, rng):
        which = rng.integers(len(self.centres), size=n)
        return np.array(self.centres)[which] + self.spread * rng.normal(size=(n, 2))

    def log_density(self, x):
        centres = np.array(self.centres)
        weights = np.full(len(centres), 1 / len(centres))
        return _log_mixture_of_blobs(x, centres, weights, self.spread)


@dataclass(frozen=True)
class NoisyCurves(Target):
    """A point on one of several curves, all equally likely, plus Gaussian noise.

    p(x) is the mean over the curves c of the integral of N(x; c(u), noise^2 I) over u in [0, 1],
    here by the Gauss-Legendre rule, whose nodes are closer to one another than the noise is wide:
    exact to seven digits and more.
    """

    curves: tuple[Callable, ...] = ()
    noise: float = 0.2

    def draw(self, n, rng):
        which, u = rng.integers(len(self.curves), size=n), rng.uniform(size=n)
        on_curve = np.choose(which[:, None], [curve(u) for curve in self.curves])
        return on_curve + self.noise * rng.normal(size=(n, 2))

    def log_density(self, x, n_nodes=192):
        node, weight = np.polynomial.legendre.leggauss(n_nodes)
        centres = np.concatenate([curve((node + 1) / 2) for curve in self.curves])
        weights = np.tile(weight / 2, len(self.curves)) / len(self.curves)
        return _log_mixture_of_blobs(x, centres, weights, self.noise)


@dataclass(frozen=True)
class Checkerboard(Target):
    """Uniform on the dark squares of side 2; its entropy is the logarithm of their area, 32."""

    def draw(self, n, rng):
        column = rng.integers(4, size=n)
        row = 2 * rng.integers(2, size=n) + column % 2
        return 2 * (np.stack([column, row], axis=1) + rng.uniform(size=(n, 2))) - 4

    def log_density(self, x):
        column, row = np.floor((x.T + 4) / 2)
        dark = (np.abs(x).max(axis=1) < 4) & ((column + row) % 2 == 0)
        return np.where(dark, -np.log(32), -np.inf)


@dataclass(frozen=True)
class Pinwheel(Target):
    """Arms: the Gaussian blade f ~ N((m, 0), diag(s^2, t^2)), then turned by an angle.

    x = R(a_k + twist |f|) f for arm k, R the rotation. As |x| = |f|, the inverse is
    f = R(-a_k - twist |x|) x. A rotation by an angle that only depends on the radius shears each
    circle along itself and keeps areas, so the Jacobian is one: p(x) is the mean of the blade's
    density at the inverses, one for each arm.
    """

    n_arms: int = 5
    blade: tuple[float, float, float] = (2.2, 0.6, 0.22)  # m, s and t
    twist: float = 0.55

    def draw(self, n, rng):
        m, s, t = self.blade
        f = np.array([m, 0.0]) + rng.normal(size=(n, 2)) * [s, t]
        arm = 2 * np.pi / self.n_arms * rng.integers(self.n_arms, size=n)
        return _turned(f, arm + self.twist * np.hypot(*f.T))

    def log_density(self, x):
        m, s, t = self.blade
        arms = 2 * np.pi / self.n_arms * np.arange(self.n_arms)
        angle = arms + self.twist * np.hypot(*x.T)[:, None]
        a, b = np.moveaxis(_turned(x[:, None, :], -angle), -1, 0)
        log_blade = -(((a - m) / s) ** 2 + (b / t) ** 2) / 2 - np.log(2 * np.pi * s * t)
        return _log_sum_exp(log_blade) - np.log(self.n_arms)


@dataclass(frozen=True)
class Banana(Target):
    """x_1 = s z_1, x_2 = t z_2 + bend (x_1^2 - s^2), z standard normal.

    The map is triangular with the diagonal (s, t): its entropy is that of the Gaussian with these
    two standard deviations, 1 + log(2 pi s t).
    """

    spreads: tuple[float, float] = (1.3, 0.4)
    bend: float = 0.45

    def draw(self, n, rng):
        s, t = self.spreads
        a, b = rng.normal(size=(2, n))
        return np.stack([s * a, t * b + self.bend * ((s * a) ** 2 - s**2)], axis=1)

    def log_density(self, x):
        s, t = self.spreads
        a = x[:, 0] / s
        b = (x[:, 1] - self.bend * (x[:, 0] ** 2 - s**2)) / t
        return -(a**2 + b**2) / 2 - np.log(2 * np.pi * s * t)


def _log_mixture_of_blobs(x, centres, weights, spread):
    """Log density (n,) of round Gaussians of equal spread at points (n, 2)."""
    constant = np.log(weights) - np.log(2 * np.pi * spread**2)
    parts = [
        _log_sum_exp(constant - _square_distances(block, centres) / (2 * spread**2))
        for block in np.split(x, range(BLOCK, len(x), BLOCK))
    ]
    return np.concatenate(parts)


def _square_distances(x, centres):
    return sum((x[:, None, i] - centres[:, i]) ** 2 for i in range(2))


def _log_sum_exp(values):
    # several times as fast as np.logaddexp.reduce
    top = values.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(values - top).sum(axis=1))


def _turned(x, angle):
    """Points (..., 2) turned by angles (...)."""
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1]], axis=-1)


def _arc(u, centre, radius, start, stop):
    angle = start + (stop - start) * u
    return np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _upper_moon(u):
    return _arc(u, (-1.0, -0.5), 2.0, 0.0, np.pi)


def _lower_moon(u):
    return _arc(u, (1.0, 0.5), 2.0, np.pi, 2 * np.pi)


def _outer_circle(u):
    return _arc(u, (0.0, 0.0), 3.2, 0.0, 2 * np.pi)


def _inner_circle(u):
    return _arc(u, (0.0, 0.0), 1.6, 0.0, 2 * np.pi)


def _spiral(u):
    # angles whose squares are uniform, so that the density along the arm is even
    angle = np.sqrt(1.0 + u * ((3 * np.pi) ** 2 - 1.0))
    return 3.4 / (3 * np.pi) * angle[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def _opposite_spiral(u):
    return -_spiral(u)


_EIGHT = tuple(
    (3 * float(np.cos(angle)), 3 * float(np.sin(angle))) for angle in np.pi / 4 * np.arange(8)
)

TARGETS = (
    NoisyCurves("two moons", curves=(_upper_moon, _lower_moon)),
    NoisyCurves("circles", curves=(_outer_circle, _inner_circle)),
    NoisyCurves("spirals", curves=(_spiral, _opposite_spiral), noise=0.15),
    Checkerboard("checkerboard"),
    Blobs("eight Gaussians", centres=_EIGHT, spread=0.3),
    Pinwheel("pinwheel"),
    Banana("banana", reach=22.0),
    Blobs("two far modes", centres=((-3.0, 0.0), (3.0, 0.0)), spread=0.4),
)
