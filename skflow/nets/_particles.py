"""Velocities of particles that know distances only, with the trace of their Jacobian."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from skflow.nets._layers import Dense

__all__ = ["ParticleNet"]

SOFT = 0.1  # length below which distances level off: fields with a kink where two meet are stiff
FAR = 3.0  # length that no way exceeds among what is seen, or particles could be flung out
N_BUMPS, REACH = 32, 6.0  # that tell distances up to there; particles of unit variance are nearer


class ParticleNet(nn.Module):
    r"""Particles that push and pull each other along the lines between them.

    With ways :math:`r_{ij} = x_i - x_j` and distances :math:`d_{ij} = (|r_{ij}|^2 + 0.01)^{1/2}`,
    which have no kink where two meet, each particle hears of the
    others twice, then any two of them move each other:

    .. math:: h_i = \sum_{l \ne i} \psi(t, d_{il}), \quad
              w_i = \sum_{l \ne i} \chi(t, d_{il})\, u_{il}, \quad
              v_i = \sum_{j \ne i} r_{ij}\, \phi(t, d_{ij}, s_{ij}),

    where :math:`s_{ij}` holds :math:`h_i + h_j`, :math:`h_i h_j`, :math:`\sum_l h_l`,
    :math:`u_{ij} \cdot (w_i - w_j)` and :math:`-(u_{ij} \cdot w_i)(u_{ij} \cdot w_j)` with
    :math:`u_{ij} = r_{ij} (1 + d_{ij}^2 / 9)^{-1/2}`. None of them tells i from j, and none grows
    with distances, so that no particle is flung out in finite time. So v goes along with
    permutations, rotations and reflections of the particles, is blind to shifts, and has the mean
    zero [1]_, [2]_. The products with w tell angles.

    The trace of the Jacobian is exact, and costs one tangent of :math:`\phi` for each pair, in
    which i moves by :math:`r_{ij}` and j by its opposite:

    .. math:: \mathrm{tr}\,\frac{\partial v}{\partial x} = \sum_{i<j} \Bigl[2 k\, \phi_{ij}
              + r_{ij} \cdot \Bigl(\frac{\partial}{\partial x_i} -
              \frac{\partial}{\partial x_j}\Bigr) \phi_{ij}\Bigr]

    in k dimensions. What h and w of i feel of that is a sum over its neighbours, taken once for
    all j. Cost: of the order of ``n_particles**2`` passes of :math:`\phi`, twice that with the
    trace.

    Parameters
    ----------
    n_particles, n_dims : int
    hidden_features : tuple of int
        Hidden layers of :math:`\phi`; :math:`\psi` and :math:`\chi` have the first one.
    n_scalars, n_vectors : int
        Numbers in h, and vectors in w.
    n_frequencies : int
        Pairs of sine and cosine that tell the time.

    Notes
    -----
    Distances are told by 32 Gaussian bumps between 0 and 6, so that coordinates should have about
    unit variance. The last layer starts at zero, so that particles stand still.

    References
    ----------
    .. [1] Koehler, Klein & Noe (2020), Equivariant flows: exact likelihood generative learning
       for symmetric densities, arXiv:2006.02425, section 5 (velocities along the ways between
       particles).
    .. [2] Satorras, Hoogeboom & Welling (2021), E(n) equivariant graph neural networks,
       arXiv:2102.09844, eq. 3 to 6.
    """

    def __init__(
        self,
        n_particles,
        n_dims,
        hidden_features=(64, 64),
        n_scalars=16,
        n_vectors=8,
        n_frequencies=3,
    ):
        super().__init__()
        self.n_particles, self.n_dims = n_particles, n_dims
        self.n_features = n_particles * n_dims
        self.n_scalars, self.n_frequencies = n_scalars, n_frequencies
        told = N_BUMPS + 2 * n_frequencies
        self.message = Dense(told, hidden_features[0])
        self.sent = Dense(hidden_features[0], n_scalars + n_vectors)
        widths = [told + 3 * n_scalars + 2 * n_vectors, *hidden_features]
        self.hidden = nn.ModuleList(
            Dense(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )
        self.last = Dense(widths[-1], 1, zero=True)
        ends = nn.functional.one_hot(torch.triu_indices(n_particles, n_particles, 1), n_particles)
        # the first and the second particle of each pair; structure, so not stacked
        self.register_buffer("ends", ends.mT.float(), persistent=False)

    def drive(self, x, context=None):
        """Return what the field takes of where the rows x (*members, n, d) begin."""
        return x.mT

    def at_work(self, probed=False):
        """Return the field, of which :class:`skflow.bijections.Continuous` asks."""
        if probed:
            raise ValueError("the trace of particles is exact at once: use trace='exact'.")
        return self._around

    def sizes(self, state):
        """Length of all particles' ways, and sizes of what follows them, (*members, m, n)."""
        ways, rest = state[..., : self.n_features, :], state[..., self.n_features :, :]
        return torch.cat([torch.linalg.vector_norm(ways, dim=-2, keepdim=True), rest.abs()], -2)

    def forward(self, t, x):
        """Velocities (*members, d, n) of rows x (*members, d, n) at times t (*members, n)."""
        return _Pairs(self, t, x).velocity()

    def _around(self, t, u, start):
        pairs = _Pairs(self, t, start + u)
        return pairs.velocity(), pairs.trace()


class _Pairs:
    """All pairs of particles of some rows at a time t.

    Tensors are (*members, channels, pairs, n); ways have k in the place of channels, and vectors
    in each channel an axis of k before it. Particles stand in the place of pairs in sums.
    """

    def __init__(self, net, t, x):
        self.net = net
        self.first, self.second = net.ends
        self.sign, self.both = self.first - self.second, self.first + self.second
        self.r = self.sign.mT @ x.unflatten(-2, (net.n_particles, net.n_dims)).movedim(-2, -3)
        self.square = self.r.square().sum(dim=-3, keepdim=True)
        self.d = (self.square + SOFT**2).sqrt()
        self.told = self._tell(t)
        self.raw_message = _affine(net.message, self.told)
        sent = _affine(net.sent, F.silu(self.raw_message))
        self.psi, chi = sent.tensor_split([net.n_scalars], dim=-3)
        # of a way, what its bounded length is of its own
        self.short = (1 + (self.d / FAR).square()).rsqrt()
        self.chi = chi * self.short
        h = self.both @ self.psi
        w = self.sign @ _times(self.chi, self.r)
        self.h1, self.h2 = self._at_ends(h)
        self.p1, self.p2 = (self._along(part) * self.short for part in self._at_ends(w))
        total = h.sum(dim=-2, keepdim=True).expand_as(self.h1)
        seen = [self.h1 + self.h2, self.h1 * self.h2, total]
        seen += [self.p1 - self.p2, -self.p1 * self.p2]
        a, self.raw = torch.cat([self.told, *seen], dim=-3), []
        for layer in net.hidden:
            self.raw.append(_affine(layer, a))
            a = F.silu(self.raw[-1])
        self.phi = _affine(net.last, a)

    def _tell(self, t):
        """Return the bumps of distances, and sines and cosines of the time."""
        at = torch.linspace(0, REACH, N_BUMPS, dtype=self.d.dtype, device=self.d.device)
        self.away = (self.d - at.view(-1, 1, 1)) * ((N_BUMPS - 1) / REACH)
        k = torch.arange(1, self.net.n_frequencies + 1, dtype=t.dtype, device=t.device)
        phase = math.pi * t.unsqueeze(-2) * k.unsqueeze(-1)
        time = torch.cat([phase.cos(), phase.sin()], dim=-2).unsqueeze(-2)
        time = time.expand(*self.d.shape[:-3], -1, *self.d.shape[-2:])
        return torch.cat([torch.exp(-0.5 * self.away.square()), time], dim=-3)

    def _at_ends(self, of_particles):
        return self.first.mT @ of_particles, self.second.mT @ of_particles

    def _along(self, vectors):
        """Products of vectors (*members, k, channels, pairs, n) with the ways."""
        return (self.r.unsqueeze(-3) * vectors).sum(dim=-4)

    def velocity(self):
        return (self.sign @ (self.phi * self.r)).movedim(-3, -2).flatten(-3, -2)

    def trace(self):
        """Sum over pairs of 2 k phi and of what phi does where i moves by r and j by -r."""
        net = self.net
        slopes = self.told[..., :N_BUMPS, :, :] * self.away * (-(N_BUMPS - 1) / REACH)
        a = _linear(net.message.weight[..., :N_BUMPS], slopes) * _slope(self.raw_message)
        dpsi, dchi = _linear(net.sent.weight, a).tensor_split([net.n_scalars], dim=-3)
        shrinking = -self.d * (self.short / FAR).square()  # slope of the logarithm of short
        dchi = dchi * self.short + self.chi * shrinking
        own_bumps = slopes * (2 * self.square / self.d)
        still = torch.zeros_like(self.told[..., N_BUMPS:, :, :])
        tangent = [own_bumps, still, *self._scalars(dpsi), *self._vectors(dchi)]
        tangent = torch.cat(tangent, dim=-3)
        for layer, raw in zip(net.hidden, self.raw, strict=True):
            tangent = _linear(layer.weight, tangent) * _slope(raw)
        dphi = _linear(net.last.weight, tangent)
        return (2 * net.n_dims * self.phi + dphi).sum(dim=(-3, -2))

    def _scalars(self, dpsi):
        """How what is seen of h changes: each particle feels its neighbours, and j's way too."""
        around = self.sign @ _times(dpsi, self.r / self.d)
        felt1, felt2 = (self._along(part) for part in self._at_ends(around))
        own = dpsi * (self.square / self.d)
        dh1, dh2 = felt1 + own, own - felt2
        return dh1 + dh2, dh1 * self.h2 + self.h1 * dh2, 2 * (felt1 - felt2)

    def _vectors(self, dchi):
        """How what is seen of w changes, by the sums of chi' u r^T + chi over neighbours."""
        outer = _times(self.r / self.d, self.r).unsqueeze(-3)
        bent = self.both @ (dchi.unsqueeze(-4).unsqueeze(-5) * outer)
        grown = self.both @ self.chi
        felt = [
            self._along((part * self.r.unsqueeze(-3).unsqueeze(-5)).sum(dim=-4)) + self.square * g
            for part, g in zip(self._at_ends(bent), self._at_ends(grown), strict=True)
        ]
        own = self.square * (dchi * self.square / self.d + self.chi)
        # of short r . w, where r grows by twice itself and d by twice its square over d
        grows = 2 - 2 * self.square * (self.short / FAR).square()
        dp1 = grows * self.p1 + (felt[0] + own) * self.short
        dp2 = grows * self.p2 - (felt[1] + own) * self.short
        return dp1 - dp2, -dp1 * self.p2 - self.p1 * dp2


def _times(channels, vectors):
    """Channels (*members, c, pairs, n) times vectors (*members, k, pairs, n)."""
    return channels.unsqueeze(-4) * vectors.unsqueeze(-3)


def _slope(raw):
    """Slope of SiLU."""
    s = torch.sigmoid(raw)
    return s * (1 + raw * (1 - s))


def _linear(weight, h):
    """``weight @ h`` over the channels of h (*members, channels, pairs, n)."""
    return (weight @ h.flatten(-2)).unflatten(-1, h.shape[-2:])


def _affine(layer, h):
    return _linear(layer.weight, h) + layer.bias[..., None, None]
