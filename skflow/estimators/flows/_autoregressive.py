"""Density estimators built from autoregressive layers, and the neural spline flow."""

from dataclasses import dataclass, replace
from numbers import Integral
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto
from skflow.estimators._docs import documented
from skflow.estimators._trained import STRUCTURE, OrderedFlowDensity
from skflow.fitting._settings import deeper_if_long

__all__ = ["IAFDensity", "MAFDensity", "NSFDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class MAFDensity(OrderedFlowDensity):
    r"""Masked autoregressive flow: affine autoregressive layers [1]_.

    Each layer scales and shifts feature i as the features before it say,
    :math:`z_i = x_i e^{s_i(x_{<i})} + t_i(x_{<i})`, with :math:`|s_i|` softly bounded by 2. On
    its default base, ``base="mixture"``, this is the paper's flow on a mixture of Gaussians,
    which can hold modes that a continuous map of one Gaussian cannot part.

    Cost: scoring is one pass of each layer's masked net. Sampling goes through the features one
    by one, yet computes every hidden unit once, so that it costs about as much arithmetic.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Autoregressive layers; 5.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    IAFDensity : The same map the other way round.
    NSFDensity : Splines in place of the affine map.

    References
    ----------
    .. [1] Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow for density
       estimation, arXiv:1705.07057, eqs. 2 to 5.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MAFDensity
    >>> X = load_iris().data
    >>> density = MAFDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X).shape
    (150,)
    """

    _auto_layers: ClassVar[int] = 5

    def _build_bijection(self, plan):
        from skflow.architectures import autoregressive_stack
        from skflow.bijections import Affine

        return autoregressive_stack(
            plan.n_features,
            Affine(),
            **self._layer_settings(plan),
        )


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class IAFDensity(OrderedFlowDensity):
    r"""Inverse autoregressive flow: a masked autoregressive flow run the other way [1]_.

    From noise to data each layer is one pass, :math:`x_i = z_i e^{s_i(z_{<i})} + t_i(z_{<i})`,
    so that sampling is fast at any number of features. Fitting and scoring rows goes through the
    features one by one and is slow in wide tables: use :class:`MAFDensity` unless sampling
    speed is what you need.

    Cost: sampling is one pass of each layer's net; scoring one pass in d thin slices; a training
    step keeps all slices, O(d) times the memory and several times the time of a MAF's.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Autoregressive layers; 3.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MAFDensity : Fast to fit and to score.
    skflow.distill : Fits this flow to a fitted MAF or spline flow instead of to rows, with the
        attributes ``reverse_kl_`` and ``forward_kl_`` for how near it comes.

    References
    ----------
    .. [1] Kingma, Salimans, Jozefowicz, Chen, Sutskever & Welling (2016), Improving variational
       inference with inverse autoregressive flow, arXiv:1606.04934, eqs. 9 to 12.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import IAFDensity
    >>> X = load_iris().data
    >>> density = IAFDensity(n_layers=1, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    _auto_layers: ClassVar[int] = 3

    def _build_bijection(self, plan):
        from skflow.architectures import autoregressive_stack
        from skflow.bijections import Affine, Inverse

        layers = self._layer_settings(plan)
        return Inverse(autoregressive_stack(plan.n_features, Affine(), **layers))


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class NSFDensity(OrderedFlowDensity):
    r"""Neural spline flow: rational-quadratic splines steered by neural nets [1]_.

    Each layer maps features by monotone splines, whose bins and slopes come from a masked
    residual net that sees the features before (``structure="autoregressive"``) or from the half
    of the features that stays fixed (``structure="coupling"``). The strongest default for
    tables.

    Cost: scoring is one pass of each layer's net. Sampling is the same for couplings; for
    autoregressive layers it is one pass of arithmetic in d thin slices.

    Parameters
    ----------
    structure : {"autoregressive", "coupling"}, default="autoregressive"
        Of the layers: the former fits better, the latter draws in one pass, for many columns.
    n_bins : int or "auto", default="auto"
        Bins of each spline; 8.
    n_layers : int or "auto", default="auto"
        Layers; 3, or 6 from 750,000 rows on.
    hidden_features : tuple of int or "auto", default="auto"
        Hidden layers of each residual net, of equal widths; (64, 64), or (128, 128) above
        10,000 rows and 4 columns, and twice that from 750,000 rows on.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MAFDensity : Affine maps in place of splines.
    RealNVPDensity : Affine couplings, fast both ways.

    References
    ----------
    .. [1] Durkan, Bekasov, Murray & Papamakarios (2019), Neural spline flows,
       arXiv:1906.04032, section 3 and eqs. 4 to 8.

    Examples
    --------
    Log densities in nats and in the units of X, ready for new rows:

    >>> from sklearn.datasets import load_iris
    >>> from skflow import NSFDensity
    >>> X = load_iris().data
    >>> density = NSFDensity(n_layers=1, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X[:2]).shape
    (2,)
    """

    structure: Literal["autoregressive", "coupling"] = "autoregressive"
    n_bins: int | Auto = "auto"

    _auto_layers: ClassVar[int] = 3
    _parameter_constraints: ClassVar[dict] = {
        **OrderedFlowDensity._parameter_constraints,
        "structure": STRUCTURE,
        "n_bins": [StrOptions({"auto"}), Interval(Integral, 2, None, closed="left")],
    }

    def _family(self):
        auto = {"n_layers": deeper_if_long(self._auto_layers)}
        return replace(super()._family(), auto=auto)

    def _build_bijection(self, plan):
        from skflow.architectures import STACKS
        from skflow.bijections import RationalQuadraticSpline

        return STACKS[self.structure](
            plan.n_features,
            RationalQuadraticSpline(plan.n_bins),
            **self._layer_settings(plan),
            residual=True,
        )
