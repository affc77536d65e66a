"""Functions on the unit cube of any number of columns, with their integrals."""

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.integrate import quad
from scipy.special import erf, gamma

__all__ = ["FUNCTIONS", "SEPARABLE", "SIGNED"]

WIDTH = 0.2  # of the peaks of gaussian and camel: exp(-(x / WIDTH)^2)
NARROW = 0.1  # of the peaks of the ridge
N_PEAKS = 1_000  # of the ridge
EDGE = 0.7  # of the step
RADIUS, THICKNESS = 0.35, 0.04  # of the ring, a deviation


@dataclass
class Function:
    f: callable
    integral: float


def gaussian(d):
    """Peak in the middle."""
    return Function(lambda x: _peak(x, 0.5), float(erf(0.5 / WIDTH) ** d))


def camel(d):
    """Two peaks a third and two thirds up the diagonal, as Gao et al. (2020) have them."""
    one = (erf(1 / 3 / WIDTH) + erf(2 / 3 / WIDTH)) / 2
    return Function(lambda x: (_peak(x, 1 / 3) + _peak(x, 2 / 3)) / 2, float(one**d))


def ring(d):
    """Shell about the middle, in two columns a ring."""

    def f(x):
        radius = np.linalg.norm(x - 0.5, axis=1)
        return (
            np.where(radius < 0.5, np.exp(-0.5 * ((radius - RADIUS) / THICKNESS) ** 2), 0) / mass
        )

    def shell(r):
        return r ** (d - 1) * np.exp(-0.5 * ((r - RADIUS) / THICKNESS) ** 2)

    surface = 2 * np.pi ** (d / 2) / gamma(d / 2)
    mass = surface * quad(shell, 0, 0.5, points=[RADIUS], epsabs=0, epsrel=1e-10)[0]
    return Function(f, 1.0)


def ridge(d):
    """A thousand narrow peaks up the diagonal, as the tutorial of vegas has them."""
    at = np.linspace(0, 1, N_PEAKS)

    def f(x):
        # the distance along the diagonal differs from peak to peak, the one across does not
        along = x.mean(axis=1)
        across = ((x - along[:, None]) ** 2).sum(axis=1)
        peaks = np.exp(-d * ((along[:, None] - at) / NARROW) ** 2).mean(axis=1)
        return np.exp(-across / NARROW**2) * peaks / (NARROW * np.pi**0.5) ** d

    one = (erf((1 - at) / NARROW) + erf(at / NARROW)) / 2
    return Function(f, float((one**d).mean()))


def product(d):
    """Resonances of four widths, one a column."""
    width, at = np.array([0.02, 0.05, 0.1, 0.2])[np.arange(d) % 4], np.linspace(0.3, 0.7, d)
    laws = stats.cauchy(at, width)
    mass = laws.cdf(1) - laws.cdf(0)
    return Function(lambda x: (laws.pdf(x) / mass).prod(axis=1), 1.0)


def step(d):
    """A constant in a corner, and nothing elsewhere."""
    return Function(lambda x: (x < EDGE).all(axis=1) / EDGE**d, 1.0)


def waves(d):
    """Both signs."""
    return Function(lambda x: (np.cos(3 * x) + 0.3).prod(axis=1), (np.sin(3) / 3 + 0.3) ** d)


def _peak(x, at):
    scale = (WIDTH * np.pi**0.5) ** x.shape[1]
    return np.exp(-(((x - at) / WIDTH) ** 2).sum(axis=1)) / scale


FUNCTIONS = {
    "gaussian": gaussian,
    "product": product,
    "step": step,
    "camel": camel,
    "ridge": ridge,
    "ring": ring,
}
SEPARABLE = "gaussian", "product", "step"
SIGNED = {"waves": waves}
