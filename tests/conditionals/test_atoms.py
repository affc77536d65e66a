"""Normal scores of columns in which some values hold much of the rows."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from skflow.conditionals._atoms import AtomScores, find_atoms
from skflow.conditionals._scales import NumberScale


def zeros_and_more(n=2_000, share=0.7):
    """Zeros, and whole numbers of quite another size."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(n) < share, 0.0, np.round(np.exp(9 + rng.normal(size=n))))


def read(values, *, whole=True, weight=None, bounds=None):
    return NumberScale.read(values, weight, np.random.default_rng(1), whole, bounds)


COLUMNS = {
    "zeros below": zeros_and_more(),
    "zeros above": -zeros_and_more(),
    "two atoms": np.where(np.arange(2_000) % 3 == 0, 700_000.0, zeros_and_more()),
    "side by side": np.where(np.arange(2_000) % 3 == 0, 1.0, zeros_and_more()),
    "hardly any others": np.where(np.arange(2_000) < 5, 9_000.0 + np.arange(2_000), 0.0),
}


class TestFindAtoms:
    def test_are_frequent_and_narrow(self):
        values = zeros_and_more()
        atoms, widths, shares = find_atoms(values, np.ones(len(values)))
        assert atoms.tolist() == [0]
        assert widths.tolist() == [1]
        assert shares[0] == (values == 0).mean()

    def test_by_weight(self):
        values = zeros_and_more()
        weight = np.where(values == 0, 0.01, 1.0)
        assert not len(find_atoms(values, np.ones(len(values)), weight)[0])

    @pytest.mark.parametrize("width", [0.0, 5_000.0])
    def test_not_wide_or_not_spread(self, width):
        values = zeros_and_more()
        assert not len(find_atoms(values, np.full(len(values), width))[0])


@pytest.mark.parametrize("name", COLUMNS)
class TestScores:
    def test_of_spread_values_are_normal(self, name):
        scale, values = read(COLUMNS[name]), COLUMNS[name]
        assert isinstance(scale.to_scores, AtomScores)
        z, _ = scale.score(scale.spread(values, np.random.default_rng(2)))
        assert kstest(z, "norm").statistic < 0.05

    def test_slopes_are_those_of_scores(self, name):
        scale, values = read(COLUMNS[name]), COLUMNS[name]
        x = torch.from_numpy(scale.spread(values, np.random.default_rng(3)))[:200, None]
        log_slope = scale.to_scores(x)[1]
        # within a cell, at whose ends slopes jump
        step = 1e-2 * (0.5 - (x - x.round()).abs())
        ahead, behind = (scale.to_scores(x + side * step)[0] for side in (1, -1))
        change = (ahead - behind)[:, 0] / (2 * step[:, 0])
        torch.testing.assert_close(change.log(), log_slope, atol=2e-3, rtol=1e-3)

    def test_invert(self, name):
        scale, values = read(COLUMNS[name]), COLUMNS[name]
        x = scale.spread(values, np.random.default_rng(3))
        z = scale.to_scores(torch.from_numpy(x)[:, None])[0]
        back = scale.to_scores.inverse(z)[0][:, 0].numpy()
        np.testing.assert_allclose(back, x, atol=1e-3, rtol=1e-6)
        np.testing.assert_array_equal(scale.codes(z[:, 0].numpy(), True), values)

    def test_ends_hold_the_shares(self, name):
        scale, values = read(COLUMNS[name]), COLUMNS[name]
        for value, count in zip(*np.unique(values, return_counts=True), strict=True):
            if count >= 0.1 * len(values):
                low, high = torch.special.ndtr(torch.from_numpy(scale.ends(np.array([value]))))[0]
                assert float(high - low) == pytest.approx(count / len(values), abs=2e-3)


def test_far_tails_are_finite():
    scale = read(zeros_and_more())
    far = np.array([-1e9, -1e5, 1e8, 1e12])
    scores, _ = scale.score(far)
    ends = scale.ends(far)
    assert np.isfinite(scores).all()
    assert (np.diff(scores) > 0).all()
    assert (ends[:, 1] >= ends[:, 0]).all()


def test_an_atom_on_a_declared_bound():
    values = zeros_and_more()
    scale = read(values, bounds=(0, None))
    scores, slopes = scale.score(np.array([-1.0, 0.0, 1.0]))
    assert slopes[0] == -np.inf
    assert np.isfinite(scores[1:]).all()
    low, high = torch.special.ndtr(torch.from_numpy(scale.ends(np.zeros(1))))[0]
    assert float(high - low) == pytest.approx((values == 0).mean(), abs=2e-3)


def test_zeros_among_floats():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(1_000) < 0.6, 0.0, np.exp(rng.normal(size=1_000)))
    scale = read(values, whole=False)
    z, _ = scale.score(scale.spread(values, np.random.default_rng(2)))
    assert kstest(z, "norm").statistic < 0.05
    assert (scale.codes(z, True) == 0).mean() == pytest.approx(0.6, abs=0.05)
