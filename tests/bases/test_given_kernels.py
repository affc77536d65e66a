"""Kernels given a context: joint over marginal to the digit, and widths that foretell rows."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from torch import nn

from skflow._random import seeded
from skflow.bases import GivenKernels
from skflow.bases._given_likelihood import _log_density, _start
from skflow.bases._given_residuals import Residuals

N_CONTEXT, D = 3, 2
KINDS = {
    "full": {},
    "diagonal": {"bandwidth": "diagonal"},
    "scalar": {"bandwidth": "scalar"},
    "one size": {"n_neighbors": None},
    "no background": {"background": False},
    "more rows than choose": {"max_rows": 40},
}


def rows(n=120, seed=0):
    """Rows (n, 2) that bend with the first of three columns that they are given."""
    rng = np.random.default_rng(seed)
    h = rng.normal(size=(n, N_CONTEXT))
    z = np.column_stack([np.sin(2 * h[:, 0]), h[:, 1]]) + 0.3 * rng.normal(size=(n, D))
    return torch.from_numpy(z), torch.from_numpy(h)


def fitted(z, h, weight=None, **settings):
    base = GivenKernels(z.shape[1], h.shape[1], **settings).double()
    base.initialize(z, weight, h)
    return base


@pytest.fixture(scope="module", params=KINDS)
def base(request):
    return fitted(*rows(), **KINDS[request.param])


def gaussians(base):
    """Weights, means and covariances of the joint mixture of context and row."""
    t = {name: value.numpy() for name, value in base.named_buffers()}
    A, V, n = t["slope"], t["directions"], len(t["sizes"])
    of_context = t["context_variances"]
    own = [1 / (1 / s**2 + 1 / t["variances"]) for s in t["sizes"]]
    kernels = [(t["contexts"][j], t["points"][j], of_context, own[j]) for j in range(n)]
    weights = np.exp(t["log_weights"])
    if np.isfinite(t["log_background"]):
        behind = np.zeros(N_CONTEXT), np.zeros(D), np.ones(N_CONTEXT), t["variances"]
        kernels, weights = [*kernels, behind], [*weights, np.exp(t["log_background"])]
    parts = []
    for context, point, of_context, of_row in kernels:
        H = np.diag(of_context)
        mean = np.append(context, A @ context + t["intercept"] + V @ point)
        inner = A @ H @ A.T + V @ np.diag(of_row) @ V.T
        parts.append((mean, np.block([[H, H @ A.T], [A @ H, inner]])))
    return np.asarray(weights), parts


def log_mixture(weights, parts, x, columns):
    terms = [
        multivariate_normal(mean[columns], covariance[columns, columns]).logpdf(x)
        for mean, covariance in parts
    ]
    return logsumexp(np.stack(terms, axis=-1), b=weights, axis=-1)


def test_joint_over_marginal(base):
    z, h = rows(20, seed=1)
    weights, parts = gaussians(base)
    assert weights.sum() == pytest.approx(1)
    both = np.concatenate([h, z], axis=1)
    expected = log_mixture(weights, parts, both, slice(None))
    expected -= log_mixture(weights, parts, h.numpy(), slice(N_CONTEXT))
    np.testing.assert_allclose(base.log_prob(z, h).numpy(), expected, rtol=1e-8, atol=1e-8)


def test_the_reader_stands_before_the_context():
    z, h = rows()
    halved = nn.Linear(N_CONTEXT, N_CONTEXT, bias=False).double()
    halved.weight.data = 0.5 * torch.eye(N_CONTEXT).double()
    read = fitted(z, 2 * h, reader=halved)
    torch.testing.assert_close(read.log_prob(z, 2 * h), fitted(z, h).log_prob(z, h))


def test_likelihoods_leave_each_row_out():
    """Of kernels, background and regression; against a mixture that never had the row."""
    z, h = rows(12)
    weight = torch.arange(1.0, 13.0).double() / 78
    table = Residuals.read(h, z, weight, "diagonal", True)
    theta, sizes = _start(table, None, "diagonal"), torch.ones(12).double()
    found = _log_density(theta, table, sizes, torch.arange(12))
    share = 1e-6 + (1 - 2e-6) * torch.sigmoid(theta[-1])

    def narrow(logit, floor):
        return floor + (1 - 1e-5 - floor) * torch.sigmoid(logit)

    delta, deviation = narrow(theta[:3], 1e-3), narrow(theta[3:5], table.floor)
    of_row = deviation.square() * table.spread
    rho = (1 - of_row / table.spread).sqrt()
    for i in range(12):
        others = torch.arange(12) != i
        w = (1 - share) * weight[others] / weight[others].sum()
        near = torch.distributions.Normal((1 - delta**2).sqrt() * table.h[others], delta)
        kernel = torch.distributions.Normal(rho * table.u[others], of_row.sqrt())
        near = w * near.log_prob(table.h[i]).sum(-1).exp()
        top = (near * kernel.log_prob(table.foretold[i]).sum(-1).exp()).sum()
        behind = share * norm.pdf(table.h[i]).prod()
        top = top + behind * table.beside[i].exp()
        expected = float((top / (near.sum() + behind)).log())
        assert float(found[i]) == pytest.approx(expected, rel=1e-8)


def test_rows_are_foretold_by_regressions_that_have_not_seen_them():
    z, h = rows(12)
    weight = torch.full((12,), 1 / 12).double()
    table = Residuals.read(h, z, weight, "full", True)
    moved = z.clone()
    moved[3] += 100.0
    residuals = [Residuals.read(h, t, weight, "diagonal", True).foretold for t in (z, moved)]
    torch.testing.assert_close(residuals[1][3], residuals[0][3] + 100.0)
    torch.testing.assert_close(table.foretold @ table.axes.mT, residuals[0])


def test_draws_follow_the_density():
    z, h = rows()
    base = fitted(z[:, :1], h)
    at = torch.tensor([[0.5, -1.0, 1.0]]).double()
    with seeded(0):
        draws = base.sample(20_000, at.expand(20_000, -1))
    grid = torch.linspace(-6, 6, 4_001).double().unsqueeze(-1)
    density = base.log_prob(grid, at.expand(4_001, -1)).exp()
    mass = density * (grid[1] - grid[0])
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    levels = np.interp(draws[:, 0], grid[:, 0], mass.cumsum(0))
    assert np.abs(np.sort(levels) - np.linspace(0, 1, 20_000)).max() < 1.7 / np.sqrt(20_000)


def test_far_rows_and_contexts_are_finite(base):
    for size in (1e10, 1e150, 1e300):
        z = torch.full((1, D), size, dtype=torch.float64)
        h = torch.full((1, N_CONTEXT), -size, dtype=torch.float64)
        for context in (h, torch.zeros_like(h)):
            assert base.log_prob(z, context).isfinite().all()
        assert base.sample(1, h).isfinite().all()


def test_far_from_all_contexts_the_regression_is_left():
    z, h = rows()
    base = fitted(z, h)
    far = torch.full((1, N_CONTEXT), 40.0).double()
    mean = far @ base.slope.mT + base.intercept
    root = base.directions * base.variances.sqrt()
    expected = multivariate_normal(mean[0], root @ root.mT).logpdf(mean[0])
    assert float(base.log_prob(mean, far)) == pytest.approx(expected)


def test_columns_that_tell_nothing_are_smoothed_away():
    rng = np.random.default_rng(0)
    h = torch.from_numpy(rng.normal(size=(400, 4)))
    z = h[:, :1].abs() + 0.1 * torch.from_numpy(rng.normal(size=(400, 1)))
    deviations = fitted(z, h).context_variances.sqrt()
    assert deviations[0] < 0.2
    assert (deviations[1:] > 0.8).all()


def test_many_columns_of_few_rows_tell_no_more_than_the_regression_does():
    rng = np.random.default_rng(0)
    slope = rng.normal(size=(20, 2)) / 2

    def draw(n):
        h = rng.normal(size=(n, 20))
        return torch.from_numpy(h @ slope + 0.5 * rng.normal(size=(n, 2))), torch.from_numpy(h)

    (z, h), (z_new, h_new) = draw(100), draw(2_000)
    base = fitted(z, h)
    far = z_new - h_new @ base.slope.mT - base.intercept
    held = Residuals.read(h, z, torch.full((100,), 0.01).double(), "full", True).foretold
    root = base.directions * base.variances.sqrt()
    regression = multivariate_normal(np.zeros(2), root @ root.mT).logpdf(far)
    assert held.var() == pytest.approx(1, abs=0.05)
    assert float(base.log_prob(z_new, h_new).mean()) > regression.mean() - 0.15


def test_rows_weigh_what_they_weigh():
    z, h = rows(60)
    weight = torch.ones(60).double()
    weight[:20] = 0.0
    base = fitted(z, h, weight)
    torch.testing.assert_close(base.log_prob(z, h), fitted(z[20:], h[20:]).log_prob(z, h))
    assert base.extra_repr() == "n_features=2, n_kernels=40"


@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("kind", ["full", "scalar", "no background"])
def test_a_handful_of_rows(n, kind):
    z, h = rows(n)
    base = fitted(z, h, **KINDS[kind])
    assert base.log_prob(z, h).isfinite().all()
    assert base.sample(n, h).isfinite().all()


def test_rows_that_the_context_says_all_of():
    z, h = rows(50)
    base = fitted(torch.stack([2 * h[:, 0], torch.ones(50).double()], dim=-1), h)
    assert base.log_prob(z, h).isfinite().all()


def test_columns_of_the_context_that_are_constant():
    (z, h), (z_new, h_new) = rows(), rows(2_000, seed=1)
    h[:, 2] = h_new[:, 2] = 0.0
    scores = fitted(z, h).log_prob(z_new, h_new).mean()
    expected = fitted(z, h[:, :2]).log_prob(z_new, h_new[:, :2]).mean()
    torch.testing.assert_close(scores, expected, atol=0.1, rtol=0)


def test_blocks_of_rows_change_nothing(monkeypatch):
    z, h = rows()
    base = fitted(z, h)
    expected = base.log_prob(z, h)
    monkeypatch.setattr("skflow.bases._at_once.BLOCK_ENTRIES", 1)
    torch.testing.assert_close(base.log_prob(z, h), expected)
    assert base.sample(100, h[:100]).shape == (100, D)


def test_until_it_is_fitted_a_unit_gaussian():
    z, h = rows(5)
    expected = multivariate_normal(np.zeros(D)).logpdf(z)
    base = GivenKernels(D, N_CONTEXT).double()
    np.testing.assert_allclose(base.log_prob(z, h), expected)
    assert base.sample(5, h).isfinite().all()


def test_no_scores_without_the_context(base):
    with pytest.raises(ValueError, match="no scores without it"):
        base.normal_scores(torch.zeros(1, D))


def test_scores_of_a_column_rise_as_its_distribution_function():
    z, h = rows()
    base, step = fitted(z[:, :1], h), 1e-6
    scores, above, below = (base.normal_scores(z[:, :1] + e * step, h) for e in (0, 1, -1))
    log_slope = ((above - below) / (2 * step)).log().squeeze(-1)
    log_prob = torch.distributions.Normal(0, 1).log_prob(scores).squeeze(-1) + log_slope
    torch.testing.assert_close(log_prob, base.log_prob(z[:, :1], h), rtol=1e-4, atol=1e-4)
