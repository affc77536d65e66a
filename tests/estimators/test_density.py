"""Every estimator tells the truth about the density that it learned."""

import pytest

import skflow
from skflow.testing import check_density
from tests.instances import ESTIMATORS


def test_every_estimator_is_tested():
    tested = {type(build()).__name__ for build in ESTIMATORS.values()}
    assert tested == {name for name in skflow.__all__ if hasattr(getattr(skflow, name), "fit")}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_density(name):
    estimator = ESTIMATORS[name]()
    assert hasattr(estimator, "transform")
    check_density(estimator)


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"base": "normal"}, {"preprocessing": "whiten"}, {"dtype": "float64"}],
    ids=str,
)
@pytest.mark.parametrize("name", [name for name in skflow.__all__ if name.endswith("Density")])
def test_density_with_defaults(name, settings):
    check_density(getattr(skflow, name)(**settings))
