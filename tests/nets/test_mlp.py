"""MLP: shapes, its start at zero, residual connections and the cheap dropout mask."""

import pytest
import torch
from torch.nn import functional as F

from skflow.members import stack_members
from skflow.nets import MADE, MLP, Encoder
from skflow.nets._layers import _dropout_mask


def randomize(net):
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return net


def test_shape_and_start_at_zero():
    raw = MLP(3, 2, 5, (8, 4))(torch.randn(7, 3))
    assert raw.shape == (7, 2, 5)
    assert not raw.any()


def test_hidden_layers_do_not_start_at_zero():
    net = MLP(3, 2, 5, (8, 4))
    assert all(layer.weight.std() > 0.1 for layer in net.hidden)
    loss = net(torch.randn(7, 3)).square().sum() + net(torch.randn(7, 3)).sum()
    (gradient,) = torch.autograd.grad(loss, net.last.weight)
    assert gradient.any()


def test_equals_layers_written_out():
    net = randomize(MLP(3, 2, 5, (8, 4))).eval()
    x = torch.randn(7, 3)
    h = x
    for layer in net.hidden:
        h = F.relu(F.linear(h, layer.weight, layer.bias))
    raw = F.linear(h, net.last.weight, net.last.bias)
    # the numbers of one feature are n_features apart
    torch.testing.assert_close(net(x), raw.view(7, 5, 2).mT)


def test_residual_equals_layers_written_out():
    net = randomize(MLP(3, 2, 5, (8, 8, 8), residual=True)).eval()
    x = torch.randn(7, 3)
    first, *others = net.hidden
    h = F.linear(x, first.weight, first.bias)
    for layer in others:
        h = h + F.linear(F.relu(h), layer.weight, layer.bias)
    raw = F.linear(F.relu(h), net.last.weight, net.last.bias)
    torch.testing.assert_close(net(x), raw.view(7, 5, 2).mT)


def test_residual_needs_equal_widths():
    with pytest.raises(ValueError, match=r"equal widths, got \(8, 4\)"):
        MLP(3, 1, 1, (8, 4), residual=True)


def test_no_input_is_a_bias_alone():
    raw = randomize(MLP(0, 2, 3, (8,)))(torch.empty(4, 0))
    assert raw.std() > 0
    assert torch.equal(raw, raw[:1].expand(4, 2, 3))


def test_context_is_an_input():
    net = randomize(MLP(3, 2, 5, (8,), n_context=2))
    x, context = torch.randn(7, 3), torch.randn(7, 2)
    assert (net(x, context) - net(x, context + 1)).abs().max() > 1e-3


def test_members_equal_single_nets():
    nets = [randomize(MLP(3, 2, 5, (8, 8), residual=True)) for _ in range(3)]
    x = torch.randn(3, 7, 3)
    together = stack_members(nets)(x)
    for k, net in enumerate(nets):
        torch.testing.assert_close(together[k], net(x[k]))


@pytest.mark.parametrize("shape", [(64, 1001), (3, 64, 500)])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_mask_share_and_scale(share, shape):
    mask = _dropout_mask(torch.empty(shape), share)
    assert mask.shape == shape
    assert mask.unique().numel() == 2
    dropped = float((mask == 0).double().mean())
    assert abs(dropped - share) < 0.5 / 256 + 0.01
    assert abs(float(mask.double().mean()) - 1) < 0.03
    # neighbours, which share a 64-bit draw, are independent
    zero = (mask.flatten() == 0).double()
    pair = torch.stack([zero[:-1], zero[1:]])
    assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.03


@pytest.mark.parametrize("share", [0.25, 0.3, 0.999])
def test_dropout_scale_is_that_of_the_rounded_share(share):
    scale = _dropout_mask(torch.empty(10_000), share).max()
    dropped = min(round(256 * share), 255)
    assert float(scale) == pytest.approx(256 / (256 - dropped))


@pytest.mark.parametrize("make", [MLP, MADE], ids=["MLP", "MADE"])
def test_dropout_acts_in_training_only(make):
    sizes = (3, 3, 2) if make is MLP else (3, 2)
    net = randomize(make(*sizes, hidden_features=(32, 32), dropout=0.5))
    x = torch.randn(9, 3)
    net.eval()
    state = torch.get_rng_state()
    assert torch.equal(net(x), net(x))
    assert torch.equal(torch.get_rng_state(), state)
    plain = net(x)
    net.train()
    assert not torch.equal(net(x), net(x))
    # on average over masks, the last layer sees what it sees without them
    net.residual, net.hidden = False, net.hidden[:1]
    average = torch.stack([net(x) for _ in range(4000)]).mean(dim=0)
    net.eval()
    torch.testing.assert_close(average, net(x), rtol=0.1, atol=0.3)
    assert plain.isfinite().all()


def test_encoder_equals_layers_written_out():
    net, x = Encoder(3, (8, 4)), torch.randn(7, 3)
    h = x
    for layer in net.hidden:
        h = F.relu(F.linear(h, layer.weight, layer.bias))
    features = net(x)
    assert features.shape == (7, 4)
    torch.testing.assert_close(features, h)
    assert features.std() > 0.01


def test_encoder_leaves_its_input_alone():
    net, x = Encoder(3, (8,)), torch.randn(7, 3)
    before = x.clone()
    net(x)
    assert torch.equal(x, before)


def test_encoder_drops_in_training_only():
    net, x = Encoder(3, (64,), dropout=0.5), torch.randn(7, 3)
    assert not torch.equal(net(x), net(x))
    net.eval()
    assert torch.equal(net(x), net(x))


def test_stacked_encoders_equal_each_alone():
    nets = [Encoder(3, (8, 4)).double() for _ in range(2)]
    x = torch.randn(2, 7, 3).double()
    together = stack_members(nets)(x)
    torch.testing.assert_close(together, torch.stack([net(x[k]) for k, net in enumerate(nets)]))
