"""Glow: images by couplings, 1 x 1 convolutions and several scales."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from sklearn.utils._param_validation import StrOptions

from skflow.estimators._docs import documented
from skflow.estimators._trained import NetworkFlowDensity
from skflow.images._parameters import CouplingImageParameters, multiscale, net_settings

__all__ = ["GlowDensity"]

# what each mixing of channels comes to where all channels are of one pixel
ROWS_MIXING = {
    "conv1x1": "plu",
    "emerging": "plu",
    "qr": "qr",
    "orthogonal": "orthogonal",
    "permutation": "permutation",
}


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class GlowDensity(CouplingImageParameters, NetworkFlowDensity):  # type: ignore[misc]
    r"""Glow: steps of scaling, mixing and coupling of channels, at several scales [1]_.

    X holds images as rows, in the order channel, line, column. Each scale turns blocks of 2 x 2
    pixels into channels and runs ``n_layers`` steps; a step scales and shifts every channel,
    mixes the channels of each pixel, and scales and shifts half of them as a convolutional net
    of the other half says. Between two scales half of the channels leave as latents, normal with
    a mean and a scale that depend on the other half.

    With ``levels`` X holds integers, and scores are of their log probabilities, in nats: by four
    draws of noise that are the same whenever a row is scored. Over the noise the mean of a score
    is a lower bound of :math:`\log P(x)`, see :class:`skflow.dequantization.Dequantized`;
    :meth:`bits_per_dim` is the figure that papers print. Draws are integers then, latents those
    of the middles of the integers' cells, and ``inverse_transform`` gives integers.

    Without ``image_shape`` a row is one pixel with a channel for each column, where a
    convolution is a dense layer: the flow of :class:`RealNVPDensity`.

    Cost: both directions are one pass of each step's net; with ``levels`` a score takes four.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Steps at each scale, 4; without ``image_shape``, couplings, 8.
    coupling : {"affine", "additive"}, default="affine"
        Additive couplings shift only.
    mixing : {"conv1x1", "emerging", "qr", "orthogonal", "permutation"}, default="conv1x1"
        Of the channels: a learnt 1 x 1 convolution, as a PLU factorisation; that and two
        autoregressive convolutions, which mix neighbouring pixels too [2]_; a 1 x 1 convolution
        as a QR factorisation or a rotation; or fixed permutations.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    RealNVPDensity : Checkerboards and channels in turn.

    References
    ----------
    .. [1] Kingma & Dhariwal (2018), Glow: Generative flow with invertible 1x1 convolutions,
       arXiv:1807.03039, table 1 and figure 2.
    .. [2] Hoogeboom, van den Berg & Welling (2019), Emerging convolutions for generative
       normalizing flows, arXiv:1901.11137, section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skflow import GlowDensity
    >>> X = load_digits().data[:200]
    >>> glow = GlowDensity(image_shape=(1, 8, 8), levels=17, n_layers=1, max_epochs=2,
    ...                    hidden_features=(8, 8), random_state=0).fit(X)
    >>> glow.sample(3, random_state=0).shape
    (3, 64)
    """

    coupling: Literal["affine", "additive"] = "affine"
    mixing: str = "conv1x1"

    _auto_layers: ClassVar[int] = 8
    _parameter_constraints: ClassVar[dict] = {
        **NetworkFlowDensity._parameter_constraints,
        **CouplingImageParameters._image_constraints,
        "coupling": [StrOptions({"affine", "additive"})],
        "mixing": [StrOptions(set(ROWS_MIXING))],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import coupling_stack, glow_step

        elementwise = self._elementwise()
        if self.image_shape is None:
            layers = {**self._layer_settings(plan), "mixing": ROWS_MIXING[self.mixing]}
            return coupling_stack(plan.n_features, elementwise, **layers)
        net = net_settings(plan, self.mixed_precision)
        return multiscale(
            self.image_shape,
            plan,
            partial(glow_step, elementwise=elementwise, mixing=self.mixing, **net),
            self.mixed_precision,
            memory_efficient=self.memory_efficient,
        )

    def _elementwise(self):
        from skflow.bijections import Additive, Affine

        return {"affine": Affine, "additive": Additive}[self.coupling]()
