"""Whether gradients of a bijection reach its parameters, and are those of finite differences."""

import copy

from skflow.testing._report import fail

__all__ = ["check_gradients"]

_GRADIENT = 1e-5  # what finite differences with _STEP are good for
_STEP = 1e-6


def check_gradients(case):
    """Require gradients of every parameter, forward and, where there is one, by the inverse."""
    import torch

    for name, rows in case.directions():
        bijection = copy.deepcopy(case.bijection)
        generator = torch.Generator().manual_seed(0)
        mixing = torch.randn(rows.shape, generator=generator, dtype=rows.dtype)
        loss = _loss(getattr(bijection, name), rows, case.context, mixing)
        prop = "gradients" if name == "forward" else f"gradients of the {name}"
        _require_slopes(case, prop, bijection, loss, generator)


def _loss(function, rows, context, mixing):
    def loss():
        mapped, log_det = function(rows, context)
        return (mapped * mixing).sum() + (log_det * mixing[:, 0]).sum()

    return loss


def _require_slopes(case, prop, bijection, loss, generator):
    import torch

    parameters = {name: p for name, p in bijection.named_parameters() if p.requires_grad}
    if not parameters:
        return
    value = loss()
    if not value.requires_grad:
        fail(case.bijection, prop, "no gradient reaches any parameter")
    gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    for (name, p), gradient in zip(parameters.items(), gradients, strict=True):
        if gradient is None:
            fail(case.bijection, prop, f"no gradient reaches the parameter {name!r}")
        direction = torch.randn(p.shape, generator=generator, dtype=p.dtype)
        direction /= direction.norm()  # third derivatives along many parameters add up
        explanation = f"the gradient of {name!r} differs from finite differences"
        slope = _slope(loss, p, direction)
        case.require(prop, (gradient * direction).sum(), slope, _GRADIENT, explanation)


def _slope(loss, parameter, direction):
    """Central finite difference of the loss along a direction in one parameter."""
    import torch

    with torch.no_grad():
        parameter.add_(direction, alpha=_STEP)
        above = loss()
        parameter.add_(direction, alpha=-2 * _STEP)
        below = loss()
        parameter.add_(direction, alpha=_STEP)
    return (above - below) / (2 * _STEP)
