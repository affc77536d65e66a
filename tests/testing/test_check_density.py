"""check_density passes an honest estimator and names the fault of a dishonest one."""

import numpy as np
import pytest

from skflow.testing import check_density
from tests.testing import toys

PLANTED = {
    toys.Float32Scores: "scores",
    toys.BatchStandardised: "independent_rows",
    toys.WrongLogDetSign: "integral",
    toys.NoPreprocessingJacobian: "integral",
    toys.NotNormalised: "integral",
    toys.ConstantScore: "integral",
    toys.NanFarOut: "integral",
    toys.NoJacobianAcrossUnits: "rescaling",
    toys.FixedFloor: "rescaling",
    toys.WideSamples: "samples",
    toys.FrozenSamples: "samples",
    toys.TupleSamples: "samples",
    toys.WrongInverse: "round_trip",
    toys.LossyPickle: "pickle",
    toys.NoPickle: "pickle",
    toys.IgnoredWeights: "weights",
    toys.Overfitted: "entropy",
    toys.PlainGaussian: "moons",
    toys.ForgottenCopies: "weights",
    toys.BlockDependent: "independent_rows",
    toys.FirstOfTwins: "independent_rows",
    toys.Float32Rows: "offset",
    toys.StaleScale: "refit",
    toys.ReseededBlocks: "samples",
    toys.FarDraws: "samples",
    toys.ThirdColumnAlone: "draws",
    toys.CooledThirdColumn: "draws",
    toys.SpikesOnValues: "repeated_values",
    toys.GlobalJitter: "global_state",
    toys.SupportWithoutJacobian: "support",
    toys.UndeclaredOutside: "support",
    toys.DrawsOutside: "support",
    toys.ForgottenContext: "context",
    toys.NeedlessContext: "context",
    toys.IgnoredContext: "context",
    toys.DrawsWithoutContext: "context",
}

# one cell has no correlations, which other properties see before
EARLIER = {toys.PlainGaussian: ["draws", "entropy"]}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_honest_estimator_passes(seed):
    check_density(toys.Toy(), random_state=seed)


@pytest.mark.parametrize("cls", [toys.Bounded, toys.Given])
def test_honest_estimator_with_a_support_or_a_context_passes(cls):
    check_density(cls())


@pytest.mark.parametrize(
    ("faulty", "prop"), PLANTED.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_planted_fault_is_named(faulty, prop):
    with pytest.raises(AssertionError, match=rf"^{faulty.__name__}: {prop}: "):
        check_density(faulty(), skip=EARLIER.get(faulty, ()))


def test_skipped_property_is_not_checked():
    check_density(toys.FixedFloor(), skip=["rescaling"])


def test_unknown_property():
    with pytest.raises(ValueError, match=r"skip names no properties: \['integrall'\]"):
        check_density(toys.Toy(), skip=["integrall"])


def test_few_fits(monkeypatch):
    tables = []
    fit = toys.Toy.fit

    def counting_fit(self, X, y=None, sample_weight=None):
        tables.append(X.shape)
        return fit(self, X, y, sample_weight)

    monkeypatch.setattr(toys.Toy, "fit", counting_fit)
    check_density(toys.Toy())
    assert sorted(tables) == [(200, 2)] * 2 + [(300, 1), (600, 2), (600, 3)]


def test_estimator_and_global_state_are_left_alone():
    toy = toys.Toy()
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    check_density(toy)
    assert vars(toy) == {"n_cells": 12, "random_state": None}
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
