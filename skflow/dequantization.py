"""Densities of integers: a flow of continuous values, and noise that makes integers so."""

import math

import torch
from torch import nn

from skflow._random import generator
from skflow.bijections import Chain

__all__ = ["Dequantized"]

N_DRAWS = 4  # of the noise, for a score
# of the Lehmer generator of a score's noise; another factor makes the number it starts at
MODULUS, FACTOR, PLACES = 2**31 - 1, 48_271, 16_807


class Dequantized(nn.Module):
    r"""Probabilities of integers 0 to L - 1 from a flow of values between 0 and L [1]_ [2]_.

    .. math::
        P(x) = \int_{[0, 1)^d} p(x + u)\, du \ge \exp E_{u \sim q(u | x)}
               \bigl[\log p(x + u) - \log q(u \mid x)\bigr]

    with the density p of the flow and noise q, uniform or a conditional flow that is trained
    with p. In training mode :meth:`log_prob` is the bound at one fresh draw of the noise. In eval
    mode it is deterministic: the logarithm of the mean of p / q over ``N_DRAWS`` draws that are
    the same whenever a row is scored. Over the noise its mean too is a lower bound, and a tighter
    one [3]_; the score of a single row is an estimate, and may be above.

    Parameters
    ----------
    flow : Flow
        Of rows of d values.
    n_levels : int
        L.
    noise : Flow, optional
        Of rows u (n, d) between 0 and 1, with base Normal, given ``context`` (n, d), the
        integers scaled to -1 to 1; :func:`skflow.architectures.dequantizing_flow` builds one for
        images. Uniform noise by default.

    References
    ----------
    .. [1] Theis, van den Oord & Bethge (2016), A note on the evaluation of generative models,
       arXiv:1511.01844, section 3.1.
    .. [2] Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, arXiv:1902.00275, section 3.1.
    .. [3] Burda, Grosse & Salakhutdinov (2016), Importance weighted autoencoders,
       arXiv:1509.00519, theorem 1.
    .. [4] Park & Miller (1988), Random number generators: good ones are hard to find,
       Communications of the ACM 31.
    """

    def __init__(self, flow, n_levels, noise=None):
        super().__init__()
        self.flow = flow
        self.n_levels = n_levels
        self.noise = noise
        d = flow.base.n_features
        # structure, like a mask: members share it and no state dict holds it
        self.register_buffer("places", _powers(PLACES, d), persistent=False)
        powers = _powers(FACTOR, N_DRAWS * d).view(N_DRAWS, d)
        self.register_buffer("powers", powers, persistent=False)

    @property
    def base(self):
        """The base of the flow."""
        return self.flow.base

    @property
    def preprocessing(self):
        """Nothing: integers are what X holds."""
        return Chain([])

    @property
    def dtype(self):
        """Floating dtype of the flow."""
        return self.flow.dtype

    def log_prob(self, x, context=None):
        """Log probability (*members, n) of rows of integers x, in nats: see the class."""
        x = x.to(self.dtype)
        if self.training:
            return self._bound(x, self._draw_seeds(x), context)
        each = [self._bound(x, self._fixed_seeds(x, k), context) for k in range(N_DRAWS)]
        return torch.logsumexp(torch.stack(each), dim=0) - math.log(N_DRAWS)

    def log_prob_and_noise(self, x, context=None):
        """Log probability (*members, n) of rows of integers and their latents z."""
        return self.log_prob(x, context), self.to_noise(x, context)[0]

    def sample(self, n, context=None, **options):
        """Draw n rows of integers, (*members, n, d)."""
        return self._quantize(self.flow.sample(n, context, **options))

    def to_noise(self, x, context=None):
        """Latents (*members, n, d) of the middles of the integers' cells, and their log-dets."""
        return self.flow.to_noise(x.to(self.dtype) + 0.5, context)

    def from_noise(self, z, context=None):
        """Rows of integers in whose cells the latents lie, and log-dets there."""
        x, log_det = self.flow.from_noise(z, context)
        return self._quantize(x), log_det

    def initialize(self, x, weight=None, context=None):
        """Set data-dependent parameters from rows of integers (*members, n, d), once."""
        self.flow.initialize(x + _uniform_like(x), weight, context)

    def behind(self, preprocessing):
        """Return itself, whatever is to come before it."""
        return self

    def verify(self):
        """Check what the parts of the flow guarantee."""
        self.flow.verify()

    def _bound(self, x, seeds, context):
        if self.noise is None:
            return self.flow.log_prob(self._inside(x + seeds), context)
        given = 2 * x / max(self.n_levels - 1, 1) - 1
        u, log_det = self.noise.from_noise(seeds, given)
        log_q = self.noise.base.log_prob(seeds, given) - log_det
        return self.flow.log_prob(self._inside(x + u), context) - log_q

    def _inside(self, y):
        """Keep inside 0 and L, which are outside, what rounding took there."""
        zero = torch.zeros((), dtype=y.dtype, device=y.device)
        end = zero + self.n_levels
        return y.clamp(min=torch.finfo(y.dtype).tiny).minimum(torch.nextafter(end, zero))

    def _draw_seeds(self, x):
        if self.noise is None:
            return _uniform_like(x)
        return torch.empty_like(x).normal_(generator=generator(x.device))

    def _fixed_seeds(self, x, k):
        """Like a draw, but always the same for the same row of integers.

        Rows have noise of their own, so that its error averages out over rows: that of a Lehmer
        generator [4]_ which starts at a number made of all values of the row.
        """
        start = (x.long() * self.places).sum(-1, keepdim=True) % (MODULUS - 1) + 1
        u = (start * self.powers[k] % MODULUS).double() / MODULUS
        return (u if self.noise is None else torch.special.ndtri(u)).to(x.dtype)

    def _quantize(self, x):
        return x.floor().clamp(0, self.n_levels - 1)


def _uniform_like(x):
    return torch.empty_like(x).uniform_(generator=generator(x.device))


def _powers(factor, n):
    """Return the first n powers of a factor, modulo MODULUS."""
    powers = [factor]
    while len(powers) < n:
        powers.append(powers[-1] * factor % MODULUS)
    return torch.tensor(powers)
