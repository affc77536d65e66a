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
    gradients = dict(zip(parameters, gradients, strict=True))
    for name, gradient in gradients.items():
        if gradient is None:
            fail(case.bijection, prop, f"no gradient reaches the parameter {name!r}")
    directions = {
        name: torch.randn(p.shape, generator=generator, dtype=p.dtype)
        for name, p in parameters.items()
    }
    directions = {name: d / d.norm() for name, d in directions.items()}

    def slopes(names):
        """Return the slope along the mean of some directions, by gradients and by differences."""
        steps = {name: directions[name] / len(names) ** 0.5 for name in names}
        ours = sum((gradients[name] * step).sum() for name, step in steps.items())
        return ours, _slope(loss, [(parameters[name], step) for name, step in steps.items()])

    # One step in all parameters takes two calls, one in each takes two for each of them. If one
    # gradient is wrong, the common slope is off by the root of their number less.
    if case.error(*slopes(list(parameters))) <= _GRADIENT / len(parameters) ** 0.5:
        return
    for name in parameters:  # third derivatives along many add up: here each is by itself
        explanation = f"the gradient of {name!r} differs from finite differences"
        case.require(prop, *slopes([name]), _GRADIENT, explanation)


def _slope(loss, steps):
    """Central finite difference of the loss along a direction, by parameter and its part of it."""
    import torch

    def moved(size):
        for parameter, direction in steps:
            parameter.add_(direction, alpha=size)
        return loss()

    with torch.no_grad():
        above, below = moved(_STEP), moved(-2 * _STEP)
        for parameter, direction in steps:
            parameter.add_(direction, alpha=_STEP)
    return (above - below) / (2 * _STEP)
