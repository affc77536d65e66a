"""Student-t columns: their start, and that training recovers how fast tails fall."""

import math

import pytest
import torch
from scipy import stats

from skflow.architectures import autoregressive_stack
from skflow.bases import GaussianMixture, Normal, Product, StudentT
from skflow.bijections import Affine
from skflow.flow import Flow
from skflow.members import stack_members


@pytest.mark.parametrize(("df", "rel"), [(1.2, 0.01), (2.0, 0.01), (3.0, 0.02), (10.0, 0.1)])
def test_student_t_starts_at_the_tail_of_its_rows(df, rel):
    base = StudentT(2)
    z = 5 + 9 * torch.as_tensor(stats.t.rvs(df, size=(4000, 2), random_state=0))
    base.initialize(z)
    expected = [stats.t.fit(column)[0] for column in z.T.numpy()]
    assert base.df.tolist() == pytest.approx(expected, rel=rel)


def test_student_t_starts_each_member_on_its_own_rows_and_weights():
    z = torch.stack([torch.as_tensor(stats.t.rvs(df, size=(500, 2))) for df in (1.5, 6)])
    weight = (torch.arange(500) < 400).double().expand(2, 500)
    stacked = stack_members([StudentT(2), StudentT(2)])
    stacked.initialize(z, weight)
    assert stacked.df.shape == (2, 2)
    for k in range(2):
        alone = StudentT(2)
        alone.initialize(z[k, :400])
        torch.testing.assert_close(stacked.df[k], alone.df, rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    "column", [[0.0] * 9, [1.0] * 5 + [0.0] * 4, [0.0] * 8 + [1e30], range(9), [3.0, 4.0]]
)
def test_student_t_starts_on_any_column(column):
    base = StudentT(1)
    base.initialize(torch.tensor([[float(value)] for value in column]))
    assert base.df.isfinite().all()
    assert 1 < base.df.item() < 1000


def test_tail_index():
    assert torch.isinf(GaussianMixture(3, 2).tail_index).all()
    base = Product([StudentT(2, df=3.0), Normal(1)], [[2, 0], [1]])
    assert base.tail_index.tolist() == pytest.approx([3.0, math.inf, 3.0])
    stacked = stack_members([base, base])
    assert stacked.tail_index.shape == (2, 3)


def test_a_flow_recovers_the_tail_index():
    z = torch.as_tensor(stats.t.rvs([2, 3], size=(4000, 2), random_state=0))
    flow = Flow(autoregressive_stack(2, Affine(), n_layers=1, reach=3.0), StudentT(2)).double()
    flow.base.initialize(flow.bijection.initialize(z))
    optimizer = torch.optim.Adam(flow.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        (-flow.log_prob(z).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(
        flow.base.df.detach(), torch.tensor([2.0, 3.0]).double(), rtol=0, atol=0.3
    )
