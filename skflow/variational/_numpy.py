"""Log densities written in numpy, as functions that torch can differentiate once."""

import numpy as np
import torch
from torch.autograd.function import once_differentiable

__all__ = ["FromNumpy"]

STEP = np.finfo(np.float64).eps ** (1 / 3)  # of central differences, relative to 1 + |x|


class FromNumpy:
    """A numpy log density and its gradient as one torch function.

    Parameters
    ----------
    function : callable
        Of an array (n, d), to values (n,); to a pair of values and gradients (n, d) if ``grad``
        is True.
    grad : callable, True or "numeric"
        A function of an array (n, d), to gradients (n, d); True if ``function`` returns both;
        "numeric" for central differences, which take 2 d evaluations a row and steps of 6e-6
        of 1 + abs(x): for parameters of about that scale, that far from any bound.
    """

    def __init__(self, function, grad):
        if not (callable(grad) or grad is True or grad == "numeric"):
            raise TypeError(
                "grad must be a function that maps rows (n, n_features) to gradients of their "
                "log densities, True if log_density returns (values, gradients), "
                f'"numeric", or None for a torch function; got {grad!r}.'
            )
        self.function, self.grad = function, grad

    def __call__(self, x):
        return _Evaluation.apply(x, self)

    def values(self, x):
        """Values (n,) of rows x (n, d)."""
        out = self.function(x)
        if self.grad is True:
            out = _pair(out)[0]
        return _array(out, "values", x.shape[:1], x)

    def values_and_gradients(self, x):
        """Values (n,) and gradients (n, d) of rows x (n, d)."""
        if self.grad is True:
            values, gradients = _pair(self.function(x))
        elif callable(self.grad):
            values, gradients = self.function(x), self.grad(x)
        else:
            values, gradients = self.values(x), self._differences(x)
        return (
            _array(values, "values", x.shape[:1], x),
            _array(gradients, "gradients", x.shape, x),
        )

    def _differences(self, x):
        n, d = x.shape
        step = STEP * (1 + np.abs(x))
        moved = x[:, None, None, :] + np.zeros((1, d, 2, 1))
        for j in range(d):
            moved[:, j, 0, j] += step[:, j]
            moved[:, j, 1, j] -= step[:, j]
        values = self.values(moved.reshape(-1, d)).reshape(n, d, 2)
        width = np.diagonal(moved[:, :, 0] - moved[:, :, 1], axis1=1, axis2=2)
        return (values[..., 0] - values[..., 1]) / width


class _Evaluation(torch.autograd.Function):
    """Values of a ``FromNumpy``; gradients are taken along only where they are needed."""

    @staticmethod
    def forward(ctx, x, density):
        rows = x.detach().cpu().double().numpy().copy()  # it may be changed in place
        if not ctx.needs_input_grad[0]:
            return torch.as_tensor(density.values(rows)).to(x)
        values, gradients = density.values_and_gradients(rows)
        ctx.save_for_backward(torch.as_tensor(gradients).to(x))
        return torch.as_tensor(values).to(x)

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream):
        (gradients,) = ctx.saved_tensors
        # a row that is not used must stay 0 where its gradient is not a number
        return torch.where(upstream == 0, 0.0, upstream)[:, None] * gradients, None


def _pair(out):
    if not isinstance(out, tuple | list) or len(out) != 2:
        raise TypeError(
            "with grad=True log_density must return a pair (values, gradients), got "
            f"{type(out).__name__}."
        )
    return out


def _array(out, what, shape, x):
    try:
        array = np.array(out, dtype=np.float64)  # a copy, so that callers may reuse theirs
    except (TypeError, ValueError) as error:
        raise TypeError(f"the {what} of log_density must be real numbers: {error}.") from error
    if array.shape != shape:
        raise ValueError(
            f"the {what} of log_density must have shape {tuple(shape)} for x of shape {x.shape}, "
            f"got {array.shape}."
        )
    return array
