"""A preprocessing of earlier versions, which files may hold; nothing makes it anew."""

import torch

from skflow.bijections._margins import BentMargins
from skflow.bijections._normal_scores import MIN_SCALE, LogisticMargins
from skflow.bijections._soft_tails import SoftTails

__all__ = ["Gaussianize", "GaussianizeMarginals"]


class GaussianizeMarginals(LogisticMargins):
    """As ``LogisticMargins``, with a background of scale 1."""

    def _background(self):
        middle, log_width = super()._background()
        return middle, torch.zeros_like(log_width)


class Gaussianize(BentMargins):
    r"""Preprocessing: every column to normal scores by a smooth fit of its distribution.

    By column: ``u = (x - shift) / scale`` with the median and a spread of the middle 80 %, tails
    bent in by :class:`SoftTails`, then ``GaussianizeMarginals``. Log-dets add up. In float64, and
    not trained. Its tails are bent twice, so that draws go far beyond the rows;
    :class:`NormalScores` is its successor.

    Cost: see :class:`NormalScores`.
    """

    def __init__(self, n_features):
        margins = GaussianizeMarginals(n_features, min_scale=MIN_SCALE)
        super().__init__(n_features, SoftTails(n_features), margins)
