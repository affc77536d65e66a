"""Fits by several processes: workers of Dask, ranks of torch.distributed."""
