"""Random tables: what comes out looks as what went in, or the fit says what it cannot take."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings

import skflow
from tests.estimators.frames.random_frames import BAD, frames
from tests.estimators.frames.tables import quick

VERY_QUICK = {"n_members": 1, "hidden_features": (8, 8), "max_steps": 3}
SETTINGS = {
    "derandomize": True,
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "phases": [Phase.generate],  # to make an example smaller takes hundreds of fits
}


def looks(table):
    """All of a table but its rows: make, names, dtypes, levels."""
    if isinstance(table, pd.DataFrame):
        columns, dtypes = table.columns, table.dtypes.tolist()
        levels = [list(t.categories) for t in dtypes if isinstance(t, pd.CategoricalDtype)]
        return "pandas", columns.names, columns.tolist(), dtypes, levels
    if isinstance(table, np.ndarray):
        return "numpy", table.dtype, table.shape[1]
    return type(table), table.schema


def column(table, j):
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, j]
    return (
        table[:, j]
        if isinstance(table, np.ndarray)
        else table[table.schema.names[j]]
        if isinstance(table, pa.Table)
        else table.to_series(j)
    )


def cells(table):
    """Cells as lists, one a column, None in holes."""
    lists = []
    for j in range(table.shape[1]):
        own = column(table, j)
        own = own.to_pylist() if isinstance(own, pa.ChunkedArray) else list(own)
        lists.append([None if is_hole(cell) else cell for cell in own])
    return lists


def is_hole(cell):
    return cell is None or cell is pd.NA or cell != cell  # noqa: PLR0124


def first(table, n):
    if isinstance(table, pd.DataFrame):
        return table.iloc[:n]
    return table.slice(0, n) if isinstance(table, pa.Table) else table[:n]


def part(table, which):
    """Some columns by number."""
    if isinstance(table, pd.DataFrame):
        return table.iloc[:, which]
    if isinstance(table, np.ndarray):
        return table[:, which]
    return table.select(
        [
            table.schema.names()[j] if callable(table.schema.names) else table.schema.names[j]
            for j in which
        ]
    )


def nothing(table):
    """One row of holes."""
    if isinstance(table, pl.DataFrame):
        return table.clear(1)
    if isinstance(table, pa.Table):
        return pa.table([pa.nulls(1, field.type) for field in table.schema], schema=table.schema)
    holes = np.full((1, table.shape[1]), None)
    return holes if isinstance(table, np.ndarray) else pd.DataFrame(holes, columns=table.columns)


def refused(X, error):
    """Whether the message says what came and what should have."""
    n = len(X)
    if n < 5:
        return f"{n} sample" in str(error) and "at least 5" in str(error)
    return all(cell is None for own in cells(X) for cell in own) and "are empty" in str(error)


def check(X, folder):
    try:
        density = quick(**VERY_QUICK).fit(X)
    except (TypeError, ValueError) as error:
        if not refused(X, error):
            raise
        return
    assert len(X) >= 5
    before = cells(X)
    skipped = [place is None for place in density.reader_.places]
    check_draws(density, X, before, skipped)
    check_holes(density, X, before, skipped)
    check_no_rows(density, X)
    check_scores(density, X, before, skipped)
    check_kept(density, X, folder)
    check_marginal(density, X)


def check_draws(density, X, before, skipped):
    drawn = density.sample(3, random_state=0)
    assert looks(drawn) == looks(X)
    for own, skip in zip(cells(drawn), skipped, strict=True):
        assert [cell is None for cell in own] == [skip] * 3
    drawn = density.sample(random_state=0, given=first(X, 2))
    assert looks(drawn) == looks(X)
    keeps([own[:2] for own in before], cells(drawn), skipped)


def keeps(before, after, skipped):
    for old, new, skip in zip(before, after, skipped, strict=True):
        assert len(old) == len(new)
        for a, b in zip(old, new, strict=True):
            if a is None:
                assert (b is None) == skip
            else:
                assert type(a) is type(b)
                assert a == b


def check_holes(density, X, before, skipped):
    for filled in [density.impute(X), *density.impute(X, n_draws=1, random_state=0)]:
        assert looks(filled) == looks(X)
        keeps(before, cells(filled), skipped)
        if isinstance(X, pd.DataFrame):
            pd.testing.assert_index_equal(filled.index, X.index)


def check_no_rows(density, X):
    rows = first(X, 0)
    assert looks(density.impute(rows)) == looks(X)
    assert density.score_samples(rows).shape == (0,)


def check_scores(density, X, before, skipped):
    scores = density.score_samples(X)
    assert scores.shape == (len(X),)
    assert np.isfinite(scores).all()  # no support is declared
    np.testing.assert_allclose(density.score_samples(nothing(X)), 0, atol=1e-6)
    nats = density.explain(X)
    holes = np.array([[cell is None for cell in own] for own in before]).T
    np.testing.assert_array_equal(np.isnan(nats), holes | np.array(skipped))


def check_kept(density, X, folder):
    scores = density.score_samples(X)
    density.save(folder / "density")
    for again in (pickle.loads(pickle.dumps(density)), skflow.load(folder / "density")):
        np.testing.assert_array_equal(again.score_samples(X), scores)
        drawn = again.sample(2, random_state=0)
        assert looks(drawn) == looks(X)
        assert cells(drawn) == cells(density.sample(2, random_state=0))


def check_marginal(density, X):
    names = density.reader_.schema.names
    if len(set(names)) < len(names):
        return
    which = list(range(0, len(names), 2))
    some = density.marginal([names[j] for j in which])
    assert np.isfinite(some.score_samples(part(X, which))).all()
    drawn = some.sample(2, random_state=0)
    assert looks(drawn) == looks(part(X, which))


@settings(max_examples=20, **SETTINGS)
@given(frames())
def test_random_tables(tmp_path_factory, X):
    check(X, tmp_path_factory.getbasetemp())


@pytest.mark.slow
@settings(max_examples=1_000, **SETTINGS)
@given(frames())
def test_many_random_tables(tmp_path_factory, X):
    check(X, tmp_path_factory.getbasetemp())


@pytest.mark.parametrize("kind", BAD)
def test_columns_that_no_density_takes(kind):
    table = pd.concat([pd.Series(np.arange(8.0)), BAD[kind](8)], axis=1).set_axis(
        ["a", "b"], axis=1
    )
    with pytest.raises((TypeError, ValueError), match=r"column 1 \('b'\)"):
        quick(**VERY_QUICK).fit(table)
