"""What flows of images have beside those of ordinary rows: a shape, levels, scales."""

import math
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from skflow._random import draw_seed
from skflow._validation import check_n_samples, column_label

__all__ = ["CouplingImageParameters", "ImageParameters"]

MAX_SCALES = 3
STEPS = 4  # at each scale
HIDDEN_CHANNELS = (64, 64)
BATCH_SIZE = 64
LEARNING_RATE = 2e-3
MAX_STEPS = 2_000
# Share of the range that the log-odds of pixels leave free at either end, as in Real NVP.
MARGIN = 0.05


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

        An upper bound of the true figure, since scores of integers are lower bounds.

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
        if self.levels is None:
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
        from skflow.estimators._scoring import draw

        check_is_fitted(self, "flow_")
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature!r}.")
        options = {} if temperature == 1 else {"temperature": temperature}
        return draw(self.flow_, check_n_samples(n_samples), draw_seed(random_state), **options)

    def _build_bijection(self, n_features, n_context, settings):
        if self.image_shape is None:
            return self._build_rows_bijection(n_features, n_context, settings)
        from skflow.bijections import Chain, SupportMap

        bijection = self._build_image_bijection(settings)
        if self.levels is None:
            return bijection
        margin = MARGIN / (1 - 2 * MARGIN) * self.levels
        low = np.full(n_features, -margin)
        return Chain([SupportMap(low, self.levels - low), bijection])

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
        batches = max(1, round(n / BATCH_SIZE))
        return {
            "n_layers": STEPS,
            "n_scales": min(MAX_SCALES, _halvings(self._shape())),
            "hidden_features": HIDDEN_CHANNELS,
            "base": "normal",
            "n_members": 1,
            "batch_size": BATCH_SIZE,
            "learning_rate": LEARNING_RATE,
            "max_epochs": max(10, round(MAX_STEPS / batches)),
            "input_noise": 0.0,
        }

    @property
    def _spreads_ties(self):
        return self.levels is None

    @property
    def _n_threads(self):
        return 1 if self.image_shape is None else None

    def _choose_preprocessing(self, table, previous):
        if self.levels is not None:
            return "identity"
        if self.image_shape is not None and self.preprocessing == "auto":
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

    def _check_values(self, X):
        if self.image_shape is not None:
            _check_shape(self.image_shape, X.shape[1])
            _check_scales(self._shape(), self.n_scales)
        if self.levels is not None:
            if self.image_shape is None:
                raise ValueError(
                    f"levels={self.levels} is for images: set image_shape=(channels, height, "
                    f"width), or ({X.shape[1]}, 1, 1) for rows of integers that are none."
                )
            if self.support is not None or self.preprocessing != "auto":
                raise ValueError(
                    f"levels={self.levels} declares integers, which have bounds and a scaling of "
                    "their own: leave support=None and preprocessing='auto'."
                )
            _check_levels(X, self.levels, getattr(self, "feature_names_in_", None))


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


def _halvings(shape):
    """How often height and width halve, down to 2 pixels: at least once if they halve at all."""
    _, height, width = shape
    count = 0
    while height % 2 == 0 and width % 2 == 0:
        count, height, width = count + 1, height // 2, width // 2
        if min(height, width) < 4:
            break
    return max(1, count)


def _check_shape(image_shape, n_features):
    sizes = np.asarray(image_shape)
    if sizes.shape != (3,) or sizes.dtype.kind not in "iu" or (sizes < 1).any():
        raise ValueError(
            "image_shape must be three positive integers (channels, height, width), got "
            f"{image_shape!r}."
        )
    if sizes.prod() != n_features:
        shape = tuple(sizes.tolist())
        raise ValueError(
            f"image_shape={shape} makes rows of {sizes.prod()} values, but X has {n_features} "
            f"columns{_fitting_shape(n_features, shape[0])}."
        )


def _fitting_shape(n_features, channels):
    """Name a shape that would fit, if there is an obvious one."""
    for c in (channels, 1, 3):
        side = math.isqrt(n_features // c)
        if c * side * side == n_features:
            return f"; ({c}, {side}, {side}) would fit"
    return ""


def _check_scales(shape, n_scales):
    channels, height, width = shape
    largest = _halvings_in_all(height, width)
    if channels == 1 and height * width > 1 and not largest:
        raise ValueError(
            f"images of {height} x {width} pixels with one channel cannot be squeezed into "
            f"several channels, of which one half could steer the other: pad them to "
            f"{height + height % 2} x {width + width % 2}, or leave image_shape=None."
        )
    if n_scales != "auto" and n_scales > max(1, largest):
        unit = 2**n_scales
        raise ValueError(
            f"n_scales={n_scales} halves height and width {n_scales} times, and {height} x "
            f"{width} pixels halve {largest} times: take n_scales={max(1, largest)} or less, or "
            f"pad the images to {-(-height // unit) * unit} x {-(-width // unit) * unit}."
        )


def _halvings_in_all(height, width):
    count = 0
    while height % 2 == 0 and width % 2 == 0:
        count, height, width = count + 1, height // 2, width // 2
    return count


def _check_levels(X, levels, names):
    bad = (X < 0) | (levels - 1 < X) | (np.floor(X) != X)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise ValueError(
            f"levels={levels} says that values are integers from 0 to {levels - 1}; "
            f"{column_label(column, names)} holds {X[row, column]:g} in row {row} "
            f"({int(bad.sum())} such values). Round or rescale X, give levels the largest value "
            "plus 1, or take levels=None for continuous values."
        )
