"""Known answers and edges of the preprocessing bijections."""

import math
import pickle

import numpy as np
import pytest
import torch
from scipy.special import logit
from scipy.stats import lognorm, multivariate_normal
from sklearn.covariance import LedoitWolf
from sklearn.preprocessing import StandardScaler

from skflow.bijections import SoftTails, Standardize, SupportMap, Whiten
from skflow.members import stack_members

INF = math.inf
FITTED = {"standardize": Standardize, "whiten": Whiten}


def rows(n, d, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mixed(n, d, seed=0):
    """Correlated columns of different scales and offsets."""
    mixing = rows(d, d, seed=seed + 1000) + 2 * torch.eye(d)
    scale = 10.0 ** torch.arange(-2, d - 2, dtype=torch.float64)
    return (rows(n, d, seed) @ mixing) * scale + 3 * scale


def column(*values):
    return torch.tensor(values, dtype=torch.float64).unsqueeze(-1)


# Standardize


def test_standardize_equals_the_standard_scaler():
    x = mixed(30, 4)
    z, log_det = Standardize.from_data(x)(x)
    scaler = StandardScaler().fit(x.numpy())
    np.testing.assert_allclose(z, scaler.transform(x.numpy()), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(log_det, np.full(30, -np.log(scaler.scale_).sum()), rtol=1e-13)


@pytest.mark.parametrize(
    ("value", "scale"), [(5.0, 5.0), (-0.1, 0.1), (0.0, 1.0), (1e300, 1e300), (-1e-300, 1e-300)]
)
def test_constant_column_is_scaled_by_its_size(value, scale):
    x = column(value, value, value)
    standardize = Standardize.from_data(x)
    assert float(standardize.scale) == scale
    z, log_det = standardize(x)
    assert torch.equal(z, torch.zeros_like(x))
    assert float(log_det[0]) == -math.log(scale)


@pytest.mark.parametrize("exponent", [-300, -160, -12, 12, 160, 300])
@pytest.mark.parametrize("name", sorted(FITTED))
def test_follows_the_units(name, exponent):
    x = mixed(50, 3)
    z, log_det = FITTED[name].from_data(x)(x)
    scaled = x * 10.0**exponent / 100
    fitted = FITTED[name].from_data(scaled)
    z_scaled, log_det_scaled = fitted(scaled)
    torch.testing.assert_close(z_scaled, z, atol=1e-12, rtol=1e-11)
    shift = 3 * (exponent - 2) * math.log(10)
    torch.testing.assert_close(log_det_scaled, log_det - shift, atol=1e-9, rtol=0)
    torch.testing.assert_close(fitted.inverse(z_scaled)[0] / scaled, torch.ones_like(x))


@pytest.mark.parametrize("name", sorted(FITTED))
def test_narrow_column_far_from_zero_keeps_its_digits(name):
    # Rows that float64 holds exactly at either place; only the mean itself is rounded.
    u = torch.round(rows(100, 2) * 2**16) / 2**16
    near, _ = FITTED[name].from_data(u)(u)
    far, _ = FITTED[name].from_data(u + 2.0**30)(u + 2.0**30)
    torch.testing.assert_close(far, near, atol=3e-7, rtol=0)
    torch.testing.assert_close(far - far[0], near - near[0], atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", sorted(FITTED))
def test_is_the_identity_before_it_is_fitted_and_initialize_fits(name):
    x = mixed(20, 3)
    fitted = FITTED[name](3)
    assert torch.equal(fitted(x)[0], x)
    z = fitted.initialize(x)
    assert torch.equal(z, fitted(x)[0])
    assert torch.equal(z, FITTED[name].from_data(x)(x)[0])
    assert not list(fitted.parameters())


@pytest.mark.parametrize("name", sorted(FITTED))
def test_initialize_inverse_fits_the_inverse(name):
    z = mixed(20, 3)
    fitted, other = FITTED[name](3), FITTED[name](3)
    x = other.initialize_inverse(z)
    assert torch.equal(x, other.inverse(z)[0])
    torch.testing.assert_close(x, fitted.initialize(z), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", sorted(FITTED))
def test_float32_rows_are_mapped_in_float64(name):
    x = mixed(20, 3).float()
    z, log_det = FITTED[name].from_data(x)(x)
    assert z.dtype == log_det.dtype == torch.float64


@pytest.mark.parametrize("d", [1, 3])
@pytest.mark.parametrize("name", sorted(FITTED))
def test_padded_members_equal_members_fitted_alone(name, d):
    folds = [mixed(12, d, seed=1), mixed(9, d, seed=2)]
    x = torch.full((2, 12, d), math.nan, dtype=torch.float64)
    weight = torch.zeros(2, 12, dtype=torch.float64)
    for k, fold in enumerate(folds):
        x[k, : len(fold)] = fold
        weight[k, : len(fold)] = 2.5
    together = FITTED[name].from_data(x, weight)
    alone = stack_members([FITTED[name].from_data(fold) for fold in folds])
    for key, tensor in alone.state_dict().items():
        torch.testing.assert_close(together.state_dict()[key], tensor, atol=1e-13, rtol=1e-13)
    z, log_det = together(torch.stack([mixed(5, d, seed=3)] * 2))
    assert z.shape == (2, 5, d)
    assert log_det.shape == (2, 5)
    expected = FITTED[name].from_data(folds[1])(mixed(5, d, seed=3))
    torch.testing.assert_close(z[1], expected[0], atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(log_det[1], expected[1])


# Whiten


@pytest.mark.parametrize(("n", "d"), [(200, 3), (50, 6), (10, 30), (2, 4), (40, 1)])
def test_whiten_holds_scikit_learns_ledoit_wolf(n, d):
    x = rows(n, d) @ (rows(d, d, seed=8) + torch.eye(d))
    whiten = Whiten.from_data(x)
    z = whiten.standardize(x)[0]
    peer = LedoitWolf().fit(z.numpy())
    covariance = (whiten.factor @ whiten.factor.mT).numpy()
    if peer.shrinkage_ > 1e-8:
        np.testing.assert_allclose(covariance, peer.covariance_, rtol=1e-10, atol=1e-12)
    else:
        np.testing.assert_allclose(covariance, peer.covariance_, rtol=0, atol=1e-7)


def test_whiten_is_the_gaussian_fit():
    x = mixed(100, 4)
    whiten = Whiten.from_data(x)
    z, log_det = whiten(x)
    ours = (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(-1) + log_det
    scale = whiten.standardize.scale
    covariance = (whiten.factor @ whiten.factor.mT) * scale * scale.unsqueeze(-1)
    peer = multivariate_normal(x.mean(0).numpy(), covariance.numpy()).logpdf(x.numpy())
    np.testing.assert_allclose(ours, peer, rtol=1e-9)


def test_whiten_decorrelates():
    x = mixed(100_000, 3)
    covariance = torch.cov(Whiten.from_data(x)(x)[0].T)
    torch.testing.assert_close(covariance, torch.eye(3).double(), atol=5e-3, rtol=0)


def test_weights_equal_to_counts_give_the_covariance_of_repeated_rows():
    x, repeats = rows(400, 3), torch.arange(400) % 3
    weighted = Whiten.from_data(x, repeats).factor
    repeated = Whiten.from_data(x.repeat_interleave(repeats, 0)).factor
    torch.testing.assert_close(weighted, repeated, atol=2e-3, rtol=0)
    for unit in (1e-300, 1e300):
        torch.testing.assert_close(Whiten.from_data(x, repeats.double() * unit).factor, weighted)


@pytest.mark.parametrize("copies", [1.0, -3.0])
def test_collinear_columns_stay_invertible(copies):
    x = rows(1000, 1)
    x = torch.cat([x, copies * x, 1e-9 * x], dim=1)
    whiten = Whiten.from_data(x)
    z, log_det = whiten(x)
    assert z.isfinite().all()
    assert log_det.isfinite().all()
    torch.testing.assert_close(whiten.inverse(z)[0], x, atol=1e-11, rtol=0)


def test_exactly_singular_data_are_shrunk_by_the_minimum():
    # Every row is +-(1, 1): the Ledoit-Wolf shrinkage is 0 and the covariance has rank one.
    x = torch.tensor([[1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    z, log_det = Whiten.from_data(x)(x)
    assert z.isfinite().all()
    assert float(log_det[0]) == pytest.approx(-0.5 * math.log(2 * 1e-8), abs=0.5)


@pytest.mark.parametrize("scale", [1e-300, 1e-2, 1e300])
def test_all_finite_rows_stay_finite(scale):
    x = rows(100, 3) * scale
    x[:, 1] += x[:, 0]
    x[:, 2] -= x[:, 1]
    largest = torch.finfo(torch.float64).max
    far = torch.cartesian_prod(*(torch.tensor([-largest, 0.0, largest], dtype=x.dtype),) * 3)
    for kind in (Standardize, Whiten):
        z, log_det = kind.from_data(x)(far)
        assert not z.isnan().any()
        assert log_det.isfinite().all()
    assert z.isfinite().all()


def test_fitted_to_the_largest_numbers():
    largest = torch.finfo(torch.float64).max
    x = rows(50, 3).sign() * largest
    x[:, 2] = largest
    x[0, 2] = 1.0
    for kind in (Standardize, Whiten):
        z, log_det = kind.from_data(x)(x)
        assert z.isfinite().all()
        assert log_det.isfinite().all()
        assert z.abs().max() < 10


def test_constants_up_to_rounding_do_not_take_part():
    x = mixed(50, 3)
    x[:, 1] = torch.where(x[:, 0] > 0, 0.3, 0.1 * 3)
    assert Whiten.from_data(x).factor[1].tolist() == [0.0, 1.0, 0.0]


def test_constant_columns_keep_the_scale_of_standardize():
    x = mixed(50, 3)
    x[:, 1] = 7.0
    whiten = Whiten.from_data(x)
    assert whiten.factor[1].tolist() == [0.0, 1.0, 0.0]
    assert float(whiten.standardize.scale[1]) == 7.0
    everything = Whiten.from_data(torch.full((4, 3), 7.0, dtype=torch.float64))
    assert torch.equal(everything.factor, torch.eye(3, dtype=torch.float64))


def test_one_row():
    x = torch.tensor([[3.0, 0.0]], dtype=torch.float64)
    whiten = Whiten.from_data(x)
    assert torch.equal(whiten(x)[0], torch.zeros(1, 2, dtype=torch.float64))
    assert whiten.standardize.scale.tolist() == [3.0, 1.0]


# SupportMap


def test_support_map_by_column():
    support = SupportMap([-INF, 1.0, -INF, -1.0], np.array([INF, INF, 2.0, 3.0]))
    x = torch.tensor([[0.3, 1.5, -4.0, 0.5]], dtype=torch.float64)
    z, log_det = support(x)
    expected = [0.3, math.log(0.5), -math.log(6.0), logit(1.5 / 4)]
    np.testing.assert_allclose(z[0], expected, rtol=1e-14)
    slopes = [1.0, 1 / 0.5, 1 / 6.0, 4 / (1.5 * 2.5)]
    assert float(log_det) == pytest.approx(np.log(slopes).sum(), rel=1e-14)
    back, back_log_det = support.inverse(z)
    np.testing.assert_allclose(back, x, rtol=1e-14)
    assert float(log_det + back_log_det) == pytest.approx(0.0, abs=1e-14)


def test_support_map_with_a_normal_base_is_the_log_normal():
    x = column(1e-300, 1e-5, 0.7, 3.0, 1e200)
    z, log_det = SupportMap([0.0], [INF])(x)
    ours = (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(-1) + log_det
    np.testing.assert_allclose(ours, lognorm(1.0).logpdf(x[:, 0]), rtol=1e-12)


def test_logit_is_precise_at_both_edges():
    support = SupportMap([0.0], [1.0])
    tiny = column(5e-324, 1e-310, 1e-100, 1e-16)
    z, log_det = support(tiny)
    np.testing.assert_allclose(z, tiny.log(), rtol=1e-15)
    np.testing.assert_allclose(log_det, -tiny.log()[:, 0], rtol=1e-15)
    torch.testing.assert_close(support.inverse(z)[0], tiny, atol=0, rtol=1e-13)
    mirrored = SupportMap([-1.0], [0.0])
    torch.testing.assert_close(mirrored(-tiny)[0], -z)
    torch.testing.assert_close(mirrored.inverse(-z)[0], -tiny, atol=0, rtol=1e-13)


@pytest.mark.parametrize("z", [-INF, -1e300, -800.0, -40.0, 0.0, 40.0, 800.0, 1e300, INF])
@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0.0, INF),
        (1e9, INF),
        (-INF, 0.0),
        (-INF, -1e300),
        (0.0, 1.0),
        (-1e9, 1e9),
        (1.0, 1 + 1e-15),
    ]
    + [(-1e-300, 1e300), (1e308, INF)],
)
def test_inverse_never_leaves_the_open_support(low, high, z):
    support = SupportMap([low], [high])
    x, log_det = support.inverse(column(z))
    assert low < float(x) < high
    assert support.contains(x).item()
    forward, forward_log_det = support(x)
    assert forward.isfinite().all()
    assert forward_log_det.isfinite().all()
    if abs(z) < INF:
        assert log_det.isfinite().all()


def test_values_beyond_the_bounds_have_density_zero():
    support = SupportMap([0.0, -INF], [1.0, INF])
    x = torch.tensor([[-0.1, 0], [0, 0], [1, 0], [7, 0], [0.5, 9]], dtype=torch.float64)
    x.requires_grad_()
    z, log_det = support(x)
    assert z.isfinite().all()
    assert log_det[:4].tolist() == [-INF] * 4
    assert log_det[4].item() == pytest.approx(math.log(4))
    assert support.contains(x).tolist() == [False] * 4 + [True]
    z.sum().backward()
    assert x.grad.isfinite().all()


def test_missing_values_stay_visible():
    z, log_det = SupportMap([0.0], [1.0])(column(math.nan))
    assert z.isnan().all()
    assert log_det.isnan().all()


@pytest.mark.parametrize("z", [-900.0, 0.0, 900.0])
def test_gradients_of_the_inverse_are_finite(z):
    support = SupportMap([-INF, 1.0, -INF, -1.0], [INF, INF, 2.0, 3.0])
    z = torch.full((1, 4), z, dtype=torch.float64, requires_grad=True)
    x, log_det = support.inverse(z)
    (x.sum() + log_det.sum()).backward()
    assert z.grad.isfinite().all()


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        ([0.0, 1.0], [1.0, 1.0], r"bounds of column 1 are \(1.0, 1.0\): expected low < high"),
        ([2.0], [1.0], "expected low < high"),
        ([math.nan], [1.0], "expected low < high"),
        ([1.0], [math.nextafter(1.0, 2.0)], "no number between"),
        ([-1.7e308], [1.7e308], "too wide"),
        ([0.0], [1.0, 2.0], "one bound per column"),
        (0.0, 1.0, "one bound per column"),
    ],
)
def test_impossible_bounds_are_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        SupportMap(low, high)


def test_support_map_does_not_alias_its_bounds_or_change_its_input():
    low, high = np.array([0.0]), torch.ones(1, dtype=torch.float64)
    support = SupportMap(low, high)
    low[:], high[:] = 5.0, 9.0
    x = column(0.25, 7.0)
    before = x.clone()
    z, _ = support(x)
    assert float(z[0]) == pytest.approx(logit(0.25))
    assert torch.equal(x, before)


def test_between_minus_one_and_one_it_squashes_as_policies_do():
    """By tanh, with the log slope of Haarnoja et al. (2018), also where 1 - tanh^2 is 0."""
    z = column(-700.0, -300.0, -40.0, -3.0, -1e-9, 0.0, 0.5, 20.0, 37.0, 700.0).requires_grad_()
    x, log_det = SupportMap([-1.0], [1.0]).inverse(z)
    u = z.detach().numpy()[:, 0] / 2
    np.testing.assert_allclose(x.detach()[:, 0], np.tanh(u), rtol=1e-14, atol=2e-16)
    expected = 2 * (np.log(2) - u - np.logaddexp(0, -2 * u)) - np.log(2)
    np.testing.assert_allclose(log_det.detach(), expected, rtol=1e-14, atol=1e-15)
    (slope,) = torch.autograd.grad(log_det.sum(), z)
    np.testing.assert_allclose(slope, -np.tanh(u)[:, None], rtol=1e-12, atol=1e-15)


def test_gradient_of_the_inverse_is_its_slope_also_at_zero():
    z = column(-2.0, 0.0, 1.0).requires_grad_()
    x, log_det = SupportMap([-1.0], [1.0]).inverse(z)
    (slope,) = torch.autograd.grad(x.sum(), z)
    torch.testing.assert_close(slope[:, 0], log_det.exp())


# SoftTails


def test_soft_tails_known_answers():
    tails = SoftTails(1, threshold=3.0)
    x = column(-1e6, -3.0, -1.0, 0.0, 2.5, 3.0, 4.0)
    z, log_det = tails(x)
    stretch = math.log1p(1e6 - 3)
    np.testing.assert_allclose(
        z[:, 0], [-3 - stretch, -3, -1, 0, 2.5, 3, 3 + math.log(2)], rtol=1e-15
    )
    np.testing.assert_allclose(log_det, [-stretch, 0, 0, 0, 0, 0, -math.log(2)], rtol=1e-15)


def test_soft_tails_slope_is_continuous_at_the_threshold():
    slope = SoftTails(1, 3.0)(column(3 - 1e-9, 3 + 1e-9, -3 - 1e-9))[1]
    torch.testing.assert_close(slope, torch.zeros_like(slope), atol=2e-9, rtol=0)


def test_soft_tails_inverse_is_finite_wherever_it_starts():
    tails = SoftTails(1, 5.0)
    z = column(1e-300, 5.0, 50.0, 700.0, -700.0)
    x, log_det = tails.inverse(z)
    torch.testing.assert_close(tails(x)[0], z, atol=0, rtol=1e-14)
    np.testing.assert_allclose(log_det, [0, 0, 45, 695, 695])
    beyond, beyond_log_det = tails.inverse(column(714.0, 720.0, 1e300, INF, -INF))
    assert beyond.isfinite().all()
    assert beyond_log_det.tolist() == [709.0] * 5
    assert float(beyond[-1]) == -float(beyond[0])


def test_soft_tails_inverse_in_float32():
    tails = SoftTails(1).float()
    x, log_det = tails.inverse(column(80.0, 1e30).float())
    assert x.dtype == log_det.dtype == torch.float32
    assert x.isfinite().all()
    assert float(log_det[1]) == 88.0


def test_overflowed_values_count_as_the_largest_float():
    tails = SoftTails(1, 5.0)
    z, log_det = tails(column(INF, -INF, 1e308))
    assert float(z[0]) == -float(z[1]) == pytest.approx(5 + math.log(1.797e308), abs=1e-3)
    assert log_det.isfinite().all()
    assert tails(column(math.nan))[0].isnan().all()


def test_a_row_far_out_has_a_sane_density():
    x = rows(100, 2)
    standardize, tails = Standardize.from_data(x), SoftTails(2)
    u, outer = standardize(torch.full((1, 2), 1e6, dtype=torch.float64))
    z, inner = tails(u)
    log_density = float((-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum() + outer + inner)
    assert -500 < log_density < -100


def test_thresholds_by_column_and_by_member():
    x = column(4.0, 6.0).expand(2, 2)
    z, _ = SoftTails(2, [3.0, 5.0])(x)
    np.testing.assert_allclose(z[0], [3 + math.log(2), 4.0])
    np.testing.assert_allclose(z[1], [3 + math.log(4), 5 + math.log(2)])
    stacked = stack_members([SoftTails(2, 3.0), SoftTails(2, 5.0)])
    z, log_det = stacked(x.expand(2, 2, 2))
    assert log_det.shape == (2, 2)
    torch.testing.assert_close(z[1], SoftTails(2, 5.0)(x)[0])


@pytest.mark.parametrize("threshold", [-1.0, math.nan, INF])
def test_soft_tails_refuses_impossible_thresholds(threshold):
    with pytest.raises(ValueError, match="threshold must be finite and not negative"):
        SoftTails(2, threshold)


@pytest.mark.parametrize(
    "bijection",
    [Standardize.from_data(mixed(9, 2)), Whiten.from_data(mixed(9, 2))]
    + [SupportMap([0.0, -INF], [INF, 1.0]), SoftTails(2)],
    ids=lambda b: type(b).__name__,
)
def test_members_and_pickle(bijection):
    stacked = stack_members([bijection, bijection])
    x = torch.tensor([[0.3, 0.2], [40.0, -9.0]], dtype=torch.float64)
    z, log_det = stacked(x.expand(2, 2, 2))
    single, single_log_det = bijection(x)
    torch.testing.assert_close(z[1], single)
    torch.testing.assert_close(log_det[1], single_log_det)
    torch.testing.assert_close(stacked.inverse(z)[0][0], x)
    assert torch.equal(pickle.loads(pickle.dumps(bijection))(x)[0], single)


def test_whiten_from_any_root():
    root, mean = (
        torch.diag(10.0 ** torch.tensor([3.0, 0, -4])).double() @ rows(3, 3),
        rows(1, 3)[0],
    )
    whiten = Whiten.from_root(mean, root)
    z, log_det = whiten(mean + rows(6, 3) @ root.T)
    torch.testing.assert_close(z.square().sum(1), rows(6, 3).square().sum(1))
    volume = torch.linalg.slogdet(root)[1]
    torch.testing.assert_close(log_det, -volume.expand(6))
    assert (whiten.factor.diagonal() > 0).all()
    assert not whiten.factor.triu(1).any()
