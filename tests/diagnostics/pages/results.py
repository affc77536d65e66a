"""Results with pages, small ones, each a function of nothing."""

import functools

import numpy as np
import pandas as pd
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from skflow import NSFDensity, TableReport, check_posterior, diagnose
from skflow.estimators._score_table import ScoreTable
from tests.diagnostics import posteriors
from tests.instances import quick

NAMES = ["<b>income</b> $ & more", "a_name_without_a_space" * 3, "Łódź"]


def rows(n=120, d=3, seed=0):
    """Correlated rows of columns with odd names."""
    table = np.random.default_rng(seed).normal(size=(n, d)) + np.arange(n)[:, np.newaxis] / n
    return pd.DataFrame(table, columns=NAMES[:d])


def _diagnosis(estimator, d, **options):
    found = estimator.fit(rows(d=d))
    return diagnose(found, rows(d=d, seed=1), verbose=False, **options)


def _scores():
    names, gains = ["<i>flow</i> $", "gmm", "kde", "none"], [0.5, np.nan, -0.2, np.nan]
    scores = [1.0, 0.5, 0.3, np.nan]
    table = [
        {"name": n, "score": s, "error": 0.1, "gain": g, "gain_error": abs(g)}
        for n, s, g in zip(names, scores, gains, strict=True)
    ]
    return ScoreTable(table, "<i>flow</i> $ is better than gmm.")


def _posterior():
    problem = posteriors.Normal(2)
    theta, x = problem.simulate(100, np.random.default_rng(3))
    options = {"x_o": x[0], "n_draws": 19, "verbose": False}
    simulator = functools.partial(problem.simulator, rng=np.random.default_rng(4))
    sampler = posteriors.Sampler(problem, "narrow")
    return check_posterior(sampler, theta, x, simulator=simulator, **options)


def frame(n, seed):
    """Numbers with holes, categories, days."""
    rng = np.random.default_rng(seed)
    table = rows(n, seed=seed)
    table.loc[rng.random(n) < 0.1, NAMES[0]] = np.nan
    table["city"] = rng.choice(["Rome", "<i>Oslo</i>", None], n)
    table["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 99, n), unit="D")
    return table


def _synthetic():
    return TableReport.from_frames(frame(150, 0), frame(150, 0), holdout=frame(50, 2))


RESULTS = {
    "flow": lambda: _diagnosis(quick(NSFDensity), 3, try_remedies=False),
    "overfit": lambda: _diagnosis(KernelDensity(bandwidth=0.01), 2, try_remedies=False),
    "one column": lambda: _diagnosis(GaussianMixture(), 1, try_remedies=False),
    "scores": _scores,
    "scores without gains": lambda: ScoreTable([{"name": "a", "score": 1.0, "error": 0.1}]),
    "no scores": lambda: ScoreTable([]),
    "posterior": _posterior,
    "copied table": _synthetic,
    "fresh table": lambda: TableReport.from_frames(rows(d=1), rows(d=1, seed=1)),
}
