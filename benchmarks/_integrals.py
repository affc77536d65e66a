"""Densities whose integrals are known in closed form or by quadrature, with exact draws.

A target has ``d``, ``log_density(x)``, ``draw(rng, n)``, ``log_evidence`` and ``support``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.special import logsumexp

__all__ = ["Regression", "stored_regressions", "targets"]

LOG_TWO_PI = np.log(2 * np.pi)
SCHOOLS = np.array([28.0, 8, -3, 7, -1, 1, 18, 12]), np.array([15.0, 10, 16, 11, 9, 11, 10, 18])
GRID = 4_001  # points of a quadrature


@dataclass
class Target:
    d: int
    log_density: callable
    draw: callable
    log_evidence: float
    support: dict | None = None


def normal(x, mean=0.0, deviation=1.0):
    return -0.5 * ((x - mean) / deviation) ** 2 - np.log(deviation) - 0.5 * LOG_TWO_PI


def banana():
    def draw(rng, n):
        x = rng.normal(size=(n, 2)) * [10, 1]
        x[:, 1] += 0.03 * (100 - x[:, 0] ** 2)
        return x

    def log_density(x):
        return normal(x[:, 0], 0, 10) + normal(x[:, 1], 0.03 * (100 - x[:, 0] ** 2)) + 4

    return Target(2, log_density, draw, 4.0)


def funnel(d=10):
    def draw(rng, n):
        v = rng.normal(0, 3, size=(n, 1))
        return np.hstack([v, rng.normal(size=(n, d - 1)) * np.exp(v / 2)])

    def log_density(x):
        v = x[:, :1]
        return normal(v, 0, 3)[:, 0] + normal(x[:, 1:], 0, np.exp(v / 2)).sum(axis=1)

    return Target(d, log_density, draw, 0.0)


def four_modes():
    weights = np.array([0.4, 0.3, 0.2, 0.1])
    means = np.array([(-4.0, -4.0), (4.0, 4.0), (-4.0, 4.0), (4.0, -4.0)])
    deviations = np.array([(0.8, 0.8), (0.5, 0.9), (0.8, 0.4), (0.6, 0.6)])

    def draw(rng, n):
        k = rng.choice(4, size=n, p=weights)
        return means[k] + deviations[k] * rng.normal(size=(n, 2))

    def log_density(x):
        logs = normal(x[:, None], means, deviations).sum(axis=2)
        return logsumexp(logs, b=weights, axis=1) - 7

    return Target(2, log_density, draw, -7.0)


def gaussian(d=20):
    rng = np.random.default_rng(20)
    root = np.linalg.qr(rng.normal(size=(d, d)))[0] * np.logspace(-1.5, 0.5, d)
    mean, inverse = rng.normal(0, 3, d), np.linalg.inv(root)

    def draw(rng, n):
        return mean + rng.normal(size=(n, d)) @ root.T

    def log_density(x):
        return -0.5 * (((x - mean) @ inverse.T) ** 2).sum(axis=1)

    constant = 0.5 * d * LOG_TWO_PI + np.linalg.slogdet(root)[1]
    return Target(d, log_density, draw, float(constant))


def ring():
    """A thin ring of radius 3, deviation 0.15."""
    radius = np.linspace(1.5, 4.5, 100_001)
    weight = np.exp(-0.5 * ((radius - 3) / 0.15) ** 2) * radius

    def draw(rng, n):
        below = weight.cumsum() / weight.sum()
        r, angle = np.interp(rng.random(n), below, radius), rng.uniform(0, 2 * np.pi, n)
        return np.column_stack([r * np.cos(angle), r * np.sin(angle)])

    def log_density(x):
        return -0.5 * ((np.linalg.norm(x, axis=1) - 3) / 0.15) ** 2

    area = 2 * np.pi * weight.sum() * (radius[1] - radius[0])
    return Target(2, log_density, draw, float(np.log(area)))


def student(d=5):
    law = stats.multivariate_t(np.arange(d), 0.5 * np.eye(d) + 0.5, df=3)
    return Target(d, lambda x: law.logpdf(x) + 1, lambda rng, n: law.rvs(n, random_state=rng), 1.0)


def double_wells(n_wells=4):
    """Sixteen modes: each of four columns has wells at +-1, and a normal column beside it."""
    axis = np.linspace(-4, 4, 100_001)

    def well(x):
        return -4 * (x**2 - 1) ** 2 + 0.5 * x

    mass = np.exp(well(axis))
    below = mass.cumsum() / mass.sum()

    def draw(rng, n):
        wells = np.interp(rng.random((n, n_wells)), below, axis)
        return np.hstack([wells, rng.normal(size=(n, n_wells))])

    def log_density(x):
        wells, others = x[:, :n_wells], x[:, n_wells:]
        return well(wells).sum(axis=1) - 0.5 * (others**2).sum(axis=1)

    constant = np.log(mass.sum() * (axis[1] - axis[0])) + 0.5 * LOG_TWO_PI
    return Target(2 * n_wells, log_density, draw, float(n_wells * constant))


def bounded():
    """Gamma, beta and half-normal columns, four of them between bounds."""
    laws = stats.gamma(2), stats.beta(0.7, 2), stats.halfnorm(0, 3), stats.beta(3, 0.8)

    def log_density(x):
        with np.errstate(divide="ignore"):
            return np.sum([law.logpdf(c) for law, c in zip(laws, x.T, strict=True)], axis=0)

    def draw(rng, n):
        return np.column_stack([law.rvs(n, random_state=rng) for law in laws])

    support = {0: (0, None), 1: (0, 1), 2: (0, None), 3: (0, 1)}
    return Target(4, log_density, draw, 0.0, support)


def eight_schools(centred):
    """Normal effects, mu ~ N(0, 5), tau ~ half-Cauchy(5); log tau is the last parameter.

    Given tau, all effects are integrated by hand, and mu too.
    """
    y, sigma = SCHOOLS
    log_tau = np.linspace(-15, 8, GRID)
    variance = sigma**2 + np.exp(2 * log_tau)[:, None]
    precision = 1 / 25 + (1 / variance).sum(axis=1)
    mean = (y / variance).sum(axis=1) / precision
    marginal = normal(y, mean[:, None], variance**0.5).sum(axis=1)
    marginal += normal(mean, 0, 5) + 0.5 * (LOG_TWO_PI - np.log(precision))
    marginal += np.log(2) + stats.cauchy.logpdf(np.exp(log_tau), scale=5) + log_tau
    step = log_tau[1] - log_tau[0]

    def draw(rng, n):
        below = np.exp(marginal - marginal.max()).cumsum()
        tau = np.exp(np.interp(rng.random(n), below / below[-1], log_tau))[:, None]
        var = sigma**2 + tau**2
        p = 1 / 25 + (1 / var).sum(axis=1)
        mu = ((y / var).sum(axis=1) / p + rng.normal(size=n) / p**0.5)[:, None]
        p = 1 / sigma**2 + 1 / tau**2
        theta = (y / sigma**2 + mu / tau**2) / p + rng.normal(size=(n, 8)) / p**0.5
        return np.hstack([theta if centred else (theta - mu) / tau, mu, np.log(tau)])

    def log_density(x):
        z, mu, log_tau = x[:, :8], x[:, 8:9], x[:, 9:]
        tau = np.exp(np.clip(log_tau, -300, 300))  # samplers look far out
        theta = z if centred else mu + tau * z
        effects = normal(z, mu, tau) if centred else normal(z)
        prior = normal(mu, 0, 5) + np.log(2) + stats.cauchy.logpdf(tau, scale=5) + log_tau
        return (effects + normal(y, theta, sigma)).sum(axis=1) + prior[:, 0]

    return Target(10, log_density, draw, float(logsumexp(marginal) + np.log(step)))


class Regression:
    """y ~ normal(X beta, sigma), by log sigma; the coefficients are integrated by hand.

    ``prior_sd`` is of the coefficients, None for a flat prior; ``sigma_prior`` has a ``logpdf``,
    up to a constant, or is None for a flat one.
    """

    support = None

    def __init__(self, X, y, prior_sd=None, sigma_prior=None):
        self.X, self.y, self.d = X, y, X.shape[1] + 1
        self.precision = 0.0 if prior_sd is None else 1 / prior_sd**2
        self.sigma_prior = sigma_prior
        self.gram, self.moment = X.T @ X, X.T @ y
        start = np.log(np.std(y - X @ np.linalg.lstsq(X, y, rcond=None)[0]))
        self.log_sigma = start + np.linspace(-2, 3, GRID)
        self.marginal = np.array([self._marginal(s) for s in self.log_sigma])
        step = self.log_sigma[1] - self.log_sigma[0]
        self.log_evidence = float(logsumexp(self.marginal) + np.log(step))

    def _prior(self, log_sigma):
        own = 0.0 if self.sigma_prior is None else self.sigma_prior(np.exp(log_sigma))
        return own + log_sigma

    def _posterior(self, log_sigma):
        """Mean and precision of the coefficients given the noise."""
        precision = self.gram * np.exp(-2 * log_sigma) + self.precision * np.eye(self.d - 1)
        return np.linalg.solve(precision, self.moment * np.exp(-2 * log_sigma)), precision

    def _marginal(self, log_sigma):
        mean, precision = self._posterior(log_sigma)
        at_mean = self._log_joint(mean[None], np.array([[log_sigma]]))[0]
        half_det = 0.5 * np.linalg.slogdet(precision)[1]
        return at_mean + 0.5 * (self.d - 1) * LOG_TWO_PI - half_det

    def _log_joint(self, beta, log_sigma):
        residual = ((self.y - beta @ self.X.T) ** 2).sum(axis=1)
        log_sigma = log_sigma[:, 0]
        likelihood = -0.5 * residual * np.exp(-2 * log_sigma) - len(self.y) * log_sigma
        prior = -0.5 * self.precision * (beta**2).sum(axis=1)
        return likelihood + prior + self._prior(log_sigma)

    def log_density(self, x):
        return self._log_joint(x[:, :-1], x[:, -1:])

    def draw(self, rng, n):
        below = np.exp(self.marginal - self.marginal.max()).cumsum()
        log_sigma = np.interp(rng.random(n), below / below[-1], self.log_sigma)
        rows = []
        for s in log_sigma:
            mean, precision = self._posterior(s)
            root = np.linalg.cholesky(precision)
            rows.append(mean + np.linalg.solve(root.T, rng.normal(size=self.d - 1)))
        return np.column_stack([rows, log_sigma])


def regression(n=60, d=6):
    rng = np.random.default_rng(6)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, d - 1))])
    X[:, 2] = X[:, 1] + 0.1 * X[:, 2]  # two columns that hardly differ
    y = X @ rng.normal(size=d) + 0.5 * rng.normal(size=n)
    return Regression(X, y, prior_sd=2.0, sigma_prior=lambda s: -s)


def targets():
    """Twelve targets by name, made when they are asked for."""
    return {
        "banana": banana,
        "funnel": funnel,
        "four modes": four_modes,
        "gaussian": gaussian,
        "ring": ring,
        "student": student,
        "double wells": double_wells,
        "bounded": bounded,
        "schools": lambda: eight_schools(centred=True),
        "schools, not centred": lambda: eight_schools(centred=False),
        "regression": regression,
        "regression, 20": lambda: regression(n=200, d=20),
    }


def _half_cauchy(scale):
    return lambda s: -np.log1p((s / scale) ** 2)


def _with_ones(data, *names):
    columns = [np.asarray(data[name], float) for name in names]
    return np.column_stack([np.ones(len(columns[0])), *columns])


def stored_regressions(folder):
    """Regressions of posteriordb with its reference draws, from a folder of its JSON and npz."""
    folder = Path(folder)

    def read(name):
        return json.loads((folder / f"{name}.json").read_text())

    blr, kid, series, earn = (read(n) for n in ("sblrc", "kidiq", "arK", "earnings"))
    kid["both"] = np.multiply(kid["mom_hs"], kid["mom_iq"])
    y, lags = np.asarray(series["y"], float), series["K"]
    lagged = {str(k): y[lags - k : len(y) - k] for k in range(1, lags + 1)}
    wide, X = (lambda s: -0.5 * (s / 10) ** 2), np.asarray(blr["X"], float)
    found = {
        "sblrc-blr": Regression(X, np.asarray(blr["y"]), 10.0, wide),
        "kidiq-kidscore_interaction": Regression(
            _with_ones(kid, "mom_hs", "mom_iq", "both"),
            np.asarray(kid["kid_score"], float),
            sigma_prior=_half_cauchy(2.5),
        ),
        "arK-arK": Regression(_with_ones(lagged, *lagged), y[lags:], 10.0, _half_cauchy(2.5)),
        "earnings-earn_height": Regression(_with_ones(earn, "height"), np.asarray(earn["earn"])),
    }
    for name, target in found.items():
        draws = np.load(folder / f"{name}.npz")["draws"].astype(float)
        target.reference = np.column_stack([draws[:, :-1], np.log(draws[:, -1])])
    return found
