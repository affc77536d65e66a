"""The identity plus a bend in few directions: planar, radial and Sylvester flows.

The forward direction is that of the papers. All three bends are written in terms of the slope at
their middle, kept above ``MIN_SLOPE``, so that they are invertible whatever their parameters.
"""

import math

import torch
from torch import nn
from torch.nn.functional import softplus

from skflow._random import generator
from skflow.bijections._base import Bijection
from skflow.bijections._curves import soft_bound
from skflow.bijections._orthogonal import Orthogonal
from skflow.numerics import implicit_root, increasing_root

__all__ = ["Planar", "Radial", "Sylvester"]

# Of a layer along the direction that it squeezes most: what the inverse loses in digits.
MIN_SLOPE = 1e-3
MAX_LOG_STEEPNESS = 5.0
MAX_LOG_RADIUS = 5.0
SLOPE_ONE = math.log(math.e - 1)  # softplus of it is 1


class Planar(Bijection):
    r"""A step across a hyperplane: space is squeezed or stretched there along one direction [1]_.

    With the pre-activation :math:`a = w^\top x + b`, forward and log-det are

    .. math::
        z = x + \hat u \tanh(a), \quad
        \log|\det| = \log\bigl(\tanh^2 a + k\,(1 - \tanh^2 a)\bigr), \quad
        k = 1 + w^\top \hat u

    where k is the slope along w on the hyperplane. It is invertible if and only if k > 0, hence

    .. math::
        \hat u = u + \bigl(k - 1 - w^\top u\bigr) \frac{w}{|w|^2}, \quad
        k = c + (1 - c)\,\mathrm{softplus}(w^\top u + \log(e - 1))

    with ``c = MIN_SLOPE``; so u = 0 is the identity, and u is used as it is in all directions but
    that of w ([1]_, appendix A.1, has c = 0 and no shift, which bends at u = 0, without bound
    as w vanishes). The inverse searches for the root a of
    :math:`a + (k - 1) \tanh a = w^\top z + b`, one number a row; then
    :math:`x = z - \hat u \tanh a`, and the log-det is minus that above. Its gradients are those of
    the implicit function theorem.

    Starts at the identity with a random hyperplane. Cost: O(n d); the inverse O(n d) and some ten
    evaluations of tanh a row.

    Parameters
    ----------
    n_features : int

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770, eqs. 10 to 12 and appendix A.1.
    """

    invertible = "iterative"

    def __init__(self, n_features):
        super().__init__()
        self.n_features = n_features
        self.w = nn.Parameter(_normal_numbers(n_features) / n_features**0.5)
        self.u = nn.Parameter(torch.zeros(n_features))
        self.b = nn.Parameter(_normal_numbers(1))

    def _effective(self):
        """Return u-hat (*members, d) and k (*members, 1)."""
        product = (self.w * self.u).sum(-1, keepdim=True)
        k = _positive(product)
        size = self.w.square().sum(-1, keepdim=True).clamp(min=torch.finfo(self.w.dtype).tiny)
        return self.u + (k - 1 - product) / size * self.w, k

    def _across(self, x):
        return (x @ self.w.unsqueeze(-1)).squeeze(-1) + self.b

    def forward(self, x, context=None):
        u, k = self._effective()
        t = torch.tanh(self._across(x))
        return x + t.unsqueeze(-1) * u.unsqueeze(-2), _slope(t, k).log()

    def inverse(self, z, context=None):
        u, k = self._effective()
        t = torch.tanh(_unbend(self._across(z), k))
        return z - t.unsqueeze(-1) * u.unsqueeze(-2), -_slope(t, k).log()


class Radial(Bijection):
    r"""Space pulled towards a point or pushed away from it, less so far out [1]_.

    With :math:`r = |x - x_0|` and :math:`s = \alpha / (\alpha + r)`, forward and log-det are

    .. math::
        z = x + (k - 1)\, s\, (x - x_0), \quad
        \log|\det| = (d - 1) \log\bigl(1 - s + k s\bigr) + \log\bigl(1 - s^2 + k s^2\bigr)

    which is the :math:`x + \beta\,(x - x_0) / (\alpha + r)` of [1]_ with
    :math:`\beta = \alpha (k - 1)`; k is the slope at :math:`x_0`. It is invertible if and only
    if k > 0: :math:`k = c + (1 - c)\,\mathrm{softplus}(\mathrm{raw} + \log(e - 1))` with
    ``c = MIN_SLOPE``, so that raw = 0 is the identity. The logarithm of :math:`\alpha` is softly
    bounded by ``MAX_LOG_RADIUS``.

    The inverse is in closed form: with :math:`q = |z - x_0|`, r is the positive root of
    :math:`r^2 + (k \alpha - q)\, r - q \alpha = 0`, taken from the side on which nothing
    cancels; then :math:`x = x_0 + (z - x_0) / (1 - s + k s)`, and the log-det is minus that above.

    Starts at the identity around a random point. Cost: O(n d), either way.

    Parameters
    ----------
    n_features : int

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770, eq. 14 and appendix A.2.
    """

    def __init__(self, n_features):
        super().__init__()
        self.n_features = n_features
        self.center = nn.Parameter(_normal_numbers(n_features))
        self.log_radius = nn.Parameter(torch.zeros(1))
        self.raw_slope = nn.Parameter(torch.zeros(1))

    def _effective(self):
        return soft_bound(self.log_radius, MAX_LOG_RADIUS).exp(), _positive(self.raw_slope)

    def forward(self, x, context=None):
        alpha, k = self._effective()
        y = x - self.center.unsqueeze(-2)
        s = alpha / (alpha + torch.linalg.vector_norm(y, dim=-1))
        shift = ((k - 1) * s).unsqueeze(-1) * y
        return x + shift, self._log_det(s, k)

    def inverse(self, z, context=None):
        alpha, k = self._effective()
        y = z - self.center.unsqueeze(-2)
        # at the centre itself r(q) has a slope and the square root below has none
        q = torch.linalg.vector_norm(y, dim=-1).clamp(min=torch.finfo(z.dtype).tiny)
        half = 0.5 * (q - k * alpha)
        root = torch.hypot(half, q.sqrt() * alpha.sqrt())
        r = torch.where(half > 0, half + root, q / (root - half) * alpha)
        s = alpha / (alpha + r)
        shift = ((1 - k) * s / (1 - s + k * s)).unsqueeze(-1) * y
        return z + shift, -self._log_det(s, k)

    def _log_det(self, s, k):
        along = torch.log1p((k - 1) * s.square())
        return (self.n_features - 1) * torch.log1p((k - 1) * s) + along


class Sylvester(Bijection):
    r"""Steps across M planes at once, in a triangular net between orthonormal directions [1]_.

    With orthonormal columns Q (d, M), upper triangular R and S (M, M) and the pre-activations
    :math:`a = S Q^\top x + b`, forward and log-det are

    .. math::
        z = x + Q R \tanh(a), \quad
        \log|\det| = \sum_i \log\bigl(\tanh^2 a_i + k_i\,(1 - \tanh^2 a_i)\bigr), \quad
        k_i = 1 + R_{ii} S_{ii}

    by Sylvester's identity, :math:`\det(I_d + A B) = \det(I_M + B A)`. It is invertible if and
    only if all k are positive ([1]_, section 3). So the diagonals hold
    :math:`\log S_{ii}`, softly bounded, and the raw number of
    :math:`k_i = c + (1 - c)\,\mathrm{softplus}(\mathrm{raw} + \log(e - 1))` with
    ``c = MIN_SLOPE``; tanh is odd, so that positive :math:`S_{ii}` leave nothing out.
    Q is part of a product of Householder reflections, see :class:`Orthogonal`.

    The inverse searches in :math:`v = Q^\top x`, where
    :math:`Q^\top z = v + R \tanh(S v + b)` is triangular: the last coordinate first, each one root
    of :math:`a_i + (k_i - 1) \tanh a_i = \ldots`, all rows at once. Then
    :math:`x = z - Q R \tanh(a)`, and the log-det is minus that above. Its gradients are those
    of the implicit function theorem.

    Starts at the identity with random directions and biases. Cost: O(M^2 d + M d^2) once for Q,
    then O(n d M); the inverse some ten evaluations of tanh a row and direction, one direction
    after the other.

    Parameters
    ----------
    n_features : int
    n_directions : int, optional
        M, from 1 to d; d by default.

    Attributes
    ----------
    outer : parameter of shape (*members, M, M)
        R above the diagonal, the raw numbers of k on it.
    inner : parameter of shape (*members, M, M)
        S above the diagonal, log S_ii on it, before the soft bound.
    b : parameter of shape (*members, M)

    References
    ----------
    .. [1] van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for
       variational inference, arXiv:1803.05649, section 3.
    """

    invertible = "iterative"

    def __init__(self, n_features, n_directions=None):
        super().__init__()
        n_directions = n_features if n_directions is None else n_directions
        if not 1 <= n_directions <= n_features:
            raise ValueError(
                f"n_directions must be from 1 to the number of features, {n_features}, "
                f"got {n_directions}"
            )
        self.n_features = n_features
        self.n_directions = n_directions
        # M reflections reach every set of M directions
        reflections = n_directions + n_directions % 2
        self.rotation = Orthogonal(n_features, reflections, start="random")
        self.outer = nn.Parameter(torch.zeros(n_directions, n_directions))
        self.inner = nn.Parameter(torch.zeros(n_directions, n_directions))
        self.b = nn.Parameter(_normal_numbers(n_directions))

    def _effective(self):
        """Return Q^T (*members, M, d), R, S (*members, M, M) and k (*members, M)."""
        k = _positive(self.outer.diagonal(dim1=-2, dim2=-1))
        log_s = soft_bound(self.inner.diagonal(dim1=-2, dim2=-1), MAX_LOG_STEEPNESS)
        r = self.outer.triu(1) + ((k - 1) * torch.exp(-log_s)).diag_embed()
        s = self.inner.triu(1) + log_s.exp().diag_embed()
        return self.rotation.matrix()[..., : self.n_directions, :], r, s, k

    def forward(self, x, context=None):
        q, r, s, k = self._effective()
        t = torch.tanh(x @ (s @ q).mT + self.b.unsqueeze(-2))
        return x + t @ (r.mT @ q), _slope(t, k.unsqueeze(-2)).log().sum(-1)

    def inverse(self, z, context=None):
        q, r, s, k = self._effective()
        y = z @ q.mT
        v, t = torch.zeros_like(y[..., :0]), torch.zeros_like(y[..., :0])
        for i in reversed(range(self.n_directions)):
            later = slice(i + 1, None)
            target = y[..., i] - (t @ r[..., i, later].unsqueeze(-1)).squeeze(-1)
            bias = (v @ s[..., i, later].unsqueeze(-1)).squeeze(-1) + self.b[..., i, None]
            a = _unbend(s[..., i, i, None] * target + bias, k[..., i, None])
            t_i = torch.tanh(a)
            v_i = target - r[..., i, i, None] * t_i
            v = torch.cat([v_i.unsqueeze(-1), v], -1)
            t = torch.cat([t_i.unsqueeze(-1), t], -1)
        return z - t @ (r.mT @ q), -_slope(t, k.unsqueeze(-2)).log().sum(-1)


def _normal_numbers(n):
    numbers = torch.empty(n)
    return numbers.normal_(generator=generator(numbers.device))


def _positive(raw):
    """Slopes above MIN_SLOPE, 1 for 0."""
    return MIN_SLOPE + (1 - MIN_SLOPE) * softplus(raw + SLOPE_ONE)


def _slope(t, k):
    """Slope of ``a + (k - 1) tanh(a)`` where tanh(a) is t; no term cancels another."""
    square = t.square()
    return square + (1 - square) * k


def _unbend(target, k):
    """Solve ``a + (k - 1) tanh(a) = target`` for a (*members, n), with k (*members, 1)."""

    def value_and_slope(a):
        t = torch.tanh(a)
        return a + (k - 1) * t, _slope(t, k)

    # right in both limits, near 0 and far from it
    start = target - (k - 1) * torch.tanh(target / k)
    return implicit_root(value_and_slope, target, increasing_root(value_and_slope, target, start))
