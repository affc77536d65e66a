"""Fits by several processes: workers of Dask, ranks of torch.distributed."""

from skflow.scale._ranks import data_parallel

__all__ = ["data_parallel"]
