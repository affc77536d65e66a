"""Bad fits are found and good ones are not: on draws of known q and p, no flow in between."""

import numpy as np
import pytest
from scipy import stats

from skflow.variational._figures import figures_of
from skflow.variational._findings import enough, findings_of, in_doubt, word_of

N = 40_000


def kinds(draws, ratios):
    return [finding.kind for finding in findings_of(figures_of(draws, ratios))]


def normal_under(target, scale=1.0, shift=0.0, d=3, seed=0, n=N):
    """Draws of a normal q and log p - log q, up to a constant of 7 nats."""
    x = shift + scale * np.random.default_rng(seed).standard_normal((n, d))
    log_q = stats.norm.logpdf(x, shift, scale).sum(axis=1)
    return x, target.logpdf(x).sum(axis=1) - log_q + 7


STANDARD = stats.norm()


class TestPlanted:
    """Each at several seeds and numbers of parameters."""

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("d", [1, 4])
    @pytest.mark.parametrize("scale", [0.4, 0.7])
    def test_too_narrow(self, scale, d, seed):
        found = kinds(*normal_under(STANDARD, scale, d=d, seed=seed))
        assert {"narrow", "tail", "few", "halves"} & set(found)

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("df", [1, 2, 3])
    def test_wrong_tailed(self, df, seed):
        draws, ratios = normal_under(stats.t(df), 1.1, seed=seed, d=5)
        assert kinds(draws, ratios) != []

    @pytest.mark.parametrize("seed", range(3))
    @pytest.mark.parametrize("shift", [0.3, 1, 4])
    def test_shifted(self, shift, seed):
        found = kinds(*normal_under(STANDARD, shift=shift, d=2, seed=seed))
        assert {"shift", "tail", "few", "halves"} & set(found)

    @pytest.mark.parametrize("seed", range(3))
    def test_a_mode_that_few_draws_have_met(self, seed):
        """Of a mode that none has met nothing can show; that is what the search is for."""
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((N, 1)) + 6 * (rng.random((N, 1)) < 0.002)
        logs = stats.norm.logpdf(x), stats.norm.logpdf(x, 6)
        log_q, log_p = (
            np.logaddexp(np.log(1 - share) + logs[0], np.log(share) + logs[1])
            for share in (0.002, 0.2)
        )
        assert kinds(x, (log_p - log_q)[:, 0]) != []

    def test_too_wide(self):
        assert kinds(*normal_under(STANDARD, 1.5)) == ["wide"]


class TestNoFalseAlarm:
    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("d", [1, 10])
    def test_a_good_fit(self, d, seed):
        figures = figures_of(*normal_under(STANDARD, 0.99, 0.02, d=d, seed=seed))
        assert word_of(findings_of(figures)) == "good"
        assert not in_doubt(figures)
        assert enough(figures, 0.9)

    def test_a_perfect_fit(self):
        figures = figures_of(*normal_under(STANDARD))
        assert figures.khat == -np.inf
        assert findings_of(figures) == []
        assert enough(figures, 0.9)

    @pytest.mark.parametrize("seed", range(5))
    def test_a_shape_of_next_to_nothing(self, seed):
        """Mass at a bound: the tail of log-odds is an exponential's, q's is lighter far out."""
        rng = np.random.default_rng(seed)
        p, q = stats.genlogistic(1), stats.genlogistic(1.02)
        x = q.rvs((N, 1), random_state=rng)
        far = np.where(x < -7, -1.5 * (x + 7), 0)[:, 0]  # up to 30 times too light
        figures = figures_of(x, (p.logpdf(x) - q.logpdf(x))[:, 0] + far)
        assert figures.ess > 0.9 * N
        assert findings_of(figures) == []

    @pytest.mark.parametrize("seed", range(5))
    def test_a_parameter_of_heavy_tails(self, seed):
        """Moments of a Cauchy are those of its last draws; q is right but for a little."""
        rng = np.random.default_rng(seed)
        x = rng.standard_cauchy((10_000, 2))
        ratios = stats.cauchy.logpdf(x) - stats.cauchy.logpdf(x, scale=1.03) - np.log(1.03)
        assert findings_of(figures_of(1.03 * x, ratios.sum(axis=1))) == []


def test_draws_without_a_density_do_not_move_the_others():
    draws, ratios = normal_under(STANDARD)
    draws[:4_000], ratios[:4_000] = 1e6, -np.inf
    figures = figures_of(draws, ratios)
    assert np.abs(figures.shift).max() < 0.03
    assert findings_of(figures) == []


def test_a_column_of_one_float():
    draws, ratios = normal_under(STANDARD, 0.99)
    draws[:, 1] = np.nextafter(1, 0)
    assert findings_of(figures_of(draws, ratios)) == []


def test_one_half_without_any_density():
    draws, ratios = normal_under(STANDARD)
    ratios[N // 2 :] = -np.inf
    assert "halves" in kinds(draws, ratios)


def test_departures_are_those_of_the_moments():
    figures = figures_of(*normal_under(STANDARD, 0.8, 0.3, d=2))
    # clipped at the middle 98 %, which takes 1.5 % off a normal's deviation
    assert figures.shift == pytest.approx([0.3, 0.3], abs=0.03)
    assert figures.spread == pytest.approx([0.81, 0.81], abs=0.03)
    assert (figures.shift_se < 0.03).all()


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_errors_of_departures_are_their_spread(shift):
    fits = [
        figures_of(*normal_under(STANDARD, 0.9, shift, d=1, seed=seed, n=4_000))
        for seed in range(60)
    ]
    for name in ("shift", "spread"):
        values = [getattr(fit, name)[0] for fit in fits]
        errors = [getattr(fit, f"{name}_se")[0] for fit in fits]
        assert np.std(values) == pytest.approx(np.median(errors), rel=0.5)


def test_words():
    assert word_of([]) == "good"
    draws, ratios = normal_under(STANDARD, shift=0.5)
    assert word_of(findings_of(figures_of(draws, ratios))) == "weigh"
    draws, ratios = normal_under(STANDARD, shift=5)
    assert word_of(findings_of(figures_of(draws, ratios))) == "bad"
