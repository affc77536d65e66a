"""Every density integrates to one: of one column by quadrature, to the last floats."""

import numpy as np
import pytest
from scipy import stats

import skflow
from tests.instances import FLOWS, TRAINED, accepted, quick

TOLERANCE = 1e-3
INF = np.inf


def rng():
    return np.random.default_rng(0)


# name -> rows (n,) and bounds
TABLES = {
    "uniform": (rng().uniform(size=200), (0, 1)),
    "arcsine": (rng().beta(0.5, 0.5, size=300), (0, 1)),
    "a bell": (rng().beta(4, 7, size=200), (0, 1)),
    "20 rows": (rng().beta(1, 3, size=20), (0, 1)),
    "narrow": (0.3 + 0.01 * rng().normal(size=200), (0, 1)),
    "a rate": (rng().exponential(size=200), (0, INF)),
    "a power": (rng().gamma(0.5, size=200), (0, INF)),
    "log-normal": (np.exp(3 * rng().normal(size=200)), (0, INF)),
    "Pareto's": (rng().pareto(1.5, size=200), (0, INF)),
    "negative": (-rng().exponential(size=200), (-INF, 0)),
    "atom at a bound": (np.r_[np.zeros(60), rng().exponential(size=200)], (0, INF)),
    "normal": (rng().normal(size=200), (-INF, INF)),
    "20 normals": (rng().normal(size=20), (-INF, INF)),
    "two modes": (np.r_[rng().normal(size=100), 50 + rng().normal(size=100)], (-INF, INF)),
    "far modes": (np.r_[rng().normal(size=100), 1e6 + rng().normal(size=100)], (-INF, INF)),
    "atoms": (np.r_[np.zeros(60), np.ones(60), rng().normal(size=120)], (-INF, INF)),
    "Cauchy's": (rng().standard_cauchy(size=300), (-INF, INF)),
}
QUICK_TABLES = "uniform", "arcsine", "a rate", "negative", "normal"
QUICK = {
    "linear": skflow.LinearFlowDensity,
    "mixture": lambda **bounds: quick(skflow.MixtureFlowDensity, **bounds),
    "spline": lambda **bounds: quick(skflow.NSFDensity, preprocessing="auto", **bounds),
}
SLOW = {cls.__name__: cls for cls in FLOWS}


def small(cls):
    """Return the constructor of a density that is trained a little."""
    settings = {"n_layers": 2, "hidden_features": (16,), "max_epochs": 10, "n_members": 2}
    trained = accepted(cls, settings) if cls in TRAINED else {}
    return lambda **bounds: quick(cls, preprocessing="auto", **{**trained, **bounds})


def places(x, low, high, between):
    """Numbers inside the bounds, up to the last floats, and dx/dt at steps t of about a spread.

    Without bounds they lie from one end to the other that rows x are ``between``.
    """
    middle = np.linspace(-40, 40, 16_001)
    far = np.linspace(40, 708, 4_001)[1:]
    t = np.r_[-far[::-1], middle, far]
    if np.isfinite(low) and np.isfinite(high):
        t = t[t < 36.7]
        share = 1 / (1 + np.exp(-t))
        return t, low + (high - low) * share, (high - low) * share / (1 + np.exp(t))
    if np.isfinite(low):
        return t, low + np.exp(t), np.exp(t)
    if np.isfinite(high):
        return t, high - np.exp(-t), np.exp(-t)
    t = t[np.abs(t) < 690]
    centre, spread = np.median(x), np.subtract(*np.quantile(x, [0.75, 0.25]))
    first, last = np.arcsinh((np.array(between) - centre) / spread)
    t = np.r_[max(first, t[0]), t[(t > first) & (t < last)], min(last, t[-1])]
    return t, centre + spread * np.sinh(t), spread * np.cosh(t)


def stretches(x, low, high):
    """Rows of each mode, and between which ends they are alone: modes may be narrow and far."""
    x = np.sort(x)
    if np.isfinite(low) or np.isfinite(high):
        return [(x, low, high)]
    after = np.flatnonzero(np.diff(x) > 0.5 * np.ptp(x))
    after = after[(after > 20) & (after < len(x) - 20)]  # a far row is not a mode
    ends = np.r_[low, 0.5 * (x[after] + x[after + 1]), high]
    return zip(np.split(x, after + 1), ends[:-1], ends[1:], strict=True)


def mass(density, x, low, high):
    total = 0.0
    for rows, *between in stretches(x, low, high):
        t, at, slope = places(rows, low, high, between)
        inside = (at > low) & (at < high)
        log_p = np.full(len(at), -np.inf)
        log_p[inside] = density.score_samples(at[inside, None])
        total += np.trapezoid(np.exp(log_p + np.log(slope)), t)
    return total


def check_mass(make, name):
    x, (low, high) = TABLES[name]
    bounds = {} if np.isinf([low, high]).all() else {"support": {0: (low, high)}}
    density = make(**bounds).fit(x[:, None])
    assert mass(density, x, low, high) == pytest.approx(1, abs=TOLERANCE)


@pytest.mark.parametrize("table", QUICK_TABLES)
@pytest.mark.parametrize("name", QUICK)
def test_mass_is_one(name, table):
    check_mass(QUICK[name], table)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.filterwarnings("ignore::skflow.exceptions.ConvergenceWarning")
def test_mass_of_every_flow_is_one(name, table):
    check_mass(small(SLOW[name]), table)


def correlated(d):
    """Rows (300, d) around a curve, one column of them with heavy tails."""
    x = rng().normal(size=(300, d))
    x[:, 1] = x[:, 0] ** 2 + 0.5 * x[:, 1]
    x[:, -1] *= np.exp(0.5 * rng().normal(size=300))
    return x


def mass_by_weights(density, x, n=20_000):
    """Mean density over that of a wide Student-t around the rows, and its standard error."""
    proposal = stats.multivariate_t(x.mean(0), 2 * np.cov(x.T), df=3, seed=0)
    at = proposal.rvs(n)
    weight = np.exp(density.score_samples(at) - proposal.logpdf(at))
    return weight.mean(), weight.std() / np.sqrt(n)


@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("name", QUICK)
def test_mass_of_several_columns_is_one(name, d):
    x = correlated(d)
    estimate, error = mass_by_weights(QUICK[name]().fit(x), x)
    assert error < 0.03
    assert abs(estimate - 1) < 2.5 * error


@pytest.mark.slow
@pytest.mark.parametrize("d", [2, 5])
@pytest.mark.parametrize("name", SLOW)
@pytest.mark.filterwarnings("ignore::skflow.exceptions.ConvergenceWarning")
def test_mass_of_several_columns_is_one_for_every_flow(name, d):
    x = correlated(d)
    estimate, error = mass_by_weights(small(SLOW[name])().fit(x), x)
    assert error < 0.1
    assert abs(estimate - 1) < 2.5 * error
