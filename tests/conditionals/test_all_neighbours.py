"""Several kinds of neighbours as one."""

import pytest
import torch

from skflow.conditionals._all_neighbours import AllNeighbours
from tests.conditionals.test_kernels import kernels
from tests.conditionals.test_neighbours import N_NEW, D, holes, neighbours, rows


@pytest.mark.parametrize("j", range(D))
def test_estimates_are_those_of_the_parts_in_turn(j):
    parts = [neighbours(), kernels()]
    both, values, known = AllNeighbours(parts), rows(N_NEW, 2), ~holes(N_NEW, 3)
    known[:, j] = False
    nearest = both.nearest(values, known)
    each = both.log_prob(nearest, j, values[:, j])
    own = [part.log_prob(part.nearest(values, known), j, values[:, j]) for part in parts]
    assert torch.equal(each, torch.cat(own))
    log_share = torch.randn(both.n_kinds, generator=torch.Generator().manual_seed(4))
    log_share = log_share.log_softmax(0)
    mixed = both.column(nearest, j, log_share).log_prob(values[:, j])
    expected = torch.logsumexp(each + log_share[:, None], 0)
    torch.testing.assert_close(mixed, expected, atol=1e-4, rtol=1e-4)
