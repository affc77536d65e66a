"""Rows given a context, by a joint mixture: against scipy's Gaussians and Bayes' rule."""

import numpy as np
import pytest
import torch
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from torch import nn

from skflow._random import seeded
from skflow.bases import GaussianMixture, GivenMixture

D, N_CONTEXT, N_COMPONENTS = 2, 3, 4


@pytest.fixture
def parts():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(N_COMPONENTS, 3.0))
    means = 2 * rng.normal(size=(N_COMPONENTS, N_CONTEXT + D))
    roots = rng.normal(size=(N_COMPONENTS, N_CONTEXT + D, N_CONTEXT + D))
    return weights, means, roots


def given(weights, means, roots, reader=None):
    joint = GaussianMixture.from_roots(*map(torch.from_numpy, (weights, means, roots)))
    return GivenMixture(D, joint, reader).double()


def log_joint(parts, rows, columns):
    """Log weight times density (n, C) of some columns of the joint mixture."""
    terms = [
        np.log(w) + multivariate_normal(m[columns], (r @ r.T)[columns][:, columns]).logpdf(rows)
        for w, m, r in zip(*parts, strict=True)
    ]
    return np.stack(terms, axis=-1).reshape(len(rows), -1)


def test_joint_over_marginal(parts):
    rows = 2 * np.random.default_rng(1).normal(size=(50, N_CONTEXT + D))
    whole, of_context = slice(None), slice(N_CONTEXT)
    expected = logsumexp(log_joint(parts, rows, whole), axis=1)
    expected -= logsumexp(log_joint(parts, rows[:, of_context], of_context), axis=1)
    z, context = (torch.from_numpy(t) for t in (rows[:, N_CONTEXT:], rows[:, of_context]))
    scores = given(*parts).log_prob(z, context)
    np.testing.assert_allclose(scores.detach().numpy(), expected, rtol=1e-9)


def test_draws_have_the_moments_of_the_formula(parts):
    context = np.array([0.5, -1.0, 1.0])
    shares = np.exp(log_joint(parts, context[None], slice(N_CONTEXT))[0])
    shares /= shares.sum()
    n = N_CONTEXT
    mean, second = np.zeros(D), np.zeros((D, D))
    for share, m, r in zip(shares, parts[1], parts[2], strict=True):
        S = r @ r.T
        gain = S[n:, :n] @ np.linalg.inv(S[:n, :n])
        own = m[n:] + gain @ (context - m[:n])
        mean += share * own
        second += share * (S[n:, n:] - gain @ S[:n, n:] + np.outer(own, own))
    with seeded(0):
        draws = given(*parts).sample(40_000, torch.from_numpy(np.tile(context, (40_000, 1))))
    draws = draws.numpy()
    covariance = second - np.outer(mean, mean)
    error = np.sqrt(np.diag(covariance) / len(draws))
    assert (np.abs(draws.mean(axis=0) - mean) < 4 * error).all()
    np.testing.assert_allclose(np.cov(draws.T), covariance, rtol=0.05, atol=0.05)


def test_the_reader_stands_before_the_context(parts):
    halved = given(*parts, reader=nn.Linear(N_CONTEXT, N_CONTEXT, bias=False).double())
    halved.reader.weight.data = 0.5 * torch.eye(N_CONTEXT, dtype=torch.float64)
    z, context = torch.randn(5, D).double(), torch.randn(5, N_CONTEXT).double()
    expected = given(*parts).log_prob(z, 0.5 * context)
    torch.testing.assert_close(halved.log_prob(z, context), expected)


def test_far_rows_and_contexts_are_finite(parts):
    base = given(*parts)
    for size in (1e10, 1e150, 1e300):
        z = torch.full((1, D), size, dtype=torch.float64)
        context = torch.full((1, N_CONTEXT), -size, dtype=torch.float64)
        assert base.log_prob(z, context).isfinite().all()
        assert base.log_prob(torch.zeros(1, D).double(), context).isfinite().all()


def test_no_scores_without_the_context(parts):
    with pytest.raises(ValueError, match="no scores without it"):
        given(*parts).normal_scores(torch.zeros(1, D))


def test_scores_are_those_of_its_distribution_column_after_column(parts):
    base, z = given(*parts), torch.randn(6, D).double()
    context, step = torch.randn(6, N_CONTEXT).double(), 1e-6
    scores = base.normal_scores(z, context)
    log_slopes = []
    for j in range(D):
        away = torch.zeros(D).double()
        away[j] = step
        rise = base.normal_scores(z + away, context) - base.normal_scores(z - away, context)
        log_slopes.append((rise[:, j] / (2 * step)).log())
    log_prob = torch.distributions.Normal(0, 1).log_prob(scores).sum(-1) + sum(log_slopes)
    torch.testing.assert_close(log_prob, base.log_prob(z, context), rtol=1e-5, atol=1e-5)
