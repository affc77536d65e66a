"""Small tables and fitted estimators that all displays are tested with."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from skflow import FlowOutlierDetector, MixtureFlowDensity, NSFDensity
from tests.diagnostics import posteriors
from tests.instances import quick
from tests.metrics.toys import Normal

NAMES = ["height", "weight"]


def pytest_configure():
    mpl.use("Agg")


@pytest.fixture(scope="package")
def plane():
    """Correlated normal rows of two named columns."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2)) @ np.array([[2.0, 1.0], [0.0, 1.0]]) + [5.0, -3.0]
    return pd.DataFrame(rows, columns=NAMES)


@pytest.fixture(scope="package")
def space():
    """Normal rows of three columns without names."""
    return np.random.default_rng(1).normal(size=(200, 3)) * [1.0, 2.0, 3.0]


@pytest.fixture(scope="package")
def gaussian(plane):
    """One Gaussian, whose density is known, fitted to the plane."""
    return MixtureFlowDensity(n_components=1, random_state=0).fit(plane)


@pytest.fixture(scope="package")
def gaussian3(space):
    """One Gaussian fitted to the table of three columns."""
    return MixtureFlowDensity(n_components=1, random_state=0).fit(space)


@pytest.fixture(scope="package")
def flow(plane):
    """A flow of one member, hardly trained."""
    return quick(NSFDensity, base="auto").fit(plane)


@pytest.fixture(scope="package")
def ensemble(space):
    """A flow of three members."""
    return quick(NSFDensity, base="auto", n_members=3, max_epochs=4).fit(space)


@pytest.fixture(scope="package")
def regressor(plane):
    """A regressor that predicts a normal distribution around the height."""
    return Normal().fit(plane, plane["height"])


@pytest.fixture(scope="package")
def detector(space):
    """A detector of outliers by one Gaussian."""
    return FlowOutlierDetector(MixtureFlowDensity(n_components=1), random_state=0).fit(space)


@pytest.fixture(scope="package")
def posterior():
    """A posterior of two parameters without a density, a little too high."""
    return posteriors.Sampler(posteriors.Normal(2), "bias")


@pytest.fixture(scope="package")
def parameters():
    """Parameters of fresh simulations; test_common.OBSERVATIONS are theirs."""
    return posteriors.Normal(2).simulate(100, np.random.default_rng(3))[0]


@pytest.fixture(scope="package")
def observed():
    """An observation that no parameter is likely to make."""
    return np.array([1.0, 9.0])
