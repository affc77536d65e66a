"""The verdict on regressors: honest held-out scores, paired errors, peers, and words that fit."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import compare_regressors
from skflow.diagnostics.report import _regressors
from skflow.metrics import crps_of_draws, interval_coverage
from tests.metrics.toys import Normal, rows

POINT = [("line", LinearRegression())]


@pytest.fixture
def quick(monkeypatch):
    """Leave the peers that take long out."""

    def few(point_regressors, n_targets):
        return full(point_regressors or POINT, 2)[0], ""

    full = _regressors._peers
    monkeypatch.setattr(_regressors, "_peers", few)


class Recorder(Normal):
    """Notes the rows that it was fitted to."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        type(self).seen.append((np.asarray(X), y, sample_weight))
        return super().fit(X, y)


class TestTable:
    @pytest.fixture(scope="class")
    @classmethod
    def table(cls):
        X, y = rows(60)
        return compare_regressors(X, y, Normal(), cv=2), X, y

    def test_rows(self, table):
        table = table[0]
        expected = {"Normal", "ridge", "boosting", "quantile_boosting"}
        assert {row["name"] for row in table} - {"quantile_forest"} == expected
        scores = [row["score"] for row in table]
        assert scores == sorted(scores, reverse=True)
        assert all(row["seconds"] > 0 for row in table)
        assert np.isfinite([row["crps"] + row["rmse"] + row["coverage"] for row in table]).all()

    def test_numbers_of_a_regressor_that_learns_nothing(self, table):
        table, X, y = table
        model, row = Normal().fit(X, y), table["Normal"]
        held = table.held_out_scores["Normal"]
        np.testing.assert_allclose(held, model.log_density(X, y))
        assert row["score"] == pytest.approx(held.mean())
        assert row["error"] == pytest.approx(held.std(ddof=1) / np.sqrt(60))
        assert row["rmse"] == pytest.approx(np.sqrt(((y - X[:, 0]) ** 2).mean()))
        ends = model.predict_interval(X, 0.9).T
        assert row["coverage"] == pytest.approx(interval_coverage(y, *ends))
        assert row["crps"] == pytest.approx(crps_of_draws(y, model.sample(X, 5_000)), abs=0.02)

    def test_gains_are_paired(self, table):
        table = table[0]
        peers = [row["name"] for row in table if row["name"] != "Normal"]
        best = max(peers, key=lambda name: table[name]["score"])
        assert np.isnan(table[best]["gain"])
        found = table.held_out_scores
        difference = found["Normal"] - found[best]
        assert table["Normal"]["gain"] == pytest.approx(difference.mean())
        assert table["Normal"]["gain_error"] == pytest.approx(difference.std(ddof=1) / 60**0.5)

    def test_prints(self, table):
        lines = str(table[0]).splitlines()
        keys = "name score error gain gain_error crps rmse coverage seconds"
        assert lines[0].split() == keys.split()
        assert lines[-1] == table[0].note


@pytest.mark.usefixtures("quick")
class TestFolds:
    def test_every_fit_leaves_its_fold_out(self):
        Recorder.seen = []
        X, y = rows(60)
        compare_regressors(X, y, Recorder(), cv=KFold(3))
        for k, (seen, values, _) in enumerate(list(Recorder.seen)):
            np.testing.assert_array_equal(
                seen, np.delete(X, np.arange(20 * k, 20 * k + 20), axis=0)
            )
            np.testing.assert_array_equal(values, np.delete(y, np.arange(20 * k, 20 * k + 20)))
        assert len(Recorder.seen) == 3

    def test_equal_rows_share_a_fold(self):
        Recorder.seen = []
        X, y = (np.repeat(part, 2, axis=0) for part in rows(40))
        frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "up", "down")})
        for table in (X, frame, pa.Table.from_pandas(frame)):
            compare_regressors(
                table, y, Recorder(), cv=4, point_regressors=[("c", DummyRegressor())]
            )
        assert len(Recorder.seen) == 12
        for _, values, _ in Recorder.seen:
            assert (np.unique(values, return_counts=True)[1] == 2).all()

    def test_weights(self):
        Recorder.seen = []
        X, y = rows(60)
        weight = np.arange(60) % 4
        table = compare_regressors(X, y, Recorder(), cv=3, sample_weight=weight)
        assert all((part > 0).all() and len(part) == len(seen) for seen, _, part in Recorder.seen)
        held = table.held_out_scores["Recorder"]
        assert np.isnan(held[weight == 0]).all()
        used = weight > 0
        expected = np.average(held[used], weights=weight[used])
        assert table["Recorder"]["score"] == pytest.approx(expected)
        square = np.average((y - X[:, 0])[used] ** 2, weights=weight[used])
        assert table["Recorder"]["rmse"] == pytest.approx(np.sqrt(square))

    def test_repeatable_also_in_processes(self):
        X, y = rows(60)
        one = compare_regressors(X, y, Normal(), cv=3)
        other = compare_regressors(X, y, Normal(), cv=3, n_jobs=2)
        for name in ("Normal", "line"):
            for key in ("score", "crps", "coverage"):
                assert one[name][key] == other[name][key]

    def test_several_columns(self):
        X, y = rows(80, 2)
        table = compare_regressors(X, y, Normal(), cv=2)
        model = Normal().fit(X, y)
        assert table["Normal"]["score"] == pytest.approx(model.log_density(X, y).mean())
        rmse = np.sqrt(((y - X) ** 2).mean(axis=0)).mean()
        assert table["Normal"]["rmse"] == pytest.approx(rmse)

    def test_wrappers(self):
        X, y = rows(80)
        inner = make_pipeline(StandardScaler(with_mean=False, with_std=False), Normal())
        logs = TransformedTargetRegressor(inner, func=np.log, inverse_func=np.exp)
        table = compare_regressors(X, np.exp(y), [("logs", logs)], cv=2)
        expected = Normal().fit(X, y).log_density(X, y) - y
        np.testing.assert_allclose(table.held_out_scores["logs"], expected, atol=1e-4)


@pytest.mark.usefixtures("quick")
class TestVerdict:
    def note(self, sd=1.0, **settings):
        X, y = rows(400)
        return compare_regressors(X, y, Normal(sd, **settings), cv=2).note

    def test_words(self):
        assert self.note().startswith("Normal and the best peer (line) are within noise: ")
        note = self.note(3.0)
        assert note.startswith("Normal is worse than the best peer (line) by 0.")
        assert note.endswith(" nats a row (2 standard errors): clear.")
        X, y = rows(400)
        table = compare_regressors(X, y, Normal(), point_regressors=[("flat", DummyRegressor())])
        assert table.note.startswith("Normal is better than the best peer (flat) by 0.")

    def test_failures(self):
        X, y = rows(60)
        table = compare_regressors(X, y, [("bad", LinearRegression()), ("good", Normal())], cv=2)
        assert np.isnan(table["bad"]["score"])
        assert list(table)[-1]["name"] == "bad"
        assert "bad failed: TypeError: a regressor with `log_density` is needed" in table.note


class TestPeers:
    def test_defaults(self, monkeypatch):
        names = ["ridge", "boosting", "quantile_boosting"]
        monkeypatch.setattr(_regressors, "find_spec", lambda name: None)
        peers, word = _regressors._peers(None, 1)
        assert [name for name, _ in peers] == names
        assert word == "No quantile forest: the package quantile_forest is not installed."
        monkeypatch.setattr(_regressors, "find_spec", lambda name: name)
        peers, word = _regressors._peers(None, 1)
        assert [name for name, _ in peers] == [*names, "quantile_forest"]
        assert word == ""

    def test_several_columns_of_y(self):
        peers, word = _regressors._peers(None, 2)
        assert [name for name, _ in peers] == ["ridge"]
        assert word == "Quantile peers take one column of y and were left out."

    def test_quantiles_win_where_noise_differs(self):
        rng = np.random.default_rng(0)
        X = rng.uniform(0.1, 2, size=(240, 1))
        y = X[:, 0] ** 2 * rng.normal(size=240)
        table = compare_regressors(X, y, Normal(), cv=2)
        quantile, ridge = (table.held_out_scores[n] for n in ("quantile_boosting", "ridge"))
        assert (quantile - ridge).mean() > 0.1
        assert 0.85 < table["quantile_boosting"]["coverage"] < 0.96


class TestArguments:
    @pytest.mark.parametrize(
        ("estimators", "message"),
        [
            ([], "estimators is empty"),
            ([("ridge", Normal())], "The name 'ridge' is taken"),
            ([("a", Normal()), ("a", Normal())], "The name 'a' is taken"),
        ],
    )
    def test_bad_estimators(self, estimators, message):
        with pytest.raises(ValueError, match=message):
            compare_regressors(*rows(20), estimators)

    def test_a_list_without_names(self):
        with pytest.raises(TypeError, match=r"it holds \w+\(\): give each a name"):
            compare_regressors(*rows(20), [Normal()])

    def test_bad_tables(self):
        X, y = rows(20)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            compare_regressors(X, y[:-1], Normal())
        with pytest.raises(ValueError, match="Input y contains NaN"):
            compare_regressors(X, np.full(20, np.nan), Normal())
        with pytest.raises(
            ValueError, match=r"X must be a table of rows and columns, got shape \(20,\)"
        ):
            compare_regressors(y, y, Normal())
