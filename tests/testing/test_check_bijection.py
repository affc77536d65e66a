"""check_bijection passes honest maps and names the fault of the others."""

import copy

import pytest
import torch
from torch import nn

from skflow.bijections._base import Bijection
from skflow.testing import check_bijection
from tests.testing import faulty_bijections as faulty

PLANTED = {
    faulty.WrongLogDetSign: "log-det",
    faulty.InverseLogDetOfForward: "log-dets cancel in torch.float64",
    faulty.WrongInverse: "round trip in torch.float64",
    faulty.MissingInverse: "declared inverse",
    faulty.UndeclaredInverse: "declared inverse",
    faulty.NonsenseInverse: "declared inverse",
    faulty.BatchCentred: "rows independent in forward",
    faulty.BatchInverse: "rows independent in inverse",
    faulty.ScalarLogDet: "shapes",
    faulty.SummedLogDet: "shapes",
    faulty.Overflowing: "finite",
    faulty.Float64Constant: "dtype",
    faulty.Float32Inside: "round trip in torch.float64",
    faulty.InPlace: "input untouched",
    faulty.NoisyEval: "repeatable",
    faulty.StateOutsideStateDict: "state_dict",
    faulty.LambdaInside: "pickle",
    faulty.DetachedParameter: "gradients",
    faulty.HalfDetachedParameter: "gradients",
    faulty.NoGradient: "gradients",
    faulty.NoMemberAxes: "members in forward",
    faulty.MemberAxesMixedUp: "members in forward",
    faulty.StaleInverse: "stale",
    faulty.GlobalDice: "global random state",
    faulty.LayoutOfMemory: "layout of memory",
    faulty.InverseWithoutGradient: "gradients of the inverse",
    faulty.InverseWithHalfAGradient: "gradients of the inverse",
}


class Conditional(faulty.Scale):
    """Honest: the offset is linear in the context."""

    def __init__(self, n_features=3, n_context=2):
        super().__init__(n_features)
        self.weight = nn.Parameter(torch.zeros(n_features, n_context))

    def forward(self, x, context=None):
        return super().forward(x + context @ self.weight.mT)

    def inverse(self, z, context=None):
        x, log_det = super().inverse(z)
        return x - context @ self.weight.mT, log_det


class ScoreOnly(faulty.Scale):
    invertible = "no"
    inverse = Bijection.inverse


@pytest.mark.parametrize("n_features", [1, 4])
def test_honest_bijection_passes(n_features):
    check_bijection(faulty.Scale(n_features))
    check_bijection(ScoreOnly(n_features))


def test_honest_conditional_bijection_passes():
    check_bijection(Conditional(), context=torch.randn(9, 2))


@pytest.mark.parametrize(
    ("cls", "prop"), PLANTED.items(), ids=lambda value: getattr(value, "__name__", value)
)
def test_planted_fault_is_named(cls, prop):
    with pytest.raises(AssertionError, match=rf"^{cls.__name__}: {prop}: "):
        check_bijection(cls())


def test_ignored_context():
    with pytest.raises(AssertionError, match="Scale: context: another context gives the same"):
        check_bijection(faulty.Scale(), context=torch.randn(9, 2))


def test_faults_that_only_show_away_from_the_start():
    with pytest.raises(AssertionError, match="log-det"):
        check_bijection(faulty.WrongLogDetSign())
    check_bijection(faulty.WrongLogDetSign(), perturbation=0.0)


def test_rows_must_come_from_somewhere():
    bijection = faulty.Scale()
    del bijection.n_features
    with pytest.raises(ValueError, match="Scale has no attribute n_features: pass x"):
        check_bijection(bijection)
    check_bijection(bijection, torch.randn(5, 3))


def test_bijection_is_left_alone():
    bijection = faulty.Scale()
    before = copy.deepcopy(bijection.state_dict())
    random_state = torch.get_rng_state()
    check_bijection(bijection)
    assert all(torch.equal(before[name], p) for name, p in bijection.state_dict().items())
    assert bijection.training
    assert torch.equal(random_state, torch.get_rng_state())
