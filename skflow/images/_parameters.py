"""What flows of images have beside those of ordinary rows: a shape, levels, scales."""

import math
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Any, ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._types import Auto, Cells, Context, RandomState, Rows, Sizes
from skflow._validation import is_real
from skflow.images._checks import check_images, halvings

__all__ = ["CouplingImageParameters", "ImageParameters", "multiscale", "net_settings"]

MAX_SCALES = 3
BATCH_SIZE = 64
# what "auto" means for images, with what depends on their number and size
IMAGE_AUTO = {
    "n_layers": 4,  # at each scale
    "hidden_features": (64, 64),
    "preprocessing": "rescale",
    "base": "normal",
    "n_members": 1,
    "batch_size": BATCH_SIZE,
    "learning_rate": 2e-3,
    "input_noise": 0.0,
    "n_iter_no_change": 30,
}
MAX_STEPS = 2_000  # of training, for tables of up to LONG rows; more grow with the square root
LONG = 1_500


@dataclass(kw_only=True, eq=False, repr=False)
class ImageParameters:
    """Parameters and methods that an estimator of rows gains by taking images too.

    It comes before the estimator's own base class.
    """

    image_shape: Sizes | None = None
    levels: int | None = None
    n_scales: int | Auto = "auto"
    dequantization: Literal["uniform", "variational"] = "uniform"

    _image_constraints: ClassVar[dict] = {
        "image_shape": [None, "array-like"],
        "levels": [None, Interval(Integral, 2, None, closed="left")],
        "n_scales": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "dequantization": [StrOptions({"uniform", "variational"})],
    }

    def bits_per_dim(self: Any, X: Rows) -> float:
        r"""Bits that a code made of this density needs for each pixel, the figure papers print.

        .. math:: -\frac{1}{d \log 2} \cdot \frac1n \sum_i \log P(x_i)

        Its mean over the noise that scores are made with is an upper bound of the true figure.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Integers 0 to levels - 1.

        Returns
        -------
        bits : float

        Raises
        ------
        ValueError
            Without ``levels``: densities of continuous values are in their units, not in bits.
        """
        check_is_fitted(self, "flow_")
        if self.observation_.continuous:
            raise ValueError(
                "bits_per_dim is a figure of integers, and this estimator has levels=None: for "
                "values 0 to 255 pass levels=256."
            )
        return -self.score(X) / (self.n_features_in_ * math.log(2))

    def sample(
        self: Any,
        n_samples: int = 1,
        random_state: RandomState = None,
        temperature: float = 1.0,
        on_grid: bool = False,
        context: Context = None,
    ) -> Cells:
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        temperature : float, default=1.0
            Factor on the deviation of the latents; below 1, draws are nearer to what is typical
            and vary less (Kingma & Dhariwal 2018, section 6). Other than 1 needs a normal base.
        on_grid : bool, default=False
            Bring columns that were spread in training back to where their values were, see
            :meth:`skflow.NSFDensity.sample`. Integers of ``levels`` are where they were.
        context : array-like of shape (n_rows, n_context), optional
            What to draw rows for, if the fit had a context; images have none.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features) or (n_rows, n_samples, n_features)
            The second with a context. Integers 0 to levels - 1 if ``levels`` is set.
        """
        if not (is_real(temperature) and temperature > 0):
            raise ValueError(f"temperature must be a number above 0, got {temperature!r}.")
        return self._draws(n_samples, random_state, on_grid, context, temperature=temperature)

    def _family(self):
        family = super()._family()
        if self.image_shape is None:
            return family
        auto = {**IMAGE_AUTO, "max_epochs": self._max_epochs, "n_scales": self._n_scales}
        if self.levels is not None:
            auto["preprocessing"] = "identity"
        return replace(family, auto=auto, n_threads=None, takes_context=False)

    def _max_epochs(self, n):
        batch_size = BATCH_SIZE if self.batch_size == "auto" else self.batch_size
        steps = MAX_STEPS * max(1, n / LONG) ** 0.5
        return max(10, round(steps / max(1, n / batch_size)))

    def _n_scales(self, n):
        return min(MAX_SCALES, max(1, halvings(*self.image_shape[1:], smallest=2)))

    def _observe(self, X, weight, family, like=None):
        check_images(self, X.shape[1])
        if self.levels is None:
            return super()._observe(X, weight, family, like)
        from skflow.tables._observation import IntegerRows

        shape = tuple(int(size) for size in self.image_shape)
        noise_shape = None if self.dequantization == "uniform" else shape
        return IntegerRows(self.levels, X.shape[1], noise_shape)


@dataclass(kw_only=True, eq=False, repr=False)
class CouplingImageParameters(ImageParameters):
    """What flows of images that are made of couplings alone have beside."""

    memory_efficient: bool = False
    mixed_precision: bool = False

    _image_constraints: ClassVar[dict] = {
        **ImageParameters._image_constraints,
        "memory_efficient": ["boolean"],
        "mixed_precision": ["boolean"],
    }


def net_settings(plan, mixed_precision=None):
    """Return what every recipe of a step with a convolutional net takes."""
    dropout = 0.0 if plan.dropout is None else plan.dropout
    settings = {"hidden_features": plan.hidden_features, "dropout": dropout}
    return (
        settings if mixed_precision is None else {**settings, "mixed_precision": mixed_precision}
    )


def multiscale(image_shape, plan, step, mixed_precision=None, **others):
    """Build a multi-scale stack of the steps, for images of a shape."""
    from skflow.architectures import image_coupling, multiscale_stack
    from skflow.bijections import Affine

    prior = partial(image_coupling, elementwise=Affine(), **net_settings(plan, mixed_precision))
    return multiscale_stack(
        tuple(int(size) for size in image_shape),
        step,
        prior,
        n_steps=plan.n_layers,
        n_scales=plan.n_scales,
        **others,
    )
