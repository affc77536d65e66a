"""Nets of conditionals: what they may see, and where they start."""

import numpy as np
import pytest
import torch

from skflow.conditionals import _gaussian
from skflow.conditionals._encoding import LABELS, NUMBER, ORDERED, Encoding
from skflow.conditionals._gaussian import GaussianStart
from skflow.conditionals._net import AnyOrderNet

COLUMNS = [
    (NUMBER, None),
    (ORDERED, np.array([0.2, 0.5, 0.3])),
    (LABELS, np.array([0.6, 0.4])),
    (NUMBER, None),
    (LABELS, np.array([0.1, 0.2, 0.7])),
    (LABELS, np.array([0.3, 0.7])),
]
SIZES = {1: 3, 2: 2, 4: 3, 5: 2}
N = 7


def correlation():
    root = torch.randn(3, 3, generator=torch.Generator().manual_seed(2))
    product = root @ root.T + torch.eye(3)
    scale = product.diagonal().rsqrt()
    return product * scale * scale[:, None]


def net(seed=0, trained=True):
    torch.manual_seed(seed)
    encoding = Encoding(COLUMNS)
    start = GaussianStart.from_scores(encoding(rows(400)).numpy())[0]
    shares = [share for kind, share in COLUMNS if kind == LABELS]
    made = AnyOrderNet(encoding, start, shares, (16, 16, 16))
    if trained:
        torch.nn.init.normal_(made.last.weight, std=0.2)
    return made.eval()


def rows(n=N):
    generator = torch.Generator().manual_seed(1)
    values = torch.randn(n, len(COLUMNS), generator=generator)
    for j, size in SIZES.items():
        values[:, j] = torch.randint(0, size, (n,), generator=generator).float()
    return values


def some_known(n=N):
    return torch.rand(n, len(COLUMNS), generator=torch.Generator().manual_seed(3)) < 0.5


@pytest.mark.parametrize("j", range(len(COLUMNS)))
def test_one_column_as_all_columns(j):
    made, values, known = net(), rows(), some_known()
    every = made.log_prob(values, known)[:, j]
    one = made.column(values, known, j).log_prob(values[:, j])
    torch.testing.assert_close(one, every, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("j", range(len(COLUMNS)))
def test_unknown_cells_are_not_seen(j):
    made, values, known = net(), rows(), some_known()
    known[:, j] = False
    before = made.column(values, known, j)
    changed = torch.where(known, values, rows().flip(0))
    after = made.column(changed, known, j)
    for name, part in vars(before).items():
        torch.testing.assert_close(getattr(after, name), part, rtol=0, atol=0)


@pytest.mark.parametrize("j", range(len(COLUMNS)))
def test_known_cells_are_seen(j):
    made, values = net(), rows()
    known = torch.ones(values.shape, dtype=torch.bool)
    known[:, j] = False
    before = made.column(values, known, j).log_prob(values[:, j])
    for other in set(range(len(COLUMNS))) - {j}:
        moved = values.clone()
        moved[:, other] = moved[:, other] + 1 if other not in SIZES else moved[:, other].flip(0)
        if not torch.equal(moved, values):
            after = made.column(moved, known, j).log_prob(values[:, j])
            assert not torch.equal(after, before)


def test_shares_of_levels_add_up():
    made, values, known = net(), rows(), some_known()
    for j in SIZES:
        share = made.column(values, known, j).log_share.exp()
        torch.testing.assert_close(share.sum(0), torch.ones(N))


def test_labels_start_at_their_shares():
    made, values = net(trained=False), rows()
    known = torch.zeros(values.shape, dtype=torch.bool)
    for j in (2, 4, 5):
        share = made.column(values, known, j).log_share.exp()
        expected = torch.from_numpy(COLUMNS[j][1]).float()[:, None].expand(-1, N)
        torch.testing.assert_close(share, expected)


@torch.no_grad()
def test_a_start_at_a_regression_on_labels_and_scores():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 2_000)
    score = (label - 0.5) * 1.6 + 0.6 * rng.normal(size=2_000)
    values = torch.from_numpy(np.column_stack([score, label])).float()
    share = np.array([(label == 0).mean(), (label == 1).mean()])
    encoding = Encoding([(NUMBER, None), (LABELS, share)])
    start = GaussianStart.from_scores(encoding(values).numpy())[0]
    made = AnyOrderNet(encoding, start, [share], (8, 8))
    asked = torch.tensor([[-0.8, 0.0], [0.8, 1.0]])
    by_label = made.column(asked, torch.tensor([[False, True]] * 2), 0)
    middle = (by_label.log_weight.exp() * by_label.loc).sum(0)
    torch.testing.assert_close(middle, torch.tensor([-0.8, 0.8]), atol=0.05, rtol=0)
    by_score = made.column(asked, torch.tensor([[True, False]] * 2), 1)
    shares = by_score.log_share.exp().diagonal()
    torch.testing.assert_close(shares, torch.tensor([0.82, 0.82]), atol=0.04, rtol=0)


@torch.no_grad()
def test_two_labels_have_one_number_and_two_shares():
    encoding = Encoding(COLUMNS)
    assert [encoding.column_of.count(j) for j in (2, 4, 5)] == [1, 3, 1]
    means = torch.linspace(-0.5, 0.5, 5).expand(len(encoding.column_of), -1)
    for j, size in ((2, 2), (4, 3), (5, 2)):
        share = encoding.log_shares(0 * means, j).exp()
        torch.testing.assert_close(share[:, 0], torch.from_numpy(COLUMNS[j][1]).float())
        assert encoding.log_shares(means, j).shape == (size, 5)
    both = encoding.log_shares(means, 2).exp()
    torch.testing.assert_close(both.sum(0), torch.ones(5))
    assert (both[1].diff() > 0).all()


def test_columns_of_one_label():
    encoding = Encoding([(LABELS, np.ones(1)), (NUMBER, None)])
    assert encoding.log_shares(torch.zeros(2, 4), 0).tolist() == [[0.0] * 4]


def test_many_sets_go_through_in_pieces(monkeypatch):
    start, z = GaussianStart(correlation()), rows()[:, :3]
    known = some_known()[:, :3]
    whole = start(z * known, known)
    monkeypatch.setattr(_gaussian, "ENTRIES", 9)
    torch.testing.assert_close(start(z * known, known), whole)


def test_the_start_is_the_conditional_normal():
    start = GaussianStart(correlation())
    z = torch.randn(N, 3, generator=torch.Generator().manual_seed(4))
    known = torch.tensor(
        [[1, 1, 0], [1, 0, 1], [0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [0, 0, 1]]
    ).bool()
    mean, deviation = start(z * known, known)
    full = correlation()
    for i in range(N):
        inside = known[i].nonzero()[:, 0]
        for j in (~known[i]).nonzero()[:, 0].tolist():
            across = full[j, inside]
            weight = torch.linalg.solve(full[inside][:, inside], across) if len(inside) else across
            torch.testing.assert_close(mean[j, i], weight @ z[i, inside], rtol=1e-4, atol=1e-5)
            variance = full[j, j] - weight @ across
            torch.testing.assert_close(2 * deviation[j, i], variance.log(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("d", [4, 9, 40])
def test_rows_of_other_sets_do_not_matter(d):
    # a set of known columns that is taken for another is an answer to another question
    generator = torch.Generator().manual_seed(d)
    z = np.random.default_rng(0).normal(size=(60, d)) @ np.random.default_rng(1).normal(
        size=(d, d)
    )
    start = GaussianStart.from_scores((z - z.mean(0)) / z.std(0))[0]
    x = torch.randn(d + 1, d, generator=generator)
    known = torch.cat([torch.eye(d), torch.ones(1, d)]).bool()
    together = start(x * known, known)
    for i in range(d + 1):
        alone = start((x * known)[i : i + 1], known[i : i + 1])
        for part, whole in zip(alone, together, strict=True):
            torch.testing.assert_close(part[:, 0], whole[:, i], rtol=1e-3, atol=1e-4)
