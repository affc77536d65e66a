"""LipschitzConvNet: bounds of convolutions, of nets of them, and their banded Jacobians."""

import math

import pytest
import torch

from skflow.images.nets._convolution import convolve
from skflow.members import stack_members
from skflow.nets import LipschitzConvNet
from skflow.nets._norms import conv_norm, conv_norm_bound
from skflow.numerics import exact_log_det, series_log_det

DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
SIZES = pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 2), (3, 5), (8, 8)], ids=str)


def wild_net(image_shape=(2, 4, 4), hidden=(8, 6), n_context=0, seed=0, size=1.0, **settings):
    """Return a net whose weights are random and as large as ``size``."""
    torch.manual_seed(seed)
    net = LipschitzConvNet(image_shape, hidden, n_context, **settings)
    for p in net.parameters():
        torch.nn.init.normal_(p, std=size)
    return net.double()


def images(net, n=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, net.n_features, generator=generator, dtype=torch.float64)


def dense(weight, size):
    """Return the matrix of a convolution with zeros around the image."""
    n_in = weight.shape[-3]
    units = torch.eye(n_in * math.prod(size), dtype=weight.dtype)
    return convolve(units.unflatten(-1, (n_in, *size)), weight).flatten(1).mT


class TestBound:
    @DTYPES
    @SIZES
    @pytest.mark.parametrize("k", [1, 3, 5])
    def test_is_above_the_norm_with_zeros_around(self, k, size, dtype):
        torch.manual_seed(0)
        for n_out, n_in in ((1, 1), (4, 2), (3, 5)):
            for scale in (1e-6, 1.0, 1e6):
                weight = scale * torch.randn(6, n_out, n_in, k, k, dtype=dtype)
                bound = conv_norm_bound(weight, size).double()
                torus = conv_norm(weight.double(), size)
                truth = [torch.linalg.matrix_norm(dense(w.double(), size), 2) for w in weight]
                assert (torus >= torch.stack(truth) * (1 - 1e-12)).all()
                assert (bound >= torus).all()
                assert (bound <= 1.05 * torus).all()

    @pytest.mark.parametrize("kind", ["smooth", "alternating", "edge"])
    def test_of_kernels_that_stretch_one_frequency(self, kind):
        # rank one, the largest norm at the lowest or the highest frequency, or at all of a side
        side = {"smooth": [1.0, 1, 1], "alternating": [1.0, -1, 1], "edge": [0.0, 1, 0]}[kind]
        side = torch.tensor(side, dtype=torch.float64)
        weight = (side[:, None] * side)[None, None]
        for size in ((2, 2), (7, 9), (18, 20)):
            truth = torch.linalg.matrix_norm(dense(weight, size), 2)
            bound = conv_norm_bound(weight, size)
            assert truth <= bound <= 1.05 * float(weight.abs().sum())

    @pytest.mark.parametrize("k", [3, 5])
    def test_few_frequencies_are_enough_for_large_images(self, k):
        torch.manual_seed(0)
        weight = torch.randn(5, 2, 3, k, k, dtype=torch.float64)
        bound = conv_norm_bound(weight, (300, 34))  # 16 r frequencies along either side
        everywhere = conv_norm(weight, (70, 70))
        assert (bound >= everywhere).all()
        assert (bound <= 1.05 * everywhere).all()

    def test_loss_between_frequencies_is_the_stated_one(self):
        # a trigonometric polynomial whose peak lies just between two of the frequencies taken
        angle = math.pi / 16
        taps = [math.cos(angle), 0.0, math.sin(angle)]
        turn = torch.tensor([[0, -1], [1, 0]], dtype=torch.float64)
        eye = torch.eye(2, dtype=torch.float64)
        weight = torch.zeros(2, 2, 3, 3, dtype=torch.float64)
        # cos(w - angle) in both channels, once rotated by nothing: taps of e^{iw} and e^{-iw}
        weight[..., 1, 0] = (taps[0] * eye + taps[2] * turn) / 2
        weight[..., 1, 2] = (taps[0] * eye - taps[2] * turn) / 2
        everywhere = conv_norm(weight, (512, 512))
        assert everywhere == pytest.approx(1, abs=1e-3)
        assert 1 <= float(conv_norm_bound(weight, (512, 512))) < 1.08

    @pytest.mark.parametrize(
        "shape", [(2, 3, 3, 3), (3, 2, 3, 3), (2, 2, 2, 1, 1), (2, 2, 2, 3, 3)]
    )
    def test_gradient(self, shape):
        torch.manual_seed(0)
        weight = torch.randn(shape, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(lambda w: conv_norm_bound(w, (4, 5)), weight)

    def test_zero_kernels_are_left_alone(self):
        weight = torch.zeros(2, 3, 3, 3, requires_grad=True)
        bound = conv_norm_bound(weight, (4, 4))
        (gradient,) = torch.autograd.grad(bound, weight)
        assert bound == 0
        assert not gradient.any()


@DTYPES
@pytest.mark.parametrize("size", [0.1, 1.0, 1e4])
@pytest.mark.parametrize("image_shape", [(1, 1, 1), (2, 2, 2), (1, 8, 8), (1, 20, 20)], ids=str)
def test_bound_holds_for_any_weights(image_shape, size, dtype):
    for seed in range(2):
        net = wild_net(image_shape, (6, 6), seed=seed, size=size).to(dtype)
        assert float(net.lipschitz_bound()) <= 0.9
        net.double()
        for spread in (1e-3, 1.0):
            x = 3 * images(net, 100)
            y = x + spread * images(net, 100, seed=2)
            stretch = (net(x) - net(y)).norm(dim=-1) / (x - y).norm(dim=-1)
            assert stretch.max() <= 0.9


def test_bound_is_nearly_reached_after_training():
    torch.manual_seed(0)
    net = LipschitzConvNet((1, 6, 6), (16,), lipschitz=0.9).double()
    x = images(net, 64)
    net.initialize(x)
    optimizer = torch.optim.Adam(net.parameters(), 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (net(x) - 3 * x).square().mean().backward()
        optimizer.step()
    assert 0.85 < float(net.lipschitz_bound()) < 0.9
    jacobian = net.linearize(x)[1].matrix()
    assert 0.5 < torch.linalg.matrix_norm(jacobian, 2).max() < 0.9


CASES = [
    ((2, 4, 4), (8, 6), 3, 0),  # blocks of two lines
    ((3, 5, 4), (6,), 3, 2),  # the last block is not full
    ((1, 11, 3), (4, 5, 6), 3, 0),  # more lines than the kernels reach
    ((1, 6, 7), (4,), 5, 0),
    ((2, 1, 6), (4, 4), 3, 0),
    ((2, 2, 2), (4,), 3, 1),
    ((3, 1, 1), (8,), 3, 0),
    ((2, 6, 6), (4,), 1, 0),
]


@pytest.mark.parametrize(("image_shape", "hidden", "k", "n_context"), CASES)
def test_jacobian_is_that_of_autodiff(image_shape, hidden, k, n_context):
    net = wild_net(image_shape, hidden, n_context, kernel_size=k)
    x = images(net)
    context = torch.randn(5, n_context, dtype=torch.float64) if n_context else None
    truth = torch.autograd.functional.jacobian(lambda x: net(x, context).sum(0), x).movedim(1, 0)
    jacobian = net.linearize(x, context)[1]
    assert jacobian.order == net.order == net.n_features
    torch.testing.assert_close(jacobian.matrix(), truth)
    v = torch.randn(5, *image_shape, dtype=torch.float64)
    column = v.flatten(1).unsqueeze(-1)
    torch.testing.assert_close(jacobian.times(v).flatten(1), (truth @ column).squeeze(-1))
    turned = jacobian.transposed_times(v).flatten(1)
    torch.testing.assert_close(turned, (truth.mT @ column).squeeze(-1))
    torch.testing.assert_close(jacobian.dot(v, v), v.square().sum((1, 2, 3)))
    assert jacobian.signs().shape == v.shape
    log_det = torch.linalg.slogdet(torch.eye(net.order) + truth).logabsdet
    torch.testing.assert_close(exact_log_det(jacobian), log_det)
    torch.testing.assert_close(exact_log_det(jacobian.rows(1, 3)), log_det[1:3])


def test_power_series():
    net = wild_net((2, 3, 3), (8, 4), lipschitz=0.5)
    jacobian = net.linearize(images(net))[1]
    torch.testing.assert_close(series_log_det(jacobian, 20, 7), exact_log_det(jacobian))


def test_elimination_needs_no_exchange_of_blocks():
    # close to the bound, and far from the identity: still exact
    net = wild_net((1, 12, 12), (8,), lipschitz=0.99)
    with torch.no_grad():
        net.last.weight.copy_(-net.hidden[0].weight.mT.movedim(0, 1).reshape(1, 8, 3, 3))
        net.log_sharpness[0].fill_(3.0)
        net.place.fill_(5.0)
    jacobian = net.linearize(images(net))[1]
    matrix = torch.eye(net.order) + jacobian.matrix()
    truth = torch.linalg.slogdet(matrix).logabsdet
    torch.testing.assert_close(exact_log_det(jacobian), truth, rtol=1e-12, atol=1e-12)


def test_members_equal_single_nets():
    nets = [wild_net((2, 4, 6), seed=seed) for seed in range(3)]
    together = stack_members(nets)
    x = torch.stack([images(net, seed=k) for k, net in enumerate(nets)])
    value, jacobian = together.linearize(x)
    v = torch.randn(3, 5, 2, 4, 6, dtype=torch.float64)
    for k, net in enumerate(nets):
        alone, alone_jacobian = net.linearize(x[k])
        torch.testing.assert_close(value[k], alone)
        torch.testing.assert_close(jacobian.matrix()[k], alone_jacobian.matrix())
        torch.testing.assert_close(exact_log_det(jacobian)[k], exact_log_det(alone_jacobian))
        torch.testing.assert_close(jacobian.times(v)[k], alone_jacobian.times(v[k]))
        torch.testing.assert_close(together.lipschitz_bound()[k], net.lipschitz_bound())


def test_starts_at_zero_and_bends_every_unit_inside_the_rows():
    net = LipschitzConvNet((2, 4, 4), (16, 16))
    x = 1e3 * torch.randn(200, 32)
    net.initialize(x, weight=(torch.arange(200) < 150).float())
    assert not net(x).any()
    for slopes in net.linearize(x)[1].slopes:
        assert (slopes.amax((0, 2, 3)) - slopes.amin((0, 2, 3)) > 0.5).all()


def test_context_does_not_count_in_the_bound():
    net = wild_net(n_context=2)
    before = net.lipschitz_bound()
    net.context_weight.data *= 1e3
    assert net.lipschitz_bound() == before
    x, context = images(net), torch.randn(5, 2, dtype=torch.float64)
    assert (net(x, context) - net(x, context + 1)).abs().max() > 1e-4


@pytest.mark.parametrize(
    "settings", [{"lipschitz": 1.0}, {"hidden_features": ()}, {"kernel_size": 2}]
)
def test_what_is_refused(settings):
    with pytest.raises(ValueError, match=r"lipschitz must|at least one hidden|must be odd"):
        LipschitzConvNet((1, 4, 4), **settings)
