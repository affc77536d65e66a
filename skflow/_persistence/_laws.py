"""Frozen distributions of scipy.stats, as priors have them: the name of a family, and numbers.

A name leads to a family of a list that is made here, and to nothing else. What somebody may have
drawn from a distribution by its own stream of random numbers is not kept; skflow passes its own.
"""

from numbers import Real

import numpy as np
from scipy import stats

__all__ = ["LAWS"]

FAMILIES = {
    name: family for name, family in vars(stats).items() if isinstance(family, stats.rv_continuous)
}
ONE, SEVERAL = type(stats.norm()), type(stats.multivariate_normal())
PLAIN_COVARIANCE = type(stats.multivariate_normal().cov_object)
# Frozen, each has a family of its own, of ten kilobytes that one line of a file would ask for.
shared: dict[str, stats.rv_continuous] = {}


def _of_one(law):
    name = getattr(law.dist, "name", None)
    if type(law.dist) is not type(FAMILIES.get(name)):
        raise ValueError("of distributions files hold those that scipy.stats has by name")
    _check_numbers((*law.args, *law.kwds.values()))
    return {"family": name, "args": law.args, "kwds": law.kwds}


def _make_one(law, attributes, _):
    family, args, kwds = (attributes[name] for name in ("family", "args", "kwds"))
    if type(args) is not tuple or type(kwds) is not dict or family not in FAMILIES:
        raise ValueError("a distribution is a family of scipy.stats and its parameters")
    _check_numbers((*args, *kwds.values()))
    made = FAMILIES[family](*args, **kwds)
    vars(law).update(vars(made) | {"dist": shared.setdefault(family, made.dist)})


def _of_several(law):
    if type(law.cov_object) is not PLAIN_COVARIANCE:
        raise ValueError("of multivariate normals files hold those with a matrix as covariance")
    own = {"mean": law.mean, "covariance": law.cov_object.covariance}
    return own | {"singular": law.allow_singular}


def _make_several(law, attributes, _):
    mean, covariance = attributes["mean"], attributes["covariance"]
    parts = mean, covariance
    known = all(isinstance(part, np.ndarray) and part.dtype == float for part in parts)
    if not known or type(attributes["singular"]) is not bool:
        raise ValueError("mean and covariance of a distribution must be arrays of numbers")
    made = stats.multivariate_normal(mean, covariance, attributes["singular"])
    vars(law).update(vars(made))


def _check_numbers(values):
    if not all(isinstance(value, Real) for value in values):
        raise ValueError("parameters of distributions must be single numbers")


# how to take them apart, and to put them together, by type
LAWS = {ONE: (_of_one, _make_one), SEVERAL: (_of_several, _make_several)}
