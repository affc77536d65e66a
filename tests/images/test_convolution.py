"""Convolutional nets: the convolution itself, starts, contexts, places, half precision."""

import pytest
import torch
from torch.nn import functional as F

from skflow.images.nets._convolution import convolve
from skflow.nets import AttentionConvNet, ConvNet

NETS = {"conv": ConvNet, "attention": AttentionConvNet}


@pytest.fixture(params=NETS)
def net(request):
    """Build a net of two channels on 4 x 6 pixels whose last layer is not zero."""
    torch.manual_seed(0)
    net = NETS[request.param](2, (4, 6), 3, 2, hidden_features=(8, 8))
    torch.nn.init.normal_(net.last.weight, std=0.1)
    return net


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
def test_convolve_is_torchs(k, bias):
    x, weight = torch.randn(5, 3, 4, 6), torch.randn(2, 3, k, k)
    bias = torch.randn(2) if bias else None
    expected = F.conv2d(x, weight, bias, padding=k // 2)
    torch.testing.assert_close(convolve(x, weight, bias), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("k", [1, 3])
def test_no_channels_leave_the_bias(k):
    weight, bias = torch.randn(2, 0, k, k), torch.randn(2, requires_grad=True)
    y = convolve(torch.randn(5, 0, 4, 6), weight, bias)
    torch.testing.assert_close(y, bias[:, None, None].expand(5, 2, 4, 6))
    y.sum().backward()
    assert (bias.grad == 5 * 4 * 6).all()


def test_members_have_weights_of_their_own():
    x, weight, bias = torch.randn(2, 5, 3, 4, 6), torch.randn(2, 4, 3, 3, 3), torch.randn(2, 4)
    together = convolve(x, weight, bias)
    for k in range(2):
        torch.testing.assert_close(together[k], convolve(x[k], weight[k], bias[k]))


@pytest.mark.parametrize("name", NETS)
def test_starts_at_zero(name):
    raw = NETS[name](2, (4, 6), 3, 2, hidden_features=(8, 8))(torch.randn(5, 2, 4, 6))
    assert raw.shape == (5, 3, 4, 6, 2)
    assert (raw == 0).all()


def test_places_matter(net):
    """Of equal pixels in the middle, far from any edge, each has its own output."""
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn(p.shape))
    raw = net(torch.ones(1, 2, 4, 6))
    assert (raw[0, :, 1, 2] - raw[0, :, 2, 3]).abs().max() > 1e-3


def test_residual_needs_equal_widths():
    with pytest.raises(ValueError, match="equal widths"):
        ConvNet(2, (4, 4), 2, 1, hidden_features=(8, 16), residual=True)


def test_half_precision_is_near_and_comes_out_whole(net):
    x = torch.randn(5, 2, 4, 6, requires_grad=True)
    whole = net(x)
    net.mixed_precision = True
    half = net(x)
    assert half.dtype == torch.float32
    assert 0 < (half - whole).abs().max() < 0.05 * whole.abs().max()
    gradients = torch.autograd.grad(half.square().sum(), [x, *net.parameters()])
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in gradients)
