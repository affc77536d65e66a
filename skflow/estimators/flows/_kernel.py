"""Kernels as the base of a flow."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow.estimators._direct import BaseClassicalDensity
from skflow.estimators._docs import documented
from skflow.fitting._family import Family

__all__ = ["KernelFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class KernelFlowDensity(BaseClassicalDensity):
    r"""Kernel density estimate whose kernels fit the data in shape and size.

    Gaussian kernels of one full covariance, scaled by a power of the distance to a near neighbour
    [1]_, before a Gaussian of all rows that covers what lies far from each of them; centres are
    drawn towards the mean, so that draws have the covariance of the table [3]_. Shape, power and
    the share of the background are chosen by leave-one-out likelihood [2]_, behind whichever of
    two preprocessings makes held-out rows likelier: normal scores suit skewed columns, their own
    units rows near lines and planes. On most tables far ahead of one bandwidth for all columns
    and rows; strongest where rows lie near each other, or near curves and surfaces. Where columns
    are many, a flow does better. See :class:`skflow.bases.KernelMixture` for the equations.

    Given a context, kernels lie around context and row together, and the density of the row is
    the joint one over that of the context, exactly (:class:`skflow.bases.GivenKernels`). Their
    widths are those of the largest leave-one-out likelihood of rows given their context, so that
    columns of it that tell nothing are smoothed away; ``preprocessing="auto"`` standardises, and
    ``shrinkage`` plays no part.

    Cost: fitting O(n^2 d) and some hundred steps on at most 2,000 rows, and six fits to at most
    667 rows before it; scoring O(n_train d) a row. There is nothing to train and nothing to tune.

    Parameters
    ----------
    bandwidth : {"full", "diagonal", "scalar"}, default="full"
        Shape of the kernels: any covariance, one bandwidth a column, or one for all.
    n_neighbors : int or None, default=5
        The distance to this neighbour, its root or neither sets the size of a row's kernel,
        whichever is likeliest; None gives all rows kernels of one size.
    shrinkage : float, default=0.3
        The kernels' correlations are shrunk by ``n / (n + shrinkage * d)``.
    background : bool, default=True
        False leaves out the background, the drawing in and the choice of a power: the kernels
        alone, of :class:`skflow.bases.KernelDensity`, which tell far rows more sharply and whose
        draws are flung further out.
    {parameters}

    Attributes
    ----------
    {classical attributes}

    See Also
    --------
    MixtureFlowDensity : A Gaussian mixture, tuned by cross-validation.
    StackedDensity : Mixes this with flows as held-out rows demand.

    References
    ----------
    .. [1] Breiman, Meisel & Purcell (1977), Variable kernel estimates of multivariate densities,
       Technometrics 19(2), eq. 3.
    .. [2] Leiva-Murillo & Artes-Rodriguez (2012), Algorithms for maximum-likelihood bandwidth
       selection in kernel density estimators, Pattern Recognition Letters 33(13), section 3.
    .. [3] Silverman & Young (1987), The bootstrap: to smooth or not to smooth?, Biometrika 74(3),
       section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import KernelFlowDensity
    >>> X = load_iris().data
    >>> KernelFlowDensity(random_state=0).fit(X).score_samples(X[:2]).shape
    (2,)
    """

    bandwidth: Literal["full", "diagonal", "scalar"] = "full"
    n_neighbors: int | None = 5
    shrinkage: float = 0.3
    background: bool = True

    _parameter_constraints: ClassVar[dict] = {
        **BaseClassicalDensity._parameter_constraints,
        "bandwidth": [StrOptions({"full", "diagonal", "scalar"})],
        "n_neighbors": [None, Interval(Integral, 1, None, closed="left")],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
        "background": ["boolean"],
    }

    def _family(self):
        return Family(takes_context=True)

    def _auto_preprocessing(self, table):
        if not self.background or table.context is not None:
            return super()._auto_preprocessing(table)
        from skflow.fitting._preprocessing import likelier_preprocessing

        start = table.start()
        return likelier_preprocessing(table.bounds, start.rows(), start.weight, self._fit_base)

    def _fit_core(self, rows):
        from skflow.bijections import Chain
        from skflow.fitting._given import context_reader

        reader = context_reader(rows)
        if reader is None:
            return Chain([]), self._fit_base(rows.x, rows.weight)
        return Chain([]), self._fit_given(rows, reader)

    def _fit_base(self, u, weight):
        from skflow.bases import KernelDensity, KernelMixture

        kind = KernelMixture if self.background else KernelDensity
        base = kind(u.shape[1], self.bandwidth, self.n_neighbors, self.shrinkage).double()
        base.initialize(u, weight)
        return base

    def _fit_given(self, rows, reader):
        from skflow.bases import GivenKernels

        base = GivenKernels(
            rows.x.shape[1],
            rows.context.shape[1],
            reader,
            bandwidth=self.bandwidth,
            n_neighbors=self.n_neighbors,
            background=self.background,
        ).double()
        base.initialize(rows.x, rows.weight, rows.context)
        return base
