"""Log densities that users hand in: checked, counted, and survived where they are not finite."""

import torch

from skflow.variational._numpy import FromNumpy

__all__ = ["Pulled", "Target"]

N_CHECKED = 3  # rows that are also evaluated one by one
AGREEMENT = 1e-3  # within which a row's value must not depend on the rows beside it


class Target:
    """A user's unnormalised log density of rows, made safe to differentiate.

    Where the value is not a finite number it counts as -inf, without a gradient, and a gradient
    that is not finite counts as 0: a few broken rows spoil no batch.

    Parameters
    ----------
    function : callable
        Of a tensor (n, d), to a tensor (n,); with ``grad`` of numpy arrays. With a context, of
        that too, (n, c).
    grad : callable, True, "numeric" or None
        How a numpy function is differentiated, see ``FromNumpy``; None for torch.
    device, dtype : torch.device and torch.dtype, default="cpu" and float64
        Of what the function gets, wherever it comes from.

    Attributes
    ----------
    n_evaluations, n_nonfinite : int
        Rows evaluated so far, and those whose value was not finite.
    """

    def __init__(self, function, grad=None, device="cpu", dtype=torch.float64):
        if not callable(function):
            raise TypeError(
                "log_density must be a function that maps rows (n, n_features) to their log "
                f"densities (n,), got {type(function).__name__}."
            )
        self.function = function if grad is None else FromNumpy(function, grad)
        self.speaks_torch = grad is None
        self.device, self.dtype = device, dtype
        self.n_evaluations = 0
        self.n_nonfinite = 0

    def __call__(self, x, *context):
        """Log density (n,) of rows x (n, d), -inf where it is not a finite number."""
        value = self.evaluate(_Guard.apply(x), *context)
        finite = torch.isfinite(value.detach())
        self.n_nonfinite += int((~finite).sum())
        return torch.where(finite, value, -torch.inf)

    def evaluate(self, x, *context):
        """Value (n,) of the user's function as it is, of the right type and shape."""
        self.n_evaluations += len(x)
        rows = [part.to(self.device, self.dtype) for part in (x, *context)]
        try:
            value = self.function(*rows)
        except Exception as error:
            error.add_note(_explain_failure(rows, self.speaks_torch))
            raise
        return _checked(value, x)

    @torch.no_grad()
    def check_rows_apart(self, *rows):
        """Return the values of rows; a ValueError if one depends on the rows beside it."""
        together = self.evaluate(*rows)
        for i in range(min(N_CHECKED, len(together))):
            alone = self.evaluate(*(part[i : i + 1] for part in rows))[0]
            difference = (alone - together[i]).abs()
            if difference > AGREEMENT * (1 + alone.abs()):  # False where either is NaN
                raise ValueError(
                    f"log_density must treat each row by itself and return the same value every "
                    f"time: row {i} alone has {float(alone):.6g}, the same row among "
                    f"{len(together)} has {float(together[i]):.6g}. Sum over columns (axis 1) "
                    "only, and draw nothing at random inside."
                )
        return together


class Pulled:
    """The log density of u of which ``x = preprocessing^-1(u)`` has the target's."""

    def __init__(self, target, preprocessing):
        self.target = target
        self.preprocessing = preprocessing

    def __call__(self, u):
        x, log_det = self.preprocessing.inverse(u.double())
        return self.target(x) + log_det


class _Guard(torch.autograd.Function):
    """The identity, through which no gradient that is not finite passes."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return torch.where(gradient.isfinite().all(-1, keepdim=True), gradient, 0.0)


def _checked(value, x):
    if not isinstance(value, torch.Tensor):
        raise TypeError(
            f"log_density must return a torch tensor of shape ({len(x)},) for {len(x)} rows, got "
            f"{type(value).__name__}. For a function of numpy arrays pass its gradient too: "
            'fit(fun, grad=...), or grad="numeric".'
        )
    if value.shape != x.shape[:1]:
        raise ValueError(
            f"log_density must return one number for each row: for x of shape {tuple(x.shape)} "
            f"expected shape ({len(x)},), got {tuple(value.shape)}. Sum over columns "
            "(axis 1) and keep the rows, also when there is only one."
        )
    if value.is_complex():
        raise TypeError(f"log_density must return real numbers, got {value.dtype}.")
    if x.requires_grad and not value.requires_grad:
        raise ValueError(
            "log_density returned a tensor without a gradient: it is constant, or computed "
            "outside of torch (.detach(), .item(), .numpy(), torch.no_grad()). A constant has no "
            'normaliser; for a function of numpy arrays use fit(fun, grad=...) or grad="numeric".'
        )
    return value.to(x)


def _explain_failure(rows, speaks_torch):
    shapes = " and ".join(str(tuple(part.shape)) for part in rows)
    note = f"Raised by log_density, called with rows of shape {shapes}"
    if not speaks_torch:
        return f"{note} as numpy arrays."
    return (
        f"{note} as {rows[0].dtype} torch tensors. A function of numpy arrays needs its "
        'gradient: fit(fun, grad=...), or grad="numeric".'
    )
