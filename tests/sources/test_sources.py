"""Every kind of source gives the rows of its table, in bounded blocks, as often as it is asked."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from sklearn import config_context

from skflow.sources import _parts
from skflow.sources._find import is_dask, source_of
from skflow.sources._memory import whole_or_blocks
from tests.sources.tables import (
    DASK,
    FRAME,
    FRAMES,
    N_ROWS,
    NAMES,
    ROWS,
    SOURCES,
    Blocks,
    dask_array,
    memmap,
)


def in_memory(X):
    """Return X if it is a table in memory, the table of a source that fits, and None else."""
    source = source_of(X)
    return X if source is None else whole_or_blocks(source)[0]


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    with config_context(working_memory=0):  # with which nothing fits in memory
        yield source_of(SOURCES[request.param](tmp_path))


class TestEverySource:
    def test_gives_the_rows_in_their_order_each_time(self, source):
        for _ in range(2):
            blocks = list(source.blocks())
            np.testing.assert_array_equal(np.concatenate(blocks), ROWS)
            assert all(map(len, blocks))

    def test_gathers_the_table(self, source):
        np.testing.assert_array_equal(np.asarray(source.gather()), ROWS)

    def test_blocks_are_bounded(self, source, monkeypatch):
        monkeypatch.setattr(_parts, "MOST_ROWS", 40)
        assert max(map(len, source.blocks())) == 40
        monkeypatch.setattr(_parts, "MOST_ENTRIES", 30)
        assert max(map(len, source.blocks())) == 10

    def test_knows_its_size_when_it_was_read(self, source):
        assert source.n_rows in (None, N_ROWS)
        assert source.n_columns in (None, 3)
        assert len(list(source.blocks())) >= 1
        assert (source.n_rows, source.n_columns) == (N_ROWS, 3)

    def test_does_not_fit_without_working_memory(self, source):
        assert in_memory(source) is None


class TestFrames:
    @pytest.mark.parametrize("name", FRAMES)
    def test_keep_names(self, name, tmp_path):
        source = source_of(FRAMES[name](tmp_path))
        assert source.names in (None, NAMES)
        kinds = {type(block) for block in source.blocks()}
        assert source.names == NAMES
        assert {type(source.gather())} == kinds

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("parquet folder", pa.Table),
            ("LazyFrame", pl.DataFrame),
            ("Dask DataFrame", pd.DataFrame),
            ("tuple of frames", pd.DataFrame),
            ("Dask array", np.ndarray),
        ],
    )
    def test_gather_what_a_user_would_pass(self, name, kind, tmp_path):
        assert type(in_memory(SOURCES[name](tmp_path))) is kind

    def test_index_and_categories_of_dask(self):
        dd = pytest.importorskip("dask.dataframe")
        parts = [
            pd.DataFrame({"kind": pd.Categorical(list(text))}, index=[3 * k, 3 * k + 1])
            for k, text in enumerate(["ab", "bc"])
        ]
        frame = in_memory(dd.from_map(lambda part: part, parts))
        assert frame.kind.dtype == "category"
        assert frame.index.tolist() == [0, 1, 3, 4]
        assert frame.kind.tolist() == list("abbc")

    def test_arrow_batches_and_frames_of_polars(self):
        table = pa.Table.from_pandas(FRAME)
        for blocks in (table.to_batches(100), [pl.DataFrame(FRAME[:9]), pl.DataFrame(FRAME[9:])]):
            np.testing.assert_array_equal(np.asarray(in_memory(blocks)), ROWS)

    def test_names_of_folders_are_columns(self, tmp_path):
        for year in (2023, 2024):
            (tmp_path / f"year={year}").mkdir()
            table = pa.table({"x": [1.0, float(year)]})
            pq.write_table(table, tmp_path / f"year={year}" / "part.parquet")
        table = in_memory(tmp_path)
        assert table.column_names == ["x", "year"]
        assert table["year"].to_pylist() == [2023, 2023, 2024, 2024]

    def test_other_files_of_arrow_are_read_to_be_counted(self, tmp_path):
        FRAME.to_csv(tmp_path / "rows.csv", index=False)
        source = source_of(ds.dataset(tmp_path, format="csv"))
        assert source.n_rows is None
        np.testing.assert_allclose(np.asarray(source.gather()), ROWS, rtol=1e-15)


class TestMemmap:
    def test_is_an_array_if_it_fits(self, tmp_path):
        mapped = memmap(tmp_path)
        assert source_of(mapped) is None
        assert in_memory(mapped) is mapped
        with config_context(working_memory=1):  # of which a table gets 2**12 entries
            assert source_of(mapped) is None
            assert source_of(np.load(tmp_path / "rows.npy")) is None
        np.save(tmp_path / "long.npy", np.zeros((2**11 + 1, 2)))
        with config_context(working_memory=1):
            assert source_of(np.load(tmp_path / "long.npy", mmap_mode="r")) is not None

    def test_of_joblib_is_an_array(self, tmp_path):
        folder = tmp_path / "joblib_memmapping_folder_1_2"
        folder.mkdir()
        with config_context(working_memory=0):
            assert source_of(memmap(folder)) is None

    def test_what_was_computed_of_it_is_an_array(self, tmp_path):
        with config_context(working_memory=0):
            assert source_of(memmap(tmp_path) * 2) is None

    @pytest.mark.parametrize("mode", ["r", "r+", "c"])
    def test_what_was_written_to_it_stays(self, mode, tmp_path):
        mapped = memmap(tmp_path, mode=mode)
        if mode != "r":
            mapped[3] = 7.0
        with config_context(working_memory=0):
            for _ in range(2):
                np.testing.assert_array_equal(source_of(mapped).gather(), mapped)
                assert list(map(len, source_of(mapped).blocks())) == [N_ROWS]
        assert mode == "r" or (mapped[3] == 7.0).all()

    @pytest.mark.parametrize("cut", [np.s_[10:300], np.s_[::7], np.s_[:, ::2]])
    def test_slices(self, cut, tmp_path):
        with config_context(working_memory=0):
            part = source_of(memmap(tmp_path)[cut])
        np.testing.assert_array_equal(np.concatenate(list(part.blocks())), ROWS[cut])


class TestNoSource:
    @pytest.mark.parametrize(
        "table",
        [
            ROWS,
            ROWS.tolist(),
            list(ROWS),
            [FRAME["a"], FRAME["b"]],
            FRAME,
            FRAME["a"],
            pl.DataFrame(FRAME),
            pa.Table.from_pandas(FRAME),
            np.ma.masked_array(ROWS),
            {"a": [1.0]},
            range(3),
            [],
            b"bytes",
            None,
            3.0,
        ],
        ids=lambda table: type(table).__name__,
    )
    def test_what_was_a_table_is_one(self, table):
        assert source_of(table) is None
        assert in_memory(table) is table

    def test_a_sequence_of_rows(self):
        class Sequence:
            def __len__(self):
                return N_ROWS

            def __getitem__(self, k):
                return ROWS[k]

        assert source_of(Sequence()) is None

    @pytest.mark.parametrize("name", SOURCES)
    def test_which_is_of_dask(self, name, tmp_path):
        assert is_dask(SOURCES[name](tmp_path)) == (name in DASK)

    def test_one_column_of_dask(self, tmp_path):
        assert source_of(dask_array(tmp_path)[:, 0]) is None
        assert not is_dask(dask_array(tmp_path)[:, 0])
        assert not is_dask(ROWS)


class TestErrors:
    @pytest.mark.parametrize(
        "once", [iter([ROWS]), (block for block in [ROWS]), map(abs, [ROWS]), open]
    )
    def test_what_can_be_read_once(self, once):
        if once is open:
            with open(__file__) as file, pytest.raises(TypeError, match="read once"):
                source_of(file)
            return
        with pytest.raises(TypeError, match=r"X is a .* read once.*__iter__.*partial_fit"):
            source_of(once)

    def test_what_begins_in_the_middle(self):
        class Same:
            def __init__(self):
                self.blocks = iter([ROWS, ROWS])

            def __iter__(self):
                return self.blocks

        source = source_of(Same())
        assert len(list(source.blocks())) == 2
        with pytest.raises(ValueError, match="0 rows and not 1000: a table is read several times"):
            list(source.blocks())

    def test_more_rows_than_before(self):
        blocks = [ROWS]
        source = source_of(blocks)
        blocks.append(ROWS)
        with pytest.raises(ValueError, match="gave at least 1000 rows and not 500"):
            list(source.blocks())

    @pytest.mark.parametrize(
        ("blocks", "message"),
        [
            ([ROWS, ROWS[:, :2]], r"block 1 of a .* has 2 columns .*first has 3 columns"),
            ([FRAME, FRAME[["a", "c", "b"]]], r"block 1 .*'c', 'b'\], and the first has \['a'"),
            ([FRAME, ROWS], r"block 1 .*3 columns \(of a array\).*data frame"),
            ([ROWS, ROWS[0]], r"block 1 .* has shape \(3,\) \(a ndarray\).*reshape"),
            ([ROWS, [ROWS]], r"block 1 .* has shape \(1, 500, 3\) \(a list\)"),
            ([ROWS, 3.0], r"block 1 .* has shape \(\) \(a float\)"),
        ],
    )
    def test_blocks_that_do_not_fit(self, blocks, message):
        for given in (blocks, type("Mine", (), {"__iter__": lambda self: iter(blocks)})()):
            with pytest.raises(ValueError, match=message):
                in_memory(given)

    @pytest.mark.parametrize("empty", [Blocks(at=(0, 0)), Blocks(at=(0,)), [ROWS[:0], ROWS[:0]]])
    def test_no_rows(self, empty):
        with pytest.raises(ValueError, match=r"holds no rows \(0 samples\)"):
            in_memory(empty)

    def test_paths(self, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"nowhere.*there is nothing: pass the path"):
            source_of(tmp_path / "nowhere")
        with pytest.raises(ValueError, match="holds no parquet files"):
            source_of(tmp_path)
        (tmp_path / "notes.txt").write_text("no table")
        with pytest.raises(ValueError, match="parquet"):
            source_of(str(tmp_path))

    def test_old_polars(self, monkeypatch):
        monkeypatch.delattr(pl.LazyFrame, "collect_batches")
        with pytest.raises(TypeError, match=r"lazy, a polars.LazyFrame.*from polars 1.34 on"):
            source_of(pl.DataFrame(FRAME).lazy())


def test_narwhals():
    narwhals = pytest.importorskip("narwhals")
    lazy = narwhals.from_native(pl.DataFrame(FRAME).lazy())
    assert type(in_memory(lazy)) is pl.DataFrame


def test_no_more_is_read_than_it_takes_to_know():
    class Endless:
        def __init__(self):
            self.given = 0

        def __iter__(self):
            while True:
                self.given += len(ROWS)
                yield ROWS

    endless = Endless()
    with config_context(working_memory=1):  # of which a table gets 2**12 entries
        assert in_memory(endless) is None
    assert endless.given == 1500
