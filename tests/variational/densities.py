"""Log densities of rows with known answers, float64."""

import math

import numpy as np
import torch

__all__ = ["COVARIANCE", "LOG_NORMALISER", "MEAN", "gaussian", "gaussian_numpy", "two_modes"]

MEAN = np.array([100.0, -0.02, 3.0])
ROOT = np.array([[50.0, 0.0, 0.0], [0.004, 0.003, 0.0], [-0.5, 0.6, 0.7]])
COVARIANCE = ROOT @ ROOT.T
LOG_NORMALISER = float(np.linalg.slogdet(ROOT)[1] + 1.5 * math.log(2 * math.pi))


def gaussian(z):
    """A Gaussian whose columns differ by four orders of magnitude, peak 0."""
    noise = torch.linalg.solve_triangular(
        torch.from_numpy(ROOT), (z - torch.from_numpy(MEAN)).T, upper=False
    )
    return -0.5 * noise.square().sum(0)


def gaussian_numpy(z):
    """The same, with its gradients."""
    centred = z - MEAN
    slope = np.linalg.solve(COVARIANCE, centred.T).T
    return -0.5 * (centred * slope).sum(axis=1), -slope


def two_modes(z):
    """0.7 and 0.3 of unit Gaussians at (-4, 0) and (4, 0), times e^2."""
    far = torch.stack([z[:, 0] + 4, z[:, 0] - 4]).square() + z[:, 1].square()
    log_share = torch.tensor([0.7, 0.3], dtype=z.dtype).log()
    return torch.logsumexp(log_share[:, None] - 0.5 * far, dim=0) - math.log(2 * math.pi) + 2
