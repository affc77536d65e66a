"""Nets that make a few numbers of many."""

import pytest
import torch

from skflow.nets import SeriesSummary, VectorSummary


def test_the_order_of_observations_does_not_matter():
    net, x = VectorSummary(3, 2), torch.randn(5, 4, 3)
    torch.testing.assert_close(net(x), net(x[:, [2, 0, 3, 1]]))
    assert net(x).shape == (5, 2)


def test_the_number_of_observations_may_change():
    net, x = VectorSummary(3, 2), torch.randn(5, 4, 3)
    torch.testing.assert_close(net(x), net(torch.cat([x, x], dim=1)))


@pytest.mark.parametrize("length", [1, 5, 40])
def test_series_of_any_length(length):
    assert SeriesSummary(2, 3)(torch.randn(4, length, 2)).shape == (4, 3)


def test_an_outlier_does_not_take_the_net_along():
    net = VectorSummary(2, 2)
    far = net(torch.full((1, 1, 2), 1e6))
    torch.testing.assert_close(far, net(torch.full((1, 1, 2), 1e3)))
