"""Densities with known integrals, with exact draws, independent ones or in chains."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

LOG_TWO_PI = np.log(2 * np.pi)


def normal(z):
    """Log density of standard normal rows."""
    return -0.5 * (z**2 + LOG_TWO_PI).sum(axis=1)


@dataclass(frozen=True)
class Mapped:
    """Rows that a map makes of standard normal ones; ``back`` gives these and log|dz / dx|."""

    d: int
    forward: callable
    back: callable
    log_evidence: float
    support: dict | None = None

    def log_density(self, x):
        z, log_det = self.back(x)
        return normal(z) + log_det + self.log_evidence

    def draw(self, rng, n):
        return self.forward(rng.normal(size=(n, self.d)))

    def chains(self, rng, n_chains, n, correlation):
        """Draws (n_chains, n, d) of autoregressive chains, which are exactly stationary."""
        z = rng.normal(size=(n, n_chains, self.d))
        for t in range(1, n):
            z[t] = correlation * z[t - 1] + (1 - correlation**2) ** 0.5 * z[t]
        rows = self.forward(z.swapaxes(0, 1).reshape(-1, self.d))
        return rows.reshape(n_chains, n, self.d)


def _gaussian(d):
    root = np.tril(np.random.default_rng(d).normal(size=(d, d)), -1) * 0.5
    root[np.diag_indices(d)] = np.geomspace(0.1, 3, d)
    log_det = -np.log(np.geomspace(0.1, 3, d)).sum()
    return Mapped(
        d,
        lambda z: 1 + z @ root.T,
        lambda x: (np.linalg.solve(root, (x - 1).T).T, np.full(len(x), log_det)),
        log_evidence=-40.0,
    )


def _banana():
    def forward(z):
        first = 10 * z[:, 0]
        return np.column_stack([first, z[:, 1] + 0.03 * (100 - first**2)])

    def back(x):
        z = np.column_stack([x[:, 0] / 10, x[:, 1] - 0.03 * (100 - x[:, 0] ** 2)])
        return z, np.full(len(x), -np.log(10))

    return Mapped(2, forward, back, log_evidence=7.0)


def _funnel(d):
    def forward(z):
        width = 1.5 * z[:, :1]
        return np.hstack([width, z[:, 1:] * np.exp(width / 2)])

    def back(x):
        z = np.hstack([x[:, :1] / 1.5, x[:, 1:] * np.exp(-x[:, :1] / 2)])
        return z, -np.log(1.5) - (d - 1) * x[:, 0] / 2

    return Mapped(d, forward, back, log_evidence=0.0)


def _bounded():
    """Log-normal, and the logistic of a normal."""

    def forward(z):
        return np.column_stack([np.exp(z[:, 0]), 1 / (1 + np.exp(-2 * z[:, 1]))])

    def back(x):
        logit = np.log(x[:, 1] / (1 - x[:, 1]))
        log_det = -np.log(x[:, 0]) - np.log(2 * x[:, 1] * (1 - x[:, 1]))
        return np.column_stack([np.log(x[:, 0]), logit / 2]), log_det

    return Mapped(2, forward, back, 3.0, support={0: (0, None), 1: (0, 1)})


class FourModes:
    """Four Gaussians with unequal weights, eight apart."""

    d, support, log_evidence = 2, None, 2.5
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    means = np.array([(-4.0, -4.0), (4.0, 4.0), (-4.0, 4.0), (4.0, -4.0)])
    deviations = np.array([(0.8, 0.8), (0.5, 0.9), (0.8, 0.4), (0.6, 0.6)])

    def log_density(self, x):
        z = (x[:, None] - self.means) / self.deviations
        logs = -0.5 * (z**2 + LOG_TWO_PI).sum(axis=2) - np.log(self.deviations).sum(axis=1)
        return logsumexp(logs, b=self.weights, axis=1) + self.log_evidence

    def draw(self, rng, n, modes=(0, 1, 2, 3)):
        weights = self.weights[list(modes)]
        k = rng.choice(modes, size=n, p=weights / weights.sum())
        return self.means[k] + self.deviations[k] * rng.normal(size=(n, 2))


TARGETS = {
    "one column": _gaussian(1),
    "gaussian": _gaussian(8),
    "banana": _banana(),
    "funnel": _funnel(4),
    "bounded": _bounded(),
    "four modes": FourModes(),
}
CHAINED = {name: target for name, target in TARGETS.items() if isinstance(target, Mapped)}


@dataclass(frozen=True)
class Nested:
    """Weighted draws of nested sampling, and their log weights."""

    rows: np.ndarray
    log_weights: np.ndarray


class Ball:
    """A normal likelihood in the middle of a uniform prior on the unit ball, in d columns."""

    def __init__(self, d=3, deviation=0.1):
        self.d, self.deviation = d, deviation
        self.log_volume = d / 2 * np.log(np.pi) - np.log(_gamma(d / 2 + 1))
        self.log_evidence = d / 2 * np.log(2 * np.pi * deviation**2) - self.log_volume

    def log_density(self, x):
        square = (x**2).sum(axis=1)
        inside = -0.5 * square / self.deviation**2 - self.log_volume
        return np.where(square < 1, inside, -np.inf)

    def nested(self, rng, n_live=200):
        """Run nested sampling exactly: live points are uniform within their shell."""
        n = int(n_live * (8 - self.d * np.log(self.deviation)))
        log_volumes = np.cumsum(np.log(rng.beta(n_live, 1, size=n)))
        direction = rng.normal(size=(n, self.d))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        rows = np.exp(log_volumes / self.d)[:, None] * direction
        believed = np.exp(-np.arange(n + 1) / n_live)
        log_weights = -0.5 * (rows**2).sum(axis=1) / self.deviation**2
        return Nested(rows, log_weights + np.log(-np.diff(believed)))


def _gamma(x):
    from scipy.special import gamma

    return gamma(x)
