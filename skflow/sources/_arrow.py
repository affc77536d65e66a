"""Sources that pyarrow reads: its datasets, and parquet files by their path."""

import os

from skflow.sources._parts import rows_together
from skflow.sources._source import Source

__all__ = ["DatasetSource", "parquet_source"]


class DatasetSource(Source):
    """Rows of a pyarrow Dataset, in the order of its fragments and of the rows in each."""

    what = "a pyarrow Dataset"
    remedy = "X.to_table()"

    def __init__(self, X):
        self.dataset = X
        self.names = list(X.schema.names)
        self.n_columns = len(self.names)
        self.n_rows = self._rows_of_footers()

    def _rows_of_footers(self):
        """Return the number of rows where files say it without being read."""
        import pyarrow.dataset as ds

        try:
            formats = [getattr(part, "format", None) for part in self.dataset.get_fragments()]
        except ValueError:  # of a dataset with a filter
            return None
        known = (ds.ParquetFileFormat, type(None))  # None: of tables in memory
        if all(isinstance(one, known) for one in formats):
            return self.dataset.count_rows()
        return None

    def _parts(self):
        import pyarrow as pa

        batches = self.dataset.to_batches(
            batch_size=rows_together(self.n_columns),
            # one thread and no reading ahead: what is read ahead is held in memory
            batch_readahead=1,
            fragment_readahead=1,
            use_threads=False,
            **self._scan_options(),
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])

    def _scan_options(self):
        """Options that read parquet files as a stream, where the dataset has none of its own."""
        import pyarrow.dataset as ds

        form = getattr(self.dataset, "format", None)
        plain = ds.ParquetFragmentScanOptions()
        if (
            not isinstance(form, ds.ParquetFileFormat)
            or form.default_fragment_scan_options != plain
        ):
            return {}
        stream = ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
        return {"fragment_scan_options": stream}


def parquet_source(path):
    """Source of a parquet file, or of all in a folder, as ``pyarrow.parquet.read_table`` sees it.

    Files come in the order of their names; names of folders such as ``year=2024`` are columns.
    """
    path = os.fspath(path)
    try:
        import pyarrow.dataset as ds
    except ImportError as error:
        raise ImportError(
            f"X is a path, {path!r}, and parquet files are read by pyarrow: pip install "
            "'skflow[scale]'."
        ) from error
    if not os.path.exists(path):
        raise FileNotFoundError(
            f"X is a path, {path!r}, and there is nothing: pass the path of a parquet file or of "
            "a folder of them, or rows."
        )
    source = DatasetSource(ds.dataset(path, format="parquet", partitioning="hive"))
    source.what = f"the parquet {'file' if os.path.isfile(path) else 'folder'} {path!r}"
    source.remedy = f"pyarrow.parquet.read_table({path!r})"
    if not source.names:
        raise ValueError(f"{source.what} holds no parquet files: pass a folder that does.")
    return source
