"""Rows and detectors that fit in no time, for the tests of this folder."""

import numpy as np
from sklearn.mixture import GaussianMixture

from skflow import FlowOutlierDetector, KernelFlowDensity, MAFDensity

PLAIN = {"preprocessing": "standardize"}  # to find out what is likelier takes longer than all else
SMALL = {**PLAIN, "n_layers": 1, "hidden_features": (8,), "base": "normal"}
GAUSSIAN = GaussianMixture(1, random_state=0)
KERNEL = KernelFlowDensity(**PLAIN)
# a density (with latents) for each score that fits in no time
QUICK = {
    "density": GAUSSIAN,
    "typicality": GAUSSIAN,
    "latent": MAFDensity(**SMALL, n_members=2, max_epochs=3),
}


def rows(n, d=3, seed=0):
    """Correlated rows with tails heavier than a Gaussian's; the law depends on d alone."""
    shape = np.random.default_rng(d).normal(size=(d, d))
    return np.random.default_rng([seed, n]).standard_t(6, size=(n, d)) @ shape + 1


def quick(score="density", **settings):
    return FlowOutlierDetector(QUICK[score], score=score, **{"random_state": 0, **settings})
