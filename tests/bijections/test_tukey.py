"""Tails bent as the rows ask for it: light ones stay, heavy ones come in, far rows cost little."""

import numpy as np
import pytest
import torch

from skflow.bijections import TukeyTails
from skflow.members import select_member, stack_members

N = 4_000


def rows(draw, n=N, seed=0):
    """One column on a scale near one, (n, 1)."""
    x = draw(np.random.default_rng(seed), n)
    low, middle, high = np.quantile(x, [0.1, 0.5, 0.9])
    return torch.from_numpy(np.asarray((x - middle) / (high - low) * 2.56)[:, None])


LIGHT = {
    "normal": lambda g, n: g.normal(size=n),
    "uniform": lambda g, n: g.uniform(size=n),
    "two modes": lambda g, n: np.r_[g.normal(size=n // 2), g.normal(20, 1, size=n - n // 2)],
    "beta": lambda g, n: g.beta(2, 5, size=n),
    "integers, spread": lambda g, n: g.binomial(8, 0.5, size=n) + g.uniform(-0.5, 0.5, size=n),
    "a rare level, spread": lambda g, n: (g.random(n) < 0.07) + g.uniform(-0.02, 0.02, size=n),
}
# its lower tail has the shape of a power's, and ends where a normal's is only beginning to be rare
LIGHT["a pile and a sprinkle beside it"] = lambda g, n: np.r_[
    g.normal(0, 0.02, size=n // 2), g.uniform(0, 2, size=n // 2 - 20), g.uniform(-2, 0, size=20)
]
HEAVY = {3.0: 0.33, 2.0: 0.5, 1.5: 0.67}  # degrees of freedom and 1 / tail index


@pytest.mark.parametrize("name", LIGHT)
@pytest.mark.parametrize("seed", range(3))
def test_light_tails_stay_as_they_are(name, seed):
    x = rows(LIGHT[name], seed=seed)
    z, log_det = TukeyTails.from_data(x)(x)
    moved = (z - x).abs() / (1 + x.abs())
    assert moved.max() < 0.1
    assert log_det.abs().mean() < 0.01


@pytest.mark.parametrize("df", HEAVY)
def test_heavy_tails_become_about_normal(df):
    x = rows(lambda g, n: g.standard_t(df, size=n))
    tails = TukeyTails.from_data(x)
    z = tails(x)[0]
    # largest of 4,000 normal numbers: 3.6
    assert z.abs().max() < 7
    # h c^2 is the inverse of the tail index; c is about 1
    assert 0.3 * HEAVY[df] < tails.h.mean() < 2.5 * HEAVY[df]


@pytest.mark.parametrize("n", [50, 500, 5_000])
def test_a_row_far_off_comes_near_and_leaves_the_others_alone(n):
    x = rows(lambda g, n: np.r_[g.normal(size=n - 1), 1e4], n)
    z = TukeyTails.from_data(x)(x)[0]
    assert z[-1] < 12
    assert (z - x)[:-1].abs().max() < 1


def test_a_new_row_far_off_costs_tens_of_nats():
    x = rows(LIGHT["normal"])
    z, log_det = TukeyTails.from_data(x)(torch.tensor([[1e4], [1e6]]).double())
    cost = 0.5 * z.squeeze(-1).square() - log_det
    assert cost[0] < 150
    assert cost[1] < 250


def test_what_an_exponential_explains_is_left_to_it():
    """The maps of margins that follow have exponential tails by themselves."""

    def bent(x):
        both = TukeyTails(1), TukeyTails(1, light="exponential")
        for tails in both:
            tails.initialize(x)
        return [bool((tails.h > 0).any()) for tails in both]

    assert bent(rows(lambda g, n: g.gamma(0.5, size=n))) == [True, False]
    assert bent(rows(lambda g, n: g.pareto(2, size=n))) == [True, True]


def test_slope_is_continuous():
    tails = TukeyTails.from_data(rows(lambda g, n: g.standard_t(2, size=n)))
    for side, sign in ((0, -1), (1, 1)):
        for at in (tails.threshold, tails.threshold + tails.m, tails.threshold + tails.v):
            z = sign * (at[side] + torch.tensor([[-1e-9], [1e-9]]).double())
            before, after = tails.inverse(z)[1]
            assert abs(before - after) < 1e-6


def test_weight_zero_is_no_row_and_members_are_fitted_each_on_its_own():
    g = torch.Generator().manual_seed(0)
    x = torch.randn(300, 2, generator=g, dtype=torch.float64) ** 3
    sizes = 300, 200, 20  # as many members as there are neither sides nor columns
    weight = torch.stack([(torch.arange(300) < n).double() for n in sizes])
    all_members = TukeyTails.from_data(x.expand(3, -1, -1), weight)
    for member, n in enumerate(sizes):
        alone = TukeyTails.from_data(x[:n])
        for name in ("threshold", "h", "m", "v", "k"):
            torch.testing.assert_close(
                getattr(select_member(all_members, member), name), getattr(alone, name)
            )


def test_both_ways_to_start_count_weights():
    x = torch.distributions.StudentT(2.0).sample((300, 2)).double()
    weight = torch.where(x.abs().amax(-1) > 3, 0.1, 1.0).double()
    tails, plain = TukeyTails(2), TukeyTails.from_data(x)
    tails.initialize(x, weight=weight)
    for name, expected in TukeyTails.from_data(x, weight).state_dict().items():
        torch.testing.assert_close(tails.state_dict()[name], expected, rtol=0, atol=0)
    assert not torch.equal(tails.h, plain.h)


def test_order_of_rows_does_not_matter():
    x = rows(lambda g, n: g.standard_t(2, size=n))
    one, other = TukeyTails.from_data(x), TukeyTails.from_data(x.flip(0))
    torch.testing.assert_close(one.h, other.h)
    torch.testing.assert_close(one.threshold, other.threshold)


@pytest.mark.parametrize("x", [0.0, 1e308, -1.7e308, float("inf"), -float("inf")])
def test_numbers_of_any_size_are_finite(x):
    tails = TukeyTails.from_data(rows(LIGHT["normal"]))
    z, log_det = tails(torch.tensor([[x]]).double())
    assert z.isfinite().all()
    assert log_det.isfinite().all()
    back, _ = tails.inverse(z)
    assert back.isfinite().all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_rows_and_equal_rows(n):
    for x in (torch.zeros(n, 2), torch.arange(2.0 * n).view(n, 2)):
        tails = TukeyTails.from_data(x.double())
        assert (tails.h >= 0).all()
        assert all(t.isfinite().all() for t in (tails.threshold, tails.v, tails.k))


def test_left_alone_columns():
    x = torch.cat([rows(lambda g, n: g.standard_t(1, size=n))] * 2, -1)
    tails = TukeyTails.from_data(x).left_alone(torch.tensor([0.0, 1e9]))
    z = tails(x)[0]
    assert z[:, 0].abs().max() < 12
    torch.testing.assert_close(z[:, 1], x[:, 1])
    both = stack_members([tails, tails])
    torch.testing.assert_close(both(x.expand(2, -1, -1))[0][1], z)
