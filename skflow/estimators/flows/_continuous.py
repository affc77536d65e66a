"""The density estimator built from continuous flows."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto, Sizes
from skflow.estimators._docs import documented
from skflow.estimators._trained import HIDDEN_FEATURES, BaseFlowDensity
from skflow.fitting._family import Family

__all__ = ["ContinuousFlowDensity"]

# What breaks a symmetry, with the one value that does not.
BREAKING = {
    "n_layers": ("auto", 1),
    "preprocessing": ("auto",),
    "base": ("auto",),
    "support": (None,),
    "resolution": (None,),
    "periodic": (None,),
    "context_columns": (None,),
    "trace": ("auto", "exact"),
}


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
    symmetry : dict, default=None
        ``{"particles": n, "dim": k}`` says that a row holds the coordinates of n particles in k
        dimensions, particle after particle, and that their order, rotations, reflections and
        shifts change nothing: neither do they change a score. The velocity of a particle is then
        a sum of pushes along the ways to the others
        (:class:`skflow.nets.ParticleNet`), learnt by matching velocities of straight ways to
        noise that is turned towards each row [4]_; ``n_steps`` and ``kinetic`` play no part.
        Scores are of the rows without their centre of mass, with respect to Lebesgue measure on
        the (n - 1) k dimensions around it, and draws have theirs at zero.
        ``"springs"``, a list of pairs, ties these particles only in the base, as bonds do;
        then only such permutations change nothing that keep the pairs. See
        :class:`skflow.bases.Harmonic`. "auto" means one member, batches of 512 rows at most, a
        rate of 6e-3 and, with the rows, 8,000 to 40,000 steps. The fitted flow is kept in float64.
        Leaves no room for ``support``, ``resolution``, ``periodic``, ``preprocessing``, ``base``,
        a context, several layers, and ``trace="hutchinson"``.
    likelihood_epochs : int, default=0
        Of flows with a ``symmetry``: passes over the rows by likelihood, solved with gradients
        at a tenth of ``learning_rate``, after those that match velocities. The weights with the
        best held-out log density are kept, the matched ones if none is better. A step takes as
        long as a thousand of matching, and half a GiB. Of four particles in the plane,
        100,000 rows, six passes make 84 draws in a hundred count, where 74 did.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    NSFDensity : The strongest default, and much faster.

    Raises
    ------
    ValueError
        By ``fit``, if ``symmetry`` does not go with the columns or another parameter.

    References
    ----------
    .. [1] Chen, Rubanova, Bettencourt & Duvenaud (2018), Neural ordinary differential equations,
       arXiv:1806.07366.
    .. [2] Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud (2019), FFJORD: Free-form continuous
       dynamics for scalable reversible generative models, arXiv:1810.01367.
    .. [3] Finlay, Jacobsen, Nurbekyan & Oberman (2020), How to train your neural ODE: the world
       of Jacobian and kinetic regularization, arXiv:2002.02798.
    .. [4] Koehler, Klein & Noe (2020), Equivariant flows, arXiv:2006.02425; Klein, Kraemer & Noe
       (2023), Equivariant flow matching, arXiv:2306.15030.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import ContinuousFlowDensity
    >>> X = load_iris().data
    >>> density = ContinuousFlowDensity(n_members=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)

    Rows of three particles in the plane, whose order does not matter:

    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 6))
    >>> pairs = ContinuousFlowDensity(
    ...     symmetry={"particles": 3, "dim": 2}, max_epochs=5, random_state=0
    ... ).fit(rows)
    >>> swapped = rows[:, [2, 3, 0, 1, 4, 5]]
    >>> bool(np.abs(pairs.score_samples(swapped) - pairs.score_samples(rows)).max() < 1e-9)
    True
    """

    hidden_features: Sizes | Auto = "auto"
    n_steps: int = 4
    kinetic: float = 0.1
    trace: Literal["auto", "exact", "hutchinson"] = "auto"
    tolerance: float = 1e-5
    symmetry: Any = None
    likelihood_epochs: int = 0

    _auto_layers: ClassVar[int] = 1
    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        "hidden_features": HIDDEN_FEATURES,
        "n_steps": [Interval(Integral, 1, None, closed="left")],
        "kinetic": [Interval(Real, 0, None, closed="left")],
        "trace": [StrOptions({"auto", "exact", "hutchinson"})],
        "tolerance": [Interval(Real, 0, 1, closed="neither")],
        "symmetry": [None, dict],
        "likelihood_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def _family(self):
        family = super()._family()
        if self.symmetry is None:
            if self.likelihood_epochs:
                raise ValueError(
                    f"likelihood_epochs={self.likelihood_epochs} come after velocities are "
                    "matched, which takes a symmetry; without one all epochs are by likelihood: "
                    "set max_epochs, and likelihood_epochs=0."
                )
            return family
        for name, free in BREAKING.items():
            value = getattr(self, name)
            if not any(value is f or (isinstance(value, str | int) and value == f) for f in free):
                raise ValueError(
                    f"{name}={value!r} would break symmetry={self.symmetry!r}: leave {name} at "
                    f"{free[0]!r}, or symmetry at None."
                )
        from skflow.training import Symmetry

        symmetry = Symmetry.read(self.symmetry)
        return Family(
            _of_particles(),
            spreads_ties=False,
            bends_tails=False,
            symmetry=symmetry,
            likelihood_epochs=self.likelihood_epochs,
        )

    def _build_bijection(self, plan):
        from skflow.architectures import continuous_stack, particle_flow

        if plan.symmetry is not None:
            sizes = plan.symmetry.particles, plan.symmetry.dim
            settings = {"n_steps": self.n_steps, "tolerance": self.tolerance}
            return particle_flow(*sizes, hidden_features=plan.hidden_features, **settings)
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


def _of_particles():
    """Return what "auto" means for rows of particles."""

    def max_epochs(n):
        from skflow.training import matching_epochs

        return matching_epochs(n)

    def batch_size(n):
        from skflow.training import matching_batch

        return matching_batch(n)

    def learning_rate(n):
        from skflow.training import MATCHING_RATE

        return MATCHING_RATE

    return {
        "n_layers": 1,
        "hidden_features": (64, 64),
        "preprocessing": "mean_free",
        "base": "harmonic",
        "n_members": 1,
        "batch_size": batch_size,
        "max_epochs": max_epochs,
        "learning_rate": learning_rate,
        "input_noise": 0.0,
        "n_iter_no_change": lambda n: None,
    }
