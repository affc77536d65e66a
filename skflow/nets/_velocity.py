"""Velocities of moving rows, with the trace of their Jacobian."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from skflow.nets._layers import Dense, affine_map

__all__ = ["VelocityField", "VelocityNet"]

CHUNK = 2**22  # numbers of a layer's tangents at a time


def _tanh_slope(h):
    return torch.addcmul(torch.ones((), dtype=h.dtype, device=h.device), h, h, value=-1)


def _softplus_slope(h):
    return -torch.expm1(-h)


def _elu_slope(h):
    return h.clamp(max=0) + 1


# an activation and its derivative, as a function of what it returned
ACTIVATIONS = {
    "tanh": (torch.tanh, _tanh_slope),
    "softplus": (F.softplus, _softplus_slope),
    "elu": (F.elu, _elu_slope),
}


def _add_map(h, weight, u):
    """``h + weight @ u``, in one kernel where the shapes allow that."""
    if weight.dim() == 3 and u.dim() == 3:
        return torch.baddbmm(h, weight, u)
    return h + weight @ u


class VelocityNet(nn.Module):
    r"""A perceptron v(t, x, context) from a row's place and the time to its velocity.

    .. math:: h_1 = a(W_t\,\tau(t) + W_c\,c + W_1 x + b_1), \quad
              h_l = a(W_l h_{l-1} + b_l), \quad v = W_{L+1} h_L + b_{L+1}

    with time as :math:`\tau(t) = (\cos k\pi t, \sin k\pi t)`, k = 1 ... n_frequencies. With tanh
    no velocity exceeds the sum of the last layer's weights, wherever a row is; the other
    activations let it grow with the distance.

    Parameters
    ----------
    n_features : int
    hidden_features : tuple of int
        Width of each of the L hidden layers.
    n_context : int
    n_frequencies : int
    activation : {"tanh", "softplus", "elu"}

    Notes
    -----
    The first layer takes time, context and features, in this order. The last layer starts at
    zero, so that rows stand still.
    """

    def __init__(
        self,
        n_features,
        hidden_features=(64, 64),
        n_context=0,
        n_frequencies=1,
        activation="tanh",
    ):
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(
                f"activation must be one of {sorted(ACTIVATIONS)}, got {activation!r}"
            )
        widths = [2 * n_frequencies + n_context + n_features, *hidden_features]
        self.hidden = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = Dense(widths[-1], n_features, zero=True)
        self.n_features, self.n_frequencies = n_features, n_frequencies
        self.activation = activation

    def drive(self, x, context=None):
        """Return what x (*members, n, d) and context give the first layer, (*members, h_1, n)."""
        first = self.hidden[0]
        rows = x if context is None else torch.cat([context, x], dim=-1)
        return affine_map(rows.mT, first.weight[..., 2 * self.n_frequencies :], first.bias)

    def at_work(self, probed=False):
        """Return the field, of which :class:`skflow.bijections.Continuous` asks."""
        return VelocityField(self, probed)

    def sizes(self, state):
        """Sizes of states or errors (*members, k, n): of each component."""
        return state.abs()


class VelocityField:
    r"""A velocity net at work: velocities around given rows and traces of their Jacobian.

    The Jacobian is the chain :math:`J = W_{L+1} D_L W_L \cdots D_1 W_1` with the slopes of the
    activations on the diagonals :math:`D_l`. Its trace is exact at the cost of one more product
    per row in nets of one or two hidden layers, whatever the number of features, since

    .. math:: \mathrm{tr}\,(W_3 D_2 W_2 D_1 W_1) = s_2^\top M s_1, \quad
              M = W_2 \circ (W_1 W_3)^\top,

    with M the same for all rows and times, and s the slopes. Deeper nets need a pass of the
    chain for each of the d features. Hutchinson's estimate :math:`e^\top J e` is one such pass.

    Parameters
    ----------
    net : VelocityNet
        Taken as it is now: products of its weights are computed once, here.
    probed : bool
        Estimate the trace with a probe e for each row, which the calls then take.
    """

    def __init__(self, net, probed=False):
        self.activate, self.slope = ACTIVATIONS[net.activation]
        self.n_frequencies, self.probed = net.n_frequencies, probed
        first = net.hidden[0].weight
        self.of_time = first[..., : 2 * net.n_frequencies]
        self.of_place = first[..., first.shape[-1] - net.n_features :]
        self.middle = [(layer.weight, layer.bias) for layer in net.hidden[1:]]
        self.of_velocity, self.drift = net.last.weight, net.last.bias
        self.coupling = None if probed or len(self.middle) > 1 else self._coupling()

    def _coupling(self):
        if self.middle:
            return self.middle[0][0] * (self.of_place @ self.of_velocity).mT
        return (self.of_place.mT * self.of_velocity).sum(dim=-2).unsqueeze(-2)

    def probe(self, e):
        """Return what calls take of probes e (*members, d, n): both ends of the chain at them."""
        return self.of_place @ e, self.of_velocity.mT @ e

    def __call__(self, t, u, drive, *probe):
        """Velocities (*members, d, n) and traces (*members, n) at time t.

        ``u`` (*members, d, n) is how far the rows are from where ``drive`` is from, and t (n,)
        or (*members, n) or (1,).
        """
        phase = math.pi * t.unsqueeze(-2) * self._frequencies(t)
        time = self.of_time @ torch.cat([phase.cos(), phase.sin()], dim=-2)
        h = self.activate(_add_map(time + drive, self.of_place, u))
        slopes = [self.slope(h)]
        for weight, bias in self.middle:
            h = self.activate(affine_map(h, weight, bias))
            slopes.append(self.slope(h))
        velocity = affine_map(h, self.of_velocity, self.drift)
        return velocity, self._trace(slopes, probe)

    def _frequencies(self, t):
        k = torch.arange(1, self.n_frequencies + 1, dtype=t.dtype, device=t.device)
        return k.unsqueeze(-1)

    def _trace(self, slopes, probe):
        if self.probed:
            return self._passes(slopes, *probe)
        if self.coupling is None:
            return self._trace_by_features(slopes)
        moved = self.coupling @ slopes[0]
        return (moved * slopes[1]).sum(dim=-2) if self.middle else moved.squeeze(-2)

    def _passes(self, slopes, right, left):
        """``left^T D_L W_L ... W_2 D_1 right`` for ends (..., h_1, n) and (..., h_L, n)."""
        tangent = right * slopes[0]
        for (weight, _), slope in zip(self.middle, slopes[1:], strict=True):
            tangent = (weight @ tangent) * slope
        return (left * tangent).sum(dim=-2)

    def _trace_by_features(self, slopes):
        d = self.of_place.shape[-1]
        at_once = max(1, CHUNK // max(s.numel() for s in slopes))
        total = 0.0
        for i in range(0, d, at_once):
            # features go to a new leading axis, before those of the members
            right = self.of_place[..., i : i + at_once].movedim(-1, 0).unsqueeze(-1)
            left = self.of_velocity[..., i : i + at_once, :].movedim(-2, 0).unsqueeze(-1)
            total = total + self._passes(slopes, right, left).sum(dim=0)
        return total
