"""What flows of images refuse, and what would fit."""

import math
from numbers import Integral

import numpy as np

__all__ = ["check_images", "check_scales", "check_shape", "halvings"]

# parameters that say something of images only, with what says nothing
OF_IMAGES = {
    "levels": None,
    "n_scales": "auto",
    "dequantization": "uniform",
    "memory_efficient": False,
    "mixed_precision": False,
}
# those that integers leave no room for, with what they may be
NOT_OF_INTEGERS = {
    "support": (None,),
    "resolution": (None,),
    "periodic": (None,),
    "preprocessing": ("auto",),
    "input_noise": ("auto", 0),
}


def check_images(estimator, n_features):
    """Raise a ValueError if parameters of images contradict each other or the table."""
    if estimator.image_shape is None:
        _check_rows(estimator, n_features)
        return
    check_shape(estimator.image_shape, n_features)
    check_scales(tuple(estimator.image_shape), estimator.n_scales)
    if estimator.levels is None:
        if estimator.dequantization != "uniform":
            raise ValueError(
                f"dequantization={estimator.dequantization!r} is for integers: give levels, or "
                "leave it at 'uniform'."
            )
        return
    for name, allowed in NOT_OF_INTEGERS.items():
        if getattr(estimator, name) not in allowed:
            raise ValueError(
                f"levels={estimator.levels} declares integers, which have bounds, noise and a "
                f"scaling of their own: leave {name} at {allowed[0]!r}."
            )


def _check_rows(estimator, n_features):
    for name, nothing in OF_IMAGES.items():
        value = getattr(estimator, name, nothing)
        if value != nothing:
            raise ValueError(
                f"{name}={value!r} is for images: set image_shape=(channels, height, width), or "
                f"({n_features}, 1, 1) for rows that are none; else leave it at {nothing!r}."
            )


def check_shape(image_shape, n_features):
    """Raise a ValueError unless it is the shape of images of so many values."""
    sizes = np.asarray(image_shape, dtype=object)
    whole = all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes.flat)
    if sizes.shape != (3,) or not whole or min(sizes) < 1:
        raise ValueError(
            "image_shape must be three positive integers (channels, height, width), got "
            f"{image_shape!r}."
        )
    if math.prod(sizes) != n_features:
        shape = tuple(int(size) for size in sizes)
        raise ValueError(
            f"image_shape={shape} makes rows of {math.prod(sizes)} values, but X has {n_features} "
            f"columns{_fitting_shape(n_features, shape[0])}."
        )


def _fitting_shape(n_features, channels):
    """Name a shape that would fit, if there is an obvious one."""
    for c in (channels, 1, 3):
        side = math.isqrt(n_features // c)
        if c * side * side == n_features:
            return f"; ({c}, {side}, {side}) would fit"
    return ""


def check_scales(shape, n_scales):
    """Raise a ValueError if images of this shape cannot be squeezed so often."""
    channels, height, width = shape
    largest = halvings(height, width)
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
            f"{width} pixels halve {largest} times: take n_scales from 1 to {max(1, largest)}, or "
            f"pad the images to {-(-height // unit) * unit} x {-(-width // unit) * unit}."
        )


def halvings(height, width, smallest=1):
    """How often height and width halve without going below ``smallest`` pixels."""
    count = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) >= 2 * smallest:
        count, height, width = count + 1, height // 2, width // 2
    return count
