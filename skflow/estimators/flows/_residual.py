"""The residual flow: blocks that add a contraction."""

from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto, Sizes
from skflow.estimators._docs import documented
from skflow.estimators._trained import HIDDEN_FEATURES, BaseFlowDensity
from skflow.images._parameters import ImageParameters, multiscale

__all__ = ["ResidualFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class ResidualFlowDensity(ImageParameters, BaseFlowDensity):  # type: ignore[misc]
    r"""Residual flow: blocks that add a contraction to what they are given [1]_ [2]_.

    Each block is :math:`z = x + g(x)` with a neural net g on all columns at once whose Lipschitz
    constant is at most ``lipschitz`` < 1, so that it is invertible without any structure:
    :math:`x = z - g(x)` has one solution. A scale and a shift of each column stand before it.
    :math:`\log|\det| = \sum_k \frac{(-1)^{k+1}}{k} \operatorname{tr} J^k` with J the Jacobian
    of g.

    In training the log-determinant and its gradient are unbiased estimates, by a random number
    of terms [2]_; reported losses of training rows are therefore noisy. Validation and scores
    are deterministic, and exact where a hidden layer or the table has at most 64 columns;
    beyond, a power series is cut off with an error below 0.001 nats a block, its bound readable
    as ``truncation_bound`` of each block of ``flow_``. The bound of g holds for any weights, and
    after training it is verified by exact spectral norms.

    A block can stretch by at most 1 + lipschitz and squeeze by 1 - lipschitz, so that this flow
    needs more blocks for sharp features than others need layers. :class:`NSFDensity` is usually
    better for the time it takes.

    With ``image_shape`` g is convolutional and x of several scales, its log-determinants in
    scoring are exact at any size, by elimination in the bands of J, and a normal base is the
    default. What ``levels`` does, :class:`GlowDensity` explains.

    Cost: a training step is some ten passes of each block's net; scoring as many as the table
    has columns (or the narrowest hidden layer units), and a determinant; sampling solves for the
    inverse, in some ten to thirty passes.

    Parameters
    ----------
    n_layers : int or "auto", default="auto"
        Residual blocks; 8. With ``image_shape``, blocks at each scale; 4.
    lipschitz : float, default=0.9
        Bound of the Lipschitz constant of each block's net, between 0 and 1. Nearer to 1 blocks
        can do more, training needs more terms, and the inverse more steps.
    log_det : {"roulette", "exact"}, default="roulette"
        Log-determinant in training: the unbiased estimate, or the exact one, which costs about
        the same in tables of up to five columns and more in wider ones.
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    NSFDensity : The strongest default.

    References
    ----------
    .. [1] Behrmann, Grathwohl, Chen, Duvenaud & Jacobsen (2019), Invertible residual networks,
       arXiv:1811.00995.
    .. [2] Chen, Behrmann, Duvenaud & Jacobsen (2019), Residual flows for invertible generative
       modeling, arXiv:1906.02735, eqs. 6 and 8.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import ResidualFlowDensity
    >>> X = load_iris().data
    >>> density = ResidualFlowDensity(n_layers=2, max_epochs=5, random_state=0).fit(X)
    >>> density.sample(3, random_state=0).shape
    (3, 4)
    """

    hidden_features: Sizes | Auto = "auto"
    lipschitz: float = 0.9
    log_det: Literal["roulette", "exact"] = "roulette"

    _auto_layers: ClassVar[int] = 8
    _parameter_constraints: ClassVar[dict] = {
        **BaseFlowDensity._parameter_constraints,
        **ImageParameters._image_constraints,
        "hidden_features": HIDDEN_FEATURES,
        "lipschitz": [Interval(Real, 0, 1, closed="neither")],
        "log_det": [StrOptions({"roulette", "exact"})],
    }

    def _build_bijection(self, plan):
        from skflow.architectures import residual_stack, residual_step

        block = {
            "hidden_features": plan.hidden_features,
            "lipschitz": self.lipschitz,
            "log_det": self.log_det,
        }
        if self.image_shape is not None:
            return multiscale(self.image_shape, plan, partial(residual_step, **block))
        return residual_stack(
            plan.n_features, n_layers=plan.n_layers, n_context=plan.n_context, **block
        )
