"""Residual blocks: exact and random log-dets, the bound of the series, the inverse, the checks."""

import math

import pytest
import torch

from skflow.bijections import Chain, Inverse, Residual
from skflow.exceptions import BrokenGuaranteeError, InverseNotConvergedError
from skflow.members import stack_members
from skflow.nets import LipschitzMLP
from skflow.numerics import contraction_root, roulette_log_det, series_terms

D = 3


def block(seed=0, d=D, hidden=(16, 16), lipschitz=0.9, n_context=0, **settings):
    """Return a block whose net is as steep as it may be, in float64 and eval mode."""
    torch.manual_seed(seed)
    net = LipschitzMLP(d, hidden, n_context, lipschitz)
    for p in net.parameters():
        torch.nn.init.normal_(p)
    return Residual(net, **settings).double().eval()


def rows(n=20, d=D, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


class TestRoulette:
    # the number of terms is shared by the rows of a call, so that calls are what is counted

    @pytest.mark.parametrize(
        ("lipschitz", "hidden"),
        [(0.9, (8,)), pytest.param(0.97, (16, 16), marks=pytest.mark.slow)],
    )
    def test_log_det_is_unbiased(self, lipschitz, hidden):
        residual, x = block(lipschitz=lipschitz, hidden=hidden), rows(4)
        exact = residual(x)[1].detach()
        jacobian = residual.net.linearize(x)[1].detach()
        torch.manual_seed(0)
        with torch.no_grad():
            draws = torch.stack(
                [
                    roulette_log_det(jacobian, residual.n_exact_terms, residual.ratio)
                    for _ in range(10_000)
                ]
            )
        error = draws.std(0) / len(draws) ** 0.5
        assert ((draws.mean(0) - exact).abs() < 3 * error).all()
        assert (error < 0.01).all()
        assert (exact.abs() > 0.02).any()

    def test_gradient_is_unbiased(self):
        residual, x = block(hidden=(8,), d=2), rows(4, d=2)
        wanted = [x.requires_grad_(), *residual.parameters()]
        exact = _flat_gradient(residual(x)[1].sum(), wanted)
        residual.train()
        torch.manual_seed(0)
        draws = torch.stack([_flat_gradient(residual(x)[1].sum(), wanted) for _ in range(1000)])
        error = draws.std(0) / len(draws) ** 0.5
        z = (draws.mean(0) - exact) / error.clamp(min=1e-12)
        # many numbers from the same draws: their deviations are those of a standard normal
        assert z.abs().max() < 4.5
        assert z.square().mean() < 2

    def test_training_mode_draws_and_eval_mode_does_not(self):
        residual, x = block(), rows()
        exact = residual(x)[1]
        assert torch.equal(residual(x)[1], exact)
        residual.train()
        z, first = residual(x)
        assert torch.equal(z, residual.eval()(x)[0])
        assert not torch.equal(residual.train()(x)[1], first)

    def test_exact_in_training_on_request(self):
        residual, x = block(training_log_det="exact").train(), rows()
        assert torch.equal(residual(x)[1], residual.eval()(x)[1])

    def test_memory_does_not_grow_with_the_terms(self):
        jacobian = block().net.linearize(rows())[1]
        sizes = []
        for n_exact in (1, 50):
            torch.manual_seed(0)
            saved = []
            with torch.autograd.graph.saved_tensors_hooks(
                lambda t, saved=saved: saved.append(t.numel()), lambda t: t
            ):
                roulette_log_det(jacobian, n_exact, 0.5)
            sizes.append(sum(saved))
        assert sizes[0] == sizes[1] > 0

    def test_number_of_terms_follows_its_law(self):
        from skflow.numerics._log_det import _geometric

        torch.manual_seed(0)
        draws = torch.tensor([_geometric(0.8) for _ in range(20_000)])
        for k in (1, 2, 5, 10):
            share = 0.8**k
            error = math.sqrt(share * (1 - share) / len(draws))
            assert abs(float((draws >= k).double().mean()) - share) < 4 * error


def _flat_gradient(loss, tensors):
    # the last bias moves no derivative
    gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    return torch.cat([g.flatten() for g in gradients if g is not None])


class TestSeries:
    @pytest.mark.parametrize("lipschitz", [0.3, 0.9, 0.97])
    @pytest.mark.parametrize("hidden", [(16, 16), (2, 16)])
    def test_error_is_below_the_stated_bound(self, hidden, lipschitz):
        residual, x = block(hidden=hidden, lipschitz=lipschitz), rows()
        assert residual.truncation_bound == 0
        assert residual.n_terms is None
        exact = residual(x)[1]
        residual.exact_limit = 0
        assert 0 < residual.truncation_bound < 1e-3
        error = (residual(x)[1] - exact).abs().max()
        assert error <= residual.truncation_bound

    def test_bound_is_that_of_the_worst_jacobian(self):
        # J = -L I leaves out the most: the bound is of the right size, not merely large
        order, lipschitz = 5, 0.8
        n_terms, bound = series_terms(order, lipschitz, 1e-3)
        kept = -sum(lipschitz**k / k for k in range(1, n_terms + 1))
        left_out = order * (kept - math.log1p(-lipschitz))
        assert 0.5 * bound < left_out < bound < 1e-3
        assert series_terms(order, lipschitz, bound)[0] == n_terms + 1

    def test_blocks_of_units_and_of_rows_change_nothing(self, monkeypatch):
        from skflow.bijections import _residual

        exact, series = block(), block(exact_limit=0, series_tolerance=1e-12)
        before = exact(rows())[1], series(rows())[1]
        torch.testing.assert_close(*before, rtol=0, atol=1e-11)
        monkeypatch.setattr(_residual, "BLOCK", 300)
        monkeypatch.setattr(_residual, "COLUMNS", 2)
        after = exact(rows())[1], series(rows())[1]
        torch.testing.assert_close(before, after, rtol=0, atol=1e-12)


class TestInverse:
    @pytest.mark.parametrize("lipschitz", [0.5, 0.9, 0.99])
    @pytest.mark.parametrize("size", [1.0, 1e3, 1e6])
    def test_round_trip_of_far_rows(self, size, lipschitz):
        residual, x = block(lipschitz=lipschitz), size * rows(200)
        with torch.no_grad():
            z, log_det = residual(x)
            back, back_log_det = residual.inverse(z)
        relative = (back - x).norm(dim=-1) / x.norm(dim=-1).clamp(min=1)
        assert relative.max() < 1e-9
        torch.testing.assert_close(back_log_det, -log_det, rtol=0, atol=1e-8)

    def test_rows_of_all_sizes_together(self):
        residual = block()
        x = torch.cat([size * rows(5) for size in (1e-6, 1.0, 1e6)])
        z = residual(x)[0].detach()
        together = residual.inverse(z)[0]
        alone = torch.cat([residual.inverse(row)[0] for row in z.split(1)])
        torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-12)

    def test_float32_is_inverted_to_its_rounding(self):
        residual, x = block(lipschitz=0.97).float(), rows(500).float()
        with torch.no_grad():
            z = residual(x)[0]
            back = residual.inverse(z)[0]
            assert back.dtype == torch.float32
            assert (residual(back)[0] - z).abs().max() < 2e-6

    def test_gradients_are_those_of_the_implicit_function(self):
        residual, z = block(d=2, hidden=(6,)), rows(3, d=2).requires_grad_()
        weight = residual.net.hidden[0].weight

        def inverse(z, weight_shift):
            residual.net.hidden[0].weight.data = weight.data
            shifted = block(d=2, hidden=(6,))
            del shifted.net.hidden[0].weight
            shifted.net.hidden[0].weight = weight.detach() + weight_shift
            return shifted.inverse(z)

        shift = torch.zeros_like(weight).requires_grad_()
        assert torch.autograd.gradcheck(inverse, (z, shift), atol=1e-6)

    def test_error_names_residual_and_tolerance(self):
        residual = block(max_iterations=1)
        with pytest.raises(InverseNotConvergedError, match=r"20 of 20 rows .* 1\.0e-12 after 1 "):
            residual.inverse(rows())

    def test_error_for_rows_that_are_not_finite(self):
        z = rows()
        z[3, 0] = torch.nan
        with pytest.raises(InverseNotConvergedError, match="1 of 20 rows .* largest is inf"):
            block(max_iterations=50).inverse(z)

    def test_converges_where_secants_mislead(self):
        # a saw-tooth of slope L: every second secant points the wrong way
        lipschitz = 0.95

        def g(x):
            return lipschitz * torch.asin(torch.sin(7 * x)) / 7

        z = rows(200, d=2)
        x = contraction_root(g, z, lipschitz, 1e-12, 2000)
        assert ((x + g(x) - z).norm(dim=-1) <= 1e-12 * z.norm(dim=-1).clamp(min=1)).all()

    def test_is_fast_where_plain_iteration_is_slow(self):
        calls = []

        def g(x):
            calls.append(1)
            return -0.99 * torch.sin(x)

        contraction_root(g, rows(100), 0.99, 1e-12, 1000)
        assert len(calls) < 60


class TestVerify:
    def test_a_sound_block_passes(self):
        residual = stack_members([block(seed=k) for k in range(3)])
        assert residual.lipschitz_bound().shape == (3,)
        assert (residual.lipschitz_bound() <= 0.9).all()
        Chain([residual, Inverse(residual)]).verify()

    @pytest.mark.parametrize("wrap", [lambda b: b, Inverse, lambda b: Chain([b])])
    def test_a_broken_bound_is_found_through_wrappers(self, wrap):
        residual = block()
        residual.net.lipschitz = 0.5  # states less than it ...
        shares = [w.detach() for w in block().net.weights()]
        residual.net.weights = lambda: shares  # ... keeps
        with pytest.raises(BrokenGuaranteeError, match=r"multiply to 0\.\d+, above .* of 0\.5"):
            wrap(residual).verify()

    def test_weights_that_are_not_finite_are_found(self):
        residual = block()
        residual.net.last.weight.data[0, 0] = torch.inf
        with pytest.raises((BrokenGuaranteeError, torch.linalg.LinAlgError)):
            residual.verify()


def test_a_context_moves_the_block():
    residual = block(n_context=2)
    context = rows(20, d=2, seed=5)
    z, _ = residual(rows(), context)
    back, _ = residual.inverse(z, context)
    torch.testing.assert_close(back, rows(), rtol=0, atol=1e-9)
    assert (residual(rows(), context + 1)[0] - z).abs().max() > 1e-3


def test_training_log_det_is_checked():
    with pytest.raises(ValueError, match="training_log_det must be"):
        Residual(LipschitzMLP(2), "hutchinson")
