"""Scores of columns: where repeated values are, and by what they are known."""

import numpy as np
import pytest
import torch

from skflow.conditionals._scales import LevelScale, NumberScale


def column(name):
    rng = np.random.default_rng(0)
    return {
        "grid": rng.normal(size=400).round(1),
        "atoms": np.where(rng.random(400) < 0.4, 0.0, rng.lognormal(size=400)),
        "whole": rng.poisson(200, size=400).astype(float),
        "smooth": rng.normal(size=400),
    }[name]


def scale(name):
    return NumberScale.read(column(name), None, np.random.default_rng(1), name == "whole")


@pytest.mark.parametrize("name", ["grid", "atoms", "whole"])
def test_repeated_values_cover_what_they_are_spread_over(name):
    own, codes = scale(name), np.unique(column(name))[::7]
    mean, deviation = own.covered(codes).T
    rng = np.random.default_rng(2)
    spread = np.stack([own.score(own.spread(codes, rng))[0] for _ in range(500)])
    alone = spread.std(0) < 1e-9
    assert (deviation[alone] == 0).all()
    np.testing.assert_allclose(mean[alone], own.score(codes[alone])[0], atol=1e-6)
    few = 6 * deviation / np.sqrt(500) + 1e-6
    assert (abs(spread.mean(0) - mean) < few + 0.1 * deviation).all()
    np.testing.assert_allclose(spread.std(0), deviation, rtol=0.2, atol=1e-9)


def test_values_that_do_not_repeat_and_holes_cover_nothing():
    own = scale("smooth")
    covered = own.covered(np.array([0.5, np.nan]))
    assert covered[0].tolist() == [own.score(np.array([0.5]))[0][0], 0.0]
    assert np.isnan(covered[1, 0])
    assert covered[1, 1] == 0
    levels = LevelScale.read(np.array([0.0, 1.0, 1.0]), None, 2, ordered=False)
    assert levels.covered(np.array([1.0, 0.0])).tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("name", ["grid", "atoms", "whole"])
def test_spread_scores_are_known_by_their_values(name):
    own, codes = scale(name), column(name)
    spread = torch.from_numpy(own.score(own.spread(codes, np.random.default_rng(3)))[0])
    points = torch.from_numpy(own.score(codes)[0])
    assert not torch.allclose(spread, points, atol=1e-3)
    near = (own.settled(spread) - points).abs() < 1e-4
    assert float(near.double().mean()) > 0.99  # but for what lies next to an atom


def test_scores_of_other_values_are_as_they_are():
    scores = torch.randn(5, generator=torch.Generator().manual_seed(0))
    assert scale("smooth").settled(scores) is scores
