"""Columns that are the sum of two others, in all that a density of a table answers."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm

import skflow
from tests.estimators.frames.tables import quick, standardized

WHOLE, FLOATS, TIMES = ("all", "men", "women"), ("paid", "price", "tax"), ("end", "start", "stay")
SUMS = (WHOLE, FLOATS, TIMES)


def table(n=300, seed=0):
    """Three sums, of whole numbers, floats and times; a copy of a total; labels."""
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    men, women = rng.poisson(20 * np.exp(0.3 * size)), rng.poisson(2, n)
    price = np.exp(size + 0.2 * rng.normal(size=n))
    tax = 0.2 * price * np.exp(0.1 * rng.normal(size=n))
    start = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), "D")
    stay = pd.to_timedelta(rng.integers(1, 400, n), "h")
    return pd.DataFrame(
        {
            "all": men + women,
            "men": men,
            "women": women,
            "kind": np.where(size > 0, "large", "small"),
            "paid": price + tax,
            "price": price,
            "tax": tax,
            "start": start,
            "stay": pd.Series(stay, dtype="timedelta64[ns]"),
            "end": (start + stay).astype("datetime64[ns]"),
            "all again": men + women,
        }
    )


TABLE, NEW = table(), table(60, seed=1)


@pytest.fixture(scope="module", autouse=True)
def _plain_columns():
    """Shapes of columns are nothing to sums of them."""
    with pytest.MonkeyPatch.context() as patch:
        standardized(patch)
        yield


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(TABLE)


def assert_sums(rows):
    for total, first, second in SUMS:
        if total == "paid":
            np.testing.assert_allclose(rows[first] + rows[second], rows[total], rtol=1e-14)
        else:
            assert (rows[first] + rows[second] == rows[total]).all()


def with_holes(rows, share=0.5, seed=0):
    holes = np.random.default_rng(seed).random(rows.shape) < share
    return rows.convert_dtypes().mask(holes)


class TestFit:
    def test_shows_sums(self, fitted):
        assert fitted.sums_ == {
            "all": ("men", "women"),
            "paid": ("price", "tax"),
            "end": ("start", "stay"),
        }
        assert fitted.copies_ == {"all again": "all"}
        assert fitted.kinds_["women"] == "integer"
        assert len(fitted.reader_.scales) == 7

    def test_totals_are_not_summands(self):
        rng = np.random.default_rng(0)
        a, b, c = rng.normal(size=(3, 100))
        density = quick(max_steps=2).fit(np.stack([a, b, a + b, c, a + b + c], axis=1))
        assert density.sums_ == {2: (0, 1)}

    def test_declared_levels_and_skipped_columns_are_in_none(self):
        kinds = {"women": "ordinal", "price": "skip"}
        assert list(quick(kinds=kinds, max_steps=2).fit(TABLE).sums_) == ["end"]

    def test_bounds_of_a_total_that_do_not_follow_are_kept(self):
        bounds = {"all": (0, None), "men": (0, None)}
        density = quick(support=bounds, max_steps=2).fit(TABLE)
        assert "all" not in density.sums_
        assert density.sample(500, random_state=0)["all"].min() >= 0
        density = quick(support=bounds | {"women": (0, None)}, max_steps=2).fit(TABLE)
        assert density.sums_["all"] == ("men", "women")
        assert density.score_samples(pd.DataFrame({"all": [-30], "kind": ["small"]})) == -np.inf


class TestDraws:
    def test_add_up(self, fitted):
        drawn = fitted.sample(500, random_state=0)
        pd.testing.assert_series_equal(drawn.dtypes, TABLE.dtypes)
        assert_sums(drawn)
        assert (drawn["all again"] == drawn["all"]).all()

    def test_given_a_total_and_a_summand(self, fitted):
        drawn = fitted.sample(20, random_state=0, given={"all": 30, "women": 3})
        assert (drawn["men"] == 27).all()
        assert_sums(drawn)

    def test_given_a_total_alone_are_of_those_with_that_total(self, fitted):
        drawn = fitted.sample(50, random_state=0, given={"all again": 24, "paid": 1.5})
        assert (drawn["all"] == 24).all()
        np.testing.assert_allclose(drawn["paid"], 1.5)
        assert_sums(drawn)
        within = fitted.sample(10_000, random_state=1)
        within = within[within["all"] == 24]["women"]
        shown = fitted.sample(500, random_state=0, given={"all": 24})["women"]
        assert shown.mean() == pytest.approx(within.mean(), abs=0.3)
        assert shown.std() == pytest.approx(within.std(), rel=0.25)

    def test_ranges(self, fitted):
        drawn = fitted.sample(50, random_state=0, given={"men": (25, None), "women": (2, 3)})
        assert drawn["men"].min() >= 25
        assert_sums(drawn)
        with pytest.raises(ValueError, match="'all' is a sum: give ranges of its summands"):
            fitted.sample(2, given={"all": (20, None)})
        with pytest.raises(ValueError, match="a total without its summands beside a range"):
            fitted.sample(2, given={"all": 30, "men": (20, None)})
        with pytest.raises(ValueError, match="a range of a column that its other cells tell"):
            fitted.sample(2, given={"all": 30, "women": 3, "men": (20, None)})


class TestHoles:
    @pytest.mark.parametrize("n_draws", [None, 1])
    def test_are_filled_by_what_adds_up(self, fitted, n_draws):
        holes = with_holes(NEW)
        filled = fitted.impute(holes, n_draws=n_draws, random_state=0)
        filled = filled if n_draws is None else filled[0]
        assert not filled.isna().any(axis=None)
        pd.testing.assert_frame_equal(filled.where(holes.notna()), NEW.where(holes.notna()))
        ours = fitted.impute(filled)  # as they are
        pd.testing.assert_frame_equal(ours, filled)
        copies = holes["all"].notna() & holes["all again"].notna()
        assert (filled["all"] == filled["all again"])[copies].all()
        assert_sums(filled)

    @pytest.mark.parametrize("names", SUMS)
    def test_two_of_three_tell_the_third(self, fitted, names):
        for name in names:
            hole = NEW.drop(columns=[name, *({"all": ["all again"]}.get(name, []))])
            if name in ("men", "women"):
                hole = hole.drop(columns="all again")
            filled = fitted.impute(hole)
            if names == FLOATS:
                np.testing.assert_allclose(filled[name], NEW[name], rtol=1e-10)
                np.testing.assert_allclose(fitted.predict(hole, name), NEW[name], rtol=1e-10)
            else:
                pd.testing.assert_series_equal(filled[name], NEW[name])
                np.testing.assert_array_equal(fitted.predict(hole, name), NEW[name])

    def test_a_sum_that_is_broken_stays(self, fitted):
        rows = NEW.assign(all=NEW["all"] + 1)
        pd.testing.assert_frame_equal(fitted.impute(rows), rows)


class TestScores:
    @pytest.mark.parametrize("names", SUMS)
    def test_two_of_three_are_as_good_as_all(self, fitted, names):
        rows = NEW[[*names, "kind"]]
        every = fitted.score_samples(rows)
        for name in names:
            two = fitted.score_samples(rows.drop(columns=name))
            np.testing.assert_allclose(two, every, rtol=1e-4, atol=1e-4)

    def test_broken_sums_are_improbable(self, fitted):
        rows = NEW[["paid", "price", "tax", "kind"]]
        broken = rows.assign(paid=1.001 * rows["paid"])
        lost = fitted.score_samples(rows) - fitted.score_samples(broken)
        np.testing.assert_allclose(lost, np.log(len(TABLE) + 1))

    def test_of_a_total_alone_are_probabilities(self, fitted):
        grid = pd.DataFrame({"all": np.arange(-40, 250), "kind": "large"})
        shares = np.exp(fitted.score_samples(grid, given=["kind"]))
        assert shares.sum() == pytest.approx(1, abs=0.01)
        drawn = fitted.sample(10_000, random_state=0, given={"kind": "large"})["all"]
        below = shares.cumsum()[grid["all"] <= drawn.median()][-1]
        assert below == pytest.approx((drawn <= drawn.median()).mean(), abs=0.05)

    def test_of_a_total_alone_integrate_to_1(self, fitted):
        grid = pd.DataFrame({"paid": np.linspace(-2, 40, 701)})
        shares = np.exp(fitted.score_samples(grid))
        assert np.trapezoid(shares, grid["paid"]) == pytest.approx(1, abs=0.02)

    def test_given_columns_of_a_sum(self, fitted):
        rows = NEW[list(WHOLE)]
        every = fitted.score_samples(rows)
        np.testing.assert_allclose(fitted.score_samples(rows, given=["all", "men"]), 0)
        np.testing.assert_allclose(fitted.score_samples(rows, given=WHOLE), 0)
        broken = rows.assign(all=rows["all"] + 1)
        cost = np.log(len(TABLE) + 1)
        for given in (["all", "men"], ["men", "women"]):
            np.testing.assert_allclose(fitted.score_samples(broken, given=given), -cost)
        assert (fitted.score_samples(rows, given=["men"]) > every).all()
        total = rows.drop(columns=["men", "women"])
        np.testing.assert_allclose(fitted.score_samples(total, given=["all", "men"]), 0)
        with pytest.raises(ValueError, match="a sum and neither of its summands"):
            fitted.score_samples(rows, given="all")


class TestPredictions:
    def test_of_a_total_are_of_what_its_summands_may_be(self, fitted):
        rows = NEW.drop(columns=["all", "all again", "men"])
        men = fitted.predict(rows, "men")
        np.testing.assert_array_equal(fitted.predict(rows, "all"), men + NEW["women"])

    def test_of_a_summand_look_at_the_total(self, fitted):
        rows = NEW.drop(columns=["men", "women"])
        low, middle, high = fitted.predict_quantiles(rows, "men", (0.05, 0.5, 0.95)).T
        assert (low <= middle).all()
        assert (middle <= high).all()
        assert (low < high).any()
        assert np.corrcoef(middle, NEW["men"])[0, 1] > 0.95
        np.testing.assert_array_equal(middle, fitted.predict(rows, "men"))
        women = fitted.predict_quantiles(rows, "women", (0.05, 0.5, 0.95)).T
        assert (np.diff(women, axis=0) >= 0).all()

    def test_a_total_has_no_quantiles(self, fitted):
        with pytest.raises(ValueError, match="'all' is the sum of two others"):
            fitted.predict_quantiles(NEW, "all")


class TestExplanations:
    def test_a_broken_sum_stands_at_the_total(self, fitted):
        rows = NEW.assign(end=NEW["end"] + pd.Timedelta("1h"))
        end = list(NEW).index("end")
        np.testing.assert_allclose(fitted.explain(NEW)[:, end], 0)
        np.testing.assert_allclose(fitted.explain(rows)[:, end], np.log(len(TABLE) + 1))
        holes = with_holes(NEW)
        np.testing.assert_array_equal(np.isnan(fitted.explain(holes)), holes.isna())


class TestMarginals:
    def test_without_the_total(self, fitted):
        part = fitted.marginal(["men", "women"])
        assert part.sums_ == {}
        rows = NEW[["men", "women"]]
        np.testing.assert_array_equal(part.score_samples(rows), fitted.score_samples(rows))

    @pytest.mark.parametrize("names", [["women", "all"], ["all"], ["all again", "kind"]])
    def test_without_a_summand(self, fitted, names):
        part = fitted.marginal(names).marginal(names)
        assert part.sums_ == {}
        np.testing.assert_array_equal(
            part.score_samples(NEW[names]), fitted.score_samples(NEW[names])
        )
        drawn = part.sample(2_000, random_state=0)
        assert list(drawn) == names
        assert drawn[names[0]].median() == pytest.approx(TABLE[names[0]].median(), rel=0.2)
        assert part.impute(with_holes(NEW[names])).notna().all(axis=None)
        assert part.explain(NEW[names]).shape == (len(NEW), len(names))


def test_densities_of_a_total_are_near_the_exact_one():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 4_000))
    density = quick(max_steps=200).fit(np.stack([a, 0.5 * b, a + 0.5 * b], axis=1))
    rows = np.full((50, 3), np.nan)
    rows[:, 2] = np.linspace(-2.5, 2.5, 50)
    exact = norm.logpdf(rows[:, 2], scale=1.25**0.5)
    np.testing.assert_allclose(density.score_samples(rows), exact, atol=0.3)
    drawn = density.sample(400, random_state=0, given=rows[[40]])
    assert drawn[:, 0].mean() == pytest.approx(rows[40, 2] * 0.8, abs=0.2)
    assert drawn[:, 0].std() == pytest.approx(0.2**0.5, rel=0.2)


def test_other_makes_of_tables(tmp_path):
    rows = pl.from_pandas(TABLE)
    density = quick(max_steps=2).fit(rows)
    assert set(density.sums_) == {"all", "paid", "end"}
    drawn = density.sample(50, random_state=0)
    assert drawn.schema == rows.schema
    assert (drawn["start"] + drawn["stay"] == drawn["end"]).all()
    density.save(tmp_path / "density")
    again = skflow.load(tmp_path / "density")
    np.testing.assert_array_equal(again.score_samples(rows), density.score_samples(rows))


def test_a_table_of_floats_of_32_bits():
    rows = TABLE[list(FLOATS)].astype(np.float32)
    rows["paid"] = rows["price"] + rows["tax"]
    density = quick(max_steps=2).fit(rows)
    assert density.sums_ == {"paid": ("price", "tax")}
    drawn = density.sample(200, random_state=0)
    assert (drawn.dtypes == np.float32).all()
    total = drawn["price"] + drawn["tax"]
    np.testing.assert_allclose(total, drawn["paid"], rtol=1e-6, atol=1e-6)


def test_impute_keeps_whole_numbers_off_the_grid_of_the_fit():
    rows = pd.DataFrame({"x": 10 * np.arange(60), "z": np.random.default_rng(0).normal(size=60)})
    new = pd.DataFrame({"x": [13, 20], "z": [np.nan, 0.1]})
    assert quick(max_steps=2).fit(rows).impute(new)["x"].tolist() == [13, 20]


def test_a_hole_is_exactly_its_copy():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame({"x": rng.normal(size=60), "z": rng.normal(size=60)})
    rows["x again"] = rows["x"]
    new = rows.head(20).assign(x=np.nan)
    filled = quick(max_steps=2).fit(rows).impute(new)
    np.testing.assert_array_equal(filled["x"], rows["x"].head(20))
