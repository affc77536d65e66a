"""Rows in a file, shuffled."""

import shutil
import tempfile

import numpy as np
import pytest
from scipy.stats import kstest

from skflow.fitting import _scratch
from skflow.fitting._scratch import ShuffledFile, row_type
from skflow.fitting._survey import BINS, Survey
from skflow.tables._head import keys_of

N = 5_000


def rows_of(places):
    row = row_type(2, 1, np.float32, weighted=True)
    rows = np.zeros(len(places), dtype=row)
    rows["x"][:, 0], rows["weight"] = places, np.add(places, 1)
    rows["context"][:, 0] = np.multiply(places, 2)
    return rows


@pytest.fixture(params=[2**25, 20_000], ids=["one region", "many regions"])
def file(request, monkeypatch):
    monkeypatch.setattr(_scratch, "REGION", request.param)
    bins = Survey.bins(keys_of(np.arange(N)))
    file = ShuffledFile(rows_of([0]).dtype, np.bincount(bins, minlength=BINS))
    for places in np.array_split(np.arange(N), 13):
        file.write(bins[places], rows_of(places))
    file.shuffle()
    yield file
    file.close()


def test_every_row_is_there_once_and_whole(file):
    rows = file.read(0, N)
    assert sorted(rows["x"][:, 0]) == list(range(N))
    np.testing.assert_array_equal(rows["weight"], rows["x"][:, 0] + 1)
    np.testing.assert_array_equal(rows["context"][:, 0], 2 * rows["x"][:, 0])
    assert len(file) == N


def test_rows_are_shuffled(file):
    places = file.read(0, N)["x"][:, 0]
    assert abs(np.corrcoef(places, np.arange(N))[0, 1]) < 0.05
    assert kstest(places[:500] / N, "uniform").pvalue > 1e-3


def test_reading_goes_round(file):
    whole = file.read(0, N)
    np.testing.assert_array_equal(file.read(N - 3, 5), np.append(whole[-3:], whole[:2]))
    np.testing.assert_array_equal(file.read(N + 7, 11), whole[7:18])


def test_a_file_that_was_not_filled_gives_what_it_has(monkeypatch):
    monkeypatch.setattr(_scratch, "REGION", 20_000)
    bins = Survey.bins(keys_of(np.arange(N)))
    file = ShuffledFile(rows_of([0]).dtype, np.bincount(bins, minlength=BINS))
    file.write(bins[:700], rows_of(np.arange(700)))
    file.shuffle()
    assert sorted(file.read(0, 700)["x"][:, 0]) == list(range(700))
    assert len(file) == 700
    file.close()


def test_more_rows_than_were_counted_are_refused(file):
    with pytest.raises(ValueError, match="more rows when it was read again"):
        file.write(Survey.bins(keys_of(np.arange(10))), rows_of(np.arange(10)))


def test_a_full_disk_is_told_beforehand(monkeypatch):
    usage = shutil.disk_usage(tempfile.gettempdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(OSError, match="TMPDIR"):
        ShuffledFile(rows_of([0]).dtype, np.array([N]))
