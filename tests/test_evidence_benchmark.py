"""The benchmark of evidences measures what it claims, against integrals that are right."""

import sys

import numpy as np
import pytest

PLANES = {"banana": 70, "four modes": 10, "ring": 5}


@pytest.fixture(scope="module")
def integrals(benchmark):
    return benchmark("_integrals")


@pytest.mark.parametrize("name", PLANES)
def test_integrals_in_the_plane(integrals, name):
    target, reach = integrals.targets()[name](), PLANES[name]
    first = np.linspace(-reach, reach, 601)
    second = np.linspace(-2 * reach, reach, 1201)
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    mass = np.exp(target.log_density(grid) - target.log_evidence)
    area = (first[1] - first[0]) * (second[1] - second[0])
    assert mass.sum() * area == pytest.approx(1, abs=1e-3)
    mean = mass @ grid * area
    deviation = np.sqrt(mass @ (grid - mean) ** 2 * area)
    draws = target.draw(np.random.default_rng(0), 20_000)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.05 * deviation.max())
    np.testing.assert_allclose(draws.std(axis=0), deviation, rtol=0.05)


def test_a_regression_by_its_conjugate_prior(integrals):
    """Given the noise, the evidence is the normal density of y, its coefficients integrated."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(12, 2)), rng.normal(size=12)
    target = integrals.Regression(X, y, prior_sd=1.5)
    covariance = np.eye(12) * np.exp(2 * target.log_sigma[5]) + 1.5**2 * X @ X.T
    _, log_det = np.linalg.slogdet(covariance)
    expected = -0.5 * (y @ np.linalg.solve(covariance, y) + log_det)
    # constants that the target leaves out: those of the prior of two coefficients
    constant = np.log(2 * np.pi) + 2 * np.log(1.5) + target.log_sigma[5]
    assert target.marginal[5] == pytest.approx(expected + constant)


def test_a_run(benchmark, monkeypatch, capsys):
    script = benchmark("evidence")
    argv = ["evidence", "--targets", "bounded", "--seeds", "2", "--draws", "600"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert "| bounded | 4 |" in printed
    assert "targets within 0.05 in all runs: asked at least 1, measured 1: holds" in printed
