"""The verdict against closed forms and against Pyro's Pareto smoothing."""

import math

import numpy as np
import pytest
import torch
from pyro.ops.stats import fit_generalized_pareto

from skflow._clock import time_limit
from skflow.bases import Normal
from skflow.bijections import Chain, Diagonal
from skflow.flow import Flow
from skflow.variational._verdict import judge, weigh

LOG_Z = 0.5 * math.log(2 * math.pi)


def standard(x):
    return -0.5 * x.square().sum(-1)


def scaled_normal(scale):
    """A normal flow of the given standard deviation."""
    bijection = Diagonal(1).double()
    with torch.no_grad():
        bijection.log_scale.fill_(-math.log(scale))
    return Flow(Chain([bijection]), Normal(1).double())


def verdict(scale, target=standard, n=20_000):
    torch.manual_seed(0)
    return judge(scaled_normal(scale), target, n)


def figures(*settings):
    return verdict(*settings).figures


def test_of_a_perfect_fit():
    found = figures(1.0)
    assert found.elbo == pytest.approx(LOG_Z, abs=1e-9)
    assert found.log_evidence == pytest.approx(LOG_Z, abs=1e-9)
    assert found.ess == pytest.approx(20_000)
    assert found.khat == -np.inf
    assert found.elbo_se < 1e-9


@pytest.mark.parametrize("scale", [0.8, 1.5])
def test_of_another_normal(scale):
    whole = verdict(scale)
    found = whole.figures
    kl = math.log(1 / scale) + scale**2 / 2 - 0.5
    assert found.elbo == pytest.approx(LOG_Z - kl, abs=5 * found.elbo_se)
    assert found.log_evidence == pytest.approx(LOG_Z, abs=5 * found.log_evidence_se)
    # p / q at draws of q has a power's tail of index k = 1 - scale^2, but for logarithms
    assert found.khat == pytest.approx(1 - scale**2, abs=0.25) if scale < 1 else found.khat < 0
    assert np.exp(found.log_weights).sum() == pytest.approx(1)
    mean = np.exp(found.log_weights) @ whole.draws[:, 0] ** 2
    assert mean == pytest.approx(1, abs=0.1)


def test_khat_is_pyros():
    found = verdict(0.7)
    values = standard(torch.from_numpy(found.draws)).numpy()
    log_q = torch.from_numpy(found.draws).squeeze(-1).square() / -2 / 0.49
    ratios = np.sort(values - log_q.numpy())
    n_tail = math.ceil(min(0.2 * len(ratios), 3 * len(ratios) ** 0.5))
    ratios -= ratios.max()
    tail = torch.from_numpy(np.exp(ratios[-n_tail:]) - np.exp(ratios[-n_tail - 1]))
    k, _ = fit_generalized_pareto(tail)
    k = (float(k) * n_tail + 5) / (n_tail + 10)  # the paper's weak prior at 0.5
    assert found.figures.khat == pytest.approx(k, abs=0.02)


def test_draws_without_a_density_have_no_weight():
    found = verdict(1.0, lambda x: torch.where(x[:, 0] > 0, standard(x), -torch.inf))
    assert found.empty_share == pytest.approx(0.5, abs=0.02)
    assert (np.exp(found.figures.log_weights)[found.draws[:, 0] <= 0] == 0).all()
    assert np.exp(found.figures.log_weights).sum() == pytest.approx(1)
    assert found.figures.log_evidence == pytest.approx(LOG_Z - math.log(2), abs=0.03)
    assert found.figures.elbo == pytest.approx(LOG_Z - math.log(2), abs=0.03)


def test_no_density_anywhere():
    with pytest.raises(ValueError, match="finite at none of 100 draws"):
        verdict(1.0, lambda x: x[:, 0] * torch.nan, 100)


@pytest.mark.parametrize("spread", [300, 500, 5_000])
def test_the_worst_fits_have_the_worst_khat(spread):
    found = figures(1.0, lambda x: spread * x[:, 0])
    assert found.khat > 5
    assert 1 <= found.ess < 2
    assert np.exp(found.log_weights).sum() == pytest.approx(1)


class TestMoreDraws:
    def test_where_the_first_leave_doubts(self):
        torch.manual_seed(0)
        narrow = judge(scaled_normal(0.5), standard, 2_000, 8_000)
        assert narrow.draws.shape == (8_000, 1)
        assert narrow.figures.n == 8_000
        torch.manual_seed(0)
        fine = judge(scaled_normal(0.98), standard, 2_000, 8_000)
        assert fine.draws.shape == (2_000, 1)

    def test_the_first_are_kept(self):
        found = []
        for most in (None, 8_000):
            torch.manual_seed(0)
            found.append(judge(scaled_normal(0.5), standard, 4_000, most).draws)
        np.testing.assert_array_equal(found[1][:4_000], found[0])

    @pytest.mark.usefixtures("own_clock")
    def test_none_where_time_is_up(self):
        with time_limit(1e-9):
            assert len(judge(scaled_normal(0.5), standard, 2_000, 8_000).draws) == 2_000


def test_draws_on_a_declared_bound_are_not_missed():
    """Of a density that is no number where floats end there is nothing to say."""
    inside = np.random.default_rng(0).random((1_000, 2))
    on_bound = inside[:100].copy()
    on_bound[:50, 0], on_bound[50:, 1] = 1e-200, 1 - 1e-16
    ratios = np.r_[np.zeros(1_000), np.full(100, -np.inf)]
    draws = np.vstack([inside, on_bound])
    bounds = np.array([0.0, -np.inf]), np.array([np.inf, 1.0])
    assert weigh(draws, ratios, bounds).empty_share == 0
    assert weigh(draws, ratios).empty_share == pytest.approx(100 / 1_100)
    assert weigh(draws, ratios, bounds).figures.elbo == pytest.approx(-math.log(1.1))
