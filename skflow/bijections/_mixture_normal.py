"""Normal scores of mixtures of normals: the conditionals of MADE with mixtures."""

import torch

from skflow.bijections._mixture_cdf import MIN_SLOPE, MixtureCDF, factors, with_floor
from skflow.numerics import mixture_score

__all__ = ["MixtureNormalCDF"]

BETWEEN = 0.5  # share of the variance that lies between the components at the start


class MixtureNormalCDF(MixtureCDF):
    r"""Normal scores of a mixture of normals: in front of a normal base, that mixture itself.

    .. math::
        y = (1 - a)\, \Phi^{-1}(F(x)) + a x, \quad
        F(x) = \sum_k w_k\, \Phi\bigl((x - \mu_k) / s_k\bigr)

        \log dy/dx = \log\Bigl(a + (1 - a)
            \frac{\sum_k w_k\, \phi((x - \mu_k) / s_k) / s_k}{\phi(\Phi^{-1}(F(x)))}\Bigr)

    By change of variables :math:`\phi(y)\, dy/dx = F'(x)` but for the smallest slope
    ``a = 1e-3``, which keeps valleys between far components from being flat to the last digit.
    So an autoregressive layer of it on a normal base has mixtures of Gaussians as conditionals:
    MADE with mixtures [1]_, as a flow. Largest slope, tails, raw numbers and what parts
    components that coincide are those of :class:`MixtureLogisticCDF`; at 0 all components are
    the standard normal. Nets start from components spread over the quantiles of the standard
    normal, of variance 1 together: near the identity, and several modes are found faster.

    Cost: O(n_components) a number, each with an error function, some ten times the price of an
    exponential. The inverse searches: some ten evaluations, to the last few digits; its
    gradients are those of the implicit function theorem.

    Parameters
    ----------
    n_components : int, default=8
    max_log_scale : float, default=2.0

    References
    ----------
    .. [1] Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow, arXiv:1705.07057,
       section 4.
    """

    def _map(self, x, parameters):
        return with_floor(x, *mixture_score(x, *parameters), MIN_SLOPE)

    def start(self):
        loc = torch.special.ndtri((torch.arange(self.n_components) + 0.5) / self.n_components)
        spread = loc.square().mean().clamp(min=1e-9)  # 0 of a single component
        loc = loc * (BETWEEN / spread).sqrt()
        log_scale = 0.5 * torch.log(1 - loc.square().mean()).expand_as(loc)
        log_scale = log_scale / (1 - log_scale.abs() / self.max_log_scale)  # soft_bound undone
        factor = factors(self.n_components, loc)
        return torch.cat([torch.zeros_like(loc), loc / factor, log_scale / factor])
