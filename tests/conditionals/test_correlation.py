"""Guesses of correlations of few rows, and the one that held-out cells like best."""

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.conditionals import _correlation
from skflow.conditionals._correlation import PENALTIES, RIDGE, correlations
from skflow.conditionals._encoding import NUMBER, Encoding
from skflow.conditionals._gaussian import GaussianStart
from skflow.conditionals._net import AnyOrderNet
from skflow.conditionals._training import draw_known, likeliest_start
from skflow.training import Batch


def chain(n, d, seed=0):
    """Rows (n, d) of which each column depends on the one before it alone."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, d))
    for j in range(1, d):
        z[:, j] = 0.8 * z[:, j - 1] + 0.6 * z[:, j]
    return z


def test_with_holes():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(4_000, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    z[rng.random(z.shape) < 0.3] = np.nan
    (found,) = correlations(z)
    assert found[0, 1] == pytest.approx(0.8, abs=0.04)
    assert found[0, 0] == pytest.approx(1 + RIDGE, abs=1e-5)
    # two columns that are never known together
    z[::2, 0], z[1::2, 1] = np.nan, np.nan
    assert correlations(z)[0][0, 1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_of_few_rows_are_proper_guesses(share):
    z = chain(60, 30)
    z[np.random.default_rng(1).random(z.shape) < share] = np.nan
    found = correlations(z)
    assert len(found) == 1 + len(PENALTIES)
    for guess in found:
        np.testing.assert_allclose(guess, guess.T, atol=1e-9)
        np.testing.assert_allclose(guess.diagonal(), guess[0, 0], atol=0.2)
        assert np.linalg.eigvalsh(guess).min() > 0.9 * RIDGE


def test_weights_count_as_rows():
    z = chain(40, 5)
    twice = correlations(np.concatenate([z, z[:20]]))
    weighted = correlations(z, np.repeat([2.0, 1.0], 20))
    off = ~np.eye(5, dtype=bool)
    # shrinkage and penalties are by the number of rows
    np.testing.assert_allclose(twice[1][off], weighted[1][off], atol=0.05)


@pytest.mark.parametrize(("n", "d"), [(10, 4), (2_000, 4), (100, 1)])
def test_there_is_one_guess_where_no_more_can_help(n, d):
    assert len(correlations(chain(n, d))) == 1


def test_a_search_that_breaks_down_is_no_guess(monkeypatch):
    def broken(*_, **__):
        raise FloatingPointError

    monkeypatch.setattr(_correlation, "graphical_lasso", broken)
    assert len(correlations(chain(100, 5))) == 1


def untrained(z):
    encoding = Encoding([(NUMBER, None)] * z.shape[1])
    starts = GaussianStart.from_scores(z)
    return AnyOrderNet(encoding, starts[0], [], (8, 8)).eval(), starts


def asked(z):
    cells = torch.from_numpy(z).float()
    with seeded(0):
        known = draw_known(*cells.shape)
    return Batch(cells.repeat(1, 2), known.float())


@torch.no_grad()
def test_few_direct_dependences_are_found():
    """Of 40 columns in a row, by 100 rows: the choice is nearer to the truth."""
    net, starts = untrained(chain(100, 40))
    held, new = asked(chain(200, 40, seed=1)), asked(chain(1_000, 40, seed=2))
    best = likeliest_start(net, starts, held)
    assert best is not starts[0]
    truth = 0.8 ** np.abs(np.subtract.outer(np.arange(40), np.arange(40)))

    def score(start):
        net.start = start
        known = new.context > 0
        return float(net.log_prob(new.x[:, :40], known)[~known].mean())

    true = score(GaussianStart(torch.from_numpy(truth + RIDGE * np.eye(40)).float()))
    shrunk = score(starts[0])
    assert score(best) - shrunk > 0.3 * (true - shrunk) > 0


@torch.no_grad()
def test_rows_far_out_do_not_choose():
    """A column that is another's copy but for one row in fifty: the copy is worth more."""
    z = chain(100, 6)
    z[:, 5] = z[:, 4]
    net, starts = untrained(z)
    new = chain(200, 6, seed=1)
    new[:, 5] = new[:, 4]
    new[::50, 5] += 40.0
    best = likeliest_start(net, starts, asked(new))
    assert float(best.correlation[4, 5]) > 0.95
