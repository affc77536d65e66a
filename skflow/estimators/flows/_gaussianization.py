"""The Gaussianization flow: normal scores of all columns and rotations, in turns."""

from dataclasses import dataclass
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval

from skflow.estimators._docs import documented
from skflow.estimators._trained import MIXING, BaseFlowDensity

__all__ = ["GaussianizationFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class GaussianizationFlowDensity(BaseFlowDensity):
    r"""Gaussianization flow: normal scores of every column, then a linear mixing, in turns [1]_.

    Each layer sends the columns, one by one, through a distribution function to normal scores,
    :math:`z_i = \Phi^{-1}(F_i(x_i))` with :math:`F_i(x) = \sum_k w_{ik}\,
    \Phi((x - \mu_{ik}) / s_{ik})` a mixture of normals, and :math:`\log|\det| =
    \sum_i \log F_i'(x_i) - \log\phi(z_i)`. A linear map between layers turns dependence into
    shape that the next layer can remove. This is projection pursuit [2]_ and its rotation-based
    form [3]_, trained end to end: there are no neural nets.

    In [1]_ the mixtures are of logistics. Normal scores of these grow like a root, the inverse of
    four layers like a sixteenth power, and draws of the base come out at the largest floats. With
    normals every layer is a line far out, whose slope has a bound that training cannot move.

    Before training every layer is fitted to the rows that reach it, the number of components of
    each column by cross-validation, so that the flow is a fair density before its first step.
    ``mixing="orthogonal"`` learns rotations, as in [1]_, and ``"pca"`` starts them at the
    principal directions; the default, a general linear map, was better on most tables. Strong
    where columns have odd shapes and depend on each other weakly; :class:`NSFDensity` with
    ``preprocessing="gaussianize"`` is usually better where they depend strongly.

    Cost: scoring is n_components normals for each entry of the table and a d by d product a
    layer. Sampling searches for the inverse of each mixture, at some ten times that; all columns
    at once, so that it does not slow down in wide tables.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Layers of normal scores; 4.
    n_components : int, default=8
        Normals in the mixture of each column and layer.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    NSFDensity : Splines steered by nets; takes ``preprocessing="gaussianize"``.

    References
    ----------
    .. [1] Meng, Song, Song & Ermon (2020), Gaussianization flows, arXiv:2003.01941, section 3.
    .. [2] Chen & Gopinath (2000), Gaussianization, NIPS 13.
    .. [3] Laparra, Camps-Valls & Malo (2011), Iterative Gaussianization: from ICA to random
       rotations, arXiv:1602.00229.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import GaussianizationFlowDensity
    >>> X = load_iris().data
    >>> density = GaussianizationFlowDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    n_components: int = 8
    mixing: str = "plu"

    _auto_layers: ClassVar[int] = 4
    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "mixing": MIXING,
        "n_components": [Interval(Integral, 1, None, closed="left")],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import gaussianization_stack

        return gaussianization_stack(
            plan.n_features,
            n_layers=plan.n_layers,
            n_components=self.n_components,
            mixing=self.mixing,
        )
