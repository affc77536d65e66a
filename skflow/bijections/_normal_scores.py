"""Preprocessing that maps columns to normal scores by smooth distribution functions."""

import math

import torch

from skflow.bijections._marginal_fit import Logistics
from skflow.bijections._marginal_gaussianization import MarginalGaussianization
from skflow.bijections._margins import BentMargins, MixtureMargins, root_of_mixture
from skflow.bijections._normalization import robust_moments
from skflow.bijections._tukey import TukeyTails
from skflow.numerics import logit_of_normal, mixture_logit, normal_of_logit

__all__ = ["LogisticMargins", "NormalScores"]

MIN_SCALE = 5e-3


class LogisticMargins(MixtureMargins):
    r"""As :class:`MarginalGaussianization`, of logistics and with exponential tails.

    With ``u = (x - shift) / scale``, column by column:

    .. math::
        F(u) = (1 - a) \sum_k w_k\, \sigma\Bigl(\frac{u - \mu_k}{s_k}\Bigr)
               + a\,\sigma\Bigl(\frac{\pi u}{\sqrt 3}\Bigr), \quad
        \log s_k = c \tanh(\mathrm{raw}_k / c), \quad c = -\log(\text{min\_scale})

    Everything is computed from ``logit F``. Far out z grows like :math:`\sqrt{2 |u| / s}`. The
    background has the share ``a = 0.001`` and deviation 1.

    Parameters
    ----------
    n_features : int
    n_components : int, default=8
        Logistics of each column, not counting the background.
    min_scale : float, default=0.02
        Bound of the logistics' scales, which lie in ``(min_scale, 1 / min_scale)``.

    References
    ----------
    Meng, Song, Song & Ermon (2020), Gaussianization flows, arXiv:2003.01941, section 3, where
    the weights are equal and fixed and there is no background.
    """

    _family = Logistics

    def __init__(self, n_features, n_components=8, min_scale=0.02):
        super().__init__(n_features, n_components, min_scale)
        self._place(variance=math.pi**2 / 3)

    def _log_scale(self):
        return self._reach * torch.tanh(self.raw_log_scale / self._reach)

    def _raw(self, log_scale):
        return self._reach * torch.atanh((log_scale / self._reach).clamp(-0.999, 0.999))

    @property
    def _reach(self):
        return -math.log(self.min_scale)

    def _background(self):
        middle = torch.zeros_like(self.loc[..., :1])
        return middle, torch.full_like(middle, math.log(self._family.width))

    def _scores(self, u, mixture):
        logit, log_slope = mixture_logit(u, *mixture)
        z, log_bend = normal_of_logit(logit)
        return z, log_slope + log_bend

    def _search(self, z, mixture, score_and_slope):
        # in log-odds, which are lines far out
        def logit_and_slope(u):
            logit, log_slope = mixture_logit(u, *mixture)
            return logit, log_slope.exp()

        return root_of_mixture(logit_and_slope, logit_of_normal(z), mixture)


MARGINS = {"exponential": LogisticMargins, "normal": MarginalGaussianization}


class NormalScores(BentMargins):
    r"""Preprocessing: every column to normal scores by a smooth fit of its distribution.

    By column: ``u = (x - shift) / scale`` with the median and a spread of the middle 80 %, tails
    bent in by :class:`TukeyTails`, then the distribution function of a mixture of logistics and
    the quantile function of the normal (``LogisticMargins``). Log-dets add up.
    In float64, and not trained; close to the identity until :meth:`from_data` or
    :meth:`initialize` fits it.

    Normal scores of logistics grow like a root. Columns that already have a normal's tails, such
    as those behind :class:`BoundedToNormal`, keep them with ``tails="normal"``: these go through
    :class:`MarginalGaussianization`, which is a line far out.

    The mixtures are fitted by penalised EM, the number of components in each column chosen from
    1, 2, 3, 5 and 8 by cross-validated likelihood. No component gets narrower than a two
    hundredth of the spread, and each is held wide by two imagined rows, so that repeated values
    do not collapse it. A change of units by a power of two changes no bit of z. The order of rows
    does not matter.

    Cost: fitting O(d (n log n + n_components points)) with at most 512 points a column, chosen
    among on 2,000 rows; O(d n_components) a row after that, and some five times that in the
    inverse direction, which searches.

    Parameters
    ----------
    n_features : int
    tails : {"exponential", "normal"}, default="exponential"
        Those that columns have where the rows ask for no others.

    References
    ----------
    Chen & Gopinath (2000), Gaussianization, NIPS 13, section 3.
    Laparra, Camps-Valls & Malo (2011), Iterative Gaussianization, IEEE Trans. Neural Networks 22,
    arXiv:1602.00229.
    """

    def __init__(self, n_features, tails="exponential"):
        margins = MARGINS[tails](n_features, min_scale=MIN_SCALE)
        super().__init__(n_features, TukeyTails(n_features, light=tails), margins)

    @classmethod
    def from_data(cls, x, weight=None, robust=None, tails="exponential"):
        """Fit to rows x (*members, n, d) with weights (*members, n), 0 for unused rows.

        All columns are scaled by the spread of their middle, whatever ``robust`` says.
        """
        scores = cls(x.shape[-1], tails)
        scores._fit(x, weight)
        return scores

    def initialize(self, x, context=None, weight=None):
        self._fit(x, weight)
        return self(x)[0]

    @torch.no_grad()
    def _fit(self, x, weight):
        self.shift, self.scale = robust_moments(x, weight)
        u = (x.double() - self.shift.unsqueeze(-2)) / self.scale.unsqueeze(-2)
        self.margins._fit(self.tails.initialize(u, weight=weight), weight)
