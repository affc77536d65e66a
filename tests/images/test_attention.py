"""AttentionConvNet: shapes, its start, attention written out, members, context and dropout."""

import math

import pytest
import torch
from torch.nn import functional as F

from skflow.images.nets._attention import _Attention
from skflow.members import stack_members
from skflow.nets import AttentionConvNet, ConvNet


def randomize(net, std=0.3):
    for p in net.parameters():
        torch.nn.init.normal_(p, std=std)
    return net


@pytest.mark.parametrize("make", [ConvNet, AttentionConvNet])
@pytest.mark.parametrize("size", [(4, 4), (1, 1), (1, 5), (7, 3)])
@pytest.mark.parametrize("n_in", [0, 3])
def test_shape_and_start_at_zero(make, size, n_in):
    net = make(n_in, size, 2, 5, (8, 8))
    raw = net(torch.randn(6, n_in, *size))
    assert raw.shape == (6, 2, *size, 5)
    assert not raw.any()
    raw.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_no_input_is_the_same_for_every_image():
    raw = randomize(AttentionConvNet(0, (4, 4), 2, 3, (8,)))(torch.empty(5, 0, 4, 4))
    assert raw.std() > 0
    torch.testing.assert_close(raw, raw[:1].expand_as(raw))


def test_attention_written_out():
    attention = randomize(_Attention(6, (2, 3), n_heads=2))
    h = torch.randn(4, 6, 2, 3)
    together = attention(h)
    for i, image in enumerate(h):
        pixels = (image + attention.place).flatten(-2).T  # (6 pixels, 6 channels)
        weight = attention.all_three.weight.flatten(1)
        numbers = pixels @ weight.T + attention.all_three.bias
        query, key, value = numbers.view(6, 3, 2, 3).permute(1, 2, 0, 3)
        share = torch.softmax(query @ key.mT / math.sqrt(3), dim=-1)
        mixed = (share @ value).permute(1, 0, 2).reshape(6, 6)
        torch.testing.assert_close(together[i], mixed.T.view(6, 2, 3))


def test_block_written_out():
    net = randomize(AttentionConvNet(2, (4, 4), 1, 2, (8,)))
    (block,) = net.blocks
    x = torch.randn(5, 2, 4, 4)

    def gated(conv, h):
        a, b = F.conv2d(h, conv.weight, conv.bias).chunk(2, dim=1)
        return a * torch.sigmoid(b)

    def normed(norm, h):
        h = F.layer_norm(h.movedim(1, -1), (8,), norm.log_scale.exp(), norm.shift)
        return h.movedim(-1, 1)

    h = F.conv2d(x, net.first.weight, net.first.bias, padding=1)
    update = F.conv2d(F.relu(h), block.conv.weight, block.conv.bias, padding=1)
    h = normed(block.conv_norm, h + gated(block.conv_gate, F.relu(update)))
    h = normed(block.attention_norm, h + gated(block.attention_gate, block.attention(h)))
    raw = F.conv2d(h, net.last.weight, net.last.bias, padding=1)
    torch.testing.assert_close(net(x), raw.view(5, 2, 1, 4, 4).movedim(1, -1).contiguous())


def test_every_pixel_sees_every_other():
    net = randomize(AttentionConvNet(1, (9, 9), 1, 1, (8,)))
    x = torch.randn(1, 1, 9, 9)
    other = x.clone()
    other[0, 0, 0, 0] += 3
    # farther than the three convolutions reach
    assert (net(x) - net(other))[0, 0, 8, 8].abs() > 1e-4
    plain = randomize(ConvNet(1, (9, 9), 1, 1, (8,)))
    assert not (plain(x) - plain(other))[0, 0, 8, 8].any()


def test_place_matters():
    net = randomize(AttentionConvNet(1, (1, 3), 1, 1, (8,)))
    for conv in (net.first, net.blocks[0].conv, net.last):  # no borders to tell places by
        conv.weight.data[..., [0, 2]] = 0
    raw = net(torch.ones(1, 1, 1, 3)).flatten()
    assert (raw[0] - raw[1]).abs() > 1e-3


@pytest.mark.parametrize("make", [ConvNet, AttentionConvNet])
def test_context_of_the_image_and_of_its_pixels(make):
    net = randomize(make(1, (4, 4), 2, 3, (8,), n_context=2))
    x, context = torch.randn(5, 1, 4, 4), torch.randn(5, 2)
    raw = net(x, context)
    assert (raw - net(x, context + 1)).abs().amax() > 1e-3
    pixels = context[..., None, None].expand(5, 2, 4, 4).clone()
    torch.testing.assert_close(net(x, pixels), raw)
    pixels[..., 0, 0] += 1
    assert (net(x, pixels) - raw)[..., 0, 0, :].abs().amax() > 1e-3


@pytest.mark.parametrize("size", [(4, 4), (1, 1)])
def test_members_equal_single_nets(size):
    nets = [randomize(AttentionConvNet(2, size, 1, 3, (8, 8), n_context=2)) for _ in range(3)]
    x, context = torch.randn(3, 5, 2, *size), torch.randn(3, 5, 2)
    together = stack_members(nets)(x, context)
    for k, net in enumerate(nets):
        torch.testing.assert_close(together[k], net(x[k], context[k]))


def test_dropout_acts_in_training_only():
    net = randomize(AttentionConvNet(2, (4, 4), 1, 2, (8,), dropout=0.5))
    x = torch.randn(3, 2, 4, 4)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


@pytest.mark.parametrize("hidden_features", [(8, 16), (6, 6)])
def test_widths_that_do_not_fit(hidden_features):
    with pytest.raises(ValueError, match="multiples of its 4 heads, such as"):
        AttentionConvNet(1, (4, 4), 1, 1, hidden_features)
