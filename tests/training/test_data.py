"""Batches deal out every row once an epoch; folds share the rows out."""

import pytest
import torch

from skflow.training import Batch, Batches, Rows, assign_holders, fold_rows


def numbered(n, members=(), weight=False, context=False):
    """Rows whose one value is their number, with member k's numbers from 1000 k."""
    x = torch.arange(float(n)).expand(*members, n).clone()
    x += 1000 * torch.arange(len(x) if members else 0.0).unsqueeze(-1) if members else 0
    return Batch(x.unsqueeze(-1), -x.unsqueeze(-1) if context else None, 2 * x if weight else None)


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [(10, 5, [5, 5]), (10, 4, [5, 5]), (11, 4, [4, 4, 3]), (3, 100, [3]), (2, 1, [1, 1])],
)
def test_equal_parts(n, batch_size, sizes):
    batches = Batches(numbered(n), batch_size)
    assert len(batches) == len(sizes)
    assert [len(batch.x) for batch in batches] == sizes


@pytest.mark.parametrize("members", [(), (3,)], ids=["single", "members"])
def test_every_row_once_an_epoch(members):
    rows = numbered(50, members, weight=True, context=True)
    for _ in range(2):
        epoch = list(Batches(rows, 8))
        x = torch.cat([batch.x for batch in epoch], dim=-2)
        assert torch.equal(x.sort(dim=-2).values, rows.x)
        for batch in epoch:
            assert torch.equal(batch.context, -batch.x)
            assert torch.equal(batch.weight, 2 * batch.x[..., 0])


def test_shuffled_anew_in_every_epoch_and_for_every_member():
    batches = Batches(numbered(50, (3,)), 50)
    first, second = (next(iter(batches)).x[..., 0] for _ in range(2))
    assert not torch.equal(first, second)
    order = first - 1000 * torch.arange(3.0).unsqueeze(-1)
    assert not torch.equal(order[0], order[1])
    assert not torch.equal(order[1], order[2])


def test_reproducible_from_the_seed():
    epochs = []
    for _ in range(2):
        torch.manual_seed(3)
        epochs.append([batch.x for batch in Batches(numbered(20), 7, noise=0.1)])
    assert all(torch.equal(a, b) for a, b in zip(*epochs, strict=True))


def test_noise_is_fresh_and_of_its_size():
    rows = numbered(5000, (2,))
    kept = rows.x.clone()
    batches = Batches(rows, 5000, noise=0.01)
    noise = []
    for _ in range(2):
        x = next(iter(batches)).x
        noise.append(x.sort(dim=-2).values - kept)
        assert not torch.equal(x, x.round())
    # numbers are 1 apart, so that sorting finds each row's noise
    assert noise[0].std() == pytest.approx(0.01, rel=0.1)
    assert not torch.equal(noise[0], noise[1])
    assert torch.equal(rows.x, kept)


@pytest.mark.parametrize(
    ("n", "n_members", "n_folds"), [(20, 5, 5), (23, 5, 5), (23, 2, 10), (10, 1, 2), (5, 5, 5)]
)
def test_folds_partition(n, n_members, n_folds):
    rest, held = (
        part.index for part in fold_rows(assign_holders(n, n_members, n_folds), n_members)
    )
    size = n // n_folds
    assert held.shape == (n_members, size)
    assert rest.shape == (n_members, n - size)
    for mine, others in zip(held, rest, strict=True):
        assert sorted(torch.cat([mine, others]).tolist()) == list(range(n))
    assert held.unique().numel() == held.numel()


def test_folds_are_random_and_follow_the_generator():
    holders = [assign_holders(40, 4, 4, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(holders[0], holders[1])
    assert not torch.equal(holders[0], holders[2])


def test_given_folds_of_unequal_sizes_lose_no_row():
    holder = torch.tensor([0] * 5 + [1] * 7 + [-1] * 8)
    rest, held = fold_rows(holder, 2)
    assert rest.index.shape == rest.factor.shape == (2, 15)
    assert held.index.shape == held.factor.shape == (2, 7)
    for k in range(2):
        for part, own in ((held, holder == k), (rest, holder != k)):
            counted = part.index[k][part.factor[k] > 0]
            assert sorted(counted.tolist()) == own.nonzero().flatten().tolist()
            # what fills up is of the member's own too
            assert own[part.index[k]].all()


def test_folds_of_one_size_need_no_factors():
    assert all(part.factor is None for part in fold_rows(assign_holders(20, 4, 5), 4))


def test_members_with_fewer_rows_see_each_as_often_as_the_rest():
    index = torch.tensor([[0, 1, 2, 3, 4], [5, 6, 7, 5, 6]])
    factor = torch.tensor([[1.0] * 5, [1.0, 1.0, 1.0, 0.0, 0.0]])
    batches = Batches(Rows(numbered(8), index, factor), 2)
    seen = torch.zeros(8)
    for epoch in range(1, 7):
        x = torch.cat([batch.x for batch in batches], dim=-2)[..., 0].long()
        assert sorted(x[0].tolist()) == [0, 1, 2, 3, 4]
        assert set(x[1].tolist()) == {5, 6, 7}
        seen += x.flatten().bincount(minlength=8)
        assert seen[5:].max() - seen[5:].min() <= 1
        assert (seen[:5] == epoch).all()
    assert (seen[5:] == 10).all()


def test_rows_that_fill_up_an_index_weigh_nothing():
    rows = Rows(
        numbered(4, weight=True),
        torch.tensor([[1, 2, 3], [0, 2, 0]]),
        torch.tensor([[1.0, 1, 1], [1, 1, 0]]),
    )
    assert rows.weight.tolist() == [[2, 4, 6], [0, 4, 0]]
    assert rows.sizes == [3, 2]
