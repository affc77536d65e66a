"""Surprises are those of the estimator; bars are sorted and bear names and values."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from skflow import FlowOutlierDetector, MixtureFlowDensity, TableDensity
from skflow.plots import ExplanationDisplay

SMALL = {"n_members": 1, "hidden_features": (8,), "max_steps": 5, "random_state": 0}
DAYS = pd.date_range("2024-01-01", periods=60)


@pytest.fixture(scope="module")
def people():
    """A table of strings, dates and numbers with holes."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo", "a town with a very long name"], 60),
            "day": DAYS,
            "height": rng.normal(170, 8, 60).round(1),
            "children": rng.integers(0, 4, 60),
        },
        index=[f"person {i}" for i in range(60)],
    )
    table.iloc[1, 2] = np.nan
    return table


@pytest.fixture(scope="module")
def mixed(people):
    return TableDensity(**SMALL).fit(people)


def by_hand(surprise, **others):
    surprise = np.asarray(surprise, dtype=float)
    n, d = surprise.shape
    given = {
        "feature_names": [f"c{j}" for j in range(d)],
        "values": np.arange(n * d, dtype=float).reshape(n, d).astype(object),
        "row_labels": [f"row {i}" for i in range(n)],
    }
    return ExplanationDisplay(surprise=surprise, **(given | others))


def labels_of(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def widths_of(ax):
    bars = sorted(ax.patches, key=lambda bar: bar.get_y())
    return [bar.get_width() for bar in bars]


def test_numbers(detector, space):
    rows = np.r_[space[:1], [[0.0, 25.0, 0.0]]]
    display = ExplanationDisplay.from_estimator(detector, rows)
    surprise = detector.explain(rows)
    np.testing.assert_array_equal(display.surprise, surprise)
    np.testing.assert_array_equal(display.values.astype(float), rows)
    assert display.feature_names == ["column 0", "column 1", "column 2"]
    assert display.row_labels == ["row 0", "row 1"]
    ax = display.axes_[0, 1]
    assert ax.get_title() == "row 1"
    assert labels_of(ax)[0] == "column 1 = 25"
    assert widths_of(ax) == pytest.approx(np.sort(surprise[1])[::-1])
    assert ax.yaxis_inverted()


def test_further_rows_and_columns_are_left_out(detector, space):
    display = ExplanationDisplay.from_estimator(detector, space, max_rows=3, max_columns=2)
    assert display.surprise.shape == (3, 3)
    assert display.axes_.shape == (2, 2)
    assert [len(ax.patches) for ax in display.axes_.flat] == [2, 2, 2, 0]
    assert not display.axes_[1, 1].axison
    assert [bool(ax.get_xlabel()) for ax in display.axes_.flat] == [False, True, True, False]
    assert len(ExplanationDisplay.from_estimator(detector, space).surprise) == 6
    assert len(display.plot(max_columns=1).axes_[0, 0].patches) == 1


def test_odd_bars_differ_in_more_than_colour():
    display = by_hand([[0.5, 7.0, -1.0, 3.0]]).plot()
    ax = display.axes_[0, 0]
    assert labels_of(ax) == ["c1 = 1", "c3 = 3", "c0 = 0", "c2 = 2"]
    hatched = {bar.get_width(): bool(bar.get_hatch()) for bar in ax.patches}
    assert hatched == {7.0: True, 3.0: False, 0.5: False, -1.0: False}
    assert ax.lines[0].get_xdata() == [0, 0]


def test_infinite_and_unknown():
    display = by_hand([[1.0, np.inf, np.nan], [np.nan] * 3]).plot()
    first, second = display.axes_.flat
    assert labels_of(first) == ["c1 = 1", "c0 = 0"]
    assert widths_of(first) == [first.get_xlim()[1], 1.0]
    assert [text.get_text() for text in first.texts] == ["inf"]
    assert not second.patches
    assert [text.get_text() for text in second.texts] == ["no known cells"]
    display.figure_.canvas.draw()


def test_frames_of_numbers(detector, space):
    frame = pd.DataFrame(space, columns=["a", "b", "c"])
    own = FlowOutlierDetector(MixtureFlowDensity(n_components=1), random_state=0).fit(frame)
    display = ExplanationDisplay.from_estimator(own, frame.iloc[[57, 3]])
    assert display.feature_names == ["a", "b", "c"]
    assert display.row_labels == ["row 57", "row 3"]
    np.testing.assert_array_equal(display.values.astype(float), space[[57, 3]])


def test_strings_dates_and_holes(mixed, people):
    display = ExplanationDisplay.from_estimator(mixed, people, max_rows=2)
    np.testing.assert_array_equal(display.surprise, mixed.explain(people[:2]))
    assert display.row_labels == ["person 0", "person 1"]
    whole, holed = (set(labels_of(ax)) for ax in display.axes_.flat)
    height, children = people["height"].iloc[0], people["children"].iloc[0]
    assert {"day = 2024-01-01", f"height = {height}", f"children = {children}"} < whole
    assert len(holed) == 3
    cities = people.assign(city="a town with a very long name")
    labels = labels_of(ExplanationDisplay.from_estimator(mixed, cities[:1]).axes_[0, 0])
    assert "city = 'a town with a ve…" in labels


def test_columns_in_another_order_and_lacking(mixed, people):
    display = ExplanationDisplay.from_estimator(mixed, people[["day", "city"]][:1])
    assert display.feature_names == list(people.columns)
    assert display.values[0].tolist() == [people.iloc[0, 0], DAYS[0], None, None]
    assert len(display.axes_[0, 0].patches) == 2


@pytest.mark.parametrize("make", ["polars", "pyarrow"])
def test_other_frames(make, mixed, people):
    package = pytest.importorskip(make)
    from_pandas = package.from_pandas if make == "polars" else package.Table.from_pandas
    table = from_pandas(people.reset_index(drop=True))
    display = ExplanationDisplay.from_estimator(mixed, table, max_rows=1)
    np.testing.assert_allclose(display.surprise, mixed.explain(people[:1]))
    assert "day = 2024-01-01" in labels_of(display.axes_[0, 0])
    assert display.row_labels == ["row 0"]


def test_words_are_shown_as_they_are():
    names = ["$x", "a$ name that is far too long\x1b"]
    values = np.array([["$y$", np.datetime64("2024-02-01T00:00")]], dtype=object)
    display = by_hand([[2, 1]], feature_names=names, values=values, row_labels=["$z$"]).plot()
    first, second = labels_of(display.axes_[0, 0])
    assert first == "$x = '$y$'"
    assert second == "a$ name that is far too… = 2024-02-01"
    assert not any(t.get_parse_math() for t in display.axes_[0, 0].get_yticklabels())
    display.figure_.canvas.draw()


def test_one_row_in_given_axes():
    ax = plt.subplots()[1]
    display = by_hand([[1.0, 2.0]]).plot(ax)
    assert display.axes_[0, 0] is ax
    assert display.bounding_ax_ is None


def test_errors(detector, gaussian3, space):
    with pytest.raises(TypeError, match="`explain`; MixtureFlowDensity has none"):
        ExplanationDisplay.from_estimator(gaussian3, space)
    with pytest.raises(ValueError, match="X has no rows"):
        ExplanationDisplay.from_estimator(detector, space[:0])
    for name in ("max_rows", "max_columns"):
        with pytest.raises(ValueError, match=f"{name} must be a whole number, 1 or more, got 0"):
            ExplanationDisplay.from_estimator(detector, space, **{name: 0})
    with pytest.raises(TypeError, match=r"'features'; it takes .*max_rows, max_columns and ax"):
        ExplanationDisplay.from_estimator(detector, space, features=[0])
    with pytest.raises(NotFittedError):
        ExplanationDisplay.from_estimator(FlowOutlierDetector(), space)
