"""Continuous flows: rows that move along a velocity field."""

import torch

from skflow._random import generator
from skflow.bijections._base import Bijection
from skflow.bijections._penalty import charge
from skflow.numerics import integrate_adaptively, integrate_in_steps

__all__ = ["Continuous"]

TRACES = ("exact", "hutchinson")
MARGIN = 0.1  # of the tolerance for each step, since the errors of several add up and grow


class Continuous(Bijection):
    r"""Rows move from time 0 to time 1 with the velocity that a net gives them.

    .. math:: \frac{dx}{dt} = v(t, x), \quad x(0) = x, \quad z = x(1), \quad
              \log|\det| = \int_0^1 \mathrm{tr}\,\frac{\partial v}{\partial x}(t, x(t))\,dt

    The inverse integrates from time 1 to time 0, and its log-det is that integral. What is
    integrated is the way u = x(t) - x(0), so that rows far out lose no digits.

    In training, ``n_steps`` equal steps of the classical Runge-Kutta method, through which the
    gradients flow, 4 evaluations of the net each. In eval mode, Dormand and Prince's method with
    steps for each row, whose errors are controlled to a tenth of ``tolerance``, and the exact
    trace always. No tolerance is finer than 80 roundings: 1e-5 in float32, 2e-14 in float64. The
    kinks of ELU let errors through that are hundreds of times as large.

    The trace: exact at the cost of one more product in nets of up to two hidden layers, for any
    number of features (see :class:`skflow.nets.VelocityField`); deeper nets take d passes,
    :class:`skflow.nets.ParticleNet` one more, without an estimate. With
    ``trace="hutchinson"`` it is, in training, :math:`e^\top (\partial v/\partial x)\, e` with a
    random sign for each feature and row in e, drawn anew for each solve and fixed over it:
    unbiased, and one pass in any net.

    Cost: in training 4 n_steps passes of the net. Scoring and sampling take as many steps as the
    slowest row needs, from 19 passes at the start to hundreds for strong fields or fine
    tolerances.

    Parameters
    ----------
    net : VelocityNet or ParticleNet
        With tanh, velocities of the first are bounded, so that far out the map is near the
        identity.
    n_steps : int
        Steps in training.
    tolerance : float
        Of z and log-det in eval mode, relative to 1 + their size.
    trace : {"exact", "hutchinson"}
        In training.
    kinetic : float
        Weight of the kinetic energy :math:`\int_0^1 |v|^2 dt` that each row is charged in
        training. It straightens the ways: fewer steps are needed.

    References
    ----------
    .. [1] Chen, Rubanova, Bettencourt & Duvenaud (2018), Neural ordinary differential equations,
       arXiv:1806.07366, section 4.
    .. [2] Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud (2019), FFJORD, arXiv:1810.01367,
       section 3.
    .. [3] Finlay, Jacobsen, Nurbekyan & Oberman (2020), How to train your neural ODE,
       arXiv:2002.02798 (the kinetic energy).
    """

    invertible = "iterative"

    def __init__(self, net, n_steps=4, tolerance=1e-5, trace="exact", kinetic=0.0):
        super().__init__()
        if trace not in TRACES:
            raise ValueError(f"trace must be one of {TRACES}, got {trace!r}")
        self.net = net
        self.n_steps, self.tolerance = n_steps, tolerance
        self.trace, self.kinetic = trace, kinetic

    def forward(self, x, context=None):
        return self._move(x, context, 0.0, 1.0)

    def inverse(self, z, context=None):
        return self._move(z, context, 1.0, 0.0)

    def velocity(self, t, x):
        """Velocities (*members, n, d) of rows x at times t (*members, n)."""
        return self.net(t, x.mT).mT

    def _move(self, x, context, start, stop):
        """Where rows end that are at x at the time ``start``, and the integral of the trace."""
        n, d = x.shape[-2:]
        charged = self.training and self.kinetic > 0
        probed = self.training and self.trace == "hutchinson"
        field = self.net.at_work(probed)
        rows = [self.net.drive(x, context)]
        if probed:
            coins = torch.empty_like(x.mT).random_(2, generator=generator(x.device))
            rows += field.probe(coins * 2 - 1)
        # the state of a row: its way, the log-det so far and, if it counts, the energy so far
        state = x.new_zeros(*x.shape[:-2], d + 1 + charged, n)
        rates = _Rates(field, d, charged)
        if self.training:
            state = integrate_in_steps(rates, state, start, stop, self.n_steps, *rows)
        else:
            settings = {"tolerance": MARGIN * self.tolerance, "measure": self.net.sizes}
            state = integrate_adaptively(rates, state, start, stop, *rows, **settings)
        if charged:
            charge(self.kinetic * (stop - start) * state[..., d + 1, :])
        return x + state[..., :d, :].mT, state[..., d, :]


class _Rates:
    """How fast the state of a row changes: velocity, trace and, if charged, |v|^2."""

    def __init__(self, field, n_features, charged):
        self.field, self.n_features, self.charged = field, n_features, charged

    def __call__(self, t, state, *rows):
        velocity, trace = self.field(t, state[..., : self.n_features, :], *rows)
        parts = [velocity, trace.unsqueeze(-2)]
        if self.charged:
            parts.append((velocity * velocity).sum(dim=-2, keepdim=True))
        return torch.cat(parts, dim=-2)
