"""The Gaussian of maximum likelihood, as a flow of one linear map."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from sklearn.utils._param_validation import StrOptions

from skflow.estimators._direct import BaseClassicalDensity
from skflow.estimators._docs import documented
from skflow.fitting._family import Family

__all__ = ["LinearFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class LinearFlowDensity(BaseClassicalDensity):
    r"""Linear flow: one matrix between the rows and a standard normal [1]_.

    :math:`z = W (x - \mu)` with :math:`\log|\det| = \log|\det W|`, and
    :math:`W^\top W = \Sigma^{-1}` in closed form from the weighted mean and covariance (which
    divides by n). So this is the Gaussian of maximum likelihood: the yardstick of all other
    flows, and every full parametrization gives the same density. They differ in the
    latents:

    ============== =========================== =============================================
    name           W                           latents
    ============== =========================== =============================================
    "diagonal"     a scale per column          the columns; they count as independent
    "triangular"   lower triangular            each column less what those before it say
    "orthogonal"   a scale times a rotation    principal components of variance 1
    "plu"          L U                         the nearest to the columns, W symmetric
    "qr"           a rotation times upper      principal components of variance 1
                   triangular
    ============== =========================== =============================================

    The last one is how [2]_ write the 1 x 1 convolutions of Glow.

    Where the covariance of the standardised columns has eigenvalues below 1e-10, they count as
    1e-10: with no more rows than columns, and for collinear columns, where the likelihood has no
    upper bound. A constant column counts as independent, with the deviation of an even spread
    over 5 % of its value, or 0.05 if it is 0. Other repeated values do a Gaussian no harm and are
    not spread, but for declared grids.

    Cost: fitting O(n d^2 + d^3); scoring and sampling O(d^2) a row.

    Parameters
    ----------
    parametrization : {"diagonal", "triangular", "orthogonal", "plu", "qr"}, default="triangular"
        How W is written.
    preprocessing : {"auto", "standardize", "whiten", "gaussianize", "none"}, default="auto"
        What comes before, after the maps of declared bounds. "auto" standardises, which changes
        no digit of the density; "gaussianize" sends each column to normal scores first, so that
        the density is a Gaussian copula with smooth margins. Where one covariance cannot hold
        the columns as they are, "none" standardises too: for ranges more than 1e7 apart, or some
        1e75 from 1. Unlike in other flows the tails are left as they are.
    {parameters}
    random_state : int, RandomState instance or None, default=None
        Taken as by all estimators, without effect: nothing about the fit is random.

    Attributes
    ----------
    {classical attributes}

    See Also
    --------
    MixtureFlowDensity : Several Gaussians.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Papamakarios, Nalisnick, Rezende, Mohamed & Lakshminarayanan (2021), Normalizing flows
       for probabilistic modeling and inference, arXiv:1912.02762, the section on linear flows.
    .. [2] Hoogeboom, van den Berg & Welling (2019), Emerging convolutions for generative
       normalizing flows, arXiv:1901.11137.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import LinearFlowDensity
    >>> X = load_iris().data
    >>> LinearFlowDensity(random_state=0).fit(X).transform(X).shape
    (150, 4)
    """

    parametrization: Literal["diagonal", "triangular", "orthogonal", "plu", "qr"] = "triangular"

    _parameter_constraints: ClassVar[dict] = {
        **BaseClassicalDensity._parameter_constraints,
        "parametrization": [StrOptions({"diagonal", "triangular", "orthogonal", "plu", "qr"})],
    }

    def _family(self):
        return Family(spreads_ties=False, bends_tails=False)

    def _fit_core(self, rows):
        from skflow.architectures import linear_stack
        from skflow.bases import Normal
        from skflow.bijections._covariance import gaussian_moments

        d = rows.x.shape[1]
        stack = linear_stack(d, self.parametrization).double()
        moments = gaussian_moments(rows.x, rows.weight)
        for part in stack.bijections:
            moments = part.whiten(*moments)
        return stack, Normal(d)
