"""The density estimator built from continuous flows."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto, Sizes
from skflow.estimators._docs import documented
from skflow.estimators._trained import HIDDEN_FEATURES, BaseFlowDensity

__all__ = ["ContinuousFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class ContinuousFlowDensity(BaseFlowDensity):
    r"""Continuous flow: rows move along a velocity field that a net learns [1]_ [2]_.

    .. math:: \frac{dx}{dt} = v(t, x), \quad z = x(1), \quad
              \log|\det| = \int_0^1 \mathrm{tr}\,\frac{\partial v}{\partial x}(t, x(t))\,dt

    The net is free, no triangular structure and no halves of the columns, so that one smooth map
    moves all columns at once. It is trained through ``n_steps`` equal steps of the classical
    Runge-Kutta method. Scores and samples come from an adaptive method in which every row has
    steps of its own, with the exact trace: they are deterministic, accurate to ``tolerance``, and
    a row's score does not depend on the rows beside it. Validation scores in the same way, so
    that training cannot gain from errors of its steps.

    Training takes the exact trace too where that is as cheap as Hutchinson's estimate with one
    probe [2]_: in nets of one or two hidden layers, whatever the number of columns.

    Cost: training is 4 n_steps passes of the net for each row and step, scoring and sampling some
    20 to 100 each: among the slowest flows in all directions. Nets of three or more hidden layers
    score at d passes for one.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Flows one after the other, each with a net of its own; 1.
    n_steps : int, default=4
        Steps in training.
    kinetic : float, default=0.1
        Weight of the kinetic energy of each row [3]_, :math:`\int_0^1 |v|^2 dt`, that is added to
        its loss in training. It straightens the ways, so that few steps follow them: with 0, four
        steps lag behind the exact flow by tenths of a nat.
    trace : {"auto", "exact", "hutchinson"}, default="auto"
        Of the Jacobian, in training; "auto" is "exact" where it costs no more than an estimate,
        with up to two hidden layers or two columns.
    tolerance : float, default=1e-5
        Of latents, log densities and samples; no finer than 1e-5 with ``dtype="float32"``.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    NSFDensity : The strongest default, and much faster.

    References
    ----------
    .. [1] Chen, Rubanova, Bettencourt & Duvenaud (2018), Neural ordinary differential equations,
       arXiv:1806.07366.
    .. [2] Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud (2019), FFJORD: Free-form continuous
       dynamics for scalable reversible generative models, arXiv:1810.01367.
    .. [3] Finlay, Jacobsen, Nurbekyan & Oberman (2020), How to train your neural ODE: the world
       of Jacobian and kinetic regularization, arXiv:2002.02798.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import ContinuousFlowDensity
    >>> X = load_iris().data
    >>> density = ContinuousFlowDensity(n_members=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    hidden_features: Sizes | Auto = "auto"
    n_steps: int = 4
    kinetic: float = 0.1
    trace: Literal["auto", "exact", "hutchinson"] = "auto"
    tolerance: float = 1e-5

    _auto_layers: ClassVar[int] = 1
    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "hidden_features": HIDDEN_FEATURES,
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "kinetic": [Interval(Real, 0, None, closed="left")],
        "trace": [StrOptions({"auto", "exact", "hutchinson"})],
        "tolerance": [Interval(Real, 0, 1, closed="neither")],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import continuous_stack

        return continuous_stack(
            plan.n_features,
            n_layers=plan.n_layers,
            hidden_features=plan.hidden_features,
            n_context=plan.n_context,
            n_steps=self.n_steps,
            kinetic=self.kinetic,
            trace=plan.trace,
            tolerance=self.tolerance,
        )
