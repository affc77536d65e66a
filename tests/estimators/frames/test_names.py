"""Names of columns that are no text: kept in files and in tables that come back, or explained."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import skflow
from skflow import TableDensity

SMALL = {"n_members": 1, "hidden_features": (8,), "max_steps": 5, "random_state": 0}
DAYS = pd.date_range("2024-01-01", periods=3)
TUPLES = [("a", 1), ("a", 2), ("b", 1)]


def table(names):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)))
    frame.columns = names
    return frame


@pytest.mark.parametrize(
    "names",
    [
        DAYS,
        DAYS.tz_localize("UTC"),
        DAYS.as_unit("ns"),
        pd.to_timedelta([1, 2, 3], unit="h"),
        [day.date() for day in DAYS],
        pd.Index([dt.datetime(2024, 1, 1, tzinfo=dt.UTC), dt.timedelta(1), "x"], dtype=object),
        [1.5, None, "b"],
        [True, 7, "x"],
        np.array([3, 4, 5]),
        pd.MultiIndex.from_tuples(TUPLES, names=["first", "second"]),
        pd.Index(TUPLES, tupleize_cols=False),
    ],
    ids=lambda names: f"{type(names).__name__}-{type(names[0]).__name__}",
)
def test_are_saved(names, tmp_path):
    density = TableDensity(**SMALL).fit(table(names))
    density.save(tmp_path / "density")
    again = skflow.load(tmp_path / "density")
    drawn = again.sample(2, random_state=0)
    pd.testing.assert_frame_equal(drawn, density.sample(2, random_state=0))
    assert list(drawn.columns) == list(table(names).columns)
    assert list(map(type, again.reader_.schema.names)) == list(
        map(type, density.reader_.schema.names)
    )
    again.score_samples(table(names))


@pytest.mark.parametrize(
    "names",
    [DAYS.to_period("M"), DAYS.tz_localize("Europe/Rome"), pd.interval_range(0, 3)],
    ids=lambda names: type(names[0]).__name__,
)
def test_of_other_kinds_are_refused_with_a_remedy(names, tmp_path):
    density = TableDensity(**SMALL).fit(table(names))
    with pytest.raises(TypeError, match=r"names.0.*df.columns = df.columns.map\(str\)"):
        density.save(tmp_path / "density")
    assert not list(tmp_path.iterdir())
    text = table(names.map(str))
    TableDensity(**SMALL).fit(text).save(tmp_path / "density")


def test_levels_and_bounds_that_are_times(tmp_path):
    frame = pd.DataFrame({"day": pd.Categorical(np.repeat(DAYS, 10)), "x": np.arange(30.0)})
    frame["when"] = pd.date_range("2024-01-01", periods=30)
    support = {"when": (np.datetime64("2023-01-01"), dt.datetime(2025, 1, 1))}
    density = TableDensity(support=support, **SMALL).fit(frame)
    density.save(tmp_path / "density")
    again = skflow.load(tmp_path / "density")
    assert again.support == support
    assert list(map(type, again.support["when"])) == list(map(type, support["when"]))
    pd.testing.assert_frame_equal(
        again.sample(5, random_state=0), density.sample(5, random_state=0)
    )
