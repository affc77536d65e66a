"""Moments of a normal distribution between two points."""

import numpy as np
from scipy.special import ndtr

__all__ = ["truncated_normal"]

NARROW = 0.2  # width over which the density is nearly level
LEAST = 1e-300


def truncated_normal(low, high):
    """Means and deviations (n, 2) of a standard normal between low and high (n,)."""
    width, middle = high - low, 0.5 * (low + high)
    sign = np.where(middle > 0, -1.0, 1.0)  # its mirror image, in which no mass is 1
    low, high = np.where(middle > 0, [-high, -low], [low, high])
    mass = ndtr(high) - ndtr(low)
    narrow = (width < NARROW) | (mass < LEAST)
    mass = np.where(narrow, 1.0, mass)
    at_low, at_high = (np.exp(-0.5 * end**2) / np.sqrt(2 * np.pi) for end in (low, high))
    mean = (at_low - at_high) / mass
    variance = np.maximum(1 + (low * at_low - high * at_high) / mass - mean**2, 0.0)
    mean = np.where(narrow, middle, sign * mean)
    return np.stack([mean, np.where(narrow, width / np.sqrt(12), np.sqrt(variance))], axis=1)
