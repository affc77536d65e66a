"""Monotone scalar maps whose raw parameters a network emits: where most papers differ."""

from abc import ABC, abstractmethod

import torch
from torch import nn
from torch.autograd.function import once_differentiable

from skflow._graph import applied
from skflow.numerics import implicit_root, increasing_root

__all__ = ["Additive", "Affine", "Composed", "Elementwise", "Searched"]


class Elementwise(nn.Module, ABC):
    """An increasing map of one number, steered by ``n_params`` unconstrained raw numbers.

    All constraints are applied here, with their floors named, and ``raw = 0`` is the identity,
    so that nets whose last layer is zero start every flow at the identity.

    Most have no weights of their own. Those of one that does may carry leading member axes, and
    then lead the axes of x and raw too; where all else is free, (...,) is ``(*members, n, d)``
    or, when an autoregressive map is inverted, ``(*members, n)``.

    Attributes
    ----------
    n_params : int
        Raw numbers per transformed feature.
    """

    n_params: int

    @abstractmethod
    def forward(self, x, raw):
        """Map x (...,) with raw (..., n_params) to y (...,) and log dy/dx (...,)."""

    @abstractmethod
    def inverse(self, y, raw):
        """Map y (...,) with raw (..., n_params) to x (...,) and log dx/dy (...,)."""

    def start(self):
        """Raw numbers (n_params,) to start a flow at: zeros unless others train better."""
        return torch.zeros(self.n_params)

    def fresh(self):
        """Return the map for another layer: itself, or with weights of its own drawn anew."""
        return self

    def extra_repr(self):
        """Show the settings, which are the plain attributes."""
        settings = {k: v for k, v in vars(self).items() if k != "training" and k[0] != "_"}
        return ", ".join(f"{k}={v}" for k, v in settings.items())


class Searched(Elementwise):
    """An increasing map without a formula for its inverse, which is searched for.

    Newton's method safeguarded by bisection, without a box that x must lie in; see
    :func:`skflow.numerics.increasing_root`. Gradients of the inverse are those of the implicit
    function theorem.
    """

    @abstractmethod
    def _constrain(self, raw):
        """Constrain raw (..., n_params): what :meth:`_map` needs, whatever x."""

    @abstractmethod
    def _map(self, x, parameters):
        """Map x (...,) to y (...,) and log dy/dx (...,)."""

    def forward(self, x, raw):
        return self._map(x, self._constrain(raw))

    def inverse(self, y, raw):
        parameters = self._constrain(raw)

        def value_and_slope(x):
            value, log_slope = self._map(x, parameters)
            return value, log_slope.exp()

        x = implicit_root(value_and_slope, y, increasing_root(value_and_slope, y, y))
        return x, -self._map(x, parameters)[1]


class Composed(Elementwise):
    r"""Maps one after the other, :math:`y = f_k(\dots f_2(f_1(x)))`; log-slopes add up.

    Raw numbers are those of the parts, side by side.

    Parameters
    ----------
    parts : sequence of Elementwise
        The map that x passes first comes first.
    """

    def __init__(self, parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.n_params = sum(part.n_params for part in self.parts)

    def forward(self, x, raw):
        total = torch.zeros_like(x)
        for part, own in zip(self.parts, self._split(raw), strict=True):
            x, log_slope = part.forward(x, own)
            total = total + log_slope
        return x, total

    def inverse(self, y, raw):
        total = torch.zeros_like(y)
        for part, own in zip(reversed(self.parts), reversed(self._split(raw)), strict=True):
            y, log_slope = part.inverse(y, own)
            total = total + log_slope
        return y, total

    def start(self):
        return torch.cat([part.start() for part in self.parts])

    def fresh(self):
        return Composed([part.fresh() for part in self.parts])

    def _split(self, raw):
        return raw.split([part.n_params for part in self.parts], dim=-1)


class Additive(Elementwise):
    """``y = x + t``; volume is preserved, log dy/dx = 0 (Dinh et al. 2015, NICE, eq. 6)."""

    n_params = 1

    def forward(self, x, raw):
        return x + raw[..., 0], torch.zeros_like(x)

    def inverse(self, y, raw):
        return y - raw[..., 0], torch.zeros_like(y)


class Affine(Elementwise):
    r"""``y = x exp(s) + t`` with a softly bounded log-scale.

    .. math:: s = r_1 / (1 + |r_1| / b), \quad t = r_0, \quad \log dy/dx = s,
              \quad x = (y - t) e^{-s}

    Every layer's scale lies in :math:`(e^{-b}, e^b)`, which is what keeps deep stacks from
    blowing up (Dinh et al. 2017, RealNVP, eqs. 4 and 5, where s is unbounded).

    Parameters
    ----------
    max_log_scale : float, default=2.0
        The bound b.
    """

    n_params = 2

    def __init__(self, max_log_scale=2.0):
        super().__init__()
        self.max_log_scale = max_log_scale

    def forward(self, x, raw):
        return applied(_SoftAffine, x, raw, self.max_log_scale)

    def inverse(self, y, raw):
        s = raw[..., 1] / (1 + raw[..., 1].abs() / self.max_log_scale)
        return (y - raw[..., 0]) * torch.exp(-s), -s


class _SoftAffine(torch.autograd.Function):
    """``x, raw -> y, s`` with its backward pass derived by hand, at half of autograd's kernels.

    With ``c = 1 / (1 + |r| / b)``: ``s = r c`` and ``ds/dr = c**2``.
    """

    @staticmethod
    def forward(ctx, x, raw, bound):
        t, r = raw.unbind(-1)
        c = r.abs().mul_(1 / bound).add_(1).reciprocal_()
        s = r * c
        scale = s.exp()
        scaled = x * scale
        ctx.save_for_backward(c, scale, scaled)
        return scaled + t, s

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_y, grad_s):
        c, scale, scaled = ctx.saved_tensors
        grad_r = torch.addcmul(grad_s, grad_y, scaled).mul_(c).mul_(c)
        if scaled.dim() > 1:  # parameters first in memory, as nets emit them
            grad_raw = torch.stack([grad_y.mT, grad_r.mT], dim=-3).transpose(-1, -3)
        else:
            grad_raw = torch.stack([grad_y, grad_r], dim=-1)
        return grad_y * scale, grad_raw, None
