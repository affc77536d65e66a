"""The kernel base: its sum written out, scikit-learn's, and the likelihood that its fit climbs."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from sklearn.neighbors import KernelDensity as SklearnKernelDensity

from skflow.bases import KernelDensity, _at_once, _kernel


def rows(n=60, d=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def fitted(z, *settings, weight=None, **more):
    base = KernelDensity(z.shape[1], *settings, **more).double()
    base.initialize(z, weight)
    return base


def kernels(base):
    """Centres (n, d) and covariances (n, d, d) of the kernels in the units of z."""
    shape = base.factor @ base.factor.mT
    return base.points @ base.factor.mT, base.sizes.square()[:, None, None] * shape


def leave_one_out(z, weight, sizes, covariance):
    """Weighted mean of the log densities of each row by the kernels of the others, from scipy."""
    weight, n = weight / weight.sum(), len(z)
    log_joint = np.full((n, n), -np.inf)
    for j in range(n):
        kernel = stats.multivariate_normal(z[j], sizes[j] ** 2 * np.atleast_2d(covariance))
        log_joint[:, j] = np.log(weight[j]) + kernel.logpdf(z)
    np.fill_diagonal(log_joint, -np.inf)
    return weight @ np.logaddexp.reduce(log_joint, axis=1)


def score_of(base, z, weight=None):
    weight = np.ones(len(z)) if weight is None else weight
    return leave_one_out(z.numpy(), weight, base.sizes.numpy(), base.factor @ base.factor.mT)


class TestDensity:
    @pytest.mark.parametrize("n_neighbors", [None, 5])
    @pytest.mark.parametrize("bandwidth", ["full", "diagonal", "scalar"])
    def test_is_the_sum_of_its_kernels(self, bandwidth, n_neighbors):
        z, at = rows(30, 3), 2 * rows(20, 3, seed=1)
        weight = torch.rand(30, dtype=torch.float64) + 0.1
        base = fitted(z, bandwidth, n_neighbors, weight=weight)
        centres, covariances = kernels(base)
        np.testing.assert_allclose(centres, z, atol=1e-10)
        share = (weight / weight.sum()).numpy()
        density = sum(
            w * stats.multivariate_normal(m, c).pdf(at)
            for w, m, c in zip(share, centres, covariances, strict=True)
        )
        np.testing.assert_allclose(base.log_prob(at), np.log(density), rtol=1e-9)

    def test_equals_scikit_learns_with_one_bandwidth(self):
        z, at = rows(), 2 * rows(20, seed=1)
        base = fitted(z, "scalar", None)
        theirs = SklearnKernelDensity(bandwidth=base.factor[0, 0].item(), rtol=1e-12).fit(z)
        np.testing.assert_allclose(base.log_prob(at), theirs.score_samples(at), rtol=1e-8)

    def test_before_a_fit_it_is_the_unit_gaussian(self):
        at = rows()
        expected = stats.norm.logpdf(at).sum(1)
        np.testing.assert_allclose(KernelDensity(2).double().log_prob(at), expected, rtol=1e-12)

    def test_blocks_change_nothing(self, monkeypatch):
        base, at = fitted(rows()), 2 * rows(500, seed=1)
        together = base.log_prob(at)
        for room in (_kernel, _at_once):
            monkeypatch.setattr(room, "BLOCK_ENTRIES", 64 * 60)
        torch.testing.assert_close(base.log_prob(at), together, rtol=0, atol=1e-13)
        again = fitted(rows())
        torch.testing.assert_close(again.log_prob(at), together, rtol=0, atol=1e-13)

    def test_draws_come_from_the_density(self):
        z = torch.cat([rows(40, 1), 6 + 0.2 * rows(20, 1, seed=1)])
        base = fitted(z)
        centres, covariances = kernels(base)
        draws = base.sample(5_000).squeeze(-1).numpy()
        spread = covariances[:, 0, 0].sqrt().numpy()

        def cdf(x):
            return stats.norm.cdf(x[:, None], centres[:, 0].numpy(), spread).mean(1)

        assert stats.kstest(draws, cdf).pvalue > 1e-3

    def test_heavy_rows_are_drawn_more_often(self):
        z = torch.cat([rows(20, 1), 100 + rows(20, 1, seed=1)])
        weight = torch.cat([torch.ones(20), 3 * torch.ones(20)])
        draws = fitted(z, weight=weight).sample(4_000)
        assert (draws > 50).double().mean().item() == pytest.approx(0.75, abs=0.03)

    def test_draws_have_the_kernels_correlation(self):
        torch.manual_seed(0)
        base = KernelDensity(2).double()
        base.factor = torch.tensor([[2.0, 0.0], [1.2, 0.5]], dtype=torch.float64)
        covariance = np.cov(base.sample(40_000).numpy().T)
        np.testing.assert_allclose(covariance, base.factor @ base.factor.mT, atol=0.08)


class TestShape:
    @pytest.mark.parametrize("n_neighbors", [None, 5])
    @pytest.mark.parametrize("bandwidth", ["full", "diagonal", "scalar"])
    def test_each_step_raises_the_leave_one_out_likelihood(
        self, monkeypatch, bandwidth, n_neighbors
    ):
        z = rows(40) @ torch.tensor([[1.0, 0.8], [0.0, 0.4]], dtype=torch.float64)
        weight = torch.rand(40, dtype=torch.float64) + 0.5
        base = fitted(z, bandwidth, n_neighbors, shrinkage=0.0, weight=weight)
        scores = []
        for n_steps in range(8):
            monkeypatch.setattr(_kernel, "MAX_STEPS", n_steps)
            covariance = base._likeliest_shape(z, weight, base.sizes)
            args = (z.numpy(), weight.numpy(), base.sizes.numpy(), covariance)
            scores.append(leave_one_out(*args))
        assert scores == sorted(scores)
        assert scores[-1] > scores[0] + 1e-3

    @pytest.mark.parametrize("n_neighbors", [None, 3])
    def test_ends_where_a_minimiser_ends(self, n_neighbors):
        z = torch.cat([rows(40, 1), 5 + 0.3 * rows(20, 1, seed=1)])
        base = fitted(z, "scalar", n_neighbors)
        sizes = base.sizes.numpy()

        def loss(log_scale):
            return -leave_one_out(z.numpy(), np.ones(60), sizes, np.exp(2 * log_scale))

        best = optimize.minimize_scalar(loss, bounds=(-4, 1), method="bounded")
        assert -loss(base.factor.log().item()) == pytest.approx(-best.fun, abs=1e-4)
        assert base.factor.log().item() == pytest.approx(best.x, abs=0.03)

    def test_full_finds_kernels_along_the_data(self):
        z = rows(200) @ torch.tensor([[1.0, 1.0], [0.0, 0.1]], dtype=torch.float64)
        scores = {}
        for bandwidth in ("full", "diagonal", "scalar"):
            base = fitted(z, bandwidth, None)
            shape = base.factor @ base.factor.mT
            correlation = (shape[0, 1] / (shape[0, 0] * shape[1, 1]).sqrt()).item()
            scores[bandwidth] = score_of(base, z)
            assert (correlation > 0.9) == (bandwidth == "full"), bandwidth
        assert scores["full"] > scores["diagonal"] + 0.2

    def test_diagonal_finds_the_units_of_the_columns(self):
        z = rows(100)
        scaled = z * torch.tensor([1.0, 0.05], dtype=torch.float64)
        scales = fitted(scaled, "diagonal", None).factor.diagonal()
        assert (scales[0] / scales[1]).item() == pytest.approx(20, rel=0.5)
        single = fitted(scaled, "scalar", None).factor.diagonal()
        assert single[0] == single[1]

    @pytest.mark.parametrize("shrinkage", [0.0, 0.3, 5.0])
    def test_shrinkage_pulls_the_correlations_only(self, shrinkage):
        covariance = torch.tensor([[1.0, 0.6], [0.6, 2.0]], dtype=torch.float64)
        kept = _kernel.constrained(covariance, 10, "full", shrinkage)
        torch.testing.assert_close(kept.diagonal(), covariance.diagonal())
        assert kept[0, 1].item() == pytest.approx(0.6 * 10 / (10 + 2 * shrinkage))

    def test_large_tables_are_scaled_from_a_part(self):
        z = rows(800)
        part, whole = (fitted(z, "scalar", None, max_rows=size) for size in (200, 800))
        assert len(part.points) == 800
        assert part.factor[0, 0].item() == pytest.approx(whole.factor[0, 0].item(), rel=0.15)

    def test_the_scale_for_all_rows_is_the_best(self):
        # near a curve kernels narrow faster with more rows than a rate for three columns says
        t = 6 * rows(2_000, 1).sort(dim=0).values
        curve = torch.cat([t.cos(), t.sin(), t / 3], 1) + 0.01 * rows(2_000, 3, seed=1)
        base = fitted(curve[::2], max_rows=300)
        scores = {}
        for scale in (0.7, 1.0, 1.4):
            other = copy.deepcopy(base)
            other.factor, other.points = base.factor * scale, base.points / scale
            scores[scale] = score_of(other, curve[1::2])
        assert scores[1.0] > max(scores[0.7], scores[1.4])


class TestSizes:
    def test_follow_the_distance_to_the_neighbour(self):
        z = torch.cat([0.1 * rows(50), 10 + rows(50, seed=1)])
        base = fitted(z, "scalar", 4)
        gaps = torch.cdist(z, z).sort(dim=1).values[:, 4]
        expected = gaps / gaps.log().mean().exp()
        torch.testing.assert_close(base.sizes, expected, rtol=1e-6, atol=0)
        assert base.sizes.log().mean().item() == pytest.approx(0, abs=1e-12)

    def test_are_measured_by_the_shape(self):
        # in the units of z the second column would not count
        z = rows(80) * torch.tensor([1.0, 0.001], dtype=torch.float64)
        base = fitted(z, "diagonal", 5)
        seen = [
            stats.spearmanr(base.sizes, torch.cdist(x, x).sort(dim=1).values[:, 5]).statistic
            for x in (z / z.std(0), z)
        ]
        assert seen[0] > 0.95 > seen[1] + 0.1

    def test_one_size_without_neighbours(self):
        assert (fitted(rows(), n_neighbors=None).sizes == 1).all()

    def test_help_where_the_density_varies(self):
        z = torch.cat([0.05 * rows(60), 4 + rows(60, seed=1)])
        scores = [score_of(fitted(z, "full", n), z) for n in (None, 5)]
        assert scores[1] > scores[0] + 0.3


class TestExtremes:
    TABLES = {  # noqa: RUF012
        "two rows": rows(2, 3),
        "three rows": rows(3, 3),
        "constant column": torch.cat([rows(20, 2), torch.zeros(20, 1)], 1).double(),
        "fewer rows than columns": rows(5, 12),
        "collinear": rows(20, 1) @ torch.ones(1, 3, dtype=torch.float64),
        "one far row": torch.cat([rows(20, 2), torch.full((1, 2), 1e6)]).double(),
        "one row many times": torch.ones(10, 2).double(),
    }

    @pytest.mark.parametrize("bandwidth", ["full", "diagonal", "scalar"])
    @pytest.mark.parametrize("name", TABLES)
    def test_scores_and_draws_are_finite(self, name, bandwidth):
        z = self.TABLES[name]
        base = fitted(z, bandwidth)
        far = torch.cat([1e3 * z, 1e9 + z, torch.full((1, z.shape[1]), 1e300, dtype=z.dtype)])
        assert base.log_prob(torch.cat([z, far])).isfinite().all()
        assert base.sample(20).isfinite().all()
        assert (base.factor.diagonal() > 0).all()

    def test_rows_of_weight_zero_are_gone(self):
        z = rows(21)
        z[20] = 1e6
        weight = torch.ones(21)
        weight[20] = 0
        base, expected = fitted(z, weight=weight), fitted(z[:20])
        torch.testing.assert_close(base.log_prob(z), expected.log_prob(z), rtol=0, atol=1e-12)

    def test_only_ratios_of_weights_matter(self):
        z, weight = rows(), torch.rand(60, dtype=torch.float64) + 0.1
        base, expected = fitted(z, weight=1e5 * weight), fitted(z, weight=weight)
        torch.testing.assert_close(base.log_prob(z), expected.log_prob(z))
        even = fitted(z)
        assert (base.log_prob(z) - even.log_prob(z)).abs().max() > 0.01

    def test_global_random_state_is_left_alone(self):
        before = torch.get_rng_state()
        fitted(rows(), max_rows=30)
        assert torch.equal(torch.get_rng_state(), before)

    def test_gaussian_rows_get_about_the_right_entropy(self):
        scores = fitted(rows(600)).log_prob(rows(2_000, seed=1))
        assert scores.mean().item() == pytest.approx(-1 - math.log(2 * math.pi), abs=0.1)
