"""Stacks of layers of one kind."""

import pytest
import torch

from skflow.architectures import coupling_stack
from skflow.architectures._layered import MIXINGS
from skflow.bijections import Additive, Affine


@pytest.mark.parametrize("elementwise", [Additive, Affine])
@pytest.mark.parametrize("d", [2, 3, 4, 5])
@pytest.mark.parametrize("mixing", MIXINGS)
def test_couplings_move_every_feature(mixing, d, elementwise):
    # a mixing that hands the halves over, and layers that swap them too, would undo each other
    stack = coupling_stack(d, elementwise(), n_layers=4, mixing=mixing, hidden_features=(8,))
    for name, parameter in stack.named_parameters():
        if ".net." in name:  # mixings that learn are where they start
            parameter.data += 0.3 * torch.randn_like(parameter)
    x = torch.randn(1, d)
    jacobian = torch.autograd.functional.jacobian(lambda x: stack(x)[0][0], x)[:, 0]
    sources = (jacobian.abs() > 1e-7).sum(dim=1)
    assert (sources > 1).all()
