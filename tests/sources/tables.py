"""One table as every kind of source: what the tests of sources run over."""

import numpy as np
import pandas as pd

N_ROWS = 500
NAMES = ["a", "b", "c"]
ROWS = np.random.default_rng(0).normal(size=(N_ROWS, 3))
FRAME = pd.DataFrame(ROWS, columns=NAMES)


class Blocks:
    """Blocks that begin anew each time, an empty one among them."""

    def __init__(self, table=ROWS, at=(0, 200, 200, 210, N_ROWS)):
        self.table, self.at = table, at
        self.times = 0

    def __iter__(self):
        self.times += 1
        for start, stop in zip(self.at[:-1], self.at[1:], strict=True):
            yield self.table[start:stop]


def memmap(folder, rows=ROWS, mode="r"):
    path = folder / "rows.npy"
    np.save(path, rows)
    return np.load(path, mmap_mode=mode)


def parquet(folder, table=FRAME, at=(0, 300, 300, N_ROWS)):
    """A folder of files, an empty one among them, with a file that is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / "parquet"
    path.mkdir()
    for k, (start, stop) in enumerate(zip(at[:-1], at[1:], strict=True)):
        part = pa.Table.from_pandas(table[start:stop], preserve_index=False)
        pq.write_table(part, path / f"part-{k}.parquet", row_group_size=64)
    (path / "_SUCCESS").touch()
    return path


def dataset(folder):
    import pyarrow.dataset as ds

    return ds.dataset(parquet(folder))


def filtered(folder):
    import pyarrow.dataset as ds

    return dataset(folder).filter(ds.field("a") > -100)


def dataset_in_memory(folder):
    import pyarrow as pa
    import pyarrow.dataset as ds

    return ds.dataset(pa.Table.from_pandas(FRAME, preserve_index=False))


def lazy_frame(folder):
    import polars as pl

    return pl.scan_parquet(f"{parquet(folder)}/*.parquet")


def dask_array(folder, chunks=(64, 2)):
    import dask.array as da

    return da.from_array(ROWS, chunks=chunks)


def uncounted(folder):
    """A Dask array of which nobody knows how many rows are in a chunk; the last has none."""
    import dask.array as da

    rows = np.concatenate([ROWS, np.full((50, 3), 9.0)])
    rows = da.from_array(rows, chunks=(50, 3))
    return rows[rows[:, 0] < 9]


def dask_frame(folder):
    import dask.dataframe as dd

    return dd.from_pandas(FRAME, npartitions=4)


ARRAYS = {
    "memmap": memmap,
    "Dask array": dask_array,
    "Dask array, uncounted": uncounted,
    "blocks": lambda folder: Blocks(),
    "list of arrays": lambda folder: [ROWS[:200], ROWS[:0], ROWS[200:]],
}
FRAMES = {
    "parquet folder": parquet,
    "parquet folder, as text": lambda folder: str(parquet(folder)),
    "parquet file": lambda folder: parquet(folder, at=(0, N_ROWS)) / "part-0.parquet",
    "Dataset": dataset,
    "Dataset, filtered": filtered,
    "Dataset in memory": dataset_in_memory,
    "LazyFrame": lazy_frame,
    "Dask DataFrame": dask_frame,
    "blocks of frames": lambda folder: Blocks(FRAME),
    "tuple of frames": lambda folder: (FRAME[:200], FRAME[200:]),
}
SOURCES = ARRAYS | FRAMES
DASK = ("Dask array", "Dask array, uncounted", "Dask DataFrame")
