"""Batches of a file, a stretch an epoch."""

import numpy as np
import pytest
import torch

from skflow._random import seeded
from skflow.training import StretchBatches, n_stretches

N = 103


class File:
    """Rows by their number, in memory."""

    def __init__(self, weighted=False):
        fields = [("x", np.float32, (2,))] + ([("weight", np.float32)] if weighted else [])
        self.rows = np.zeros(N, dtype=fields)
        self.rows["x"][:, 0] = np.arange(N)
        if weighted:
            self.rows["weight"] = np.arange(N)

    def __len__(self):
        return N

    def read(self, start, n):
        return self.rows[(start + np.arange(n)) % N]


def epoch(batches):
    with seeded(0):
        return [batch.x[..., 0] for batch in batches]


def test_a_pass_over_all_stretches_has_every_row():
    batches = StretchBatches(File(), 4, 10)
    seen = torch.cat([x for _ in range(4) for x in epoch(batches)])
    assert set(seen.int().tolist()) == set(range(N))
    assert batches.n_read == N


def test_rows_of_a_stretch_are_shuffled():
    first = torch.cat(epoch(StretchBatches(File(), 4, 10)))
    assert sorted(first.tolist()) == list(range(26))
    assert first.tolist() != sorted(first.tolist())


def test_stretches_lie_in_the_same_memory():
    batches = StretchBatches(File(), 4, 10)
    place = batches.rows.table.x.data_ptr()
    epoch(batches)
    epoch(batches)
    assert batches.rows.table.x.data_ptr() == place


@pytest.mark.parametrize("first", [0, 2])
def test_weights_go_with_rows(first):
    for batch in StretchBatches(File(weighted=True), 4, 10, first=first):
        torch.testing.assert_close(batch.weight, batch.x[:, 0])


def test_members_share_a_stretch_in_orders_of_their_own():
    (ones, *_) = epoch(StretchBatches(File(), 4, 26, n_members=2))
    assert sorted(ones[0].tolist()) == sorted(ones[1].tolist()) == list(range(26))
    assert ones[0].tolist() != ones[1].tolist()


def test_others_go_on_where_some_were():
    batches = StretchBatches(File(), 4, 10)
    epoch(batches)
    other = StretchBatches(File(), 4, 10)
    other.resume(batches.state())
    for ours, theirs in zip(epoch(batches), epoch(other), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_stretches_have_a_bounded_number_of_entries():
    assert n_stretches(1000, 8) == 1
    assert n_stretches(20_000_000, 8) == 77
