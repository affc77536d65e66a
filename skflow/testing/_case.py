"""What check_bijection looks at: a bijection away from its start, and rows for it."""

import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from skflow.testing._report import require_at_most

__all__ = ["Case", "call", "default_rows", "perturbed", "rows_of"]


@dataclass(frozen=True)
class Case:
    """What the checks look at: one bijection at three settings of its parameters, and rows."""

    original: Any
    bijection: Any
    other: Any
    x: Any
    context: Any

    # Many checks compare with what the two directions give of the rows: where the inverse is
    # iterated, finding that anew for each of them took most of the time.
    @cached_property
    def forward(self):
        """The rows as noise, and the log-dets."""
        return call(self.bijection.forward, self.x, self.context)

    @cached_property
    def inverse(self):
        """Both results of the inverse, of the noise of the rows."""
        return call(self.bijection.inverse, self.forward[0], self.context)

    def directions(self):
        """Names of the directions there are, each with rows that it accepts."""
        yield "forward", self.x
        if self.bijection.invertible != "no":
            yield "inverse", self.forward[0]

    def allowed(self, tolerance):
        """Return the tolerance, or what the bijection declares if that is more."""
        return max(tolerance, self.bijection.tolerance or 0.0)

    @staticmethod
    def error(ours, theirs):
        """Return the largest difference of two tensors, relative to ``theirs`` above one."""
        return ((ours - theirs).abs() / theirs.abs().clamp_min(1.0)).max().item()

    def require(self, prop, ours, theirs, tolerance, explanation):
        """Fail unless two tensors agree, relative to ``theirs`` where that is above one."""
        error = self.error(ours, theirs)
        require_at_most(self.bijection, prop, error, tolerance, explanation)


def call(function, x, context):
    """Both results of a direction, without gradients; whatever it does, x stays as it is."""
    import torch

    with torch.no_grad():
        return function(x.clone(), context)


def rows_of(context, rows):
    """Take rows of the context, if there is one."""
    return None if context is None else context[rows]


def default_rows(bijection, seed):
    """Standard-normal rows as wide as the bijection says it is."""
    import torch

    sizes = [part.n_features for part in bijection.modules() if hasattr(part, "n_features")]
    if not sizes:
        raise ValueError(
            f"{type(bijection).__name__} has no attribute n_features: pass x, a tensor (n, d)"
        )
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(9, sizes[0], generator=generator, dtype=torch.float64)


def perturbed(bijection, perturbation, seed):
    """Copy a bijection and add seeded noise to every parameter."""
    import torch

    moved = copy.deepcopy(bijection)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in moved.parameters():
            fan_in = max(p.shape[-1], 1) if p.ndim > 1 else 1
            noise = torch.randn(p.shape, generator=generator, dtype=torch.float64)
            p.add_(noise * (perturbation / fan_in**0.5))
    return moved
