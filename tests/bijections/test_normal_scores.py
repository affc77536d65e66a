"""Known answers, nasty columns and the choice of components of the Gaussianizing maps."""

import math
import pickle

import numpy as np
import pytest
import torch
from scipy import stats

from skflow.bijections import MarginalGaussianization, NormalScores
from skflow.bijections._marginal_fit import LOG_UNUSED
from skflow.bijections._normalization import robust_moments
from skflow.members import select_member, stack_members

LOG_ROOT_2_PI = 0.5 * math.log(2 * math.pi)


def normal(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def column(values):
    return torch.as_tensor(np.asarray(values, dtype=float)).unsqueeze(-1)


def random(n=1000, seed=0):
    rng = np.random.default_rng(seed)
    half = n // 2
    return {
        "normal": rng.normal(size=n),
        "two modes": np.append(rng.normal(-3, 0.5, half), rng.normal(3, 1, n - half)),
        "log-normal": rng.lognormal(size=n),
        "uniform": rng.uniform(size=n),
        "Cauchy": rng.standard_cauchy(n),
        "exponential": rng.exponential(size=n),
    }


def mean_log_density(fitted, x):
    z, log_det = fitted(x)
    return (log_det - 0.5 * z.square().sum(-1) - LOG_ROOT_2_PI * x.shape[-1]).mean().item()


def n_used(fitted):
    return (fitted.margins.logits > LOG_UNUSED / 2).sum(-1).squeeze(-1)


@pytest.mark.parametrize("name", random())
def test_scores_of_new_rows_are_normal(name):
    fitted = NormalScores.from_data(column(random()[name]))
    z, _ = fitted(column(random(4000, seed=1)[name]))
    assert stats.kstest(z[:, 0].numpy(), "norm").statistic < 0.06  # 1,000 rows know no better


@pytest.mark.parametrize(
    ("name", "entropy"),
    [
        ("normal", 0.5 + LOG_ROOT_2_PI),
        ("log-normal", 0.5 + LOG_ROOT_2_PI),
        ("exponential", 1.0),
        ("uniform", 0.0),
        ("Cauchy", math.log(4 * math.pi)),
    ],
)
def test_density_of_new_rows_is_near_the_true_one(name, entropy):
    fitted = NormalScores.from_data(column(random()[name]))
    score = mean_log_density(fitted, column(random(4000, seed=1)[name]))
    assert -entropy - 0.08 < score < -entropy + 0.08


@pytest.mark.parametrize(("name", "fewest", "most"), [("normal", 1, 3), ("two modes", 2, 8)])
def test_choice_of_components(name, fewest, most):
    for seed in range(5):
        chosen = n_used(NormalScores.from_data(column(random(seed=seed)[name])))
        assert fewest <= chosen <= most


def test_few_rows_choose_few_components():
    chosen = torch.stack(
        [n_used(NormalScores.from_data(normal(20, 1, seed))) for seed in range(20)]
    )
    assert chosen.double().mean() < 2.5


def test_columns_choose_for_themselves():
    columns = random()
    together = torch.cat([column(columns["normal"]), column(columns["uniform"])], -1)
    few, many = (n_used(NormalScores.from_data(column(columns[k]))) for k in ("normal", "uniform"))
    assert few < many
    both = (NormalScores.from_data(together).margins.logits > LOG_UNUSED / 2).sum(-1)
    assert both.tolist() == [few, many]


NASTY = {
    "constant": np.full(50, 3.7),
    "zero": np.zeros(50),
    "two values": np.repeat([0.0, 1.0], [10, 40]),
    "integers": np.random.default_rng(0).integers(0, 4, 200),
    "one pile": np.append(np.zeros(180), np.random.default_rng(0).exponential(size=20)),
    "two rows": np.array([1.0, 2.0]),
    "20 rows": np.random.default_rng(0).normal(size=20),
    "one far out": np.append(np.random.default_rng(0).normal(size=99), 1e6),
    "two far out": np.append(np.random.default_rng(0).normal(size=98), [1e12, -1e150]),
    "far clusters": np.append(np.arange(50) / 50, 1e5 + np.arange(50) / 50),
    "nearly equal": 1e9 + np.arange(50) * 2.0**-22,
}


@pytest.mark.parametrize("name", NASTY)
def test_nasty_columns(name):
    x = column(NASTY[name])
    fitted = NormalScores.from_data(x)
    _, spread = robust_moments(x)
    steps = torch.tensor([-1e6, -30.0, -1.0, 0.0, 1.0, 30.0, 1e6], dtype=torch.float64)
    far = torch.cat([x, (x[:1] + spread * steps.unsqueeze(-1))])
    z, log_det = fitted(far)
    assert z.isfinite().all()
    assert log_det.isfinite().all()
    assert z.abs().max() < 60
    back, back_log_det = fitted.inverse(z)
    # half of the spread of rows is 1; beyond, relative to the size, and to the digits of float64
    size = torch.maximum((far - x[0]).abs(), spread)
    tolerance = 1e-7 * size + 4e-16 * far.abs()
    assert ((back - far).abs() <= tolerance).all()
    torch.testing.assert_close(back_log_det, -log_det, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", NASTY)
def test_nothing_collapses(name):
    x = column(NASTY[name])
    fitted = NormalScores.from_data(x)
    _, log_det = fitted(x)
    spread = fitted.scale * fitted.margins.scale
    # dz/dx at most two hundred spreads per spread, however many values are equal
    assert (log_det + spread.log() < math.log(200) + 1e-9).all()


def test_a_far_row_costs_the_square_of_its_logarithm():
    x = normal(200, 1)
    fitted = NormalScores.from_data(x)
    log_density = [mean_log_density(fitted, column([v])) for v in (1e2, 1e4, 1e6, 1e150)]
    assert all(a > b for a, b in zip(log_density, log_density[1:], strict=False))
    assert log_density[2] > -100
    assert log_density[3] > -1e5


def test_a_far_row_in_training_leaves_the_others_alone():
    x = normal(200, 1)
    plain = NormalScores.from_data(x)(x)
    polluted = NormalScores.from_data(torch.cat([x, column([1e6])]))(x)
    for a, b in zip(plain, polluted, strict=True):
        assert (a - b).abs().mean() < 0.1


@pytest.mark.parametrize("exponent", [-900, -40, 3, 600])
def test_units_by_a_power_of_two_change_nothing(exponent):
    x = torch.cat([column(v) for v in random(100).values()], -1)
    z, log_det = NormalScores.from_data(x)(x)
    scaled = x * 2.0**exponent
    z_scaled, log_det_scaled = NormalScores.from_data(scaled)(scaled)
    assert torch.equal(z, z_scaled)
    shift = x.shape[-1] * exponent * math.log(2)
    torch.testing.assert_close(log_det_scaled, log_det - shift, rtol=1e-12, atol=1e-9)


def test_narrow_column_far_from_zero():
    u = torch.round(normal(100, 1) * 2**16) / 2**16
    near, far = (NormalScores.from_data(u + c)(u + c)[0] for c in (0.0, 2.0**30))
    torch.testing.assert_close(near, far, rtol=0, atol=1e-12)


def test_order_of_rows_does_not_matter():
    x = column(random(300)["two modes"])
    order = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    z = NormalScores.from_data(x)(x)[0]
    shuffled = NormalScores.from_data(x[order])(x)[0]
    torch.testing.assert_close(shuffled, z, rtol=0, atol=1e-12)


def test_no_global_random_state():
    before = torch.get_rng_state()
    first = NormalScores.from_data(normal(50, 2))(normal(9, 2))[0]
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(17)
    assert torch.equal(NormalScores.from_data(normal(50, 2))(normal(9, 2))[0], first)


class TestWeights:
    x = torch.cat([normal(60, 2) - 3, normal(60, 2, seed=1) + 3])
    weight = torch.cat([torch.full((60,), 4.0), torch.ones(60)]).double()

    def test_move_the_distribution(self):
        z = NormalScores.from_data(self.x, self.weight)(torch.zeros(1, 2, dtype=torch.float64))[0]
        # 0 lies between the clusters, of which the first holds four fifths
        torch.testing.assert_close(z, torch.full_like(z, stats.norm.ppf(0.8)), rtol=0, atol=0.05)

    def test_only_ratios_matter(self):
        first = NormalScores.from_data(self.x, self.weight)(self.x)[0]
        second = NormalScores.from_data(self.x, self.weight * 1e-3)(self.x)[0]
        torch.testing.assert_close(second, first, rtol=0, atol=1e-9)

    def test_equal_ones_are_none(self):
        first = NormalScores.from_data(self.x)(self.x)[0]
        second = NormalScores.from_data(self.x, torch.full((120,), 2.0))(self.x)[0]
        torch.testing.assert_close(second, first, rtol=0, atol=1e-9)

    @pytest.mark.parametrize("value", [0.0, 1e200, -7.0])
    def test_rows_of_weight_0_are_not_looked_at(self, value):
        def fit(v):
            x = torch.cat([self.x, torch.full((30, 2), v, dtype=torch.float64)])
            return NormalScores.from_data(x, torch.cat([self.weight, torch.zeros(30)]))

        assert torch.equal(fit(value)(self.x)[0], fit(3.0)(self.x)[0])


def test_members_are_fitted_alone():
    x = torch.stack([normal(80, 3), normal(80, 3, seed=1).exp(), 5 * normal(80, 3, seed=2)])
    weight = torch.stack([torch.ones(80), torch.arange(80.0), (torch.arange(80) % 2).float()])
    together = NormalScores.from_data(x, weight)
    z, log_det = together(x)
    back, _ = together.inverse(z)
    torch.testing.assert_close(back, x, rtol=1e-9, atol=1e-9)
    for k in range(3):
        alone = NormalScores.from_data(x[k], weight[k])
        for ours, theirs in zip(alone(x[k]), (z[k], log_det[k]), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)
        one = select_member(together, k)(x[k])[0]
        torch.testing.assert_close(one, z[k], rtol=0, atol=1e-12)


def test_stacked_and_pickled():
    parts = [NormalScores.from_data(normal(50, 2, seed)) for seed in range(2)]
    x = normal(7, 2, seed=9)
    z = stack_members(parts)(x.expand(2, 7, 2))[0]
    torch.testing.assert_close(z[1], parts[1](x)[0])
    assert torch.equal(pickle.loads(pickle.dumps(parts[0]))(x)[0], parts[0](x)[0])


def test_preprocessing_is_float64_and_not_trained():
    fitted = NormalScores.from_data(normal(50, 2).float())
    assert not any(p.requires_grad for p in fitted.parameters())
    assert {t.dtype for t in fitted.state_dict().values()} == {torch.float64}


class TestLayer:
    @pytest.mark.parametrize("n_components", [2, 5, 8])
    def test_close_to_the_identity_before_initialize(self, n_components):
        layer = MarginalGaussianization(1, n_components).double()
        x = torch.linspace(-2, 2, 101, dtype=torch.float64).unsqueeze(-1)
        assert (layer(x)[0] - x).abs().max() < 0.35

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_initialize(self, dtype):
        x = torch.cat([column(v) for v in random().values()], -1).to(dtype)
        layer = MarginalGaussianization(x.shape[-1]).to(dtype)
        shapes = {name: t.shape for name, t in layer.state_dict().items()}
        z = layer.initialize(x)
        assert z.dtype == dtype
        assert torch.equal(z, layer(x)[0])
        assert {name: t.shape for name, t in layer.state_dict().items()} == shapes
        usual = [i for i, name in enumerate(random()) if name != "Cauchy"]
        assert (z[:, usual].std(0) - 1).abs().max() < 0.1
        assert z.mean(0).abs().max() < 0.1

    def test_initialize_with_weights(self):
        x = torch.cat([normal(50, 2), 9 + normal(20, 2, seed=1)])
        few, all_rows = (MarginalGaussianization(2).double() for _ in range(2))
        z = few.initialize(x[:50])
        weight = torch.cat([torch.ones(50), torch.zeros(20)])
        torch.testing.assert_close(
            all_rows.initialize(x, weight=weight)[:50].std(0), z.std(0), rtol=0.1, atol=0
        )
        assert (all_rows(x[50:])[0] > 2).all()

    def test_all_components_learn(self):
        layer = MarginalGaussianization(2)
        z, log_det = layer(layer.initialize(normal(100, 2).float()))
        (0.5 * z.square().sum(-1) - log_det).mean().backward()
        assert all((p.grad != 0).all() for p in layer.parameters())

    @pytest.mark.parametrize("size", [1.0, 1e2, 1e4])
    def test_wild_parameters_stay_finite(self, size):
        layer = MarginalGaussianization(3)
        generator = torch.Generator().manual_seed(0)
        for p in layer.parameters():
            p.data = size * torch.randn(p.shape, generator=generator)
        x = torch.tensor([[0.0, 1.0, -1.0], [1e3, -1e3, 5.0], [1e9, -1e9, 1e30]])
        z, log_det = layer(x)
        (z.sum() + log_det.sum()).backward()
        back, back_log_det = layer.inverse(z.detach())
        for t in (z, log_det, back, back_log_det, *(p.grad for p in layer.parameters())):
            assert t.isfinite().all()

    def test_tails_are_lines(self):
        """Of the slope of the widest normal, which is the background's here."""
        layer = MarginalGaussianization(1).double()
        x = column([-1e8, -1e4, 1e4, 1e8])
        torch.testing.assert_close(layer(x)[0], x, rtol=1e-3, atol=0)

    def test_no_training_carries_the_tails_far(self):
        x = normal(200, 1)
        layer = MarginalGaussianization(1).double()
        layer.initialize(x)
        layer.raw_log_scale.data.fill_(1e3)
        far = x.abs().max() * column([-1e3, 1e3])
        slope = layer(far)[1].exp()
        assert (slope > 0.5).all()  # of normal rows it is 1
        back = layer.inverse(column([-8.0, 8.0]))[0]
        assert back.abs().max() < 2 * 8

    @pytest.mark.parametrize("n", [20, 300, 5000])
    def test_background_is_as_wide_as_the_column(self, n):
        x = torch.cat([normal(n, 1), 10 * normal(n, 1, seed=1), normal(n, 1, seed=2) ** 3], -1)
        layer = MarginalGaussianization(3).double()
        layer.initialize(x)
        width = layer.width * layer.scale
        torch.testing.assert_close(width, x.std(0, correction=0))

    def test_trains(self):
        x = column(random()["two modes"]).float() / 3
        layer = MarginalGaussianization(1)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        losses = []
        for _ in range(50):
            z, log_det = layer(x)
            loss = (0.5 * z.square().sum(-1) - log_det).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[-1] < losses[0] - 0.3


@pytest.mark.parametrize(
    ("values", "median", "spread"),
    [
        (np.arange(101.0), 50, 80 / 2 / stats.norm.ppf(0.9)),
        ([5.0] * 9, 5, 5),
        ([0.0] * 9, 0, 1),
        ([0.0] * 19 + [1.0], 0, np.std([0.0] * 19 + [1.0])),
        ([-1e308, -1e308, 1e308, 1e308], -1e308, 1e308 / stats.norm.ppf(0.9)),
    ],
)
def test_robust_moments(values, median, spread):
    got = robust_moments(column(values))
    np.testing.assert_allclose([float(t) for t in got], [median, spread], rtol=1e-12)
