"""Every estimator tells the truth about the density that it learned."""

import pytest

import skflow
from skflow.testing import check_density
from tests.instances import DENSITIES, ESTIMATORS, FLOWS, TRAINED

# Members of families of which another one is tested each time
SIBLINGS = {"NICEDensity", "RadialFlowDensity", "SylvesterFlowDensity", "UMNNDensity"}
LACKING = {
    "LinearFlowDensity": ["moons"],  # a Gaussian gains nothing over a Gaussian
    "StackedDensity": ["support"],  # those in its list have bounds of their own
    "StackedDensity, with a flow": ["support"],
}

# What takes most of the time of a fit, or of scores, and is the same in all that is asked
SHORTER = {
    "KernelFlowDensity": {"preprocessing": "standardize"},
    "MixtureFlowDensity": {"n_components": 8, "covariance_type": "full", "reg_covar": 1e-2},
    "NSFDensity": {"preprocessing": "standardize", "n_layers": 2},
    "NAFDensity": {"n_layers": 2},
    "GaussianizationFlowDensity": {"n_layers": 2, "n_components": 4},
}


def test_every_estimator_is_tested():
    tested = {type(build()).__name__ for build in ESTIMATORS.values()}
    assert tested == {cls.__name__ for cls in DENSITIES}


@pytest.mark.parametrize(
    "name",
    # of each class one, with the settings that most fits have; its other settings take longer
    [
        pytest.param(name, marks=[pytest.mark.slow] * ("," in name or name in SIBLINGS))
        for name in ESTIMATORS
    ],
)
def test_density(name):
    estimator = ESTIMATORS[name]().set_params(**SHORTER.get(name, {}))
    assert hasattr(estimator, "transform") == (type(estimator) in FLOWS)
    check_density(estimator, skip=LACKING.get(name, ()))


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORTER)
def test_density_as_it_comes(name):
    check_density(ESTIMATORS[name]())


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [{}, {"base": "normal"}, {"preprocessing": "whiten"}, {"dtype": "float64"}],
    ids=str,
)
@pytest.mark.parametrize("cls", TRAINED, ids=lambda cls: cls.__name__)
def test_density_with_defaults(cls, settings):
    check_density(cls(**settings))


@pytest.mark.slow
def test_stack_with_defaults():
    check_density(skflow.StackedDensity())
