"""Reading a source takes the memory of a few blocks, however many rows it has."""

import subprocess
import sys

import numpy as np
import pytest

N_ROWS, N_COLUMNS, N_FILES = 2_000_000, 8, 8  # 128 MB
MOST = 80  # MiB above what it takes to import

MAKE = {
    "memmap": "X = numpy.load('rows.npy', mmap_mode='r')",
    "parquet folder": "import pyarrow.dataset; X = 'folder'",
    "LazyFrame": "import polars; X = polars.scan_parquet('folder/*.parquet')",
    "Dask array": (
        "import dask.array; "
        f"X = dask.array.ones(({N_ROWS}, {N_COLUMNS}), chunks=(50_000, {N_COLUMNS}))"
    ),
}
READ = """
import re
import numpy
import sklearn
from skflow.sources._find import source_of
sklearn.set_config(working_memory=0)
{make}

def most():
    # and not ru_maxrss, which a process inherits
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", file.read())[1])

source = source_of(X)
next(source.blocks())  # what the first of all takes, threads and tables of kernels
before = most()
rows = sum(len(block) for block in source.blocks())
print(rows, (most() - before) // 1024)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("rows")
    (path / "folder").mkdir()
    rows = np.random.default_rng(0).normal(size=(N_ROWS // N_FILES, N_COLUMNS))
    mapped = np.lib.format.open_memmap(
        path / "rows.npy", mode="w+", dtype=np.float64, shape=(N_ROWS, N_COLUMNS)
    )
    for k in range(N_FILES):
        mapped[k * len(rows) : (k + 1) * len(rows)] = rows
        table = pa.table({f"c{j}": column for j, column in enumerate(rows.T)})
        pq.write_table(table, path / "folder" / f"{k}.parquet", row_group_size=50_000)
    return path


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("name", MAKE)
def test_memory_of_reading(name, folder):
    run = subprocess.run(
        [sys.executable, "-c", READ.format(make=MAKE[name])],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    rows, mib = map(int, run.stdout.split())
    assert rows == N_ROWS
    assert mib < MOST
