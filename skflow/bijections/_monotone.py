"""Elementwise maps that are nets themselves: the integral of one, and an increasing one."""

import torch

from skflow.bijections._curves import soft_bound
from skflow.bijections._elementwise import Searched
from skflow.nets import IntegrandNet, PositiveNet
from skflow.numerics import gauss_legendre

__all__ = ["MonotoneNet", "UnconstrainedMonotone"]

MIN_SLOPE = 1e-3


class UnconstrainedMonotone(Searched):
    r"""The integral of a positive net: the unconstrained monotone neural network [1]_.

    .. math::
        y = \beta + \int_0^x g(t; h)\,dt, \quad
        g = \exp\bigl(c \tanh(u / c)\bigr), \quad u = r + \gamma\,\mathrm{net}(t, h), \quad
        \log dy/dx = \log g(x; h)

    The conditioner emits :math:`\beta, r, \gamma` and the signal h; the net, a tanh perceptron,
    is shared by all features. At raw = 0, whatever the weights of the net, y = x. Beyond
    ``|x| = bound`` the integrand stays as it is at the bound, so that tails are linear. The
    inverse is searched for; its log-slope is ``-log g``.

    The integral is a Gauss-Legendre sum over (0, x), and the log-slope is that of the integrand,
    which differs from the sum's own by the error of the rule. Since g is analytic, that falls
    geometrically: on nets trained on 1,000 rows the log-slope is off by at most 4e-5 with 12
    nodes, 1e-9 with 24 and 4e-13 with 32; the steeper the units, the more nodes they need.
    Training uses fewer nodes than scoring: the likelihood that it climbs is that much off, the
    one that decides when it stops is not.

    Cost: n_nodes passes of the net a number, by far the slowest elementwise map to score. The
    inverse takes ten to twenty times that.

    Parameters
    ----------
    n_signal : int, default=8
        Length of h.
    hidden_features : tuple of int, default=(16, 16)
        Hidden layers of the net.
    n_nodes : int, default=32
        Nodes of the quadrature in eval mode.
    n_training_nodes : int, default=12
        Nodes while training.
    max_log_slope : float, default=5.0
        c, the bound of the log-slope.
    bound : float, default=5.0
        Of ``|x|``, within which the map is curved.

    References
    ----------
    .. [1] Wehenkel & Louppe (2019), Unconstrained monotonic neural networks, arXiv:1908.05164,
       section 3, where g = 1 + elu(net) and the integral is a Clenshaw-Curtis sum.
    """

    def __init__(
        self,
        n_signal=8,
        hidden_features=(16, 16),
        n_nodes=32,
        n_training_nodes=12,
        max_log_slope=5.0,
        bound=5.0,
    ):
        super().__init__()
        self.n_signal = n_signal
        self.hidden_features = tuple(hidden_features)
        self.n_nodes = n_nodes
        self.n_training_nodes = n_training_nodes
        self.max_log_slope = max_log_slope
        self.bound = bound
        self.n_params = 3 + n_signal
        self.net = IntegrandNet(n_signal, self.hidden_features)

    def fresh(self):
        return UnconstrainedMonotone(
            self.n_signal,
            self.hidden_features,
            self.n_nodes,
            self.n_training_nodes,
            self.max_log_slope,
            self.bound,
        )

    def _constrain(self, raw):
        numbers, signal = _by_member(raw, self.net.rate, self.n_signal)
        return *numbers, self.net.offset(signal)

    def _map(self, x, parameters):
        beta, r, gamma, offset = parameters
        numbers = x.reshape(beta.shape)
        inner = numbers.clamp(-self.bound, self.bound)
        nodes, weights = gauss_legendre(
            self.n_training_nodes if self.training else self.n_nodes, like=x
        )
        # the end of the interval comes last
        t = torch.cat([nodes, nodes.new_ones(1)]).unsqueeze(-1) * inner.unsqueeze(-2)
        u = r.unsqueeze(-2) + gamma.unsqueeze(-2) * self.net(t, offset)
        log_g = self.max_log_slope * torch.tanh(u / self.max_log_slope)
        g = log_g.exp()
        mean = (weights.unsqueeze(-1) * g[..., :-1, :]).sum(-2)
        y = beta + inner * mean + (numbers - inner) * g[..., -1, :]
        return y.reshape(x.shape), log_g[..., -1, :].reshape(x.shape)


class MonotoneNet(Searched):
    r"""A net with positive weights beside a line, steered by a signal [1]_.

    .. math::
        y = \beta + e^s \bigl(x + \gamma N(x; h) / L\bigr), \quad
        \log dy/dx = s + \log\bigl(1 + \gamma N'(x; h) / L\bigr)

    N is a perceptron whose weights count by their modulus, so that it increases in x; half of
    its units are ``elu(t)``, half ``-elu(-t)``, by which it reaches every number. L, the product
    of the weights, bounds its slope, so that a :math:`\gamma > -1` of either sign keeps y
    increasing: the smallest slope is ``1e-3 exp(s)``. N is shared by all features; the
    conditioner emits :math:`\beta, s, \gamma` and the signal h, which adds to the first layer.
    At raw = 0, whatever the weights of N, y = x. Without the line, and with :math:`\gamma = L`,
    it is the kind of monotone net that [1]_ starts from.

    Cost: two products with each weight matrix of N a number. The inverse searches: some ten to
    thirty evaluations.

    Parameters
    ----------
    n_signal : int, default=8
        Length of h.
    hidden_features : tuple of int, default=(16, 16)
        Hidden layers of N.
    max_log_gain : float, default=5.0
        Bound of :math:`|s|` and of :math:`|\log(1 + \gamma)|`.

    References
    ----------
    .. [1] Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows,
       arXiv:1804.00779, section 3.
    """

    def __init__(self, n_signal=8, hidden_features=(16, 16), max_log_gain=5.0):
        super().__init__()
        self.n_signal = n_signal
        self.hidden_features = tuple(hidden_features)
        self.max_log_gain = max_log_gain
        self.n_params = 3 + n_signal
        self.net = PositiveNet(n_signal, self.hidden_features)

    def fresh(self):
        return MonotoneNet(self.n_signal, self.hidden_features, self.max_log_gain)

    def _constrain(self, raw):
        (beta, s, gain), signal = _by_member(raw, self.net.signal, self.n_signal)
        s, gain = (soft_bound(t, self.max_log_gain) for t in (s, gain))
        gamma = (1 - MIN_SLOPE) * torch.expm1(gain)
        return beta, s, gamma / self.net.steepest(), self.net.offset(signal)

    def _map(self, x, parameters):
        beta, s, gain, offset = parameters
        numbers = x.reshape(beta.shape)
        value, slope = self.net(numbers, offset)
        y = beta + s.exp() * (numbers + gain * value)
        log_slope = s + torch.log1p(gain * slope)
        return y.reshape(x.shape), log_slope.reshape(x.shape)


def _by_member(raw, weight, n_signal):
    """Split raw (*members, ..., n_params) by the member axes of a ``weight`` (*members, a, b).

    Returns each of the first numbers, (*members, n), and the signal, (*members, n_signal, n),
    with all other axes joined.
    """
    n_axes = weight.dim() - 2
    raw = raw.movedim(-1, n_axes)
    raw = raw.reshape(*raw.shape[: n_axes + 1], -1)
    n_numbers = raw.shape[n_axes] - n_signal
    return raw[..., :n_numbers, :].unbind(-2), raw[..., n_numbers:, :]
