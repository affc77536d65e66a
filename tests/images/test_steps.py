"""Steps of Real NVP and Flow++ on images of any size; where checkerboards are used."""

import math
from functools import partial

import pytest
import torch

from skflow.architectures import (
    checkerboard_step,
    flowpp_step,
    image_coupling,
    multiscale_stack,
    realnvp_step,
)
from skflow.bijections import Affine, Checkerboard, Coupling, Inverse
from skflow.nets import AttentionConvNet, ConvNet
from skflow.testing import check_bijection

NET = {"hidden_features": (8, 8)}
AFFINE = {"elementwise": Affine(), **NET}

STEPS = {
    "Real NVP": partial(realnvp_step, **AFFINE),
    "Flow++": partial(flowpp_step, n_components=2, **NET),
}


def stack(step, image_shape, n_scales=1, n_steps=2):
    return multiscale_stack(
        image_shape,
        step,
        partial(image_coupling, **AFFINE),
        n_steps=n_steps,
        n_scales=n_scales,
        before_squeeze=partial(checkerboard_step, step=step),
    )


def count(flow, kind):
    return sum(isinstance(part, kind) for part in flow.modules())


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("shape", [(1, 1, 1), (5, 1, 1), (3, 3, 2)], ids=str)
def test_images_of_odd_size(name, shape):
    flow = stack(STEPS[name], shape, n_steps=1)
    assert count(flow, Checkerboard) == 0
    check_bijection(flow, torch.randn(4, math.prod(shape), dtype=torch.float64))


def test_flow_plus_plus_of_two_scales():
    flow = stack(STEPS["Flow++"], (1, 4, 4), n_scales=2, n_steps=1).double()
    for p in flow.parameters():
        torch.nn.init.normal_(p, std=0.3)
    x = torch.randn(4, 16, dtype=torch.float64)
    z, log_det = flow(x)
    back, back_log_det = flow.inverse(z)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(back_log_det, -log_det)


def test_real_nvp_has_as_many_steps_before_each_squeezing_as_after_it():
    flow = stack(STEPS["Real NVP"], (2, 8, 4), n_scales=2, n_steps=3)
    assert count(flow, Inverse) == 2 * 3 + 1
    assert count(flow, Coupling) == 2 * 6 + 1
    odd = stack(STEPS["Real NVP"], (1, 6, 2), n_scales=2, n_steps=3)  # then 2 x 3 x 1
    assert count(odd, Coupling) == 6 + 1 + 3


def test_colours_take_turns():
    board = (torch.arange(4)[:, None] + torch.arange(4)) % 2 == 1
    for i in range(4):
        step = checkerboard_step((2, 4, 4), i, STEPS["Real NVP"])
        for p in step.parameters():
            torch.nn.init.normal_(p)
        scaling = step.bijections[1].bijections[0].bijection
        torch.nn.init.zeros_(scaling.shift)
        torch.nn.init.zeros_(scaling.log_scale)
        x = torch.randn(1, 2, 4, 4)
        moved = (step(x)[0] != x)[0]
        assert torch.equal(moved, (board if i % 2 == 0 else ~board).expand(2, 4, 4))


def test_nets_by_name():
    kinds = {"conv": ConvNet, "attention": AttentionConvNet}
    for name, kind in kinds.items():
        assert type(image_coupling((2, 4, 4), net=name, **AFFINE).net) is kind
    assert count(STEPS["Flow++"]((2, 4, 4), 0), AttentionConvNet) == 1
    assert count(flowpp_step((2, 4, 4), 0, net="conv"), ConvNet) == 1
