"""Emerging convolutions against the dense matrices that they are."""

import pytest
import torch

from skflow.bijections import EmergingConv
from skflow.images.bijections._emerging import _CausalConv
from skflow.members import select_member, stack_members

SHAPES = [(2, 4, 5), (3, 5, 3), (1, 1, 1), (2, 1, 6), (2, 6, 1), (4, 1, 1)]


def moved(conv, seed=0, size=0.2):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in conv.parameters():
            p += size * torch.randn(p.shape, generator=generator)
    return conv.double()


def images(shape, n=5, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, *shape, generator=generator, dtype=torch.float64)


def matrix(bijection, shape):
    """The Jacobian in the order line, column, channel."""
    channels, height, width = shape

    def function(row):
        x = row.reshape(1, height, width, channels).movedim(-1, -3)
        return bijection(x)[0].movedim(-3, -1).flatten()

    point = torch.zeros(channels * height * width, dtype=torch.float64)
    return torch.autograd.functional.jacobian(function, point)


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
class TestAgainstDenseMatrices:
    @pytest.mark.parametrize("backwards", [False, True])
    def test_each_convolution_is_triangular(self, shape, kernel_size, backwards):
        conv = moved(_CausalConv(shape[0], kernel_size, backwards))
        dense = matrix(conv, shape)
        assert torch.equal(dense, dense.triu() if backwards else dense.tril())
        assert (dense.diagonal() > 0).all()

    def test_log_det(self, shape, kernel_size):
        conv = moved(EmergingConv(shape[0], kernel_size))
        x = images(shape)
        truth = torch.linalg.slogdet(matrix(conv, shape)).logabsdet.expand(len(x))
        torch.testing.assert_close(conv(x)[1], truth, rtol=0, atol=1e-10)

    def test_inverse_is_exact(self, shape, kernel_size):
        conv = moved(EmergingConv(shape[0], kernel_size))
        x = images(shape)
        z, log_det = conv(x)
        back, inverse_log_det = conv.inverse(z)
        torch.testing.assert_close(back, x, rtol=0, atol=1e-12)
        assert torch.equal(inverse_log_det, -log_det)
        in_order = z.movedim(-3, -1).flatten(1)
        dense = torch.linalg.solve(matrix(conv, shape), in_order.mT).mT
        torch.testing.assert_close(back.movedim(-3, -1).flatten(1), dense, rtol=0, atol=1e-11)


@pytest.mark.parametrize("kernel_size", [3, 5])
def test_pixels_see_those_around_them(kernel_size):
    # the two convolutions reach m lines, each m columns: together m lines and 2 m columns
    m = kernel_size // 2
    conv = moved(EmergingConv(2, kernel_size))
    x = images((2, 11, 11), n=1).requires_grad_()
    (slope,) = torch.autograd.grad(conv(x)[0][0, :, 5, 5].sum(), x)
    lines, columns = slope[0].abs().sum(0).nonzero().unbind(-1)
    seen = set(zip((lines - 5).tolist(), (columns - 5).tolist(), strict=True))
    square = {(i, j) for i in range(-m, m + 1) for j in range(-m, m + 1)}
    assert square <= seen
    assert max(abs(i) for i, _ in seen) == m
    assert max(abs(j) for _, j in seen) == 2 * m


def test_starts_at_the_identity():
    x = images((3, 4, 4))
    z, log_det = EmergingConv(3).double()(x)
    assert torch.equal(z, x)
    assert torch.equal(log_det, torch.zeros(5, dtype=torch.float64))


def test_members():
    convs = [moved(EmergingConv(2, 5), seed) for seed in range(3)]
    stacked = stack_members(convs)
    x = torch.stack([images((2, 4, 3), seed=k) for k in range(3)])
    z, log_det = stacked(x)
    back, _ = stacked.inverse(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-12)
    for k, conv in enumerate(convs):
        for member in (conv, select_member(stacked, k)):
            torch.testing.assert_close(z[k], member(x[k])[0], rtol=0, atol=1e-14)
            torch.testing.assert_close(log_det[k], member(x[k])[1], rtol=0, atol=1e-14)


def test_large_images_in_float32():
    conv = moved(EmergingConv(3), size=0.1).float()
    x = images((3, 32, 32)).float()
    with torch.no_grad():
        back, _ = conv.inverse(conv(x)[0])
    torch.testing.assert_close(back, x, rtol=0, atol=1e-4)


def test_gradients_of_the_inverse():
    conv = moved(EmergingConv(2))
    parameters = list(conv.parameters())

    def inverse(z, *_):
        return conv.inverse(z)

    assert torch.autograd.gradcheck(
        inverse, (images((2, 3, 3), n=2).requires_grad_(), *parameters)
    )


def test_kernel_sizes_are_odd():
    with pytest.raises(ValueError, match="kernel_size must be odd"):
        EmergingConv(3, kernel_size=2)
