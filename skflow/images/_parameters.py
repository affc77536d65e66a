"""What flows of images have beside those of ordinary rows: a shape, levels, scales."""

import math
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._validation import is_real
from skflow.images._checks import check_images, halvings

__all__ = ["CouplingImageParameters", "ImageParameters"]

MAX_SCALES = 3
STEPS = 4  # at each scale
HIDDEN_CHANNELS = (64, 64)
BATCH_SIZE = 64
LEARNING_RATE = 2e-3
MAX_STEPS = 2_000  # of training, for tables of up to LONG rows; more grow with the square root
LONG = 1_500


@dataclass(kw_only=True, eq=False, repr=False)
class ImageParameters:
    """Parameters and methods that an estimator of rows gains by taking images too.

    It comes before the estimator's own base class, and calls two hooks: ``_build_rows_bijection``
    as ``_build_bijection`` of other estimators, and ``_build_image_bijection(settings)``.
    """

    image_shape: Any = None
    levels: int | None = None
    n_scales: int | str = "auto"
    dequantization: str = "uniform"

    _image_constraints: ClassVar[dict] = {
        "image_shape": [None, "array-like"],
        "levels": [None, Interval(Integral, 2, None, closed="left")],
        "n_scales": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "dequantization": [StrOptions({"uniform", "variational"})],
    }

    def bits_per_dim(self, X):
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
        if self._fitted_to[0] is None:
            raise ValueError(
                "bits_per_dim is a figure of integers, and this estimator has levels=None: for "
                "values 0 to 255 pass levels=256."
            )
        return -self.score(X) / (self.n_features_in_ * math.log(2))

    def sample(self, n_samples=1, random_state=None, temperature=1.0):
        """Draw rows from the fitted density.

        Parameters
        ----------
        n_samples : int, default=1
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.
        temperature : float, default=1.0
            Factor on the deviation of the latents; below 1, draws are nearer to what is typical
            and vary less (Kingma & Dhariwal 2018, section 6). Other than 1 needs a normal base.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            Integers 0 to levels - 1 if ``levels`` is set.
        """
        if not (is_real(temperature) and temperature > 0):
            raise ValueError(f"temperature must be a number above 0, got {temperature!r}.")
        return self._draw(n_samples, random_state, temperature=temperature)

    def _build_bijection(self, n_features, n_context, settings):
        if self.image_shape is None:
            return self._build_rows_bijection(n_features, n_context, settings)
        from skflow.bijections import Chain, LogisticToNormal, SupportMap

        bijection = self._build_image_bijection(settings)
        if self.levels is None:
            return bijection
        # all values between 0 and the number of levels, so that no probability lies elsewhere
        bounds = np.zeros(n_features), np.full(n_features, self.levels)
        return Chain([SupportMap(*bounds), LogisticToNormal(), bijection])

    def _net_settings(self, settings):
        """Return what every recipe of a step with a convolutional net takes."""
        dropout = 0.0 if settings.dropout is None else settings.dropout
        return {"hidden_features": settings.hidden_features, "dropout": dropout}

    def _multiscale(self, settings, step, **others):
        """Build a multi-scale stack of the steps."""
        from skflow.architectures import image_coupling, multiscale_stack
        from skflow.bijections import Affine

        return multiscale_stack(
            self._shape(),
            step,
            partial(image_coupling, elementwise=Affine(), **self._net_settings(settings)),
            n_steps=settings.n_layers,
            n_scales=settings.n_scales,
            **others,
        )

    def _shape(self):
        return tuple(int(size) for size in self.image_shape)

    def _auto(self, n, d):
        if self.image_shape is None:
            return super()._auto(n, d)
        batch_size = BATCH_SIZE if self.batch_size == "auto" else self.batch_size
        steps = MAX_STEPS * max(1, n / LONG) ** 0.5
        return {
            "n_layers": STEPS,
            "n_scales": min(MAX_SCALES, max(1, halvings(*self._shape()[1:], smallest=2))),
            "hidden_features": HIDDEN_CHANNELS,
            "base": "normal",
            "n_members": 1,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "max_epochs": max(10, round(steps / max(1, n / batch_size))),
            "input_noise": 0.0,
        }

    @property
    def _spreads_ties(self):
        return self.levels is None

    @property
    def _n_threads(self):
        return 1 if self.image_shape is None else None

    def _choose_preprocessing(self, table, previous):
        if previous is None and self.levels is not None:
            return "identity"
        if previous is None and self.image_shape is not None and self.preprocessing == "auto":
            return "rescale"
        return super()._choose_preprocessing(table, previous)

    def _observe(self, flow):
        """Wrap a flow of continuous values so that it is one of the values that X holds."""
        if self.levels is None:
            return flow
        from skflow.architectures import dequantizing_flow
        from skflow.dequantization import Dequantized

        if self.dequantization == "uniform":
            return Dequantized(flow, self.levels)
        return Dequantized(flow, self.levels, dequantizing_flow(self._shape()))

    def _fit(self, X, sample_weight=None, fold=None):
        seen = (self.levels, np.ravel(np.asarray(self.image_shape, dtype=object)).tolist())
        before = getattr(self, "_fitted_to", seen)
        if self.warm_start and before != seen:
            raise ValueError(
                "warm_start=True goes on with the flow of the last fit, whose levels and "
                f"image_shape were {before} and are {seen} now: put them back, or fit anew with "
                "warm_start=False."
            )
        super()._fit(X, sample_weight, fold)
        self._fitted_to = seen
        return self

    def _check_values(self, X):
        check_images(self, X)


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

    def _net_settings(self, settings):
        return {**super()._net_settings(settings), "mixed_precision": self.mixed_precision}

    def _multiscale(self, settings, step, **others):
        others["memory_efficient"] = self.memory_efficient
        return super()._multiscale(settings, step, **others)
