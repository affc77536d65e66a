"""Tables as lossless codes, by the probabilities that a fitted density gives their rows."""

from skflow.codes._compressor import Compressor

__all__ = ["Compressor"]
