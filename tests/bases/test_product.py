"""Products of bases by groups of columns."""

import pytest
import torch

from skflow.bases import GaussianMixture, Normal, Product, StudentT, Uniform
from tests.bases.test_bases import rows


def test_product_is_the_product_of_its_parts():
    parts = [StudentT(2, df=3.0).double(), Uniform(1, -9, 9).double()]
    base = Product(parts, [[2, 0], [1]])
    z = rows(20, 3)
    expected = parts[0].log_prob(z[:, [2, 0]]) + parts[1].log_prob(z[:, [1]])
    torch.testing.assert_close(base.log_prob(z), expected, rtol=0, atol=1e-12)
    assert base.columns == [[2, 0], [1]]


def test_columns_of_a_product_come_back_in_their_places():
    base = Product([Uniform(1, 0, 1), Uniform(1, 10, 11), Uniform(1, 20, 21)], [[2], [0], [1]])
    assert base.sample(5).floor().tolist() == [[10.0, 20.0, 0.0]] * 5


def test_product_starts_each_part_on_its_columns():
    z = rows(400, 3) + torch.tensor([0.0, 100.0, -100.0])
    base = Product([GaussianMixture(2, 1), StudentT(1)], [[2, 1], [0]])
    base.initialize(z)
    assert base.bases[0].means[0].tolist() == pytest.approx([-100, 100], abs=0.5)


@pytest.mark.parametrize("columns", [[[0], [0]], [[0], [2]], [[1], [2]]])
def test_product_refuses_columns_that_are_no_partition(columns):
    with pytest.raises(ValueError, match="each of 0 to d - 1 once"):
        Product([Normal(1), Normal(1)], columns)


def test_product_refuses_groups_of_another_size():
    with pytest.raises(ValueError, match=r"bases for \[2, 1\] columns"):
        Product([Normal(2), Normal(1)], [[0], [1, 2]])
