"""Elementwise maps in closed form: a line with a kink, and skewness with tail weight."""

import math

import torch

from skflow.bijections._elementwise import Elementwise

__all__ = ["PReLU", "SinhArcsinh", "soft_bound"]


def soft_bound(raw, bound):
    """Raw numbers pulled into ``(-bound, bound)``; slope 1 at 0, and never quite flat."""
    return raw / (1 + raw.abs() / bound)


class PReLU(Elementwise):
    r"""One slope on each side of zero: a leaky rectifier whose slopes are learnt [1]_.

    .. math:: y = x e^{s}, \quad s = s_+ \text{ if } x \ge 0 \text{ else } s_-, \quad
              \log dy/dx = s, \quad x = y e^{-s}

    with :math:`s_\pm = r_\pm / (1 + |r_\pm| / b)`. The log-derivative is piecewise constant, so
    that the density has a step at zero unless layers before it move the zero about.

    Parameters
    ----------
    max_log_slope : float, default=2.0
        The bound b.

    References
    ----------
    .. [1] He, Zhang, Ren & Sun (2015), Delving deep into rectifiers, arXiv:1502.01852, eq. 1,
       where the slope above zero is 1.
    """

    n_params = 2

    def __init__(self, max_log_slope=2.0):
        super().__init__()
        self.max_log_slope = max_log_slope

    def forward(self, x, raw):
        log_slope = self._log_slope(x, raw)
        return x * log_slope.exp(), log_slope

    def inverse(self, y, raw):
        log_slope = self._log_slope(y, raw)
        return y * torch.exp(-log_slope), -log_slope

    def _log_slope(self, x, raw):
        return soft_bound(torch.where(x >= 0, raw[..., 0], raw[..., 1]), self.max_log_slope)


class SinhArcsinh(Elementwise):
    r"""Skewness and tail weight: the sinh-arcsinh transformation [1]_, with linear tails.

    For :math:`|x| \le b`, with :math:`u = \delta \operatorname{arcsinh}(x) + \epsilon`:

    .. math::
        y = \sinh u, \quad
        \log dy/dx = \log\delta + \log\cosh u - \tfrac12 \log(1 + x^2), \quad
        x = \sinh\bigl((\operatorname{arcsinh}(y) - \epsilon) / \delta\bigr)

    Beyond b the map goes on along its tangents, since its own tails are powers,
    :math:`|x|^\delta`, which overflow in a stack. With a normal y this is the family of [1]_,
    eq. 1, with :math:`\epsilon` of the other sign. Both numbers are softly bounded:
    :math:`|\epsilon| < 2` and :math:`\delta \in (1/e, e)`.

    Parameters
    ----------
    bound : float, default=10.0
        b.

    References
    ----------
    .. [1] Jones & Pewsey (2009), Sinh-arcsinh distributions, Biometrika 96, 761-780.
    """

    n_params = 2
    max_shift = 2.0
    max_log_power = 1.0

    def __init__(self, bound=10.0):
        super().__init__()
        self.bound = bound

    def forward(self, x, raw):
        shift, log_power = self._constrain(raw)
        middle = x.clamp(-self.bound, self.bound)
        u = log_power.exp() * torch.asinh(middle) + shift
        log_slope = log_power + u.cosh().log() - 0.5 * middle.square().log1p()
        return u.sinh() + (x - middle) * log_slope.exp(), log_slope

    def inverse(self, y, raw):
        shift, log_power = self._constrain(raw)
        reach = log_power.exp() * math.asinh(self.bound)
        low, high = torch.sinh(shift - reach), torch.sinh(shift + reach)
        middle = torch.maximum(torch.minimum(y, high), low)
        u = torch.asinh(middle)
        v = (u - shift) * torch.exp(-log_power)
        log_slope = log_power + 0.5 * middle.square().log1p() - v.cosh().log()
        return v.sinh() + (y - middle) * torch.exp(-log_slope), -log_slope

    def _constrain(self, raw):
        return soft_bound(raw[..., 0], self.max_shift), soft_bound(raw[..., 1], self.max_log_power)
