"""Ridge regression: scikit-learn's solution, at the penalty that cross-validation takes."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from skflow.numerics import ridge_regression
from skflow.numerics._ridge import PENALTIES


def rows(n, c=6, noise=1.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, c)) @ rng.normal(size=(c, c)) + 5
    y = x @ rng.normal(size=(c, 2)) + noise * rng.normal(size=(n, 2)) - 3
    return torch.from_numpy(x), torch.from_numpy(y)


def gcv(model, x, y):
    """Score of a fitted Ridge by the definition, with the matrix that projects on its fit."""
    centred = x - x.mean(axis=0)
    n, c = x.shape
    hat = centred @ np.linalg.solve(centred.T @ centred + model.alpha * np.eye(c), centred.T)
    residual = y - model.predict(x)
    return np.mean(residual**2) / (1 - (np.trace(hat) + 1) / n) ** 2


@pytest.mark.parametrize("n", [12, 200])
def test_against_scikit_learn(n):
    x, y = rows(n, noise=3.0)
    slope, intercept = ridge_regression(x, y)
    unit = n * float(x.var(dim=0, correction=0).mean())
    for j in range(2):
        models = [Ridge(alpha=float(p) * unit).fit(x, y[:, j]) for p in PENALTIES]
        best = min(models, key=lambda model: gcv(model, x.numpy(), y[:, j].numpy()))
        np.testing.assert_allclose(slope[j], best.coef_, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(intercept[j], best.intercept_, rtol=1e-6)


def test_a_weight_is_so_many_copies():
    x, y = rows(300, noise=0.01)
    weight = torch.arange(300) % 3 + 1
    weighted = ridge_regression(x, y, weight)
    copied = ridge_regression(*(t.repeat_interleave(weight, dim=0) for t in (x, y)))
    # the penalty may be the next one, as weights tell less than so many rows
    fitted, expected = (x @ slope.mT + intercept for slope, intercept in (weighted, copied))
    torch.testing.assert_close(fitted, expected, rtol=0, atol=0.01)


def test_members_are_regressed_each_for_itself():
    pairs = [rows(50, seed=seed) for seed in (0, 1)]
    x, y = (torch.stack(t) for t in zip(*pairs, strict=True))
    together = ridge_regression(x, y)
    for k, pair in enumerate(pairs):
        torch.testing.assert_close(tuple(t[k] for t in together), ridge_regression(*pair))


def test_more_columns_than_rows_and_a_constant_one():
    x, y = rows(5, c=9)
    x[:, 0] = 7.0
    slope, intercept = ridge_regression(x, y)
    assert slope.isfinite().all()
    assert intercept.isfinite().all()
    assert (x @ slope.mT + intercept - y).std() <= y.std()


def test_inputs_that_do_not_vary_say_nothing():
    x, y = torch.full((8, 2), 4.0), rows(8)[1]
    slope, intercept = ridge_regression(x, y)
    assert not slope.any()
    torch.testing.assert_close(intercept, y.mean(dim=0))
