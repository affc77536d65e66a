import pytest
import torch

from skflow._random import seeded
from skflow.nets import ParticleNet

SIZES = [(2, 1), (2, 2), (4, 2), (5, 3)]


def net(n, k):
    with seeded(0):
        small = ParticleNet(n, k, hidden_features=(8, 8), n_scalars=3, n_vectors=2).double()
        torch.nn.init.normal_(small.last.weight, generator=torch.Generator().manual_seed(1))
    return small


def rows(n, k, m=5):
    drawn = torch.Generator().manual_seed(0)
    x = torch.randn(n * k, m, generator=drawn, dtype=torch.float64)
    return x, torch.rand(m, generator=drawn, dtype=torch.float64)


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_the_trace_is_that_of_the_jacobian(n, k):
    field, (x, t) = net(n, k), rows(n, k)
    with torch.no_grad():
        velocity, trace = field.at_work()(t, 0.25 * x, 0.75 * x)
    torch.testing.assert_close(velocity, field(t, x))
    jacobian = torch.autograd.functional.jacobian(lambda x: field(t, x), x)
    expected = torch.stack([jacobian[:, i, :, i].trace() for i in range(x.shape[1])])
    assert expected.abs().max() > 0.01
    torch.testing.assert_close(trace, expected, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize(("n", "k"), SIZES)
def test_velocities_go_along_with_the_symmetries(n, k):
    field, (x, t) = net(n, k), rows(n, k)
    particles = x.unflatten(0, (n, k))
    rotation = torch.linalg.qr(rows(k, k, 1)[0].view(k, k))[0]
    rotation[0] *= -1  # one of the two is a reflection
    order = torch.arange(n).roll(1)
    moved = torch.einsum("nkm,kl->nlm", particles[order], rotation)
    velocity = field(t, x).unflatten(0, (n, k))
    expected = torch.einsum("nkm,kl->nlm", velocity[order], rotation)
    for sign in (1, -1):
        found = field(t, (sign * moved + 3.0).flatten(0, 1))
        torch.testing.assert_close(found, (sign * expected).flatten(0, 1))
    torch.testing.assert_close(velocity.mean(dim=0), torch.zeros_like(velocity[0]))


def test_particles_stand_still_at_first():
    x, t = rows(3, 2)
    assert not ParticleNet(3, 2).double()(t, x).any()


def test_where_two_meet_there_is_a_trace():
    x, t = rows(3, 2)
    x[:2] = x[2:4]
    velocity, trace = net(3, 2).at_work()(t, 0 * x, x)
    assert velocity.isfinite().all()
    assert trace.isfinite().all()


def test_an_estimate_of_the_trace_is_refused():
    with pytest.raises(ValueError, match="exact at once"):
        net(2, 2).at_work(probed=True)
