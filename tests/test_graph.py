"""What torch records: a backward where one follows, all work and all rows in a program."""

import pytest
import torch

from skflow._graph import any_of, applied, row_blocks


class Doubled(torch.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        Doubled.calls += 1
        return 2 * grad


def test_gradients_only_where_they_are_on():
    x = torch.ones(3, requires_grad=True)
    applied(Doubled, x).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
    assert Doubled.calls == 1
    with torch.no_grad():
        y = applied(Doubled, x)
    assert y.tolist() == [2.0, 2.0, 2.0]
    assert not y.requires_grad


def test_any_of():
    assert any_of(torch.tensor([False, True]))
    assert not any_of(torch.tensor([False, False]))


@pytest.mark.parametrize(
    ("n_rows", "ends"), [(5, [(0, 2), (2, 4), (4, 6)]), (2, [(0, 2)]), (0, [(0, 2)])]
)
def test_row_blocks(n_rows, ends):
    assert row_blocks(n_rows, 2) == ends


def test_a_program_does_all_work_on_all_rows():
    class Counted(torch.nn.Module):
        def forward(self, x):
            work = x + 1 if any_of(x > 0) else x
            return torch.cat([work[start:stop] for start, stop in row_blocks(x.shape[0], 2)])

    n = torch.export.Dim("n")
    recorded = torch.export.export(Counted(), (torch.zeros(3),), dynamic_shapes=({0: n},))
    assert recorded.module()(torch.zeros(7)).tolist() == [1.0] * 7
