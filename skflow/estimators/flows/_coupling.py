"""Density estimators built from coupling layers."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from skflow.estimators._docs import documented
from skflow.estimators._trained import NetworkFlowDensity
from skflow.images._parameters import CouplingImageParameters, multiscale, net_settings

__all__ = ["NICEDensity", "RealNVPDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class NICEDensity(NetworkFlowDensity):
    r"""Non-linear independent components estimation: additive coupling layers [1]_.

    Each layer shifts one half of the features by a function of the other half,
    :math:`z_B = x_B + m(x_A)`, which preserves volume; a learnable scale for each feature ends
    the stack. The plainest flow: with its default base it moves a Gaussian mixture about.

    Cost: both directions are one pass of each layer's net.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Coupling layers; 6.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RealNVPDensity : Scales as well as shifts.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Dinh, Krueger & Bengio (2015), NICE: Non-linear independent components estimation,
       arXiv:1410.8516, eqs. 4 and 6, and section 3.3 for the scaling.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import NICEDensity
    >>> X = load_iris().data
    >>> density = NICEDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.score_samples(X).shape
    (150,)
    """

    mixing: str = "reverse"
    _auto_layers: ClassVar[int] = 6

    def _build_bijection(self, plan):
        from skflow.architectures import coupling_stack
        from skflow.bijections import Additive

        return coupling_stack(
            plan.n_features,
            Additive(),
            **self._layer_settings(plan),
            final_scaling=True,
        )


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class RealNVPDensity(CouplingImageParameters, NetworkFlowDensity):  # type: ignore[misc]
    r"""Real-valued non-volume-preserving flow: affine coupling layers [1]_.

    Each layer scales and shifts one half of the features as the other half says,
    :math:`z_B = x_B \odot e^{s(x_A)} + t(x_A)`, with :math:`|s|` softly bounded by 2.

    With ``image_shape`` the halves are the colours of a checkerboard, then halves of the
    channels, at several scales, and the nets are convolutional; a normal base is the default
    there. What ``levels`` does, :class:`GlowDensity` explains.

    Cost: both directions are one pass of each layer's net, so that it scores and samples fast.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Coupling layers; 8. With ``image_shape`` couplings of channels at each scale, 4, and as
        many of checkerboards before them.
    mixing : {"plu", "qr", "orthogonal", "pca", "permutation", "reverse", "none"}
        Of rows: the linear map between layers. "plu" is the default. Images have none.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MAFDensity : More flexible for its depth, slower to sample.
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Dinh, Sohl-Dickstein & Bengio (2017), Density estimation using Real NVP,
       arXiv:1605.08803, eqs. 4 to 8.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import RealNVPDensity
    >>> X = load_iris().data
    >>> density = RealNVPDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    _auto_layers: ClassVar[int] = 8
    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        **CouplingImageParameters._image_constraints,
    }

    def _build_bijection(self, plan):
        from skflow.architectures import checkerboard_step, coupling_stack, realnvp_step
        from skflow.bijections import Affine

        if self.image_shape is None:
            return coupling_stack(plan.n_features, Affine(), **self._layer_settings(plan))
        net = net_settings(plan, self.mixed_precision)
        step = partial(realnvp_step, elementwise=Affine(), **net)
        return multiscale(
            self.image_shape,
            plan,
            step,
            self.mixed_precision,
            memory_efficient=self.memory_efficient,
            before_squeeze=partial(checkerboard_step, step=step),
        )
