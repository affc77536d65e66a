"""How fine the structure is that rows resolve."""

import pytest
import torch

from skflow.bases import choose_mixture
from skflow.bases._fineness import fineness


def rows(n=500, d=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("d", [1, 3, 10])
@pytest.mark.parametrize("n", [10, 200, 5_000])
def test_of_normal_rows_is_about_one(n, d):
    assert fineness(rows(n, d)) > 0.5


@pytest.mark.parametrize("n", [4_000, 20_000])
def test_of_sorted_rows_is_that_of_shuffled_ones(n):
    z = rows(n)
    assert fineness(z.sort(0).values) == pytest.approx(fineness(z), rel=0.2)


@pytest.mark.parametrize("width", [1e-2, 1e-4, 1e-7])
def test_of_dense_clumps_is_their_width(width):
    z = torch.cat([width * rows(), 1 + width * rows(seed=1)])
    assert 0.2 * width < fineness(z) < 20 * width


def test_mixtures_of_narrow_modes_and_directions_may_be_narrow():
    z = torch.cat([1e-5 * rows(), 1 + 1e-5 * rows(seed=1)])
    assert choose_mixture(z).reg_covar < 1e-9
    thin = torch.cat([rows(), rows() + 1e-4 * rows(seed=1)], -1)
    assert choose_mixture(thin).reg_covar < 1e-7


def test_mixtures_of_normal_rows_are_tried_as_before():
    assert choose_mixture(rows(500, 3)).reg_covar in (1e-4, 1e-2, 1e-1)
