"""Random nasty tables for every estimator: a fit may be poor or warn, but it never blows up."""

import contextlib
import io
import warnings
from functools import partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.instances import DENSITIES, FLOWS, accepted, quick

# on the preprocessing and the base that are their default
AS_IT_COMES = {"n_layers": 2, "max_epochs": 2, "base": "auto", "preprocessing": "auto"}
ESTIMATORS = {cls.__name__: partial(quick, cls, **accepted(cls, AS_IT_COMES)) for cls in DENSITIES}
# Flows that differ from others in their layers alone: each has some of the tables, slowly all
SIBLINGS = [
    f"{name}Density" for name in ("NICE", "MADE", "IAF", "RadialFlow", "SylvesterFlow", "UMNN")
]
TORCH_WORDS = ("torch", "tensor", "autograd", "cuda", "nn.module", "aten::")

COLUMNS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "cauchy": lambda rng, n: rng.standard_cauchy(n),
    "lognormal": lambda rng, n: np.exp(3 * rng.normal(size=n)),
    "constant": lambda rng, n: np.full(n, rng.normal()),
    "zeros": lambda rng, n: np.zeros(n),
    "binary": lambda rng, n: rng.integers(0, 2, n),
    "counts": lambda rng, n: rng.poisson(4, n),
    "atom": lambda rng, n: np.where(rng.random(n) < 0.5, 0.0, rng.normal(size=n)),
    "rounded": lambda rng, n: rng.normal(size=n).round(1),
    "shifted": lambda rng, n: 1e9 + rng.normal(size=n),
    "almost constant": lambda rng, n: np.where(np.arange(n) == 0, 1 + 1e-15, 1.0),
}


@st.composite
def nasty_tables(draw):
    """Columns of mixed kinds and scales, then collinear columns, repeated rows, outliers."""
    n = draw(st.sampled_from([2, 3, 4, 5, 10, 30, 60]))
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=5))
    scales = draw(
        st.lists(st.integers(-12, 12), min_size=len(kinds), max_size=len(kinds)).map(np.array)
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    X = np.column_stack([COLUMNS[kind](rng, n) for kind in kinds]) * 10.0**scales
    if draw(st.booleans()):
        X = np.column_stack([X, -3 * X[:, 0]])
    if draw(st.integers(0, 7)) == 0:  # more columns than rows, of rank two at most
        X = rng.normal(size=(5, 2)) @ rng.normal(size=(2, 12))
    if draw(st.integers(0, 3)) == 0:
        X = X[rng.integers(0, len(X), len(X))]
    if draw(st.integers(0, 3)) == 0:
        X[rng.integers(len(X)), rng.integers(X.shape[1])] = draw(st.sampled_from([-1e9, 1e9]))
    return X


def far_rows(X):
    """Finite rows a long way out: the column means a thousand spreads off, and 1e9."""
    center, spread = X.mean(axis=0), np.ptp(X, axis=0)
    return np.vstack([center - 1e3 * spread, center + 1e3 * spread, center + 1e9, center * 0])


def warnings_of(function):
    """What the function warned of; whatever it prints is an error."""
    printed = io.StringIO()
    with (
        warnings.catch_warnings(record=True) as caught,
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        warnings.simplefilter("always")
        function()
    assert printed.getvalue() == ""
    return caught


def check(estimator, X):
    before = X.copy()
    scores, samples = {}, {}

    def use():
        estimator.fit(X)
        scores["fitted rows"] = estimator.score_samples(X)
        scores["far rows"] = estimator.score_samples(far_rows(X))
        samples["all"] = estimator.sample(20, random_state=0)
        scores["samples"] = estimator.score_samples(samples["all"])

    for warning in warnings_of(use):
        text = str(warning.message)
        assert issubclass(warning.category, UserWarning), (warning.category, text)
        assert not any(word in text.lower() for word in TORCH_WORDS), text
    for rows, score in scores.items():
        assert np.isfinite(score).all(), (rows, score)
    assert samples["all"].shape == (20, X.shape[1])
    assert np.isfinite(samples["all"]).all()
    np.testing.assert_array_equal(X, before)


# wilder tables, with settings of all kinds, are those of the benchmark
few = settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SIBLINGS)) for name in ESTIMATORS],
)
@few
@given(X=nasty_tables())
def test_nothing_blows_up(name, X):
    check(ESTIMATORS[name](), X)


@pytest.mark.parametrize("name", SIBLINGS)
@settings(few, max_examples=2)
@given(X=nasty_tables())
def test_little_blows_up_of_their_siblings(name, X):
    check(ESTIMATORS[name](), X)


@pytest.mark.parametrize("cls", FLOWS, ids=lambda cls: cls.__name__)
def test_declared_bounds_with_values_on_them(cls):
    # which preprocessing is chosen is no matter of the layers
    chosen = (
        {"preprocessing": "auto"} if cls.__name__ in ("NSFDensity", "KernelFlowDensity") else {}
    )
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.poisson(1, 40), rng.uniform(size=40).round(1)]).astype(float)
    X[:2, 1] = 0, 1
    model = quick(cls, **chosen, support={0: (0, None), 1: (0, 1)}).fit(X)
    assert np.isfinite(model.score_samples(X)).all()
    drawn = model.sample(200, random_state=0)
    assert (drawn >= 0).all()
    assert (drawn[:, 1] <= 1).all()
    assert (model.score_samples([[-1.0, 0.5], [1.0, 1.5]]) == -np.inf).all()
