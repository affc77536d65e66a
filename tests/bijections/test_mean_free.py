import math

import torch

from skflow.bijections import MeanFree


def particles():
    x = torch.randn(50, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return 3 * x + 7


def test_rows_come_to_variance_one_around_their_centre():
    x = particles()
    z, log_det = MeanFree.from_data(3, 2, x)(x)
    torch.testing.assert_close(z.unflatten(-1, (3, 2)).mean(dim=-2), torch.zeros(50, 2).double())
    assert float(z.square().sum(dim=-1).mean()) == torch.tensor(4.0)
    scale = MeanFree.from_data(3, 2, x).scale
    torch.testing.assert_close(log_det, -4 * scale.log().expand(50))


def test_the_way_back_leaves_the_centre_at_zero():
    x = particles()
    bijection = MeanFree.from_data(3, 2, x)
    z, log_det = bijection(x)
    again, back = bijection.inverse(z)
    torch.testing.assert_close(again, bijection.centred(x))
    torch.testing.assert_close(back, -log_det)


def test_weights_count_as_rows_do():
    x, weight = particles(), torch.arange(50.0).double()
    repeated = x.repeat_interleave(weight.long(), dim=0)
    expected = MeanFree.from_data(3, 2, repeated).scale
    torch.testing.assert_close(MeanFree.from_data(3, 2, x, weight).scale, expected)


def test_particles_in_one_place_keep_their_unit():
    assert MeanFree.from_data(3, 2, torch.full((4, 6), math.pi).double()).scale == 1
