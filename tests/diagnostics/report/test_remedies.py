"""Remedies suit the estimator, are tried, and are offered only if they helped."""

import time

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow import (
    IAFDensity,
    LinearFlowDensity,
    MAFDensity,
    NSFDensity,
    RealNVPDensity,
    StackedDensity,
    diagnose,
)
from skflow.diagnostics.report._cause import Remedy, Trial
from skflow.diagnostics.report._evidence import gather
from skflow.diagnostics.report._remedies import REMEDIES, remedies_of
from skflow.diagnostics.report._trials import _Trials


def moons(n, seed=0):
    from sklearn.datasets import make_moons

    return make_moons(n, noise=0.1, random_state=seed)[0]


def of(diagnosis, name):
    return next(cause for cause in diagnosis.causes if cause.name == name)


def correlated(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d))


class TestTrials:
    narrow = KernelDensity(bandwidth=0.02).fit(moons(100))
    X = moons(500, seed=1)

    def test_what_helped_is_offered_with_its_gain(self):
        cause = of(diagnose(self.narrow, self.X, verbose=False), "overfit")
        assert [trial.what for trial in cause.trials] == ["bandwidth=0.04", "bandwidth=0.1"]
        assert all(trial.helped and trial.gain > 0.3 for trial in cause.trials)
        assert cause.remedy.startswith("bandwidth=0.1 helped: held-out +")
        assert "when tried; or bandwidth=0.04 helped" in cause.remedy
        assert cause.what_failed == ""

    def test_what_did_not_help_is_said_and_not_offered(self):
        # two moons are no matter of tails: the base does not help a Gaussian's copula
        rows = correlated(600, 3)
        near = (np.abs(rows[:300]) < 1.2 * rows.std(axis=0)).all(axis=1)
        flow = NSFDensity(n_layers=1, max_epochs=20, n_members=1, random_state=0)
        diagnosis = diagnose(flow.fit(rows[:300][near]), rows[300:], verbose=False)
        for cause in diagnosis.causes:
            for trial in cause.trials:
                firm = cause.name in ("unconverged", "tails") and not trial.harmed
                assert (trial.what in cause.remedy) == (trial.helped or firm)
                assert (trial.what in cause.what_failed) != trial.helped
        assert any(cause.trials for cause in diagnosis.causes)

    def test_none_are_tried_if_not_asked_for(self):
        cause = of(diagnose(self.narrow, self.X, try_remedies=False, verbose=False), "overfit")
        assert cause.trials == ()
        assert cause.remedy.startswith("bandwidth=0.04; or bandwidth=0.1")

    def test_longer_training_is_offered_unless_it_did_harm(self):
        # the loss still fell: a trial that is too short to tell is no reason to stop
        X = moons(600)
        flow = RealNVPDensity(n_layers=2, max_epochs=3, n_members=1, base="normal", random_state=0)
        cause = of(diagnose(flow.fit(X[:300]), X[300:], verbose=False), "unconverged")
        assert cause.trials[0].what == "max_epochs=12"
        assert not cause.trials[0].harmed
        assert "max_epochs=12" in cause.remedy

    def test_few_rows_are_too_few_to_try(self):
        for cause in diagnose(self.narrow, self.X[:50], verbose=False).causes:
            assert cause.trials == ()

    def test_training_rows_are_what_is_refitted_to(self):
        cause = of(diagnose(self.narrow, self.X, moons(100), verbose=False), "overfit")
        assert {trial.n_rows for trial in cause.trials} == {100}

    def test_a_refit_that_fails_is_said(self):
        class Fragile(LinearFlowDensity):
            def _fit_core(self, rows):
                if self.random_state == 5:
                    raise RuntimeError("out of luck")
                return super()._fit_core(rows)

        X = moons(900)
        density = Fragile().fit(X[:400])
        cause = diagnose(density, X[400:], random_state=5, verbose=False).causes[0]
        assert "could not be tried: RuntimeError: out of luck" in cause.what_failed
        assert "MixtureFlowDensity()" not in cause.remedy

    def test_a_remedy_that_leaves_rows_without_a_density_is_none(self):
        class Bounded(LinearFlowDensity):
            def score_samples(self, X):
                lost = (X[:, 0] > 1.5) & (self.random_state == 5)
                return np.where(lost, -np.inf, super().score_samples(X))

        X = moons(900)
        model = Bounded().fit(X[:400])
        trials = _Trials(gather(model, X[400:], None, 0), 0)
        trials.before = trials._scores(LinearFlowDensity())
        trials.seed = 5
        (_, trial) = trials.of([Remedy("bounds", other=Bounded())])[0]
        assert "rows lost their density" in str(trial)
        assert trial.harmed

    def test_a_gaussian_of_moons(self):
        X = moons(900)
        cause = of(diagnose(LinearFlowDensity().fit(X[:400]), X[400:], verbose=False), "underfit")
        assert "MixtureFlowDensity() in its place helped" in cause.remedy

    def test_the_estimator_is_left_as_it_was(self):
        before = dict(vars(self.narrow))
        diagnose(self.narrow, self.X, verbose=False)
        assert vars(self.narrow) == before


@pytest.mark.parametrize(
    ("gain", "error", "helped"), [(0.3, 0.1, True), (0.3, 0.2, False), (0.01, 0.001, False)]
)
def test_a_gain_counts_beyond_its_error(gain, error, helped):
    trial = Trial("n_layers=2", gain, error, 100)
    assert trial.helped == helped
    assert not trial.harmed
    assert ("made no clear difference" in str(trial)) != helped
    assert "made it worse" in str(Trial("n_layers=2", -1.0, 0.1, 100))


class TestFitting:
    """What is offered is a parameter of the estimator at hand."""

    X = correlated(80, 2)

    @pytest.mark.parametrize("name", REMEDIES)
    @pytest.mark.parametrize(
        "estimator",
        [
            NSFDensity(n_layers=2, max_epochs=1, n_members=1, dropout=0.0),
            LinearFlowDensity(),
            KernelDensity(),
            GaussianMixture(2),
            StackedDensity([("kernels", KernelDensity())], cv=2),
        ],
        ids=lambda value: type(value).__name__,
    )
    def test_changes_can_be_set(self, estimator, name):
        estimator.fit(self.X)
        found = remedies_of(name, estimator)
        assert found
        for remedy in found:
            assert remedy.text
            assert set(remedy.changes or {}) <= set(estimator.get_params(deep=False))

    def test_what_a_flow_has_already_is_not_offered(self):
        flow = NSFDensity(n_layers=1, max_epochs=2, base="student_t", random_state=0).fit(self.X)
        text = " ".join(r.text for name in ("tails", "overfit") for r in remedies_of(name, flow))
        assert "student_t" not in text
        assert "early stopping" not in text
        assert "n_layers" not in text

    def test_early_stopping_is_offered_where_there_was_none(self):
        flow = NSFDensity(n_layers=1, max_epochs=2, validation_fraction=0.0).fit(self.X)
        assert "early stopping" in remedies_of("overfit", flow)[0].text

    def test_flows_of_many_passes_are_not_refitted(self):
        X = moons(160)
        flow = IAFDensity(n_layers=1, max_epochs=2, n_members=1, random_state=0).fit(X[:80])
        causes = diagnose(flow, X[80:], verbose=False).causes
        assert causes
        assert all(cause.trials == () for cause in causes)

    def test_flows_that_are_slow_are_not_refitted(self):
        X = moons(160)
        flow = RealNVPDensity(n_layers=2, max_epochs=3, n_members=1, random_state=0).fit(X[:80])
        for record in flow.history_:
            record["seconds"] = 1e3
        causes = diagnose(flow, X[80:], verbose=False).causes
        assert all(cause.trials == () for cause in causes)


@pytest.mark.slow
@pytest.mark.parametrize("family", [NSFDensity, RealNVPDensity, MAFDensity])
def test_five_hundred_rows_of_thirty_columns_take_five_seconds(family):
    X = correlated(1000, 30)
    X[:, :5] = np.exp(X[:, :5] / 8)
    density = family(max_epochs=20, random_state=0).fit(X[:500])
    start = time.process_time()
    diagnose(density, X[500:], verbose=False)
    assert time.process_time() - start < 5
