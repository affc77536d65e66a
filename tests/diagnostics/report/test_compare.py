"""The verdict on a table: honest held-out scores, paired errors, and words that fit them."""

import numpy as np
import pytest
from joblib import parallel_config
from sklearn.base import BaseEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import KFold
from sklearn.neighbors import KernelDensity

from skflow import ContinuousFlowDensity, KernelFlowDensity, MAFDensity, compare_densities
from skflow.diagnostics.report import _compare
from skflow.diagnostics.report._baselines import KernelBaseline, MixtureBaseline
from skflow.estimators.stack import _folds
from tests.estimators.stack.toys import KeepsWhatItHas
from tests.instances import quick

PARTICLES = {"particles": 2, "dim": 1}


def ring(n=150, seed=0):
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, size=n)
    return 100 * (np.column_stack([np.cos(angle), np.sin(angle)]) + 0.1 * rng.normal(size=(n, 2)))


class Recorder(BaseEstimator):
    """The wide Gaussian around its rows; notes how many it was fitted to."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y=None):
        type(self).seen.append(X)
        self.mean_ = X.mean(axis=0)
        return self

    def score_samples(self, X):
        squares = ((X - self.mean_) ** 2).sum(axis=1) / 1e4
        return -0.5 * squares - X.shape[1] * np.log(100 * np.sqrt(2 * np.pi))


class Shifted(Recorder):
    def __init__(self, shift=0.0):
        self.shift = shift

    def score_samples(self, X):
        return super().score_samples(X) + self.shift


class Failing(BaseEstimator):
    def fit(self, X, y=None):
        raise RuntimeError("no luck today")


class TestTable:
    @pytest.fixture(scope="class")
    @classmethod
    def table(cls):
        return compare_densities(ring(), quick(KernelFlowDensity), cv=3)

    def test_rows(self, table):
        names = {"KernelFlowDensity", "kde", "gmm", "gaussian"}
        assert {row["name"] for row in table} == names
        scores = [row["score"] for row in table]
        assert scores == sorted(scores, reverse=True)
        assert all(row["seconds"] > 0 for row in table)

    def test_scores_and_errors_are_those_of_the_rows(self, table):
        assert set(table.held_out_scores) == {row["name"] for row in table}
        for row in table:
            values = table.held_out_scores[row["name"]]
            assert values.shape == (150,)
            assert row["score"] == pytest.approx(values.mean())
            assert row["error"] == pytest.approx(values.std(ddof=1) / np.sqrt(150))

    def test_gains_are_paired(self, table):
        classical = max(("kde", "gmm", "gaussian"), key=lambda name: table[name]["score"])
        assert np.isnan(table[classical]["gain"])
        for row in table:
            if row["name"] == classical:
                continue
            found = table.held_out_scores
            difference = found[row["name"]] - found[classical]
            assert row["gain"] == pytest.approx(difference.mean())
            assert row["gain_error"] == pytest.approx(difference.std(ddof=1) / np.sqrt(150))

    def test_prints(self, table):
        lines = str(table).splitlines()
        assert lines[0].split() == ["name", "score", "error", "gain", "gain_error", "seconds"]
        assert lines[-1] == table.note

    def test_one_gaussian_is_worst_on_a_ring(self, table):
        assert table["gaussian"]["score"] < table["kde"]["score"] - 0.2


class TestFolds:
    def test_every_fit_leaves_its_fold_out(self):
        Recorder.seen = []
        X = ring(60)
        table = compare_densities(X, Recorder(), cv=KFold(3))
        assert len(Recorder.seen) == 3
        for k, seen in enumerate(list(Recorder.seen)):
            held = np.arange(20 * k, 20 * k + 20)
            np.testing.assert_array_equal(seen, np.delete(X, held, axis=0))
            expected = Recorder().fit(seen).score_samples(X[held])
            np.testing.assert_array_equal(table.held_out_scores["Recorder"][held], expected)

    def test_ensembles_are_fitted_anew_for_each_fold(self, monkeypatch):
        fitted = []
        own = MAFDensity._fit

        def counted(self, X, *args, **kwargs):
            fitted.append(len(X))
            return own(self, X, *args, **kwargs)

        monkeypatch.setattr(MAFDensity, "_fit", counted)
        compare_densities(ring(60), quick(MAFDensity, n_members="auto"), cv=3)
        assert fitted == [40, 40, 40]

    def test_equal_rows_share_a_fold(self):
        X = np.repeat(ring(40), 2, axis=0)
        found = compare_densities(X, quick(KernelFlowDensity), cv=4).held_out_scores
        np.testing.assert_array_equal(found["kde"][::2], found["kde"][1::2])

    def test_large_tables_hold_out_a_part(self, monkeypatch):
        monkeypatch.setattr(_folds, "MAX_ROWS_HELD_OUT_ALL", 100)
        table = compare_densities(ring(), Recorder())
        assert np.isfinite(table.held_out_scores["Recorder"]).sum() == 30

    def test_same_side_by_side(self):
        """In threads, which start at once: regressors are compared in processes the same way."""
        pairs = [("flow", quick(MAFDensity, random_state=None))]
        with parallel_config("threading"):
            found = [compare_densities(ring(60), pairs, cv=2, n_jobs=n) for n in (None, 2)]
        for name in ("flow", "kde", "gmm"):
            np.testing.assert_array_equal(*(table.held_out_scores[name] for table in found))


class TestWeights:
    def test_count_like_repeated_rows(self):
        times, kernel = np.where(np.arange(80) % 2, 2, 1), quick(KernelFlowDensity)
        weighted = compare_densities(ring(80), kernel, sample_weight=times, cv=3)
        repeated = compare_densities(np.repeat(ring(80), times, axis=0), kernel, cv=3)
        for name in ("KernelFlowDensity", "kde", "gaussian"):
            expected = repeated[name]["score"]
            assert weighted[name]["score"] == pytest.approx(expected, abs=1e-3), name

    def test_zero_leaves_a_row_out(self):
        X, weight = np.vstack([ring(60), [[1e6, 1e6]]]), np.append(np.ones(60), 0)
        table = compare_densities(X, quick(KernelFlowDensity), sample_weight=weight, cv=3)
        expected = compare_densities(ring(60), quick(KernelFlowDensity), cv=3)
        assert np.isnan(table.held_out_scores["kde"][60])
        assert table["kde"]["score"] == pytest.approx(expected["kde"]["score"], abs=1e-9)

    def test_estimator_without_weights_fails_in_words(self):
        weight = 1 + np.arange(60) % 2
        table = compare_densities(ring(60), GaussianMixture(2), sample_weight=weight, cv=2)
        assert "GaussianMixture failed: TypeError: its fit takes no sample_weight" in table.note


class TestReading:
    def note(self, shift, X=None):
        return compare_densities(ring() if X is None else X, [("it", Shifted(shift))], cv=3).note

    def test_better(self):
        note = self.note(5.0)
        assert note.startswith("it is better than the best classical estimator (")
        assert note.endswith("nats a row (2 standard errors): clear.")

    def test_worse(self):
        assert self.note(-5.0).startswith("it is worse than the best classical estimator (")

    def test_within_noise(self):
        level = np.mean(compare_densities(ring(), Recorder(), cv=3)["Recorder"]["gain"])
        assert "are within noise: " in self.note(-level)

    def test_nothing_beats_a_gaussian(self):
        X = 100 * np.random.default_rng(0).normal(size=(150, 2))
        expected = "Nothing is clearly better than a single Gaussian on this table."
        assert self.note(0.0, X) == expected

    def test_failures(self):
        pairs = [("bad", Failing()), ("it", Recorder())]
        table = compare_densities(ring(60), pairs, cv=2)
        assert np.isnan(table["bad"]["score"])
        assert list(table)[-1]["name"] == "bad"
        assert table.note.endswith("bad failed: RuntimeError: no luck today.")
        only = compare_densities(ring(60), [("bad", Failing())], cv=2)
        assert only.note.startswith("bad gave no finite score; take the best classical")


class TestArguments:
    def test_default_estimators(self):
        assert [name for name, _ in _compare._named(None)] == ["flow", "kernel_flow"]

    @pytest.mark.parametrize(
        ("estimators", "message"),
        [
            ([], "estimators is empty"),
            ([("kde", Recorder())], "The name 'kde' is taken"),
            ([("a", Recorder()), ("a", Recorder())], "The name 'a' is taken"),
            (ContinuousFlowDensity(symmetry=PARTICLES), "around the centre of mass"),
        ],
    )
    def test_bad_estimators(self, estimators, message):
        with pytest.raises(ValueError, match=message):
            compare_densities(ring(20), estimators)

    def test_a_list_without_names(self):
        with pytest.raises(TypeError, match=r"it holds \w+\(\): give each a name"):
            compare_densities(ring(20), [Recorder()])

    def test_bad_table(self):
        with pytest.raises(ValueError, match="column 1 has 1 NaN"):
            compare_densities([[1.0, np.nan], [2, 3]])


class TestBaselines:
    @pytest.mark.parametrize("baseline", [KernelBaseline(), MixtureBaseline()])
    def test_scores_are_in_the_units_of_the_table(self, baseline):
        X, factors = ring(), np.array([1e5, 1e-4])
        expected = baseline.fit(X).score_samples(X) - np.log(factors).sum()
        scores = baseline.fit(X * factors).score_samples(X * factors)
        np.testing.assert_allclose(scores, expected, atol=1e-5)

    def test_bandwidth_is_as_good_as_a_fine_search(self):
        X, fresh = ring(200), ring(2_000, seed=1)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        scores = [
            KernelDensity(bandwidth=h).fit((X - mean) / spread).score((fresh - mean) / spread)
            for h in np.logspace(-2, 0, 60)
        ]
        expected = max(scores) / len(fresh) - np.log(spread).sum()
        assert KernelBaseline().fit(X).score_samples(fresh).mean() > expected - 0.05

    def test_mixture_is_scikit_learns(self):
        X = ring()
        model = MixtureBaseline(n_components=1).fit(X)
        mean, spread = X.mean(axis=0), X.std(axis=0)
        theirs = GaussianMixture(reg_covar=1e-4).fit((X - mean) / spread)
        expected = theirs.score_samples((X - mean) / spread) - np.log(spread).sum()
        np.testing.assert_allclose(model.score_samples(X), expected, rtol=1e-10)
        tuned = MixtureBaseline().fit(X)
        assert len(tuned.model_.weights_) > 3

    @pytest.mark.parametrize("baseline", [KernelBaseline(), MixtureBaseline()])
    def test_repeated_values_give_no_spike(self, baseline):
        rng = np.random.default_rng(0)
        X = np.column_stack([rng.poisson(4, 300), rng.normal(size=300)])
        entropy = 0.5 * np.log(2 * np.pi * np.e * 4) + 0.5 * np.log(2 * np.pi * np.e)
        scores = baseline.fit(X).score_samples(X)
        assert scores.mean() == pytest.approx(-entropy, abs=0.35)

    @pytest.mark.parametrize("baseline", [KernelBaseline(), MixtureBaseline(), MixtureBaseline(1)])
    def test_nasty_tables(self, baseline):
        rng = np.random.default_rng(0)
        for X in (rng.normal(size=(4, 9)), np.ones((5, 2)), 1e9 + rng.normal(size=(30, 1))):
            assert np.isfinite(baseline.fit(X).score_samples(X)).all()


def test_an_interrupted_flow_ends_the_comparison():
    with pytest.raises(KeyboardInterrupt):
        compare_densities(ring(60), KeepsWhatItHas(), cv=3)
