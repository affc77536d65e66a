"""The benchmark of classifiers measures what it claims, on tables made up here."""

import sys
from functools import partial

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from skflow import FlowClassifier


@pytest.fixture
def script(benchmark, tmp_path, monkeypatch):
    """Return the script, with a quick density, and three groups of rows as its table phoneme."""
    monkeypatch.setenv("SKFLOW_DATA", str(tmp_path))
    rng = np.random.default_rng(0)
    y = np.arange(150) % 3
    X = rng.normal(size=(150, 3)) + 6 * np.eye(3)[y]
    np.savez(tmp_path / "phoneme.npz", X=X, y=y)
    module = benchmark("classifiers")
    quick = partial(FlowClassifier, density=GaussianMixture(1))
    monkeypatch.setattr(module, "FlowClassifier", quick)
    return module


def test_a_run_meets_what_is_asked_and_goes_on(script, tmp_path, monkeypatch, benchmark):
    argv = ["classifiers", "--tables", "phoneme", "--seeds", "2", "--output", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 0
    rows = benchmark("_common").read_rows(tmp_path / "classifiers.csv")
    assert [(row["seed"], row["rows"], row["columns"]) for row in rows] == [
        (0, 105, 3),
        (1, 105, 3),
    ]
    assert all(row["ours"] < 0.05 for row in rows)
    left_out = benchmark("_common").read_rows(tmp_path / "classifiers_left_out.csv")
    assert [(row["class"], row["new"], row["found"]) for row in left_out] == [
        (0, 50, 1),
        (1, 50, 1),
        (2, 50, 1),
    ]
    monkeypatch.setattr(script, "losses", None)  # nothing is measured twice
    monkeypatch.setattr(script, "left_out", None)
    monkeypatch.setattr(sys, "argv", [*argv, "--resume"])
    with pytest.raises(SystemExit):
        script.main()


def test_verdicts(script, capsys):
    good = dict.fromkeys(("ours", *script.PEERS), 0.5) | {"logistic": 0.6, "found": 0.7}
    bad = good | {"quadratic": 0.48, "logistic": 0.4, "found": 0.2}
    assert all(script.verdicts({"a": good}))
    assert not any(script.verdicts({"a": bad}))
    assert "1 (quadratic on a)" in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:The covariance matrix of class")  # of scikit-learn 1.6
def test_quadratic_discriminants_of_singular_covariances(script):
    X = np.repeat(np.random.default_rng(0).normal(size=(60, 1)), 2, axis=1)
    y = np.arange(60) % 2
    proba = script.Quadratic().fit(X, y).predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
