"""Networks that steer bijections; they know nothing of flows."""

from skflow.images.nets._attention import AttentionConvNet
from skflow.images.nets._convolution import ConvNet, convolve
from skflow.images.nets._lipschitz_conv import LipschitzConvNet
from skflow.nets._lipschitz import LipschitzMLP
from skflow.nets._masked import MADE
from skflow.nets._mlp import MLP, Encoder
from skflow.nets._monotone import IntegrandNet, PositiveNet
from skflow.nets._particles import ParticleNet
from skflow.nets._summaries import SeriesSummary, VectorSummary
from skflow.nets._velocity import VelocityField, VelocityNet

__all__ = [
    "MADE",
    "MLP",
    "AttentionConvNet",
    "ConvNet",
    "Encoder",
    "IntegrandNet",
    "LipschitzConvNet",
    "LipschitzMLP",
    "ParticleNet",
    "PositiveNet",
    "SeriesSummary",
    "VectorSummary",
    "VelocityField",
    "VelocityNet",
    "convolve",
]
