"""Starts that are searched for end in time, quietly, and with something that works."""

import time
import warnings

import numpy as np
import pytest
import torch
from sklearn import mixture
from sklearn.exceptions import ConvergenceWarning as SklearnConvergenceWarning

from skflow._clock import time_limit
from skflow.bases import GaussianMixture, GivenKernels, KernelDensity, choose_mixture
from skflow.bases._choice import _Race
from skflow.bases._em import fit_mixture
from skflow.bases._quiet_mixture import QuietMixture
from skflow.bijections import NormalScores
from skflow.exceptions import ConvergenceWarning


def clusters(n=300, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return 4 * rng.normal(size=(3, d))[rng.integers(3, size=n)] + rng.normal(size=(n, d))


class TestQuietMixture:
    @pytest.mark.parametrize("kind", ["full", "diag", "tied"])
    @pytest.mark.parametrize("max_iter", [3, 100])
    def test_is_scikit_learns(self, kind, max_iter):
        settings = {"covariance_type": kind, "max_iter": max_iter, "n_init": 2, "random_state": 0}
        ours = QuietMixture(4, **settings).fit(clusters())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = mixture.GaussianMixture(4, **settings).fit(clusters())
        for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))

    def test_says_nothing(self):
        x = np.r_[clusters(), np.zeros((40, 3))]
        with pytest.warns(SklearnConvergenceWarning, match="did not converge"):
            mixture.GaussianMixture(4, max_iter=1, random_state=0).fit(x)
        QuietMixture(4, max_iter=1, random_state=0).fit(x)

    def test_says_nothing_of_clusters_that_coincide(self):
        x = np.repeat(np.eye(3), 20, axis=0)
        with pytest.warns(SklearnConvergenceWarning, match="distinct clusters"):
            mixture.GaussianMixture(5, random_state=0).fit(x)
        QuietMixture(5, random_state=0).fit(x)

    def test_ends_soon_when_the_time_is_up(self):
        x = np.random.default_rng(0).normal(size=(300, 3))
        assert QuietMixture(8, tol=0, max_iter=50, random_state=0).fit(x).n_iter_ == 50
        with time_limit(0.0):
            hurried = QuietMixture(8, tol=0, max_iter=50, random_state=0).fit(x)
        assert hurried.n_iter_ == 2
        assert np.isfinite(hurried.precisions_cholesky_).all()


class TestMixtures:
    def test_without_time_the_first_candidate_is_chosen_and_said(self):
        with pytest.warns(ConvergenceWarning, match="the choice of the mixture's size"):
            choice = within(0.0, lambda: choose_mixture(clusters()))
        assert choice.n_components == 1
        assert np.isfinite(choice.score)

    def test_with_enough_time_nothing_changes(self):
        x = clusters()
        assert within(1000.0, lambda: choose_mixture(x)) == choose_mixture(x)
        ours = within(1000.0, lambda: fit_mixture(x, n_components=3))
        for a, b in zip(ours, fit_mixture(x, n_components=3), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_the_best_so_far_is_taken(self, monkeypatch):
        few = {"candidates": (1, 2, 3), "covariance_types": ("full",), "reg_covars": (1e-2,)}
        expected = choose_mixture(clusters(), cv=3, patience=9, **few)
        scored = []

        def late(share):
            return len(scored) >= 9  # three settings of three folds

        score = _Race._score

        def counted(self, train, test, *setting):
            scored.append(setting)
            return score(self, train, test, *setting)

        monkeypatch.setattr("skflow.bases._choice.time_is_up", late)
        monkeypatch.setattr(_Race, "_score", counted)
        assert choose_mixture(clusters(), cv=3, patience=9) == expected
        assert len(scored) == 9

    def test_a_base_starts_without_time(self):
        base = GaussianMixture(3, 5).double()
        x = torch.as_tensor(clusters())
        with pytest.warns(ConvergenceWarning, match="the fit of the mixture"):
            within(0.0, lambda: base.initialize(x))
        assert base.log_prob(x).isfinite().all()
        assert base.log_prob(x).mean() > base.log_prob(x + 50).mean() + 10


class TestKernels:
    def test_without_time_for_neighbours_all_kernels_are_of_one_size(self):
        base, x = KernelDensity(3).double(), torch.as_tensor(clusters())
        with pytest.warns(
            ConvergenceWarning, match="shape of the kernels; a size for each kernel"
        ):
            within(0.0, lambda: base.initialize(x))
        assert torch.equal(base.sizes, torch.ones(300).double())
        assert base.log_prob(x).isfinite().all()

    def test_with_enough_time_nothing_changes(self):
        x = torch.as_tensor(clusters())
        bases = KernelDensity(3).double(), KernelDensity(3).double()
        bases[0].initialize(x)
        within(1000.0, lambda: bases[1].initialize(x))
        assert torch.equal(bases[0].log_prob(x), bases[1].log_prob(x))

    def test_given_a_context_the_searches_end_too(self):
        base, x = GivenKernels(2, 1).double(), torch.as_tensor(clusters())
        with pytest.warns(
            ConvergenceWarning, match="shape of the kernels; a size for each kernel"
        ):
            within(0.0, lambda: base.initialize(x[:, :2], context=x[:, 2:]))
        assert torch.equal(base.sizes, torch.ones(300).double())
        assert base.log_prob(x[:, :2], x[:, 2:]).isfinite().all()

    @pytest.mark.slow
    def test_many_rows(self, own_clock):
        x = torch.randn(20_000, 20)
        start = time.perf_counter()
        with pytest.warns(ConvergenceWarning):
            within(2.0, lambda: KernelDensity(20).initialize(x))
        assert time.perf_counter() - start < 3.5


class TestMargins:
    def test_without_time_margins_are_simple(self):
        x = torch.as_tensor(clusters(1000, 2))
        with pytest.warns(ConvergenceWarning, match="the fit of the margins"):
            hurried = within(0.0, lambda: NormalScores.from_data(x))
        z = hurried(x)[0]
        assert (hurried.margins.logits > -50).sum() == 2  # one component each
        assert z.mean(0).abs().max() < 0.3
        assert (z.std(0) - 1).abs().max() < 0.3

    def test_with_enough_time_nothing_changes(self):
        x = torch.as_tensor(clusters())
        limited = within(1000.0, lambda: NormalScores.from_data(x))
        assert torch.equal(limited(x)[0], NormalScores.from_data(x)(x)[0])


def within(seconds, function):
    with time_limit(seconds):
        return function()
