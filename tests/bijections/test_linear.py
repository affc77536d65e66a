"""Known answers and edges of the linear maps."""

import math
import pickle

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from skflow.architectures import LINEAR, linear_stack
from skflow.bijections import PLU, QR, Diagonal, Orthogonal, Permutation, Reverse, Triangular
from skflow.bijections._covariance import MIN_VARIANCE, gaussian_moments
from skflow.members import select_member, stack_members

LEARNABLE = {
    "diagonal": Diagonal,
    "triangular": Triangular,
    "plu": PLU,
    "plu-permuted": lambda d: PLU.random(d, seed=3),
    "orthogonal": Orthogonal,
    "qr": QR,
}
FIXED = {
    "permutation": lambda d: Permutation.random(d, seed=3),
    "reverse": Reverse,
}


def perturbed(bijection, seed, size=0.3):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in bijection.parameters():
            p += size * torch.randn(p.shape, generator=generator, dtype=p.dtype)
    return bijection


def rows(n, d, seed=0, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_permutation_takes_the_feature_that_order_names():
    x = torch.tensor([[10.0, 11.0, 12.0]])
    permutation = Permutation([2, 0, 1])
    z, log_det = permutation(x)
    assert z.tolist() == [[12.0, 10.0, 11.0]]
    assert log_det.tolist() == [0.0]
    assert permutation.inverse(z)[0].tolist() == x.tolist()


def test_reverse():
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert Reverse(3)(x)[0].tolist() == [[3.0, 2.0, 1.0]]


def test_random_permutation_depends_on_its_seed_alone():
    torch.manual_seed(0)
    first = Permutation.random(20, seed=5).order
    state = torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(Permutation.random(20, seed=5).order, first)
    assert not torch.equal(Permutation.random(20, seed=6).order, first)
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "order", [[0, 0], [1, 2], [0.0, 1.0], [[0, 1]], [True, False], [-1, 0]], ids=str
)
def test_permutation_refuses_what_is_none(order):
    with pytest.raises(ValueError, match="every feature index from 0 to d - 1 once"):
        Permutation(order)


def test_permutation_does_not_alias_its_argument():
    order = np.array([1, 0, 2])
    permutation = Permutation(order)
    order[:] = 0
    assert permutation.order.tolist() == [1, 0, 2]


def test_plu_refuses_an_order_of_another_length():
    with pytest.raises(ValueError, match="order must hold 3 numbers"):
        PLU(3, order=[1, 0])


@pytest.mark.parametrize("n_reflections", [0, 1, 3, -2])
def test_orthogonal_refuses_odd_numbers_of_reflections(n_reflections):
    with pytest.raises(ValueError, match="n_reflections must be even"):
        Orthogonal(4, n_reflections)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("name", sorted(set(LEARNABLE) - {"plu-permuted"}))
def test_starts_at_the_identity(name, d, dtype):
    x = rows(5, d, dtype=dtype)
    z, log_det = LEARNABLE[name](d).to(dtype)(x)
    assert z.dtype == log_det.dtype == dtype
    torch.testing.assert_close(z, x, atol=20 * torch.finfo(dtype).eps, rtol=0)
    assert torch.equal(log_det, torch.zeros(5, dtype=dtype))


def test_permuted_plu_starts_at_its_permutation():
    x = rows(5, 6)
    plu = PLU.random(6, seed=3).double()
    torch.testing.assert_close(plu(x)[0], Permutation.random(6, seed=3)(x)[0])


@pytest.mark.parametrize("d", [1, 2, 5])
@pytest.mark.parametrize("name", ["diagonal", "triangular", "plu", "plu-permuted", "qr"])
def test_normal_base_is_the_multivariate_normal(name, d):
    # z = A x + b with a standard normal z is x ~ N(-A^-1 b, A^-1 A^-T).
    bijection = perturbed(LEARNABLE[name](d).double(), seed=1)
    x = rows(50, d)
    z, log_det = bijection(x)
    ours = (-0.5 * z.square() - 0.5 * math.log(2 * math.pi)).sum(-1) + log_det
    with torch.no_grad():
        offset = bijection(torch.zeros(1, d, dtype=torch.float64))[0]
        matrix = (bijection(torch.eye(d, dtype=torch.float64))[0] - offset).T.numpy()
    inverse = np.linalg.inv(matrix)
    mean = -inverse @ offset.numpy()[0]
    peer = multivariate_normal(mean, inverse @ inverse.T).logpdf(x.numpy())
    np.testing.assert_allclose(ours.detach().numpy(), peer, rtol=1e-10, atol=1e-10)


def test_plu_matrix_is_the_product_of_its_factors():
    plu = perturbed(PLU(4, order=[2, 0, 3, 1]).double(), seed=2)
    lu = plu.lu.detach().numpy()
    lower = np.tril(lu, -1) + np.eye(4)
    upper = np.triu(lu, 1) + np.diag(np.exp(np.diag(lu)))
    permutation = np.eye(4)[[2, 0, 3, 1]]
    expected = permutation @ lower @ upper
    np.testing.assert_allclose(plu.matrix().detach().numpy(), expected, rtol=1e-14)
    assert np.linalg.slogdet(expected)[1] == pytest.approx(np.trace(lu))


def test_triangular_matrix_ignores_what_lies_above_the_diagonal():
    triangular = perturbed(Triangular(4).double(), seed=2)
    matrix = triangular.matrix()
    assert torch.equal(matrix, matrix.tril())
    assert (matrix.diagonal() > 0).all()


@pytest.mark.parametrize(("d", "n_reflections"), [(1, 2), (2, 2), (5, 4), (5, 6), (6, 12)])
def test_orthogonal_is_the_product_of_its_reflections(d, n_reflections):
    orthogonal = perturbed(Orthogonal(d, n_reflections).double(), seed=4, size=1.0)
    expected = torch.eye(d, dtype=torch.float64)
    for v in orthogonal.vectors.detach():
        reflection = torch.eye(d, dtype=torch.float64) - 2 * torch.outer(v, v) / (v @ v)
        expected = expected @ reflection
    torch.testing.assert_close(orthogonal.matrix(), expected, atol=1e-13, rtol=0)


@pytest.mark.parametrize("d", [2, 5, 64])
def test_orthogonal_keeps_lengths_and_has_no_log_det(d):
    orthogonal = perturbed(Orthogonal(d).double(), seed=4, size=1.0)
    x = rows(9, d)
    z, log_det = orthogonal(x)
    assert not torch.allclose(z, x)
    torch.testing.assert_close(z.norm(dim=-1), x.norm(dim=-1), atol=1e-12, rtol=0)
    assert torch.equal(log_det, torch.zeros(9, dtype=torch.float64))
    assert torch.linalg.det(orthogonal.matrix()).item() == pytest.approx(1.0)


def test_orthogonal_can_learn_any_rotation_from_the_identity():
    torch.manual_seed(0)
    target = torch.linalg.qr(rows(3, 3, seed=7))[0]
    target[:, 0] *= torch.linalg.det(target)
    orthogonal = Orthogonal(3).double()
    optimizer = torch.optim.Adam(orthogonal.parameters(), lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        loss = (orthogonal.matrix() - target).square().sum()
        loss.backward()
        optimizer.step()
    assert loss < 1e-4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("d", [1, 2, 3, 4, 7, 12])
def test_orthogonal_starts_at_the_principal_directions(d, dtype):
    x = (rows(200, d) * torch.arange(1, d + 1) @ rows(d, d, seed=1)).to(dtype)
    orthogonal = Orthogonal(d, start="pca").to(dtype)
    z = orthogonal.initialize(x)
    assert torch.equal(z, orthogonal(x)[0])
    covariance = torch.cov(z.double().mT).reshape(d, d)
    truth = torch.linalg.eigvalsh(torch.cov(x.double().mT).reshape(d, d))
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    size = truth.max().item()
    torch.testing.assert_close(covariance, truth.diag(), rtol=0, atol=tolerance * size)
    assert torch.linalg.det(orthogonal.matrix()).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("d", [1, 2, 3, 4, 7])
def test_the_inverse_of_orthogonal_starts_at_the_principal_directions(d):
    z = rows(200, d) * torch.arange(1, d + 1) @ rows(d, d, seed=1)
    orthogonal = Orthogonal(d, start="pca").double()
    x = orthogonal.initialize_inverse(z)
    assert torch.equal(x, orthogonal.inverse(z)[0])
    covariance = torch.cov(x.mT).reshape(d, d)
    truth = torch.linalg.eigvalsh(torch.cov(z.mT).reshape(d, d))
    torch.testing.assert_close(covariance, truth.diag(), rtol=0, atol=1e-12 * truth.max().item())


def test_orthogonal_starts_at_the_directions_of_each_member():
    x = torch.stack([rows(50, 3, seed) @ rows(3, 3, seed + 5) for seed in range(2)])
    single = [Orthogonal(3, start="pca").double() for _ in range(2)]
    stacked = stack_members(single)
    z = stacked.initialize(x)
    for k in range(2):
        torch.testing.assert_close(z[k], single[k].initialize(x[k]))


def test_orthogonal_starts_at_the_directions_of_weighted_rows():
    x = torch.cat([rows(50, 3), 9 * rows(20, 3, seed=1)])
    weight = torch.cat([torch.ones(50), torch.zeros(20)])
    few, all_rows = (Orthogonal(3, start="pca").double() for _ in range(2))
    few.initialize(x[:50])
    all_rows.initialize(x, weight=weight)
    torch.testing.assert_close(all_rows.matrix(), few.matrix())


@pytest.mark.parametrize("x", [torch.zeros(5, 3), torch.eye(3), torch.ones(2, 3)])
def test_principal_directions_of_rows_without_any(x):
    orthogonal = Orthogonal(3, start="pca").double()
    orthogonal.initialize(x.double())
    matrix = orthogonal.matrix()
    torch.testing.assert_close(matrix @ matrix.mT, torch.eye(3, dtype=torch.float64))
    orthogonal(x.double())[0].sum().backward()
    assert orthogonal.vectors.grad.isfinite().all()


def test_orthogonal_refuses_a_start_that_it_does_not_know_or_reach():
    with pytest.raises(ValueError, match="'ica'"):
        Orthogonal(3, start="ica")
    with pytest.raises(ValueError, match="n_reflections >= 5"):
        Orthogonal(5, n_reflections=4, start="pca")


def test_a_vector_of_zeros_reflects_nothing():
    orthogonal = Orthogonal(3, 2).double()
    with torch.no_grad():
        orthogonal.vectors[:] = torch.tensor([[0.0, 0, 0], [0, 2.0, 0]])
    expected = torch.diag(torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64))
    assert torch.equal(orthogonal.matrix(), expected)


@pytest.mark.parametrize("d", [1, 4])
@pytest.mark.parametrize("name", sorted(LEARNABLE | FIXED))
def test_stacked_members_equal_single_ones(name, d):
    members = [perturbed((LEARNABLE | FIXED)[name](d).double(), seed=k) for k in range(3)]
    stacked = stack_members(members)
    x = torch.stack([rows(6, d, seed=k) for k in range(3)])
    z, log_det = stacked(x)
    back, back_log_det = stacked.inverse(z)
    assert log_det.shape == back_log_det.shape == (3, 6)
    torch.testing.assert_close(back, x, atol=1e-10, rtol=0)
    for k, member in enumerate(members):
        expected, expected_log_det = member(x[k])
        torch.testing.assert_close(z[k], expected, atol=1e-13, rtol=0)
        torch.testing.assert_close(log_det[k], expected_log_det, atol=1e-13, rtol=0)
        torch.testing.assert_close(select_member(stacked, k)(x[k])[0], expected)


@pytest.mark.parametrize("name", sorted(LEARNABLE | FIXED))
def test_pickle_and_state_dict(name):
    bijection = perturbed((LEARNABLE | FIXED)[name](3), seed=1)
    x = rows(4, 3, dtype=torch.float32)
    assert torch.equal(pickle.loads(pickle.dumps(bijection))(x)[0], bijection(x)[0])
    fresh = (LEARNABLE | FIXED)[name](3)
    fresh.load_state_dict(bijection.state_dict())
    assert torch.equal(fresh(x)[0], bijection(x)[0])


def test_plu_inverse_survives_ill_conditioned_scales():
    plu = perturbed(PLU(3).double(), seed=1)
    with torch.no_grad():
        plu.lu.diagonal().copy_(torch.tensor([-200.0, 0.0, 200.0]))
    x = rows(5, 3)
    z, log_det = plu(x)
    assert z.isfinite().all()
    back, back_log_det = plu.inverse(z)
    assert back.isfinite().all()
    torch.testing.assert_close(log_det + back_log_det, torch.zeros(5, dtype=torch.float64))


def test_qr_matrix_is_the_product_of_its_factors():
    qr = perturbed(QR(4).double(), seed=2)
    raw = qr.raw.detach()
    expected = qr.rotation.matrix() @ (raw.triu(1) + raw.diagonal().exp().diag())
    torch.testing.assert_close(qr.matrix(), expected)
    assert torch.linalg.det(qr.matrix()).log().item() == pytest.approx(raw.diagonal().sum().item())


def whitened(name, x, weight=None):
    """Parts of a linear stack set to the moments of x, z, and the moments that they return."""
    stack = linear_stack(x.shape[-1], name).double()
    moments = gaussian_moments(x, weight)
    for part in stack.bijections:
        moments = part.whiten(*moments)
    return stack, stack(x)[0].detach(), moments


@pytest.mark.parametrize("d", [1, 2, 7])
@pytest.mark.parametrize("name", sorted(LINEAR))
def test_whitened_rows_have_the_moments_that_are_returned(name, d):
    x = 100 + 10 * rows(300, d) @ rows(d, d, seed=1)
    _, z, (mean, covariance) = whitened(name, x)
    torch.testing.assert_close(z.mean(0), mean, rtol=0, atol=1e-10)
    measured = torch.cov(z.mT, correction=0).reshape(d, d)
    torch.testing.assert_close(measured, covariance, rtol=0, atol=1e-10)
    torch.testing.assert_close(measured.diagonal(), torch.ones(d, dtype=z.dtype))
    if name != "diagonal":
        torch.testing.assert_close(measured, torch.eye(d, dtype=z.dtype), rtol=0, atol=1e-10)


def test_whitened_latents_are_what_each_parametrization_says():
    x = rows(300, 4) @ rows(4, 4, seed=1)
    z = {name: whitened(name, x)[1] for name in LINEAR}
    centred = x - x.mean(0)
    # the first column of a lower triangular matrix is that column alone
    expected = centred[:, 0] / centred[:, 0].std(correction=0)
    torch.testing.assert_close(z["triangular"][:, 0], expected)
    # principal components: rows of the matrix are the principal directions
    variances, directions = torch.linalg.eigh(torch.cov(x.mT, correction=0))
    components = (centred @ directions / variances.sqrt()).abs()
    torch.testing.assert_close(z["orthogonal"].abs(), components)
    torch.testing.assert_close(z["qr"].abs(), components)
    matrix = whitened("plu", x)[0].bijections[0].matrix().detach()
    torch.testing.assert_close(matrix, matrix.mT)
    distance = {name: (z[name] - centred).square().mean() for name in LINEAR}
    assert all(distance["plu"] < distance[name] for name in ("triangular", "orthogonal", "qr"))


def test_whitening_a_permuted_plu():
    x = rows(300, 4) @ rows(4, 4, seed=1)
    plu = PLU.random(4, seed=3).double()
    plu.whiten(*gaussian_moments(x))
    covariance = torch.cov(plu(x)[0].mT, correction=0)
    torch.testing.assert_close(covariance, torch.eye(4, dtype=x.dtype))


@pytest.mark.parametrize("name", sorted(LINEAR))
def test_whitening_members_side_by_side(name):
    x = torch.stack([rows(50, 3, seed) @ rows(3, 3, seed + 5) for seed in range(2)])
    stacked = stack_members([linear_stack(3, name).double() for _ in range(2)])
    moments = gaussian_moments(x)
    for part in stacked.bijections:
        moments = part.whiten(*moments)
    z, log_det = stacked(x)
    for k in range(2):
        single, alone, _ = whitened(name, x[k])
        torch.testing.assert_close(z[k], alone)
        torch.testing.assert_close(log_det[k], single(x[k])[1])


def test_moments_are_those_of_numpy_and_count_weights():
    x = rows(40, 3) * torch.tensor([1e9, 1.0, 1e-9]) + 1
    times = torch.arange(40) % 3
    repeated = x.repeat_interleave(times, 0).numpy()
    mean, covariance = gaussian_moments(x, times.double())
    np.testing.assert_allclose(mean.numpy(), repeated.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(covariance, np.cov(repeated.T, bias=True), rtol=1e-6)


def test_moments_count_a_row_that_is_far_off_as_it_is():
    x = rows(1_000, 2)
    x[0] = torch.tensor([1e4, -1e6])
    mean, covariance = gaussian_moments(x)
    np.testing.assert_allclose(mean.numpy(), x.numpy().mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(covariance, np.cov(x.numpy().T, bias=True), rtol=1e-6)


@pytest.mark.parametrize("name", sorted(set(LINEAR) - {"diagonal"}))
def test_collinear_and_constant_columns_and_few_rows(name):
    x = rows(5, 12)
    x[:, 1] = -3 * x[:, 0]
    x[:, 2] = 4.0
    x[:, 3] = 0.0
    _, covariance = gaussian_moments(x)
    assert covariance[2, 2].item() == pytest.approx(16)
    assert covariance[3, 3].item() == pytest.approx(1)
    scale = covariance.diagonal().sqrt()
    least = torch.linalg.eigvalsh(covariance / scale.outer(scale)).min().item()
    assert least == pytest.approx(MIN_VARIANCE, rel=1e-3)
    stack, z, _ = whitened(name, x)
    assert z.isfinite().all()
    torch.testing.assert_close(stack.inverse(z)[0], x)
    # the same density however it is written
    log_det = stack(x)[1]
    expected = -0.5 * torch.logdet(covariance).expand(5)
    torch.testing.assert_close(log_det, expected, rtol=0, atol=1e-3)


def test_unknown_parametrization():
    with pytest.raises(ValueError, match="parametrization must be one of .*'triangular'"):
        linear_stack(3, "lu")
