"""Density estimators whose maps of one column are monotone functions inverted by search."""

from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow.estimators._docs import documented
from skflow.estimators._trained import STRUCTURE, NetworkFlowDensity, OrderedFlowDensity
from skflow.images._parameters import CouplingImageParameters, multiscale, net_settings

__all__ = ["FlowPPDensity", "NAFDensity", "UMNNDensity"]

POSITIVE = [Interval(Integral, 1, None, closed="left")]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class NAFDensity(OrderedFlowDensity):
    r"""Neural autoregressive flow: the map of each column is a small monotone network [1]_.

    Feature i passes an increasing net whose parameters come from a net that sees the features
    before it, or the half of the features that stays fixed (``structure="coupling"``). With
    ``transformer="deep_sigmoid"`` two layers of sigmoids, each
    :math:`\operatorname{logit} \sum_j w_j\, \sigma(a_j x + b_j)`, all of whose numbers are
    emitted; with ``"monotone_net"`` a perceptron with positive weights of its own, which a signal
    of 8 numbers steers. Each starts at the identity.

    Cost: scoring is one pass of each layer's net and of the maps, some twice the time of splines.
    Sampling searches for the inverse of every map, at ten to thirty evaluations of it, column
    after column.

    Parameters
    ----------
    structure : {"autoregressive", "coupling"}, default="autoregressive"
        Which columns steer which: all before it each, or a half the other half.
    transformer : {"deep_sigmoid", "monotone_net"}, default="deep_sigmoid"
        The monotone map of one number: sums of sigmoids twice, or a net of positive weights.
    n_units : int, default=8
        Sigmoids in each of the two layers, or units in each of the two hidden layers of the
        monotone net.
    n_layers : int or "auto", default="auto"
        Layers; 3.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    UMNNDensity : Integrals of positive nets.
    NSFDensity : Splines, with an inverse by formula.

    References
    ----------
    .. [1] Huang, Krueger, Lacoste & Courville (2018), Neural autoregressive flows,
       arXiv:1804.00779, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import NAFDensity
    >>> X = load_iris().data
    >>> density = NAFDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X).shape
    (150,)
    """

    structure: Literal["autoregressive", "coupling"] = "autoregressive"
    transformer: Literal["deep_sigmoid", "monotone_net"] = "deep_sigmoid"
    n_units: int = 8

    _auto_layers: ClassVar[int] = 3
    _parameter_constraints: ClassVar[dict] = {
        **OrderedFlowDensity._parameter_constraints,
        "structure": STRUCTURE,
        "transformer": [StrOptions({"deep_sigmoid", "monotone_net"})],
        "n_units": POSITIVE,
    }

    def _build_bijection(self, plan):
        from skflow.architectures import STACKS
        from skflow.bijections import DeepSigmoid, MonotoneNet

        if self.transformer == "deep_sigmoid":
            transformer = DeepSigmoid(self.n_units)
        else:
            transformer = MonotoneNet(hidden_features=(self.n_units, self.n_units))
        stack = STACKS[self.structure]
        return stack(plan.n_features, transformer, **self._layer_settings(plan))


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class UMNNDensity(OrderedFlowDensity):
    r"""Unconstrained monotone neural network: integrals of positive nets [1]_.

    The map of each column is :math:`z_i = \beta + \int_0^{x_i} g(t; h)\,dt`, in which a small
    net of t and of a signal h gives the positive g. A masked net of the features before it emits
    h and :math:`\beta`, or a net of the half of the features that stays fixed
    (``structure="coupling"``). Each starts at the identity. The integral is a Gauss-Legendre sum
    of n_nodes terms, 12 while training, and its error is how far the density is from integrating
    to one. On the one trained flow where it was measured, the log-slope of a map was off by 4e-13
    at 32 nodes, 1e-9 at 24 and 4e-5 at 12.

    Cost: scoring is n_nodes evaluations of g for each entry of the table. Sampling searches for
    the inverse of every map, at ten to twenty times that, column after column. Slow both ways;
    splines do about as well for less.

    Parameters
    ----------
    structure : {"autoregressive", "coupling"}, default="autoregressive"
        Which columns steer which: all before it each, or a half the other half.
    n_units : int, default=16
        Units in each of the two hidden layers of g's net.
    n_nodes : int, default=32
        Nodes of the quadrature when scoring and sampling, at least 12.
    n_layers : int or "auto", default="auto"
        Layers; 3.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    NAFDensity : Monotone nets without an integral.
    NSFDensity : Splines, with an inverse by formula.

    References
    ----------
    .. [1] Wehenkel & Louppe (2019), Unconstrained monotonic neural networks, arXiv:1908.05164,
       sections 3 and 4.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import UMNNDensity
    >>> X = load_iris().data
    >>> density = UMNNDensity(n_layers=1, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X).shape
    (150,)
    """

    structure: Literal["autoregressive", "coupling"] = "autoregressive"
    n_units: int = 16
    n_nodes: int = 32

    _auto_layers: ClassVar[int] = 3
    _parameter_constraints: ClassVar[dict] = {
        **OrderedFlowDensity._parameter_constraints,
        "structure": STRUCTURE,
        "n_units": POSITIVE,
        "n_nodes": [Interval(Integral, 12, None, closed="left")],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import STACKS
        from skflow.bijections import UnconstrainedMonotone

        integral = UnconstrainedMonotone(
            hidden_features=(self.n_units, self.n_units), n_nodes=self.n_nodes
        )
        stack = STACKS[self.structure]
        return stack(plan.n_features, integral, **self._layer_settings(plan))


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class FlowPPDensity(CouplingImageParameters, NetworkFlowDensity):  # type: ignore[misc]
    r"""Flow++: couplings by log-odds of mixtures of logistics, then an affine map [1]_.

    One half of the features steers, by a residual net, the map of the other half,

    .. math::
        z_B = e^s \operatorname{logit} F(x_B) + t, \quad
        F(x) = \sum_k w_k\, \sigma\bigl((x - \mu_k) / s_k\bigr)

    With ``image_shape`` the halves are channels, at several scales, mixed by 1 x 1 convolutions,
    and the nets are convolutions with attention over the pixels [1]_; a normal base is the
    default there. What ``levels`` does, :class:`GlowDensity` explains;
    ``dequantization="variational"`` is that of [1]_.

    Cost: scoring is one pass of each layer's net. Sampling searches for the inverse of every
    map, at some ten evaluations, all columns of a half at once.

    Parameters
    ----------
    n_components : int, default=8
        Logistics in each mixture.
    n_layers : int or "auto", default="auto"
        Coupling layers; 6. With ``image_shape``, couplings at each scale; 4.
    hidden_features : tuple of int or "auto", default="auto"
        Hidden layers of each residual net, of equal widths; (64, 64), or (128, 128) above
        10,000 rows and 4 columns. With ``image_shape`` the channels of each block, a multiple of
        the 4 heads of the attention.
    mixing : {"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"}
        Of rows: the linear map between layers; "plu" is the default. Images have 1 x 1
        convolutions.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RealNVPDensity : Affine couplings, fast both ways.
    NSFDensity : Splines; coupling or autoregressive.

    References
    ----------
    .. [1] Ho, Chen, Srinivas, Duan & Abbeel (2019), Flow++, arXiv:1902.00275, section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import FlowPPDensity
    >>> X = load_iris().data
    >>> density = FlowPPDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    n_components: int = 8

    _auto_layers: ClassVar[int] = 6
    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        **CouplingImageParameters._image_constraints,
        "n_components": POSITIVE,
    }

    def _build_bijection(self, plan):
        from skflow.architectures import coupling_stack, flowpp_step
        from skflow.bijections import Affine, Composed, MixtureLogisticCDF

        if self.image_shape is None:
            return coupling_stack(
                plan.n_features,
                Composed([MixtureLogisticCDF(self.n_components), Affine()]),
                **self._layer_settings(plan),
                residual=True,
            )
        net = net_settings(plan, self.mixed_precision)
        return multiscale(
            self.image_shape,
            plan,
            partial(flowpp_step, n_components=self.n_components, **net),
            self.mixed_precision,
            memory_efficient=self.memory_efficient,
        )
