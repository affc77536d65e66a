"""Densities whose draws and constants are known exactly, for samplers."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from _integrals import targets
from scipy import integrate, stats
from scipy.special import logsumexp

__all__ = ["DENSITIES", "Known"]


@dataclass(frozen=True)
class Known:
    """A log density of rows (n, d), exact draws, its log constant, modes, and a box around it."""

    log_density: callable
    draw: callable
    log_evidence: float
    modes: np.ndarray | None
    box: np.ndarray


def mixture(means, deviation, weights):
    weights = np.asarray(weights) / np.sum(weights)

    def log_density(x):
        squares = ((x[:, None] - means) ** 2).sum(axis=2) / deviation**2
        return logsumexp(-0.5 * squares, b=weights, axis=1) - np.log(2 * np.pi * deviation**2)

    def draw(n, rng):
        chosen = rng.choice(len(means), n, p=weights)
        return means[chosen] + deviation * rng.standard_normal((n, 2))

    reach = np.abs(means).max() + 10 * deviation
    return Known(log_density, draw, 0.0, means, np.array([[-reach, reach]] * 2))


def forty_modes(seed):
    means = np.random.default_rng(seed).uniform(-40, 40, (40, 2))
    return mixture(means, np.log1p(np.e), np.ones(40))


def four_modes(seed):
    corners = np.array([[5.0, 5], [-5, 5], [5, -5], [-5, -5]])
    return mixture(corners, 0.6, [4, 3, 2, 1])


def banana(seed):
    def log_density(x):
        bent = stats.norm(10 - 0.1 * x[:, 0] ** 2, 1).logpdf(x[:, 1])
        return stats.norm(0, 10).logpdf(x[:, 0]) + bent

    def draw(n, rng):
        x = 10 * rng.standard_normal(n)
        return np.column_stack([x, 10 - 0.1 * x**2 + rng.standard_normal(n)])

    return Known(log_density, draw, 0.0, None, np.array([[-50, 50], [-250, 20]]))


def of_integrals(name, box):
    """One of the densities whose integrals are known, within a box."""
    target = targets()[name]()

    def draw(n, rng):
        return target.draw(rng, n)

    return Known(target.log_density, draw, target.log_evidence, None, np.array(box))


def funnel(seed):
    return of_integrals("funnel", [[-15, 15]] + [[-500, 500]] * 9)


def many_well(seed):
    def well(x):
        return -(x**4) + 6 * x**2 + 0.5 * x

    constant, _ = integrate.quad(lambda x: np.exp(well(x)), -5, 5, points=[-1.7, 1.7])
    grid = np.linspace(-4, 4, 400_001)
    below = np.exp(well(grid)).cumsum()

    def log_density(x):
        return (well(x[:, ::2]) - 0.5 * x[:, 1::2] ** 2).sum(axis=1)

    def draw(n, rng):
        rows = rng.standard_normal((n, 8))
        rows[:, ::2] = np.interp(rng.uniform(size=(n, 4)), below / below[-1], grid)
        return rows

    modes = np.array(
        [np.ravel([(1.7 * s, 0) for s in signs]) for signs in product([-1, 1], repeat=4)]
    )
    log_evidence = 4 * (np.log(constant) + 0.5 * np.log(2 * np.pi))
    return Known(log_density, draw, log_evidence, modes, np.array([[-5, 5]] * 8))


def eight_schools(seed):
    """Centred: effects, their mean, and the logarithm of their deviation."""
    return of_integrals("schools", [[-60, 80]] * 9 + [[-12, 6]])


DENSITIES = {
    "forty modes": forty_modes,
    "four modes": four_modes,
    "banana": banana,
    "funnel": funnel,
    "eight schools": eight_schools,
    "many-well": many_well,
}
