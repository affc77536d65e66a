"""Problems whose posteriors are known, and posteriors with planted faults."""

import numpy as np
from scipy import stats
from scipy.special import logsumexp


class Normal:
    """theta ~ N(0, I), x = A theta + noise: correlated normal posteriors."""

    def __init__(self, d, seed=0):
        rng = np.random.default_rng(seed)
        self.d = d
        self.map = np.eye(d) + 0.8 * rng.normal(size=(d, d)) / np.sqrt(d)
        self.noise = rng.uniform(0.3, 1.0, size=d)
        precision = np.eye(d) + self.map.T @ (self.map / self.noise[:, None] ** 2)
        self.covariance = np.linalg.inv(precision)
        self.gain = self.covariance @ (self.map / self.noise[:, None] ** 2).T
        self.factor = np.linalg.cholesky(self.covariance)
        self.sd = np.sqrt(np.diag(self.covariance))

    def simulate(self, n, rng):
        theta = rng.normal(size=(n, self.d))
        return theta, self.simulator(theta, rng)

    def simulator(self, theta, rng):
        return theta @ self.map.T + self.noise * rng.normal(size=theta.shape)

    def draw(self, n, x, rng):
        mean = x @ self.gain.T
        noise = rng.normal(size=(len(x), n, self.d)) @ self.factor.T
        return mean[:, None] + noise

    def middle(self, x):
        return (x @ self.gain.T)[:, None]

    def log_density(self, theta, x):
        mean = x @ self.gain.T
        z = np.linalg.solve(self.factor, (theta - mean).T)
        return -np.square(z).sum(axis=0) / 2 - np.log(np.diag(self.factor)).sum()


class Box:
    """theta uniform in a box, x = theta + noise: truncated normal posteriors."""

    def __init__(self, d, noise=0.7):
        self.d, self.noise = d, noise
        self.sd = np.full(d, 0.4)

    def simulate(self, n, rng):
        theta = rng.uniform(-1, 1, size=(n, self.d))
        return theta, theta + self.noise * rng.normal(size=theta.shape)

    def _given(self, x):
        low, high = (-1 - x) / self.noise, (1 - x) / self.noise
        return stats.truncnorm(low, high, loc=x, scale=self.noise)

    def draw(self, n, x, rng):
        uniform = rng.uniform(size=(len(x), n, self.d))
        low, high = stats.norm.cdf([(-1 - x) / self.noise, (1 - x) / self.noise])
        share = low[:, None] + uniform * (high - low)[:, None]
        return np.clip(x[:, None] + self.noise * stats.norm.ppf(share), -1, 1)

    def middle(self, x):
        return self._given(x).mean()[:, None]

    def log_density(self, theta, x):
        return self._given(x).logpdf(theta).sum(axis=1)


class TwoModes:
    """theta ~ N(0, I), x = +-theta + noise: two modes, the first of a given weight."""

    def __init__(self, d, weight=0.5, noise=0.3):
        self.d, self.weight, self.noise = d, weight, noise
        self.scale = noise / np.sqrt(1 + noise**2)
        self.gain = 1 / (1 + noise**2)
        self.sd = np.full(d, self.scale)

    def simulate(self, n, rng):
        theta = rng.normal(size=(n, self.d))
        sign = np.where(rng.uniform(size=(n, 1)) < self.weight, 1, -1)
        return theta, sign * theta + self.noise * rng.normal(size=theta.shape)

    def draw(self, n, x, rng, sign=None):
        if sign is None:
            sign = np.where(rng.uniform(size=(len(x), n, 1)) < self.weight, 1, -1)
        noise = self.scale * rng.normal(size=(len(x), n, self.d))
        return sign * (self.gain * x)[:, None] + noise

    def middle(self, x):
        return (2 * self.weight - 1) * (self.gain * x)[:, None]

    def log_density(self, theta, x):
        parts = [
            np.log(share) + stats.norm.logpdf(theta, sign * self.gain * x, self.scale).sum(axis=1)
            for sign, share in ((1, self.weight), (-1, 1 - self.weight))
        ]
        return logsumexp(parts, axis=0)


class Sampler:
    """A posterior without a density: draws of a problem, changed by a fault."""

    def __init__(self, problem, fault=None):
        self.problem, self.fault = problem, fault

    def sample(self, n_samples, x, random_state=None):
        rng, x = np.random.default_rng(random_state), np.asarray(x)
        draws = self._draw(n_samples, np.atleast_2d(x), rng)
        return draws[0] if x.ndim == 1 else draws

    def _draw(self, n, x, rng):
        if self.fault in MODES:
            return self.problem.draw(n, x, rng, sign=MODES[self.fault](x)[:, None, None])
        draws = self.problem.draw(n, x, rng)
        return draws if self.fault is None else FAULTS[self.fault](self.problem, draws, x)


class Posterior(Sampler):
    """A posterior that scores as well: the density of its draws, where that is known."""

    def score_samples(self, theta, x):
        if self.fault in MODES:
            sign = MODES[self.fault](x)[:, None]
            mean = sign * self.problem.gain * x
            return stats.norm.logpdf(theta, mean, self.problem.scale).sum(axis=1)
        if self.fault is not None:
            theta = UNDO[self.fault](self.problem, theta[:, None], x)[:, 0]
        with np.errstate(divide="ignore"):
            return self.problem.log_density(theta, x)


def _shift(size):
    return lambda problem, draws, x: draws + size * problem.sd


def _first(problem, draws, x, size=0.3):
    return draws + size * problem.sd * np.eye(problem.d)[0]


def _wavering(problem, draws, x, size=0.3):
    """Too high where the first column of x is positive, too low elsewhere."""
    side = np.sign(x[:, 0])[:, None, None]
    return draws + size * side * problem.sd * np.eye(problem.d)[0]


def _around_middle(factor):
    def scale(problem, draws, x):
        middle = problem.middle(x)
        return middle + factor * (draws - middle)

    return scale


FAULTS = {
    "bias": _shift(0.3),
    "bias of one": _first,
    "wavering bias": _wavering,
    "narrow": _around_middle(0.8),
    "wide": _around_middle(1.25),
}
UNDO = {
    "bias": _shift(-0.3),
    "bias of one": lambda problem, draws, x: _first(problem, draws, x, -0.3),
    "wavering bias": lambda problem, draws, x: _wavering(problem, draws, x, -0.3),
    "narrow": _around_middle(1 / 0.8),
    "wide": _around_middle(0.8),
}
# which mode is kept
MODES = {
    "second mode dropped": lambda x: np.ones(len(x)),
    "right mode dropped": lambda x: -np.sign(x[:, 0]),
    "any mode dropped": lambda x: np.where(np.floor(1e4 * np.abs(x[:, 0])) % 2, 1, -1),
}
