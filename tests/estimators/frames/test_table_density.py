"""Questions to densities of data frames, and their answers."""

import itertools
import pickle
import time

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone

import skflow
from skflow import TableDensity
from skflow.diagnostics import order_agreement
from skflow.estimators.frames import _fit
from skflow.estimators.frames._fit import _holder
from skflow.estimators.frames._reader import Reader
from tests.estimators.frames.tables import mixed_table, quick

TABLE = mixed_table()
NEW = mixed_table(seed=1)


@pytest.fixture(scope="module")
def fitted():
    return quick(support={"size": (-20, None)}).fit(TABLE)


class TestWhatItTakesColumnsFor:
    def test_kinds(self, fitted):
        assert fitted.kinds_ == {
            "size": "number",
            "count": "ordinal",
            "price": "integer",
            "kind": "category",
            "flag": "category",
            "day": "integer",
            "unit": "category",
            "size again": "number",
        }
        assert fitted.copies_ == {"size again": "size"}
        assert list(fitted.feature_names_in_) == list(TABLE)

    def test_declared_kinds(self):
        kinds = {"count": "number", "price": "skip", "flag": "ordinal"}
        density = quick(kinds=kinds).fit(TABLE)
        assert {name: density.kinds_[name] for name in kinds} == kinds
        assert density.sample(3, random_state=0)["price"].isna().all()

    @pytest.mark.parametrize(
        ("kinds", "match"),
        [
            (
                {"count": "numbers"},
                "must be one of number, decimal, integer, category, ordinal, per",
            ),
            ({"size": "integer"}, "taken for integers"),
            ({"counts": "number"}, "unknown column 'counts': did you mean 'count'"),
        ],
    )
    def test_bad_kinds(self, kinds, match):
        with pytest.raises(ValueError, match=match):
            quick(kinds=kinds).fit(TABLE)


class TestScores:
    def test_are_finite_and_of_each_row_alone(self, fitted):
        scores = fitted.score_samples(NEW)
        assert np.isfinite(scores).all()
        assert fitted.score(NEW) == pytest.approx(scores.mean())
        alone = np.concatenate([fitted.score_samples(NEW[i : i + 1]) for i in range(6)])
        np.testing.assert_allclose(alone, scores[:6], rtol=1e-4, atol=1e-3)

    def test_are_the_mean_over_orders(self, fitted):
        each = fitted.score_orders(NEW)
        assert each.shape == (len(fitted.orders_), len(NEW))
        np.testing.assert_allclose(fitted.score_samples(NEW), np.log(np.exp(each).mean(axis=0)))
        assert order_agreement(each).gap > 0

    def test_do_not_care_for_the_order_of_columns(self, fitted):
        np.testing.assert_array_equal(
            fitted.score_samples(NEW[list(NEW)[::-1]]), fitted.score_samples(NEW)
        )

    def test_of_no_cells_are_zero(self, fitted):
        empty = pd.DataFrame(np.full(NEW.shape, None), columns=NEW.columns)
        np.testing.assert_allclose(fitted.score_samples(empty), 0, atol=1e-6)

    def test_of_one_column_integrate_to_one(self, fitted):
        grid = pd.DataFrame({"size": np.linspace(-12, 15, 4_001)})
        density = np.exp(fitted.score_samples(grid))
        assert np.trapezoid(density, grid["size"]) == pytest.approx(1, abs=5e-3)

    def test_of_levels_add_up_to_one_less_what_is_unseen(self, fitted):
        levels = pd.DataFrame({"kind": ["large", "small"]})
        n = TABLE["kind"].notna().sum()
        shares = np.exp(fitted.score_samples(levels))
        assert shares.sum() == pytest.approx(1 - 1 / (n + 1), rel=1e-5)
        unseen = fitted.score_samples(pd.DataFrame({"kind": ["huge"]}))
        assert unseen[0] == pytest.approx(-np.log(n + 1))

    def test_given_other_columns(self, fitted):
        grid = pd.DataFrame({"size": np.linspace(-12, 15, 4_001), "kind": "large"})
        density = np.exp(fitted.score_samples(grid, given=["kind"]))
        assert np.trapezoid(density, grid["size"]) == pytest.approx(1, abs=5e-3)

    def test_outside_the_support(self, fitted):
        assert fitted.score_samples(pd.DataFrame({"size": [-21.0]}))[0] == -np.inf

    def test_copies_that_differ_are_improbable(self, fitted):
        pair = pd.DataFrame({"size": [0.5, 0.5], "size again": [0.5, 0.7]})
        same, other = fitted.score_samples(pair)
        assert same - other == pytest.approx(np.log(len(TABLE) + 1))

    def test_do_not_depend_on_jobs(self, fitted):
        jobs = clone(fitted).set_params(n_jobs=2).fit(TABLE)
        np.testing.assert_array_equal(jobs.score_samples(NEW), fitted.score_samples(NEW))
        pd.testing.assert_frame_equal(
            jobs.sample(20, random_state=1), fitted.sample(20, random_state=1)
        )

    def test_of_whole_numbers_are_probabilities(self):
        rng = np.random.default_rng(0)
        gain = np.where(rng.random(600) < 0.8, 0, rng.integers(1_000, 9_000, 600))
        table = pd.DataFrame({"gain": gain, "other": rng.normal(size=600)})
        density = quick().fit(table)
        grid = pd.DataFrame({"gain": np.arange(-60_000, 80_000)})
        shares = np.exp(density.score_samples(grid))
        assert shares.sum() == pytest.approx(1, abs=1e-3)
        zero = shares[grid["gain"] == 0][0]
        assert zero == pytest.approx((gain == 0).mean(), abs=0.03)
        drawn = density.sample(4_000, random_state=0)["gain"]
        assert (drawn == 0).mean() == pytest.approx(zero, abs=0.03)


class TestDraws:
    def test_look_as_the_table(self, fitted):
        drawn = fitted.sample(300, random_state=0)
        pd.testing.assert_series_equal(drawn.dtypes, TABLE.dtypes)
        assert not drawn.isna().any(axis=None)
        assert (drawn["unit"] == 7).all()
        assert (drawn["size again"] == drawn["size"]).all()
        assert set(drawn["kind"]) == {"large", "small"}
        assert (drawn["day"] == drawn["day"].dt.normalize()).all()

    def test_are_of_the_density(self, fitted):
        drawn = fitted.sample(2_000, random_state=0)
        own = fitted.score_samples(drawn)
        # the mean of log p over its own draws is minus its entropy, whatever it is
        assert np.mean(own) == pytest.approx(fitted.score(NEW.dropna()), abs=2.0)
        for name in ("size", "count"):
            below = (drawn[name] <= TABLE[name].median()).mean()
            assert below == pytest.approx((TABLE[name] <= TABLE[name].median()).mean(), abs=0.12)

    @pytest.mark.parametrize("given", [None, {"size": (0.0, None)}])
    def test_are_known_by_values_that_repeat(self, fitted, monkeypatch, given):
        """What is drawn next is asked for given the values, not where they were spread to."""
        asked, draw = [], fitted.conditionals_.draw

        def spy(values, known, *args):
            asked.append((values.clone(), known.clone()))
            return draw(values, known, *args)

        monkeypatch.setattr(fitted.conditionals_, "draw", spy)
        fitted.sample(20, random_state=0, given=given)
        place = fitted.reader_.index_of("count")
        counts = TABLE[["count"]].dropna().drop_duplicates()
        frame = TABLE.loc[counts.index]
        points = fitted.reader_.scores(fitted.reader_.codes(frame))[0][:, place]
        seen = torch.cat([values[known[:, place], place] for values, known in asked])
        assert len(seen)
        assert float((seen[:, None] - points).abs().min(1).values.max()) < 1e-4

    def test_given_cells(self, fitted):
        drawn = fitted.sample(50, random_state=0, given={"kind": "small", "count": 2})
        assert set(drawn["kind"]) == {"small"}
        assert set(drawn["count"]) == {2}

    def test_given_a_table(self, fitted):
        known = pd.DataFrame({"kind": ["large", None, "small"], "size": [np.nan, 0.25, 1.0]})
        drawn = fitted.sample(4, random_state=0, given=known)
        assert len(drawn) == 12
        assert list(drawn["kind"][:4]) == ["large"] * 4
        assert list(drawn["size"][4:8]) == [0.25] * 4

    def test_given_one_range_are_those_that_fall_into_it(self, fitted):
        within = fitted.sample(3_000, random_state=0, given={"size": (0.5, None)})
        assert within["size"].min() >= 0.5
        assert fitted.effective_size_ == pytest.approx(3_000)
        every = fitted.sample(8_000, random_state=1)
        chosen = every[every["size"] >= 0.5]
        for name in ("size", "count"):
            assert within[name].mean() == pytest.approx(
                chosen[name].mean(), abs=0.06 * every[name].std()
            )
        assert (within["kind"] == "large").mean() == pytest.approx(
            (chosen["kind"] == "large").mean(),
            abs=0.12,  # of so short a fit; levels come first in the orders of the second alone
        )

    def test_given_several_ranges(self, fitted):
        ranges = {"size": (-0.5, 1.0), "count": (2, 4), "price": (None, 2_000)}
        drawn = fitted.sample(400, random_state=0, given=ranges | {"flag": True})
        assert drawn["size"].between(-0.5, 1.0).all()
        assert drawn["count"].between(2, 4).all()
        assert (drawn["price"] <= 2_000).all()
        assert drawn["flag"].all()
        assert 40 < fitted.effective_size_ <= 400

    def test_given_ranges_of_a_copy_and_its_original(self, fitted):
        ranges = {"size": (-0.5, None), "size again": (None, 0.5)}
        drawn = fitted.sample(100, random_state=0, given=ranges)
        assert drawn["size"].between(-0.5, 0.5).all()

    def test_given_a_range_where_nothing_is(self, fitted):
        with pytest.raises(ValueError, match="holds next to nothing: widen it"):
            fitted.sample(2, given={"size": (1e12, None)})

    def test_bad_conditions(self, fitted):
        with pytest.raises(ValueError, match="had no 'huge' in the fit; it had 'large', 'small'"):
            fitted.sample(2, given={"kind": "huge"})
        with pytest.raises(ValueError, match="column 'kind' has no order"):
            fitted.sample(2, given={"kind": ("large", None)})
        with pytest.raises(ValueError, match="no column 'age'"):
            fitted.sample(2, given={"age": 3})


class TestHoles:
    def test_are_filled_and_nothing_else_is_touched(self, fitted):
        table = NEW.set_index(pd.Index(range(100, 100 + len(NEW))))
        for filled in [fitted.impute(table), *fitted.impute(table, n_draws=2, random_state=0)]:
            assert not filled.isna().any(axis=None)
            pd.testing.assert_series_equal(filled.dtypes, table.dtypes)
            known = table.notna()
            pd.testing.assert_frame_equal(filled.where(known), table.where(known))

    def test_draws_differ(self, fitted):
        one, other = fitted.impute(NEW, n_draws=2, random_state=0)
        hole = NEW["size"].isna()
        assert (one["size"] != other["size"])[hole].mean() > 0.9

    def test_a_level_that_the_fit_had_not_stays(self, fitted):
        table = NEW.copy()
        table.loc[0, "kind"] = "huge"
        assert fitted.impute(table).loc[0, "kind"] == "huge"

    def test_draws_of_rows_are_independent(self):
        """Of even ones a mean would hardly vary, and hide how much the holes leave open."""
        table = np.random.default_rng(0).normal(size=(80, 2))
        density = quick(max_steps=10).fit(table)
        table[:, 1] = np.nan
        each = np.stack([one[:, 1] for one in density.impute(table, n_draws=200, random_state=0)])
        ratio = each.mean(axis=1).var() / (each.var(axis=0).mean() / each.shape[1])
        assert 0.7 < ratio < 1.4


class TestPredictions:
    def test_of_numbers_and_of_levels(self, fitted):
        rows = NEW.drop(columns="size")
        assert fitted.predict(rows, "size").shape == (len(NEW),)
        assert set(fitted.predict(NEW, "kind")) <= {"large", "small"}
        assert fitted.predict(NEW, "day").dtype.kind == "M"

    def test_do_not_look_at_the_column_or_its_copy(self, fitted):
        moved = NEW.assign(size=1.5)
        moved["size again"] = 1.5
        np.testing.assert_array_equal(fitted.predict(moved, "size"), fitted.predict(NEW, "size"))

    def test_probabilities(self, fitted):
        shares = fitted.predict_proba(NEW, "kind")
        np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-5)
        best = np.array(fitted.levels("kind"))[shares.argmax(axis=1)]
        np.testing.assert_array_equal(best, fitted.predict(NEW, "kind"))
        with pytest.raises(ValueError, match="holds numbers, which have no probabilities"):
            fitted.predict_proba(NEW, "size")

    def test_quantiles(self, fitted):
        quantiles = fitted.predict_quantiles(NEW, "size", (0.1, 0.5, 0.9))
        assert (np.diff(quantiles, axis=1) > 0).all()
        np.testing.assert_allclose(quantiles[:, 1], fitted.predict(NEW, "size"), rtol=1e-4)
        counts = fitted.predict_quantiles(NEW, "count", (0.1, 0.9))
        assert (counts[:, 0] <= counts[:, 1]).all()
        with pytest.raises(ValueError, match="has no order"):
            fitted.predict_quantiles(NEW, "kind")
        with pytest.raises(ValueError, match="between 0 and 1"):
            fitted.predict_quantiles(NEW, "size", (0.0, 0.5))


class TestExplanations:
    def test_an_odd_cell_stands_out(self, fitted):
        rows = TABLE.dropna().head(20).copy()
        before = fitted.explain(rows)
        rows["size"] = rows["size again"] = 9.0
        after = fitted.explain(rows)
        size = list(TABLE).index("size")
        assert (after[:, size] > before[:, size] + 5).all()
        assert (after.argmax(axis=1) == size).all()

    def test_holes_have_none(self, fitted):
        nats = fitted.explain(NEW)
        assert nats.shape == NEW.shape
        np.testing.assert_array_equal(np.isnan(nats), NEW.isna())

    def test_a_level_that_the_fit_had_not_is_odd(self, fitted):
        row = TABLE.dropna().head(1).assign(kind="huge")
        assert fitted.explain(row)[0, list(TABLE).index("kind")] > 3


class TestMarginals:
    def test_score_and_draw_as_the_whole(self, fitted):
        part = fitted.marginal(["size", "kind"])
        assert list(part.feature_names_in_) == ["size", "kind"]
        np.testing.assert_array_equal(
            part.score_samples(NEW[["size", "kind"]]), fitted.score_samples(NEW[["size", "kind"]])
        )
        drawn = part.sample(200, random_state=0)
        assert list(drawn) == ["size", "kind"]
        assert not drawn.isna().any(axis=None)
        assert fitted.n_features_in_ == len(list(TABLE))

    def test_bad_columns(self, fitted):
        with pytest.raises(ValueError, match="each once"):
            fitted.marginal(["size", "size"])


MAKES = {
    "numpy": lambda table: table[["size", "price"]].to_numpy(),
    "lists": lambda table: table[["price", "kind"]].to_numpy().tolist(),
    "pandas, nullable": lambda table: table.convert_dtypes(),
    "polars": lambda table: pl.from_pandas(table),
    "pyarrow": lambda table: pa.Table.from_pandas(table, preserve_index=False),
}


@pytest.mark.parametrize("make", MAKES)
def test_tables_of_other_makes(make):
    table, new = MAKES[make](TABLE), MAKES[make](NEW)
    density = quick(max_steps=5, n_members=1).fit(table)
    assert np.isfinite(density.score_samples(new)).all()
    drawn, filled = density.sample(5, random_state=0), density.impute(new)
    if make == "lists":
        assert drawn.dtype == object
    elif make == "numpy":
        assert drawn.dtype == table.dtype
    elif make == "pandas, nullable":
        assert drawn.dtypes.equals(table.dtypes)
        assert filled.dtypes.equals(table.dtypes)
    else:
        assert drawn.schema == table.schema
        assert filled.schema == table.schema


def test_bounds_are_in_the_units_of_their_columns():
    bounds = {"price": (0, 60_000), "day": (pd.Timestamp("2023-12-25"), None)}
    density = quick(support=bounds).fit(TABLE)
    drawn = density.sample(2_000, random_state=0)
    assert drawn["price"].between(0, 60_000).all()
    assert (drawn["day"] >= bounds["day"][0]).all()
    inside, outside = pd.DataFrame({"price": [20, 60_001]}).pipe(density.score_samples)
    assert np.isfinite(inside)
    assert outside == -np.inf


def test_equal_rows_are_held_out_together():
    table = pd.concat([mixed_table(60), mixed_table(60)], ignore_index=True)
    _, codes, _, scores = Reader.read(table, None, np.random.RandomState(0))
    assert not np.array_equal(scores[:60], scores[60:], equal_nan=True)  # they are spread
    holder = _holder(codes, 5, np.random.RandomState(0))
    np.testing.assert_array_equal(holder[:60], holder[60:])


def test_rows_of_levels_alone_repeat_by_themselves():
    """Held out by their patterns, those that are frequent would never be learnt and judged."""
    rng = np.random.default_rng(0)
    kind = rng.random(2_000) < 0.5
    table = pd.DataFrame({"kind": kind, "same": kind ^ (rng.random(2_000) < 0.05)})
    table["either"] = (table["kind"] & table["same"]) ^ (rng.random(2_000) < 0.05)
    found = quick(max_steps=300, n_members=1).fit(table).score(table)
    shares = table.value_counts(normalize=True)
    assert found > (shares * np.log(shares)).sum() - 0.02


def test_hard_tables():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "empty": np.full(30, np.nan),
            "one": ["a"] * 30,
            "name": [f"name {k}" for k in range(30)],
            "rare": [*(["x"] * 29), "y"],
            "mostly missing": [1.0, 2.0, *([np.nan] * 28)],
            "spike": np.where(rng.random(30) < 0.6, 0.0, rng.normal(size=30)),
            "huge": 1e15 + rng.integers(0, 9, 30),
            "heavy": rng.standard_cauchy(30),
            "moment": pd.Timestamp("2024-05-01", tz="Europe/Paris"),
        }
    )
    density = quick(max_steps=20).fit(table)
    assert np.isfinite(density.score_samples(table)).all()
    drawn = density.sample(200, random_state=0)
    assert drawn["empty"].isna().all()
    numbers = drawn[["mostly missing", "spike", "huge", "heavy"]]
    assert np.isfinite(numbers).all(axis=None)
    assert (drawn["moment"] == table["moment"][0]).all()
    assert drawn["moment"].dtype == table["moment"].dtype
    assert density.kinds_["empty"] == "skip"


@pytest.mark.parametrize("n", [0, 1])
def test_hardly_any_rows(fitted, n):
    rows = NEW.head(n)
    assert fitted.score_samples(rows).shape == (n,)
    assert fitted.explain(rows).shape == (n, NEW.shape[1])
    pd.testing.assert_series_equal(fitted.impute(rows).dtypes, NEW.dtypes)
    assert len(fitted.impute(rows, n_draws=1, random_state=0)[0]) == n
    assert fitted.predict(rows, "size").shape == (n,)


def test_nothing_to_learn_from():
    with pytest.raises(ValueError, match="none of the 2 columns of X has cells.*empty"):
        quick().fit(pd.DataFrame(np.full((8, 2), np.nan)))


def test_one_row_again_and_again():
    table = pd.DataFrame({"x": [3] * 9, "kind": ["a"] * 9})
    density = quick(max_steps=2).fit(table)
    assert np.isfinite(density.score_samples(table)).all()
    pd.testing.assert_frame_equal(density.sample(9, random_state=0), table)


@pytest.mark.parametrize("kind", ["int64", "Int64", "datetime64[ns]", "timedelta64[ns]"])
def test_whole_numbers_of_many_digits_are_kept(kind):
    rng = np.random.default_rng(0)
    x = pd.Series(rng.integers(-(2**62), 2**62, 30)).astype(kind)
    table = pd.DataFrame({"x": x, "y": rng.normal(size=30)})
    table.loc[::3, "y"] = np.nan
    density = quick(max_steps=2).fit(table)
    pd.testing.assert_series_equal(density.impute(table)["x"], table["x"])
    drawn = density.sample(2, random_state=0, given=table)
    np.testing.assert_array_equal(drawn["x"], np.repeat(x, 2))
    assert np.isfinite(density.score_samples(table)).all()


def test_given_levels_that_share_a_code_or_are_new_are_kept():
    names = [f"name {k}" for k in range(520)]
    table = pd.DataFrame({"x": np.arange(520.0) % 7, "name": pd.Series(names, dtype=object)})
    density = quick(max_steps=2, n_members=1).fit(table)
    pooled = list(density.reader_.cells[1].pooled[:3])
    given = pd.DataFrame({"x": [1.0, 2.0, None, 3.0], "name": [*pooled, "new"]}, dtype=object)
    drawn = density.sample(1, random_state=0, given=given)
    assert drawn["name"].tolist() == given["name"].tolist()


def test_a_hole_in_a_copy_leaves_a_level_its_share():
    names = pd.Series([f"name {k}" for k in range(520)], dtype=object)
    table = pd.DataFrame({"name": names, "again": names})
    density = quick(max_steps=2, n_members=1).fit(table)
    assert density.copies_ == {"again": "name"}
    rare = density.reader_.cells[0].pooled[0]
    each = pd.DataFrame({"name": [rare, rare, None], "again": [rare, None, rare]}, dtype=object)
    scores = density.score_samples(each)
    np.testing.assert_array_equal(scores, scores[:1].repeat(3))


def test_weights():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": np.repeat(["a", "b"], 50), "z": rng.normal(size=100)})
    weight = np.where(table["x"] == "a", 3.0, 1.0)
    density = quick(max_steps=1).fit(table, sample_weight=weight)
    share = np.exp(density.score_samples(pd.DataFrame({"x": ["a"]})))
    assert share[0] == pytest.approx(0.75, abs=0.02)
    without = quick(max_steps=1).fit(table, sample_weight=np.where(table["x"] == "a", 1.0, 0.0))
    assert without.levels("x") == ["a"]


def test_many_rows_have_more_layers(monkeypatch):
    monkeypatch.setattr(_fit, "MANY_ROWS", 150)
    monkeypatch.setattr(_fit, "HIDDEN", 8)
    depths = []
    for n in (100, 200):
        density = quick(hidden_features="auto", max_steps=2).fit(TABLE[:n])
        depths.append([len(net.hidden) for net in density.conditionals_.nets])
    assert depths == [[3, 3], [5, 5]]


def test_layers_of_several_widths():
    with pytest.raises(ValueError, match=r"must be one or more equal numbers.*\(8, 4\)"):
        quick(hidden_features=(8, 4)).fit(TABLE)


@pytest.mark.filterwarnings("ignore:Training was interrupted")
def test_an_interrupt_keeps_what_there_is(monkeypatch):
    from skflow.conditionals import _training

    steps = itertools.count()
    draw_known = _training.draw_known

    def interrupted(n, d):
        if next(steps) == 40:
            raise KeyboardInterrupt
        return draw_known(n, d)

    monkeypatch.setattr(_training, "draw_known", interrupted)
    density = quick().fit(TABLE)
    assert np.isfinite(density.score(NEW))
    assert next(steps) < 60


class TestSecondFits:
    def test_are_of_all_steps_to_rows_without_holes(self, monkeypatch):
        fits, fit_nets = [], _fit.fit_nets

        def noted(make, cells, weight, holder, config, *args, **kwargs):
            fits.append((cells, weight, holder, config.max_epochs))
            return fit_nets(make, cells, weight, holder, config, *args, **kwargs)

        monkeypatch.setattr(_fit, "fit_nets", noted)
        quick(max_steps=6).fit(TABLE, sample_weight=np.arange(1.0, len(TABLE) + 1))
        (cells, weight, holder, steps), (filled, weights, holders, all_steps) = fits
        known, asked = (torch.isnan(part) for part in filled.chunk(2, dim=1))
        assert (steps, all_steps) == (3, 6)
        assert not known.any()
        n_copies = len(filled) // len(cells)
        assert n_copies > 1
        assert torch.equal(asked, torch.isnan(cells.chunk(2, dim=1)[1]).repeat(n_copies, 1))
        assert torch.equal(weights, weight.repeat(n_copies))
        np.testing.assert_array_equal(holders, np.tile(holder, n_copies))

    @pytest.mark.slow
    def test_are_likelier(self):
        """A third of the cells of a curve is missing: what is drawn in them helps."""
        rng = np.random.default_rng(0)
        x = rng.uniform(-2, 2, 700)
        table = np.column_stack([x, x**2, np.sin(3 * x)]) + 0.1 * rng.normal(size=(700, 3))
        train, test = table[:500].copy(), table[500:]
        train[rng.random(train.shape) < 1 / 3] = np.nan
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_fit, "LEAST_HOLES", 2.0)
            once = TableDensity(random_state=0).fit(train).score(test)
        assert TableDensity(random_state=0).fit(train).score(test) > once

    def test_are_left_out_where_holes_are_few(self, monkeypatch):
        def never(*args):
            raise AssertionError(args)

        monkeypatch.setattr(_fit, "_again", never)
        table = np.random.default_rng(0).normal(size=(60, 3))
        table[0, 0] = np.nan
        assert np.isfinite(quick(max_steps=5).fit(table).score(table))

    @pytest.mark.parametrize("gain", [-0.1, 0.1])
    def test_are_kept_where_held_out_cells_are_no_less_likely(self, monkeypatch, gain):
        fits, blend = [], _fit.blend

        def judged(*args):
            own, held_out = blend(*args)
            assert np.isfinite(held_out)
            fits.append(own)
            return own, gain * len(fits)

        monkeypatch.setattr(_fit, "blend", judged)
        density = quick(max_steps=6).fit(TABLE)
        assert len(fits) == 2
        assert density.conditionals_ is fits[1 if gain > 0 else 0]

    @pytest.mark.parametrize("during", ["draws", "the second fit"])
    def test_that_are_interrupted_leave_the_first(self, monkeypatch, during):
        def interrupted(*args, **kwargs):
            raise KeyboardInterrupt

        firsts, again = [], _fit._again

        def noted(first, *args):
            firsts.append(first.conditionals)
            monkeypatch.setattr(*to_stop, interrupted)
            return again(first, *args)

        to_stop = (_fit, "filled" if during == "draws" else "fit_nets")
        monkeypatch.setattr(_fit, "_again", noted)
        density = quick(max_steps=5).fit(TABLE)
        assert density.conditionals_ is firsts[0]
        assert np.isfinite(density.score(NEW))


def test_a_fit_that_is_refused_leaves_the_last_one(fitted):
    before = fitted.score_samples(NEW)
    with pytest.raises(ValueError, match="number of samples|5 rows|at least"):
        fitted.fit(TABLE.head(3))
    np.testing.assert_array_equal(fitted.score_samples(NEW), before)


@pytest.mark.parametrize("way", ["pickle", "save"])
def test_persistence(fitted, way, tmp_path):
    if way == "pickle":
        again = pickle.loads(pickle.dumps(fitted))
    else:
        fitted.save(tmp_path / "density")
        again = skflow.load(tmp_path / "density")
    np.testing.assert_array_equal(again.score_samples(NEW), fitted.score_samples(NEW))
    pd.testing.assert_frame_equal(
        again.sample(30, random_state=0), fitted.sample(30, random_state=0)
    )


@pytest.mark.filterwarnings("ignore:max_seconds=2 was over")
def test_time_is_kept():
    start = time.perf_counter()
    density = TableDensity(max_seconds=2.0, random_state=0).fit(TABLE)
    assert time.perf_counter() - start < 8
    assert np.isfinite(density.score(NEW))
