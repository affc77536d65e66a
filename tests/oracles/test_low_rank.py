"""Planar, radial and Sylvester maps with the weights of normflows and pyro.

The peers constrain their parameters in other ways, so what is copied is what comes out of their
constraints: the numbers in the equations of the papers.
"""

import math

import normflows
import pytest
import torch
from pyro.distributions import transforms

from skflow.bijections import Planar, Radial, Sylvester
from skflow.bijections._low_rank import (
    MAX_LOG_RADIUS,
    MAX_LOG_STEEPNESS,
    MIN_SLOPE,
    SLOPE_ONE,
)

TOLERANCE = 1e-9
SEEDS = range(5)


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def rows(d, seed, n=200):
    return 2 * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def widen(module, seed):
    """Random parameters of ordinary size, so that no map is near the identity."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in module.parameters():
            p.copy_(torch.randn(p.shape, generator=generator))


def raw_slope(k):
    """Solve ``MIN_SLOPE + (1 - MIN_SLOPE) softplus(raw + SLOPE_ONE) = k`` for raw."""
    return torch.log(torch.expm1((k - MIN_SLOPE) / (1 - MIN_SLOPE))) - SLOPE_ONE


def unbounded(value, bound):
    return value / (1 - value.abs() / bound)


def assert_same(ours, theirs, x):
    z, log_det = ours(x)
    expected, expected_log_det = theirs
    assert log_det.shape == expected_log_det.shape
    assert (z - expected).abs().max() < TOLERANCE
    assert (log_det - expected_log_det).abs().max() < TOLERANCE
    assert (z - x).abs().max() > 1e-3
    back, back_log_det = ours.inverse(expected)
    assert (back - x).abs().max() < 1e-8
    assert (back_log_det + log_det).abs().max() < 1e-8


def planar(w, u, b):
    """Our planar map with the effective parameters of a peer."""
    ours = Planar(len(w))
    k = 1 + w @ u
    ours.w.copy_(w)
    ours.u.copy_(u + (raw_slope(k) - (k - 1)) / (w @ w) * w)
    ours.b.copy_(b)
    return ours


def radial(center, alpha, beta):
    ours = Radial(len(center))
    ours.center.copy_(center)
    ours.log_radius.copy_(unbounded(alpha.log(), MAX_LOG_RADIUS))
    ours.raw_slope.copy_(raw_slope(1 + beta / alpha))
    return ours


def sylvester(r, s, b, vectors):
    """Our Sylvester map of Q R tanh(S Q^T x + b); a row of S changes sign where S_ii < 0."""
    d = len(b)
    ours = Sylvester(d)
    sign = s.diagonal().sign()
    r, s, b = r * sign, sign[:, None] * s, sign * b
    log_s, k = s.diagonal().log(), 1 + r.diagonal() * s.diagonal()
    ours.inner.copy_(s.triu(1) + unbounded(log_s, MAX_LOG_STEEPNESS).diag())
    ours.outer.copy_(r.triu(1) + raw_slope(k).diag())
    ours.b.copy_(b)
    ours.rotation.vectors.copy_(vectors)
    return ours


def of_pyro(transform, x):
    z = transform(x)
    return z, transform.log_abs_det_jacobian(x, z)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("d", [1, 2, 5])
@torch.no_grad()
def test_planar_equals_normflows(d, seed):
    theirs = normflows.flows.Planar((d,))
    widen(theirs, seed)
    w, u, x = theirs.w[0], theirs.u[0], rows(d, seed)
    product = w @ u
    u = u + (math.log1p(math.exp(product)) - 1 - product) * w / (w @ w)
    assert_same(planar(w, u, theirs.b), theirs(x), x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("d", [1, 2, 5])
@torch.no_grad()
def test_planar_equals_pyro(d, seed):
    theirs = transforms.Planar(d)
    widen(theirs, seed)
    x = rows(d, seed)
    ours = planar(theirs.w, theirs.u_hat(theirs.u, theirs.w), theirs.bias)
    assert_same(ours, of_pyro(theirs, x), x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("d", [1, 2, 5])
@torch.no_grad()
def test_radial_equals_normflows(d, seed):
    theirs = normflows.flows.Radial((d,))
    widen(theirs, seed)
    x, alpha = rows(d, seed), theirs.alpha.abs()
    beta = torch.log1p(theirs.beta.exp()) - alpha
    assert_same(radial(theirs.z_0[0], alpha, beta), theirs(x), x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("d", [1, 2, 5])
@torch.no_grad()
def test_radial_equals_pyro(d, seed):
    theirs = transforms.Radial(d)
    widen(theirs, seed)
    x, alpha = rows(d, seed), torch.nn.functional.softplus(theirs.alpha_prime)
    beta = torch.nn.functional.softplus(theirs.beta_prime) - alpha
    assert_same(radial(theirs.x0, alpha, beta), of_pyro(theirs, x), x)


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_sylvester_equals_pyro_where_its_log_det_is_right(seed):
    # Pyro multiplies rows by the matrices that the paper multiplies columns by. So its R and S
    # act transposed, and its log-det is that of its map only if Q is diagonal: here one
    # reflection of the first axis. With the columns in reverse order that is the paper's map.
    d = 4
    theirs = transforms.Sylvester(d)
    widen(theirs, seed)
    theirs.u_unnormed.copy_(torch.eye(d)[:1])
    flipped = torch.tensor([-1.0, 1, 1, 1]) * theirs.b
    swaps = torch.tensor([[1.0, 0, 0, -1], [0, 1, -1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    ours = sylvester(theirs.R().T.flip(0, 1), theirs.S().T.flip(0, 1), flipped.flip(0), swaps)
    x = rows(d, seed)
    z, log_det = of_pyro(theirs, x)
    _, ours_log_det = ours(x)
    # pyro adds 1e-8 inside the logarithm
    assert (log_det - ours_log_det).abs().max() < 1e-5
    assert_same(ours, (z, ours_log_det), x)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("d", [2, 6])
def test_sylvester_equals_the_equation_with_the_matrices_of_pyro(d, seed):
    theirs = transforms.Sylvester(d, count_transforms=d)
    widen(theirs, seed)
    with torch.no_grad():
        q, r, s = theirs.Q(rows(d, seed)), theirs.R(), theirs.S()
        ours = sylvester(r, s, theirs.b, theirs.u_unnormed.flip(0))
    x = rows(d, seed).requires_grad_()
    z = x + torch.tanh(x @ (s @ q.T).T + theirs.b) @ (q @ r).T
    jacobian = torch.stack(
        [torch.autograd.grad(column.sum(), x, retain_graph=True)[0] for column in z.unbind(-1)], 1
    )
    with torch.no_grad():
        assert_same(ours, (z, torch.linalg.slogdet(jacobian).logabsdet), x)
