import itertools

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.architectures import particle_flow
from skflow.bases import Harmonic
from skflow.flow import Flow
from skflow.training import Batch, FlowMatching, matching_batch, matching_epochs
from skflow.training._flow_matching import aligned

N, K = 3, 2


def numbers(n, seed):
    drawn = torch.Generator().manual_seed(seed)
    x = torch.randn(n, N, K, generator=drawn, dtype=torch.float64)
    return (x - x.mean(dim=1, keepdim=True)).flatten(1)


def flow():
    with seeded(0):
        return Flow(particle_flow(N, K, hidden_features=(8,)), Harmonic(N, K)).double()


def shortest(z, x):
    """Least squared distance over all orders and rotations of one row, both kinds, by search."""
    best = np.inf
    for order in itertools.permutations(range(N)):
        u, _, v = torch.linalg.svd(z[list(order)].mT @ x)
        best = min(best, float((z[list(order)] @ u @ v - x).square().sum()))
    return best


def test_noise_comes_near_and_stays_what_it_was():
    x, z = numbers(20, 0), numbers(20, 1)
    near = aligned(z, x, (N, K))
    before, after = ((part - x).square().sum(dim=1) for part in (z, near))
    best = [shortest(*pair) for pair in zip(z.view(-1, N, K), x.view(-1, N, K), strict=True)]
    assert (after <= before + 1e-9).all()
    # one after the other, orders and rotations find a way that is short and not the shortest
    assert float(after.mean()) < 0.5 * float(before.mean())
    assert float(after.mean()) < 1.6 * np.mean(best)
    lengths = (part.view(-1, N, K).norm(dim=2).sort(dim=1)[0] for part in (z, near))
    torch.testing.assert_close(*lengths)


def test_particles_that_may_not_change_places_only_turn():
    x, z = numbers(20, 0), numbers(20, 1)
    near = aligned(z, x, (N, K), swaps=False)
    lengths = (part.view(-1, N, K).norm(dim=2) for part in (z, near))
    torch.testing.assert_close(*lengths)


def test_particles_that_stand_still_err_by_the_way():
    with seeded(0), torch.no_grad():
        losses = FlowMatching((N, K))(flow().train(), Batch(numbers(50, 0)))
        without = FlowMatching()(flow().train(), Batch(numbers(50, 0)))
    assert losses.shape == (50,)
    assert float(losses.mean()) < 0.7 * float(without.mean())
    # the squares of rows and noise, each of (n - 1) k dimensions
    assert float(without.mean()) == pytest.approx(2 * (N - 1) * K, rel=0.3)


def test_held_out_losses_are_the_same_at_every_call():
    model, batch = flow().eval(), Batch(numbers(10, 0))
    losses = [FlowMatching((N, K))(model, batch) for _ in range(2)]
    assert torch.equal(*losses)
    with seeded(5):
        assert not torch.equal(losses[0], FlowMatching((N, K))(model.train(), batch))


@pytest.mark.parametrize("n", [2, 100, 1_000, 100_000])
def test_more_rows_are_worth_more_steps_but_fewer_passes(n):
    steps = matching_epochs(n) * n / matching_batch(n)
    assert 8_000 <= steps < 41_000 + n / matching_batch(n)
