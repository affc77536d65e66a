"""Networks that steer bijections; they know nothing of flows."""

from skflow.nets._lipschitz import LipschitzMLP
from skflow.nets._masked import MADE
from skflow.nets._mlp import MLP

__all__ = ["MADE", "MLP", "LipschitzMLP"]
