"""The masked autoencoder as a density: one autoregressive layer."""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skflow.estimators._docs import documented
from skflow.estimators._trained import OrderedFlowDensity

__all__ = ["MADEDensity"]

MAX_LOG_SCALE = 3.0


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class MADEDensity(OrderedFlowDensity):
    r"""Masked autoencoder [1]_: one conditional density for each column, by one masked net.

    .. math:: p(x) = \prod_i p(x_i \mid x_{<i})

    With ``n_components=1`` the conditionals are Gaussians,
    :math:`z_i = x_i e^{s_i(x_{<i})} + t_i(x_{<i})`: a masked autoregressive flow of one layer.
    With more they are mixtures of Gaussians whose weights, means and scales the net emits, MADE
    MoG in [2]_, and :math:`z_i = \Phi^{-1}(F_i(x_i \mid x_{<i}))` are their normal scores. So it
    is with ``base="normal"``, as in both papers; the default base is a Gaussian mixture, which
    lets the latents depend on each other. The order of the columns matters more here than in
    flows of many layers.

    Cost: scoring is one pass of a masked net; with several components also an error function
    for each. Sampling goes through the features one by one, yet computes every hidden unit
    once; with several components it searches for the inverse of each column's mixture, at some ten
    evaluations.

    Parameters
    ----------
    n_components : int, default=1
        Gaussians in each conditional. Their scales lie between 1/20 and 20 times the
        column's.
    n_layers : int or "auto", default="auto"
        Autoregressive layers; 1.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MAFDensity : Several affine layers.
    NSFDensity : Splines in place of mixtures.

    References
    ----------
    .. [1] Germain, Gregor, Murray & Larochelle (2015), MADE: Masked autoencoder for distribution
       estimation, arXiv:1502.03509, section 4.
    .. [2] Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density
       estimation, arXiv:1705.07057, section 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MADEDensity
    >>> X = load_iris().data
    >>> density = MADEDensity(n_components=3, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X).shape
    (150,)
    """

    n_components: int = 1

    _auto_layers: ClassVar[int] = 1
    _parameter_constraints: ClassVar[dict] = {
        **OrderedFlowDensity._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import autoregressive_stack
        from skflow.bijections import Affine, MixtureNormalCDF

        several = self.n_components > 1
        conditional = MixtureNormalCDF(self.n_components, MAX_LOG_SCALE) if several else Affine()
        layers = self._layer_settings(plan)
        return autoregressive_stack(plan.n_features, conditional, **layers)
