"""The verdict through the front door: bad fits are planted, good ones raise no alarm."""

import math
import warnings

import numpy as np
import pytest
import torch

from skflow.bijections import Whiten
from skflow.estimators.posterior import _outcome
from tests.estimators.posterior.small import quiet, small
from tests.variational.densities import gaussian, two_modes

NAMES = ["slope", "offset"]


def standard(z):
    return -0.5 * z.square().sum(1)


def student(z):
    return -1.5 * (1 + z.square() / 2).log().sum(1)  # two degrees of freedom


def fitted_and_seen(model, log_density, **options):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(log_density, **options)
    return model, [str(warning.message) for warning in seen]


@pytest.fixture(name="plant")
def planting(monkeypatch):
    """Return a function that moves and scales whatever flow is fitted from then on."""

    def plant(scale, shift):
        fit_density = _outcome.fit_density

        def spoilt(*arguments):
            fitted = fit_density(*arguments)
            d = fitted.flow.base.n_features
            moved = Whiten.from_root(np.full(d, shift), scale * np.eye(d))
            fitted.flow = fitted.flow.behind(moved)
            fitted.modes = lambda: np.empty((0, d))
            fitted.start.modes.clear()
            return fitted

        monkeypatch.setattr(_outcome, "fit_density", spoilt)

    return plant


seeds = pytest.mark.parametrize(
    "seed", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 2))]
)


@seeds
class TestPlanted:
    def test_too_narrow(self, seed, plant):
        plant(0.6, 0.0)
        model = small(2, flow="gaussian", feature_names=NAMES, random_state=seed)
        model, seen = fitted_and_seen(model, standard)
        assert model.verdict_ in ("weigh", "bad")
        assert len(seen) == 1
        assert "too narrow" in seen[0] or "mend" in seen[0]

    def test_shifted(self, seed, plant):
        plant(1.0, 0.6)
        model = small(2, flow="gaussian", feature_names=NAMES, random_state=seed)
        model, seen = fitted_and_seen(model, standard)
        assert model.verdict_ == "weigh"
        assert any(f"draws of '{name}' are off by 0." in seen[0] for name in NAMES)
        assert "use sample(resample=True)" in seen[0]
        assert model.verdict_reasons_ == seen
        assert model.expectation(lambda z: z) == pytest.approx([0, 0], abs=0.1)

    def test_far_off(self, seed, plant):
        plant(1.0, 5.0)
        model, seen = fitted_and_seen(small(2, flow="gaussian", random_state=seed), standard)
        assert model.verdict_ == "bad"
        assert "misses too much" in seen[0]

    def test_wrong_tails(self, seed):
        model, seen = fitted_and_seen(small(4, flow="gaussian", random_state=seed), student)
        assert model.verdict_ != "good"
        assert len(model.draws_) == 40_000  # more, as the first left doubts
        assert len(seen) == 1

    def test_a_missed_mode(self, seed):
        settings = {"n_starts": 96, "flow": "gaussian", "feature_names": NAMES}
        model, seen = fitted_and_seen(small(2, random_state=seed, **settings), two_modes)
        assert model.verdict_ == "bad"
        assert "1 of 2 modes" in seen[0]
        assert "'slope' = " in seen[0]


@seeds
class TestNoFalseAlarm:
    def test_mass_at_a_declared_bound(self, seed):
        """A share that is all but 0: of its log-odds the tail is an exponential's."""
        model = small(1, support={0: (0, 1)}, max_epochs=4, random_state=seed)
        model, seen = fitted_and_seen(model, lambda z: -20 * z[:, 0])
        assert seen == []
        assert model.verdict_ == "good"
        assert model.log_evidence_ == pytest.approx(-math.log(20), abs=0.01)

    def test_mass_where_floats_end(self, seed):
        """A twentieth of it lies nearer to 1 than any float."""
        model = small(1, support={0: (0, 1)}, max_epochs=4, random_state=seed)

        def beta(z):
            return -0.9 * z[:, 0].log() - 0.9 * (-z[:, 0]).log1p()

        assert fitted_and_seen(model, beta)[1] == []

    def test_bent_and_correlated(self, seed):
        model = small(3, random_state=seed)
        model, seen = fitted_and_seen(model, gaussian)
        assert seen == []
        assert (model.verdict_, model.verdict_reasons_) == ("good", [])
        assert model.khat_ + 2 * model.khat_se_ < 0.7


class TestEnough:
    def test_no_layers_where_the_gaussian_is_enough(self):
        model = small(n_layers="auto", max_epochs=40).fit(gaussian)
        assert model.n_layers_ == 0
        assert {record["stage"] for record in model.history_} == {"gaussian"}
        assert model.verdict_ == "good"

    def test_layers_that_were_asked_for_are_there(self):
        model = small(n_layers=1, max_epochs=40, batch_size=32).fit(gaussian)
        assert model.n_layers_ == 1
        assert [record["stage"] for record in model.history_].count("flow") == 5

    def test_layers_where_they_are_needed(self):
        def bent(z):
            return -0.5 * z[:, 0].square() - 8 * (z[:, 1] - z[:, 0].square()).square()

        model = quiet(small(2, n_layers="auto", max_epochs=1), bent)
        assert model.n_layers_ == 4


def test_undeclared_bounds_name_the_parameter():
    def half(z):
        return torch.where(z[:, 1] > 0, -0.5 * z.square().sum(1), -torch.inf)

    model = small(2, flow="gaussian", feature_names=NAMES)
    _, seen = fitted_and_seen(model, half)
    assert "of the draws, most of them at the edge of 'offset'" in seen[0]


class TestNames:
    def test_of_bounds_and_of_variables(self):
        model = small(2, feature_names=NAMES, support={"offset": (0, None)}, flow="gaussian")
        quiet(model, lambda z: -z[:, 1] - z[:, 0].square())
        assert model.feature_names_ == NAMES
        assert (model.sample(50, random_state=0)[:, 1] > 0).all()
        assert list(model.to_arviz(5).posterior.data_vars) == NAMES
        other = model.to_arviz(5, names=["a", "b"])
        assert list(other.posterior.data_vars) == ["a", "b"]

    def test_arrays_of_names(self):
        model = quiet(small(2, feature_names=np.array(NAMES), flow="gaussian"), standard)
        assert model.feature_names_ == NAMES
        assert small(2, flow="gaussian").fit(standard).feature_names_ is None

    @pytest.mark.parametrize(
        ("names", "error", "message"),
        [
            (["a"], ValueError, "must be 2 different names .* got 1 of them"),
            (["a", "a"], ValueError, "'a' twice"),
            (["a", 3], TypeError, "each a str"),
        ],
    )
    def test_refusals(self, names, error, message):
        with pytest.raises(error, match=message):
            small(2, feature_names=names).fit(standard)

    def test_a_bound_of_nobody(self):
        with pytest.raises(ValueError, match="unknown column 'sigma'"):
            small(2, feature_names=NAMES, support={"sigma": (0, 1)}).fit(standard)


CONTEXT = np.random.default_rng(0).normal(size=(120, 2))


class TestContexts:
    def test_good_ones(self):
        def joint(z, x):
            return -0.5 * (z - 0.1 * x).square().sum(1)

        settings = {"encoder_features": (8,), "max_epochs": 60, "learning_rate": 0.01}
        model, seen = fitted_and_seen(small(2, **settings), joint, context=CONTEXT)
        assert seen == []
        assert model.verdict_ == "good"
        assert model.judged_rows_.shape == model.judged_khat_.shape == (50,)
        assert len(set(model.judged_rows_)) == 50
        assert (model.judged_ess_ > 0.5).all()

    def test_the_worst_are_named(self):
        """Half of the rows want a normal of deviation 1, which all get, half one of 40."""
        context = np.sign(CONTEXT)

        def joint(z, x):
            wide = 1 + 39 * (x[:, :1] > 0)
            return (-0.5 * (z / wide).square() - wide.log()).sum(1)

        settings = {"flow": "diagonal", "max_epochs": 1, "learning_rate": 1e-6}
        model, seen = fitted_and_seen(small(2, **settings), joint, context=context)
        assert model.verdict_ == "bad"
        assert f"the worst rows of context are {model.judged_rows_[0]} (k-hat" in seen[0]
        bad = context[model.judged_rows_, 0] > 0
        assert bad[: bad.sum()].all()  # the worst first
        assert model.judged_khat_[0] > 0.7

    def test_a_small_context_is_judged_whole(self):
        model = quiet(small(2), lambda z, x: -0.5 * (z - x).square().sum(1), context=CONTEXT[:3])
        assert sorted(model.judged_rows_) == [0, 1, 2]
