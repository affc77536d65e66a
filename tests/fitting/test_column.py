"""One column given a context: shares below, quantiles and moments are those of its density."""

import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.stats import norm

import skflow
from skflow.fitting._column import ConditionalColumn

LEVELS = np.array([1e-6, 0.05, 0.5, 0.9, 1 - 1e-6])
SMALL = {"n_layers": 2, "max_epochs": 5, "random_state": 0, "preprocessing": "standardize"}
DENSITIES = {
    "one flow": skflow.NSFDensity(**SMALL, n_members=1, dtype="float64"),
    "members": skflow.NSFDensity(**SMALL, n_members=3),
    "mixture base": skflow.NSFDensity(**SMALL, n_members=2, base="mixture"),
    "normal scores": skflow.NSFDensity(**SMALL | {"preprocessing": "gaussianize"}, n_members=2),
    "uniform base": skflow.NSFDensity(**SMALL, n_members=1, base="uniform"),
    "a map that may fall": skflow.RealNVPDensity(**SMALL, n_members=2, mixing="orthogonal"),
    "coupling": skflow.NSFDensity(**SMALL, n_members=2, structure="coupling"),
    "monotone net": skflow.UMNNDensity(**SMALL | {"n_layers": 1}, n_members=2),
    "sigmoids": skflow.NAFDensity(**SMALL, n_members=1),
    "residual": skflow.ResidualFlowDensity(**SMALL, n_members=1),
    "mixture": skflow.MixtureFlowDensity(n_components=3, random_state=0),
    "kernels": skflow.KernelFlowDensity(),
}


def rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    context = rng.normal(size=(n, 2))
    y = context[:, 0] + 50 + np.exp(0.5 * context[:, 1]) * rng.standard_t(4, size=n)
    return y[:, None], context


@pytest.fixture(scope="module", params=DENSITIES)
def fitted(request):
    y, context = rows()
    density = DENSITIES[request.param].fit(y, context=context)
    return density, ConditionalColumn(density.flow_, n_threads=1), context[:4]


def density_on(density, given, points):
    """Density at points (m,) for one row of the context."""
    repeated = np.repeat(given[None], len(points), axis=0)
    return np.exp(density.score_samples(points[:, None], context=repeated))


def test_shares_below_are_integrals_of_the_density(fitted):
    density, column, context = fitted
    for given in context[:2]:
        points = np.linspace(*column.quantiles(np.array([1e-7, 0.7]), given[None])[0], 20_001)
        share = column.share_below(points[-1:], given[None])[0]
        assert share == pytest.approx(
            trapezoid(density_on(density, given, points), points), abs=1e-3
        )


def test_quantiles_are_where_the_shares_are(fitted):
    _, column, context = fitted
    values = column.quantiles(LEVELS, context)
    assert (np.diff(values, axis=1) > 0).all()
    for level, value in zip(LEVELS, values.T, strict=True):
        np.testing.assert_allclose(column.share_below(value, context), level, rtol=1e-6)


def test_quantiles_at_levels_of_each_row(fitted):
    _, column, context = fitted
    levels = np.linspace(0.1, 0.9, 2 * len(context)).reshape(-1, 2)
    values = column.quantiles(levels, context)
    for row, level, given in zip(values, levels, context, strict=True):
        np.testing.assert_allclose(row, column.quantiles(level, given[None])[0], rtol=1e-7)


def test_many_values_of_a_row_at_once(fitted):
    _, column, context = fitted
    values = column.quantiles(LEVELS, context)
    np.testing.assert_allclose(column.share_below(values, context), [LEVELS] * 4, rtol=1e-6)


def test_moments_under_a_tilt(fitted):
    _, column, context = fitted
    mean, deviation = column.moments(context, tilt=lambda share: 1.0 * (share < 0.5))
    below = column.quantiles((np.arange(500) + 0.5) / 1_000, context)
    np.testing.assert_allclose(mean, below.mean(axis=1), atol=0.2)


def test_moments_are_those_of_the_quantiles(fitted):
    _, column, context = fitted
    scores = np.linspace(-6, 6, 1_000)  # evenly spread probabilities would miss heavy tails
    weight = norm.pdf(scores) / norm.pdf(scores).sum()
    values = column.quantiles(norm.cdf(scores), context)
    mean, deviation = column.moments(context)
    np.testing.assert_allclose(mean, values @ weight, atol=0.02)
    expected = np.sqrt((values - mean[:, None]) ** 2 @ weight)
    np.testing.assert_allclose(deviation, expected, rtol=0.05)


def test_members_alone(fitted):
    _, column, context = fitted
    y = column.quantiles(np.array([0.3]), context)[:, 0]
    each = column.member_shares_below(y, context)
    np.testing.assert_allclose(each.mean(axis=1), 0.3, rtol=1e-6)


def test_nothing_lies_beyond_the_bounds():
    y, context = rows()
    y = np.exp(0.1 * (y - 50))
    density = skflow.NSFDensity(**SMALL, n_members=2, support={0: (0, None)}).fit(
        y, context=context
    )
    column = ConditionalColumn(density.flow_, (0.0, np.inf))
    assert column.share_below(np.array([-1.0, 0.0]), context[:2]).tolist() == [0.0, 0.0]
    assert (column.quantiles(np.array([1e-4]), context) > 0).all()
