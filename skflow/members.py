"""Ensembles in one module: members stacked along a leading axis of every parameter.

All pieces of the package broadcast over leading axes of their parameters (see
:mod:`skflow.bijections`), so K modules of one structure become one module whose tensors are
``(K, ...)`` and whose every operation is one batched kernel instead of K small ones.
"""

import copy
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import nn

__all__ = ["members_alike", "select_member", "stack_members"]

Module = TypeVar("Module", bound=nn.Module)


def stack_members(modules: Sequence[Module]) -> Module:
    """One module holding the given ones, which must share their structure.

    Parameters and buffers gain a leading axis of length ``len(modules)``, but for structure,
    which must be equal and stays as it is: integer and boolean buffers (permutations), and
    buffers that are not part of the state dict (masks).
    """
    stacked = copy.deepcopy(modules[0])
    states = [dict(_tensors(m)) for m in modules]
    own = _own_tensors(modules[0])
    for name, first in states[0].items():
        if name in own:
            _assign(stacked, name, torch.stack([state[name].detach() for state in states]))
        elif any(not torch.equal(first, state[name]) for state in states[1:]):
            raise ValueError(f"members differ in their structure: buffer {name!r}")
    return stacked


def select_member(stacked: Module, index: int) -> Module:
    """Copy the member at ``index`` of a stacked module into a module of its own."""
    single = copy.deepcopy(stacked)
    own = _own_tensors(single)
    for name, tensor in dict(_tensors(single)).items():
        if name in own:
            _assign(single, name, tensor.detach()[index].clone())
    return single


def members_alike(stacked: nn.Module) -> bool:
    """Whether all members of a stacked module are equal."""
    own = _own_tensors(stacked)
    each = (t for name, t in _tensors(stacked) if name in own)
    return all(bool((t == t[:1]).all()) for t in each)


def _tensors(module):
    yield from module.named_parameters()
    yield from module.named_buffers()


def _own_tensors(module):
    """Names of the tensors that members do not share."""
    return {name for name, t in module.state_dict().items() if t.is_floating_point()}


def _assign(module, name, tensor):
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    if leaf in owner._parameters:
        owner._parameters[leaf] = nn.Parameter(
            tensor, requires_grad=owner._parameters[leaf].requires_grad
        )
    else:
        owner._buffers[leaf] = tensor
