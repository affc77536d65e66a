"""Parts of draws that are alike, and parts that are not."""

import numpy as np
import pytest

from skflow.evidence._agreement import agreement_of, count_of
from skflow.evidence._draws import read_draws
from tests.evidence.targets import TARGETS, Ball

BANANA = TARGETS["banana"]


def found(draws, log_weights=None):
    return agreement_of(read_draws(draws, log_weights), seed=0)


class TestCount:
    @pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
    def test_of_autoregressive_chains(self, correlation):
        target = TARGETS["one column"]
        chains = target.chains(np.random.default_rng(0), 4, 4_000, correlation)[..., 0]
        expected = chains.size * (1 - correlation) / (1 + correlation)
        assert count_of(chains) == pytest.approx(expected, rel=0.15)

    def test_of_weights(self):
        assert count_of(np.arange(4.0), np.array([2.0, 2, 0, 0])) == pytest.approx(2)

    def test_of_what_is_constant_or_short(self):
        assert count_of(np.ones((2, 50))) == 100
        assert count_of(np.arange(3.0)[None]) == 3


class TestAgreement:
    @pytest.mark.parametrize("name", TARGETS)
    @pytest.mark.parametrize("n_chains", [1, 4])
    def test_of_exact_draws(self, name, n_chains):
        p_values = []
        for seed in range(5):
            draws = TARGETS[name].draw(np.random.default_rng(seed), 800)
            each = found(draws.reshape(n_chains, -1, draws.shape[1]))
            p_values.append(each.p_value)
            assert each.rhat < 1.05
            assert each.n_effective > 400
        assert min(p_values) > 1e-3

    def test_of_chains_that_are_right_but_slow(self):
        p_values = [
            found(BANANA.chains(np.random.default_rng(seed), 4, 1_000, 0.9)).p_value
            for seed in range(20)
        ]
        assert np.mean(np.array(p_values) < 1e-3) <= 0.1

    def test_of_one_moved_column(self):
        rng = np.random.default_rng(0)
        chains = rng.normal(size=(4, 500, 3))
        chains[2:, :, 1] += 0.4
        each = found(chains)
        assert each.column == 1
        assert each.p_value < 1e-6
        assert each.distance == pytest.approx(0.4, abs=0.15)

    def test_of_one_wide_chain(self):
        rng = np.random.default_rng(0)
        chains = rng.normal(size=(4, 500, 2))
        chains[3] *= 1.5
        assert found(chains).p_value < 1e-6

    def test_of_a_cell_that_columns_do_not_show(self):
        """Two corners of four are left out: columns by themselves stay as they were."""
        rng = np.random.default_rng(0)
        sign = rng.choice([-1, 1], size=(2, 800, 2))
        sign[1, :, 1] = sign[1, :, 0]
        each = found(4 * sign + rng.normal(size=sign.shape))
        assert each.column is None
        assert each.p_value < 1e-6
        assert each.moved == pytest.approx(0.5, abs=0.1)

    def test_of_many_short_chains(self):
        """Walkers of an ensemble: each is worth a few draws, all together many."""
        walkers = BANANA.chains(np.random.default_rng(0), 48, 300, 0.97)
        each = found(walkers)
        assert each.rhat < 1.1
        assert each.n_effective < 400
        stuck = walkers[:, :1] + 0.1 * (walkers - walkers[:, :1])
        assert found(stuck).n_effective < 100

    def test_of_one_chain_that_drifts(self):
        rng = np.random.default_rng(0)
        assert found(rng.normal(size=(900, 2)) + np.linspace(0, 2, 900)[:, None]).rhat > 1.1

    def test_of_weighted_draws(self):
        run = Ball().nested(np.random.default_rng(0))
        each = found(run.rows, run.log_weights)
        assert np.isnan(each.rhat)
        assert each.p_value > 1e-3
        assert each.n_effective < len(run.rows)

    def test_units_do_not_count(self):
        draws = BANANA.draw(np.random.default_rng(0), 500)
        one, other = found(draws), found(draws * 2.0**40)
        assert one == other
