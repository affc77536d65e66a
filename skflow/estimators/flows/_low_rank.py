"""Flows of many small bends: planar, radial and Sylvester."""

from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import ClassVar

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto
from skflow.estimators._docs import documented
from skflow.estimators._trained import BaseFlowDensity

__all__ = ["PlanarFlowDensity", "RadialFlowDensity", "SylvesterFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class PlanarFlowDensity(BaseFlowDensity):
    r"""Planar flow: each layer squeezes or stretches space across one hyperplane [1]_.

    :math:`z = x + \hat u \tanh(w^\top x + b)` with
    :math:`\log|\det| = \log(1 + (1 - \tanh^2)\, w^\top \hat u)`, and :math:`\hat u` kept to
    :math:`w^\top \hat u > -1`, so that every layer is invertible. Here the layers lead from data
    to noise, so that scoring is fast. There are no nets: a layer is 2 d + 1 numbers, and does
    little. A triangular matrix ends the stack, so that every Gaussian is one of these flows.
    With its default base the flow is a Gaussian mixture that is bent a little; with
    ``base="normal"``, as in [1]_, it wants a ``learning_rate`` of 0.01 or more.

    Cost: scoring O(n_layers d) a row. Sampling searches for one number a row and layer.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Layers; 16.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    SylvesterFlowDensity : Bends along many directions in each layer.
    RadialFlowDensity : Bends around points.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770, eqs. 10 to 12 and appendix A.1.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import PlanarFlowDensity
    >>> X = load_iris().data
    >>> density = PlanarFlowDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    _auto_layers: ClassVar[int] = 16

    def _build_bijection(self, plan):
        from skflow.architectures import low_rank_stack
        from skflow.bijections import Planar

        return low_rank_stack(plan.n_features, Planar, n_layers=plan.n_layers)


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class RadialFlowDensity(BaseFlowDensity):
    r"""Radial flow: each layer pulls space towards a point or pushes it away [1]_.

    :math:`z = x + \beta\,(x - x_0) / (\alpha + r)` with :math:`r = |x - x_0|` and
    :math:`\log|\det| = (d - 1) \log(1 + \beta / (\alpha + r)) +
    \log(1 + \alpha \beta / (\alpha + r)^2)`, and :math:`\beta > -\alpha`, so that every layer is
    invertible, in closed form. Here the layers lead from data to noise. There are no nets: a
    layer is d + 2 numbers, and does little. A triangular matrix ends the stack. With its default
    base the flow is a Gaussian mixture that is bent a little; with ``base="normal"`` it wants a
    ``learning_rate`` of 0.01 or more.

    Cost: O(n_layers d) a row, both to score and to sample.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Layers; 16.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    PlanarFlowDensity : Bends across hyperplanes.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Rezende & Mohamed (2015), Variational inference with normalizing flows,
       arXiv:1505.05770, eq. 14 and appendix A.2.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import RadialFlowDensity
    >>> X = load_iris().data
    >>> density = RadialFlowDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    _auto_layers: ClassVar[int] = 16

    def _build_bijection(self, plan):
        from skflow.architectures import low_rank_stack
        from skflow.bijections import Radial

        return low_rank_stack(plan.n_features, Radial, n_layers=plan.n_layers)


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class SylvesterFlowDensity(BaseFlowDensity):
    r"""Sylvester flow: each layer bends space across M planes at once [1]_.

    :math:`z = x + Q R \tanh(S Q^\top x + b)` with orthonormal columns Q, upper triangular R and S
    and :math:`\log|\det| = \sum_i \log(1 + (1 - \tanh^2_i)\, R_{ii} S_{ii})`, all
    :math:`R_{ii} S_{ii} > -1`, so that every layer is invertible. Q is made of Householder
    reflections. Here the layers lead from data to noise. A planar flow is the case of one
    direction, but for a shift along the plane; there are no nets. A triangular matrix
    ends the stack. With ``base="normal"`` it wants a ``learning_rate`` of 0.01 or more.

    Cost: scoring O(n_layers d n_directions) a row. Sampling searches for one number a row, layer
    and direction, one direction after the other.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Layers; 8.
    n_directions : int or "auto", default="auto"
        M, the planes of each layer, at most the number of columns; "auto" takes all columns, up
        to 16.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    PlanarFlowDensity : One direction a layer.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] van den Berg, Hasenclever, Tomczak & Welling (2018), Sylvester normalizing flows for
       variational inference, arXiv:1803.05649, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import SylvesterFlowDensity
    >>> X = load_iris().data
    >>> density = SylvesterFlowDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    n_directions: int | Auto = "auto"

    _auto_layers: ClassVar[int] = 8
    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "n_directions": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import low_rank_stack
        from skflow.bijections import Sylvester

        layer = partial(Sylvester, n_directions=plan.n_directions)
        return low_rank_stack(plan.n_features, layer, n_layers=plan.n_layers)
