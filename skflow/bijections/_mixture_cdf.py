"""Log-odds of mixtures of logistics: the maps of Flow++ and of neural autoregressive flows."""

import math

import torch
from torch.nn import functional as F

from skflow.bijections._curves import soft_bound
from skflow.bijections._elementwise import Searched
from skflow.numerics import mixture_logit

__all__ = ["DeepSigmoid", "MixtureLogisticCDF"]

MIN_SLOPE = 1e-3
MIN_RATE, MAX_RATE = 1e-4, 1e4
UNIT_RATE = math.log(math.expm1(1))  # softplus of it is 1


class MixtureCDF(Searched):
    """What maps by a mixture's distribution function share: the raw numbers, and their limits.

    Raw numbers are n_components each of log-weights (softmax), means and log-scales (softly
    bounded). Components that coincide have proportional gradients and would move as one for
    ever, so the raw mean and log-scale of each count by a factor of its own, from 1/2 to 2.
    """

    def __init__(self, n_components=8, max_log_scale=2.0):
        super().__init__()
        if n_components < 1:
            raise ValueError(f"n_components must be at least 1, got {n_components}")
        self.n_components = n_components
        self.max_log_scale = max_log_scale
        self.n_params = 3 * n_components

    def _constrain(self, raw):
        """Log-weights, means and log-scales with the components along the first axis."""
        weight, loc, scale = raw.movedim(-1, 0).unflatten(0, (3, self.n_components))
        factor = factors(self.n_components, raw).view(-1, *[1] * (raw.dim() - 1))
        log_scale = soft_bound(factor * scale, self.max_log_scale)
        return torch.log_softmax(weight, 0), factor * loc, log_scale


class MixtureLogisticCDF(MixtureCDF):
    r"""Log-odds of the distribution function of a mixture of logistics [1]_.

    .. math::
        y = (1 - a) \operatorname{logit} F(x) + a x, \quad
        F(x) = \sum_k w_k\, \sigma\bigl((x - \mu_k) / s_k\bigr)

        \log dy/dx = \log\Bigl(a + (1 - a) \sum_k
            \frac{w_k F_k (1 - F_k)}{s_k F (1 - F)}\Bigr)

    with the smallest slope ``a = 1e-3``, which [1]_ does without: valleys between far
    components would otherwise be flat to the last digit and have no inverse. The largest slope
    is ``exp(max_log_scale)``. Tails are linear. [1]_, section 3.2, puts an affine map on top.

    Raw numbers are n_components each of log-weights (softmax), means and log-scales (softly
    bounded). At 0 all components are the standard logistic, and y = x. Components that coincide
    have proportional gradients and would move as one for ever, so the raw mean and log-scale of
    each count by a factor of its own, from 1/2 to 2.

    Cost: O(n_components) a number. The inverse searches: ten evaluations, sixty for the steepest
    maps in float64, to the last few digits; its gradients are those of the implicit function
    theorem.

    Parameters
    ----------
    n_components : int, default=8
    max_log_scale : float, default=2.0

    References
    ----------
    .. [1] Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, arXiv:1902.00275,
       section 3.2.
    """

    def _map(self, x, parameters):
        return _log_odds(x, *parameters, MIN_SLOPE)


class DeepSigmoid(Searched):
    r"""The deep sigmoidal map of neural autoregressive flows [1]_.

    Layers of sigmoids, each from the real line to the unit interval and back,
    :math:`y = f_L(\dots f_1(x))` with

    .. math::
        f_l(x) = (1 - m) \operatorname{logit} S(x) + m x, \quad
        S(x) = \sum_j w_j\, \sigma(a_j x + b_j)

        \log f_l'(x) = \log\Bigl(m + (1 - m) \sum_j
            \frac{w_j a_j \sigma_j (1 - \sigma_j)}{S (1 - S)}\Bigr), \quad
        \log dy/dx = \sum_l \log f_l'

    and :math:`w = \mathrm{softmax}(r_w)`, :math:`a = \mathrm{softplus}(r_a + \log(e - 1))`,
    held between 1e-4 and 1e4, :math:`b = r_b`. [1]_ does without the smallest slope m, by which
    the map reaches every number and stays invertible to the last digits. Tails are linear.

    At raw = 0 each layer is the identity. Units that coincide have proportional gradients and
    would move as one for ever, so the raw a and b of each count by a factor of its own, from
    1/2 to 2. In distinction from :class:`MixtureLogisticCDF` there are several layers, and
    the units have steepness and offset for parameters in place of scale and mean.

    Cost: O(n_layers n_units) a number. The inverse searches, all layers at once: up to thirty
    evaluations in float32 and sixty in float64, to the last few digits.

    Parameters
    ----------
    n_units : int, default=8
        Sigmoids in each layer.
    n_layers : int, default=2
    min_slope : float, default=1e-3
        m, of each layer.

    References
    ----------
    .. [1] Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows,
       arXiv:1804.00779, section 3 (deep sigmoidal flow).
    """

    def __init__(self, n_units=8, n_layers=2, min_slope=MIN_SLOPE):
        super().__init__()
        if n_units < 1 or n_layers < 1:
            raise ValueError(f"n_units and n_layers must be positive, got {n_units}, {n_layers}")
        self.n_units = n_units
        self.n_layers = n_layers
        self.min_slope = min_slope
        self.n_params = 3 * n_layers * n_units

    def _map(self, x, parameters):
        total = torch.zeros_like(x)
        for layer in zip(*parameters, strict=True):
            x, log_slope = _log_odds(x, *layer, self.min_slope)
            total = total + log_slope
        return x, total

    def _constrain(self, raw):
        """Log-weights, means -b/a and log-scales -log a, each (n_layers, n_units, ...)."""
        numbers = raw.movedim(-1, 0).unflatten(0, (3, self.n_layers, self.n_units))
        weight, steepness, offset = numbers
        factor = factors(self.n_units, raw).view(-1, *[1] * (raw.dim() - 1))
        rate = F.softplus(factor * steepness + UNIT_RATE).clamp(MIN_RATE, MAX_RATE)
        return torch.log_softmax(weight, 1), -factor * offset / rate, -rate.log()


def factors(n, like):
    """Numbers from 1/2 to 2 that tell equal units apart."""
    return torch.logspace(-1, 1, n, 2, dtype=like.dtype, device=like.device)


def with_floor(x, score, log_slope, min_slope):
    """Mix a line of slope ``min_slope`` into scores of x and the log of their slope."""
    if min_slope == 0:
        return score, log_slope
    floor = torch.full_like(log_slope, math.log(min_slope))
    log_slope = torch.logaddexp(log_slope + math.log1p(-min_slope), floor)
    return (1 - min_slope) * score + min_slope * x, log_slope


def _log_odds(x, log_weight, loc, log_scale, min_slope):
    return with_floor(x, *mixture_logit(x, log_weight, loc, log_scale), min_slope)
