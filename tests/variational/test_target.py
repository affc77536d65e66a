"""User's log densities: what is checked, what is survived, and numpy beside torch."""

import numpy as np
import pytest
import torch

from skflow.bijections import SupportMap
from skflow.variational._target import Pulled, Target
from tests.variational.densities import gaussian, gaussian_numpy

X = torch.linspace(-1, 2, 12, dtype=torch.float64).reshape(4, 3).requires_grad_()


def gradient(target, x):
    return torch.autograd.grad(target(x).nan_to_num(neginf=0).sum(), x)[0]


NUMPY = {
    "function": (lambda z: gaussian_numpy(z)[0], lambda z: gaussian_numpy(z)[1]),
    "pair": (gaussian_numpy, True),
    "numeric": (lambda z: gaussian_numpy(z)[0], "numeric"),
}


class TestNumpy:
    @pytest.mark.parametrize("kind", NUMPY)
    def test_is_what_torch_is(self, kind):
        function, grad = NUMPY[kind]
        ours, theirs = Target(function, grad), Target(gaussian)
        torch.testing.assert_close(ours(X.detach()), theirs(X.detach()))
        tolerance = 1e-4 if kind == "numeric" else 1e-10
        torch.testing.assert_close(
            gradient(ours, X), gradient(theirs, X), rtol=tolerance, atol=tolerance
        )

    def test_gradients_are_asked_for_only_where_needed(self):
        calls = []

        def grad(z):
            calls.append(len(z))
            return np.zeros_like(z)

        target = Target(lambda z: z.sum(axis=1), grad)
        with torch.no_grad():
            target(X)
        assert calls == []
        gradient(target, X)
        assert calls == [4]

    def test_a_function_may_reuse_its_array(self):
        store = np.zeros(4)

        def function(z):
            store[:] = z.sum(axis=1)
            return store

        target = Target(function, lambda z: np.ones_like(z))
        first = target(X.detach())
        target(2 * X.detach())
        torch.testing.assert_close(first, X.detach().sum(1))

    @pytest.mark.parametrize(
        ("function", "grad", "error", "message"),
        [
            (
                lambda z: z,
                lambda z: z,
                ValueError,
                r"values of log_density must have shape \(4,\)",
            ),
            (lambda z: z[:, 0], lambda z: z[0], ValueError, r"gradients .* shape \(4, 3\)"),
            (lambda z: z[:, 0], True, TypeError, r"pair \(values, gradients\)"),
            (lambda z: ["a"] * 4, lambda z: z, TypeError, "must be real numbers"),
            (lambda z: z[:, 0], 3, TypeError, "grad must be a function"),
        ],
    )
    def test_refusals(self, function, grad, error, message):
        with pytest.raises(error, match=message):
            gradient(Target(function, grad), X)


class TestTorch:
    @pytest.mark.parametrize(
        ("function", "error", "message"),
        [
            (lambda z: z.sum(), ValueError, r"expected shape \(4,\), got \(\)"),
            (lambda z: z, ValueError, r"expected shape \(4,\), got \(4, 3\)"),
            (lambda z: z.sum(1).detach(), ValueError, "without a gradient"),
            (lambda z: torch.zeros(len(z)), ValueError, "it is constant"),
            (lambda z: z.detach().numpy().sum(1), TypeError, r"pass its gradient too"),
            (lambda z: z.sum(1) + 0j, TypeError, "real numbers"),
        ],
    )
    def test_refusals(self, function, error, message):
        with pytest.raises(error, match=message):
            gradient(Target(function), X)

    def test_not_a_function(self):
        with pytest.raises(TypeError, match="must be a function"):
            Target(np.zeros((3, 2)))

    def test_an_error_inside_passes_with_a_note(self):
        def function(z):
            raise KeyError("sigma")

        with pytest.raises(KeyError) as caught:
            Target(function)(X)
        assert (
            "Raised by log_density, called with rows of shape (4, 3)" in caught.value.__notes__[0]
        )

    def test_numpy_on_torch_says_what_to_do(self):
        with pytest.raises(RuntimeError) as caught:
            Target(lambda z: np.sum(z.numpy(), axis=1))(X)
        assert 'grad="numeric"' in caught.value.__notes__[0]

    def test_broken_rows_are_counted_and_spoil_no_others(self):
        target = Target(lambda z: (z[:, 0] + 0.5).log() + z[:, 1])
        value = target(X)
        assert value[0] == -torch.inf
        assert value[1:].isfinite().all()
        assert target.n_nonfinite == 1
        assert target.n_evaluations == 4
        slope = gradient(target, X)
        assert not slope[0].any()
        assert slope[1:, 1].eq(1).all()

    def test_a_broken_gradient_counts_as_none(self):
        target = Target(lambda z: z.abs().sqrt().sum(1))
        x = X.detach().clone()
        x[2, 1] = 0
        slope = gradient(target, x.requires_grad_())
        assert slope.isfinite().all()
        assert not slope[2].any()

    @pytest.mark.parametrize("reduce", ["mean", "noise"])
    def test_rows_that_depend_on_each_other(self, reduce):
        def function(z):
            return z.sum(1) + (z.mean() if reduce == "mean" else torch.randn(len(z)))

        with pytest.raises(ValueError, match="each row by itself"):
            Target(function).check_rows_apart(X.detach())
        Target(gaussian).check_rows_apart(X.detach())


def test_bounds_bring_their_jacobian():
    support = SupportMap([0.0, -np.inf], [np.inf, 1.0])
    x = torch.tensor([[0.3, -2.0], [4.0, 0.5]], dtype=torch.float64)
    u, log_det = support(x)
    pulled = Pulled(Target(lambda z: -z.square().sum(1)), support)
    torch.testing.assert_close(pulled(u), -x.square().sum(1) - log_det)
