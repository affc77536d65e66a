"""Hours and angles in a TableDensity."""

import numpy as np
import pandas as pd
import pytest

from skflow import TableDensity
from tests.estimators.frames.tables import quick

N = 600
KINDS = {"angle": "periodic", "hour": "periodic"}
SUPPORT = {"angle": (-180, 180), "hour": (0, 24)}


def table(n=N, seed=0):
    """Hours about midnight, and angles about half a turn: clumps lie across the ends."""
    rng = np.random.default_rng(seed)
    turn = rng.normal(180, 30, size=n)
    return pd.DataFrame(
        {
            "angle": (turn + 180) % 360 - 180,
            "hour": np.round(rng.normal(23.5, 2, size=n)).astype(int) % 24,
            "height": np.cos(np.deg2rad(turn)) + 0.1 * rng.normal(size=n),
        }
    )


@pytest.fixture(scope="module")
def fitted():
    return quick(kinds=KINDS, support=SUPPORT, max_steps=200).fit(table())


def test_kinds(fitted):
    assert fitted.kinds_ == KINDS | {"height": "number"}


def test_a_turn_changes_nothing(fitted):
    new = table(50, seed=1)
    turned = new.assign(angle=new["angle"] + 720, hour=new["hour"] - 24)
    np.testing.assert_allclose(
        fitted.score_samples(turned), fitted.score_samples(new), rtol=1e-4, atol=1e-3
    )


def test_densities_integrate_to_one(fitted):
    grid = pd.DataFrame({"angle": np.linspace(-180, 180, 4_001)})
    density = np.exp(fitted.score_samples(grid))
    assert np.trapezoid(density, grid["angle"]) == pytest.approx(1, abs=5e-3)
    hours = np.exp(fitted.score_samples(pd.DataFrame({"hour": np.arange(24)})))
    assert hours.sum() == pytest.approx(1, abs=1e-4)


def test_draws_are_in_the_period_and_on_both_sides_of_its_ends(fitted):
    rows, drawn = table(), fitted.sample(2_000, random_state=0)
    assert drawn["angle"].between(-180, 180).all()
    assert drawn["hour"].between(0, 23).all()
    assert drawn["hour"].dtype == rows["hour"].dtype
    for early in (lambda t: t["hour"] < 12, lambda t: t["angle"] < 0):
        assert early(drawn).mean() == pytest.approx(early(rows).mean(), abs=0.08)


def test_what_a_circle_has_not(fitted):
    with pytest.raises(ValueError, match="'hour' is periodic, and so has no range"):
        fitted.sample(3, given={"hour": (3, 5)})
    with pytest.raises(ValueError, match="'hour' has no order, and so no quantiles"):
        fitted.predict_quantiles(table(5), "hour")


@pytest.mark.parametrize("support", [None, {"angle": (0, None)}])
def test_a_period_must_be_declared(support):
    with pytest.raises(ValueError, match=r"'angle'\) is declared \"periodic\": say from where"):
        TableDensity(kinds={"angle": "periodic"}, support=support).fit(table())


def test_times_have_no_period():
    rows = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=30), "x": np.arange(30.0)})
    support = {"day": (rows["day"].min(), rows["day"].max())}
    with pytest.raises(ValueError, match="holds times, which have no period"):
        TableDensity(kinds={"day": "periodic"}, support=support).fit(rows)
