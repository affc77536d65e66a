"""Limits of time: what is cut, what comes all the same, and that ample time changes nothing."""

import time
import warnings

import numpy as np
import pytest
import torch

from skflow._clock import time_limit
from skflow.exceptions import ConvergenceWarning
from skflow.variational import _forecast
from skflow.variational._search import Density, ascend
from skflow.variational._start import find_start
from skflow.variational._target import Target
from tests.estimators.posterior.small import quiet, small
from tests.variational.densities import gaussian, two_modes

pytestmark = pytest.mark.usefixtures("own_clock")


def slow(function, seconds=0.05):
    """A density each call of which takes so long, whatever the number of rows."""

    def slowly(*rows):
        time.sleep(seconds)
        return function(*rows)

    return slowly


def slow_rows(seconds):
    """A normal density of numpy rows each of which takes so long."""

    def log_density(z):
        time.sleep(seconds * len(z))
        return -0.5 * (z**2).sum(axis=1)

    return log_density


def joint(z, x):
    return -0.5 * (z - x[:, : z.shape[1]]).square().sum(1)


def seconds_of(call):
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = call()
    return time.perf_counter() - start, result


@pytest.fixture(scope="module", autouse=True)
def imported():
    """Let the first import of what smooths weights not count."""
    quiet(small(1, flow="gaussian", max_epochs=1), lambda z: -z.square().sum(1))


class TestSearch:
    def test_ends_in_time_with_the_best_so_far(self):
        def search():
            with time_limit(1.0):
                return find_start(Target(slow(two_modes)), 2, np.random.default_rng(0), 96)

        seconds, found = seconds_of(search)
        assert seconds < 1.6
        assert np.isfinite(found.elbo)

    def test_of_rows_that_are_dear_fewer_are_asked(self):
        target = Target(slow_rows(2e-4), lambda z: -z)

        def search():
            with time_limit(1.0):
                return find_start(target, 3, np.random.default_rng(0), 96)

        seconds, found = seconds_of(search)
        assert seconds < 1.6
        assert found.elbo == pytest.approx(1.5 * np.log(2 * np.pi), abs=1e-6)

    def test_says_that_it_was_cut(self):
        target = Target(slow(two_modes))
        with pytest.warns(ConvergenceWarning, match="a part of the search"), time_limit(0.3):
            find_start(target, 2, np.random.default_rng(0), 96)

    def test_an_error_for_want_of_time_says_so(self):
        def spread(z):
            return torch.where(z[:, 0] > 1, -z.square().sum(1), -torch.inf)

        def search():
            with time_limit(1e-9):
                find_start(Target(spread), 2, np.random.default_rng(0), 96)

        with pytest.raises(ValueError, match="cut short: raise max_seconds"):
            search()

    def test_ascents_stop_where_they_are(self):
        starts = np.random.default_rng(0).normal(size=(5, 3))
        density = Density(slow(gaussian))
        with pytest.warns(ConvergenceWarning), time_limit(0.2):
            ways = ascend(density, starts)
        assert 1 <= len(ways) < 8

    def test_ample_time_changes_nothing(self):
        free = find_start(Target(two_modes), 2, np.random.default_rng(0), 96)
        with time_limit(1_000):
            limited = find_start(Target(two_modes), 2, np.random.default_rng(0), 96)
        assert limited.elbo == free.elbo
        np.testing.assert_array_equal(limited.whole.mean, free.whole.mean)


class TestParts:
    def test_all_at_once_where_nothing_limits(self):
        assert [len(part) for part in Density(gaussian).parts(range(9), "values", 100)] == [9]

    def test_as_many_as_time_is_left_for(self):
        density = Density(slow(gaussian, 0.01))
        sizes = []

        def work():
            with time_limit(0.3):
                for part in density.parts(range(10**8), "values", 1):
                    density.values(np.zeros((len(part), 3)))
                    sizes.append(len(part))
                    time.sleep(0.1)

        with pytest.warns(ConvergenceWarning, match="a part of the search"):
            work()
        assert sizes[0] == 1
        assert sizes[1] > 5
        assert len(sizes) < 5


class TestForecast:
    @pytest.fixture(autouse=True)
    def short_patience(self, monkeypatch):
        monkeypatch.setattr(_forecast, "LONG", 2.0)

    def test_of_a_slow_density_is_said_before_the_search(self):
        seen = []

        def broken(z):
            seen.append(len(z))
            if len(seen) > 8:
                raise ZeroDivisionError
            return slow(two_modes, 0.01)(z)

        with (
            pytest.warns(UserWarning, match="for 64 rows .* up to .* s more.* set max_seconds"),
            pytest.raises(ZeroDivisionError),
        ):
            small(2, max_epochs=100).fit(broken)

    def test_where_time_is_limited_the_limit_says_it(self):
        seconds, model = seconds_of(lambda: small(2, max_seconds=0.5).fit(slow(two_modes, 0.01)))
        assert seconds < 2
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            small(2, max_seconds=0.5).fit(slow(two_modes, 0.01))
        assert not [w for w in seen if "log_density takes" in str(w.message)]


class TestFit:
    def test_of_a_slow_density_ends_in_time(self):
        seconds, model = seconds_of(
            lambda: small(2, n_starts=96, max_seconds=2.0, max_epochs=1_000).fit(slow(two_modes))
        )
        assert seconds < 1.2 * 2 + 1
        assert model.stopped_by_ == "max_seconds"
        assert len(model.draws_) >= 10_000
        assert np.isfinite(model.elbo_)

    def test_the_verdict_keeps_its_share(self):
        """10,000 draws at 0.1 ms each take a second of the three."""
        density = slow_rows(1e-4)
        settings = {"max_seconds": 3.0, "max_epochs": 1_000, "learning_rate": "auto"}
        seconds, model = seconds_of(lambda: small(2, **settings).fit(density, grad=lambda z: -z))
        assert seconds < 1.2 * 3 + 1
        assert model.khat_ < 0.7

    def test_no_time_at_all(self):
        with pytest.warns(ConvergenceWarning, match="left out: a part of the search; training"):
            model = small(2, max_seconds=1e-6).fit(lambda z: -0.5 * z.square().sum(1))
        assert model.stopped_by_ == "max_seconds"
        assert model.history_ == []
        assert model.elbo_ == pytest.approx(np.log(2 * np.pi), abs=0.3)

    def test_with_a_context(self):
        X = np.random.default_rng(0).normal(size=(3_000, 3))
        model = small(2, max_seconds=2.0, max_epochs=1_000)
        seconds, model = seconds_of(lambda: model.fit(slow(joint), context=X))
        assert seconds < 1.2 * 2 + 1
        assert model.stopped_by_ == "max_seconds"
        assert np.isfinite(model.elbo_)

    def test_rows_without_an_elbo_are_named(self):
        X = np.random.default_rng(0).normal(size=(3_000, 3))
        with pytest.warns(ConvergenceWarning, match=r"the ELBO of \d+ of 3000 rows"):
            small(2, max_seconds=0.5).fit(slow(joint), context=X)

    def test_ample_time_changes_nothing(self):
        free = small(2, learning_rate="auto", max_epochs=1).fit(two_modes)
        limited = small(2, learning_rate="auto", max_epochs=1, max_seconds=1_000).fit(two_modes)
        np.testing.assert_array_equal(free.draws_, limited.draws_)
        assert free.log_evidence_ == limited.log_evidence_
