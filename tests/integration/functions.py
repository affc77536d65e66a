"""Functions with known integrals, of every kind that there is an answer for."""

from dataclasses import dataclass

import numpy as np
from scipy.special import erf


@dataclass(frozen=True)
class Known:
    """A function of rows with its bounds and its integral."""

    f: callable
    bounds: list
    value: float

    @property
    def d(self):
        return len(self.bounds)


def _cube(d):
    return [(0, 1)] * d


def camel(d, scale=0.2):
    """Two normal peaks on the diagonal."""

    def f(x):
        left, right = (np.exp(-(((x - at) / scale) ** 2).sum(axis=1)) for at in (1 / 3, 2 / 3))
        return (left + right) / 2 / (scale * np.pi**0.5) ** d

    return Known(f, _cube(d), float(((erf(1 / 3 / scale) + erf(2 / 3 / scale)) / 2) ** d))


def _ball(x):
    return ((x - 0.5) ** 2).sum(axis=1) < 0.16


def _laplace(x):
    return np.exp(-np.abs(x - [0, 3, -2]).sum(axis=1))


KNOWN = {
    "constant": Known(lambda x: np.full(len(x), 2.0), [(1, 3), (-1, 0)], 4.0),
    "line": Known(lambda x: 3 * x[:, 0], [(0, 2)], 6.0),
    "needle": Known(
        lambda x: np.exp(-0.5 * (((x - 0.7) / 1e-3) ** 2).sum(axis=1)), _cube(2), 2e-6 * np.pi
    ),
    "camel": camel(4),
    "product": Known(
        lambda x: (0.02 / (x**2 + 0.02**2)).prod(axis=1), [(-1, 1)] * 4, (2 * np.arctan(50)) ** 4
    ),
    "edge": Known(lambda x: (x < 0.3).all(axis=1).astype(float), _cube(3), 0.027),
    "ball": Known(lambda x: _ball(x).astype(float), _cube(2), 0.16 * np.pi),
    "root": Known(lambda x: (x**-0.5).prod(axis=1), _cube(2), 4.0),
    "signed": Known(
        lambda x: (np.cos(3 * x) + 0.3).prod(axis=1), _cube(2), (np.sin(3) / 3 + 0.3) ** 2
    ),
    "tilted": Known(lambda x: x.sum(axis=1) - 0.5, _cube(2), 0.5),
    "negative": Known(lambda x: -np.exp(x.sum(axis=1)), _cube(2), -((np.e - 1) ** 2)),
    "plane": Known(
        lambda x: np.exp(-0.5 * (x[:, 0] ** 2 - 1.8 * x[:, 0] * x[:, 1] + x[:, 1] ** 2)),
        [(None, None)] * 2,
        2 * np.pi / 0.19**0.5,
    ),
    "sides": Known(_laplace, [(0, None), (None, 3), (-np.inf, np.inf)], 2.0),
}
