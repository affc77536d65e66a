"""Bounds of spectral norms that hold for any weights, with gradients."""

import math

import torch
from torch.autograd.function import once_differentiable

from skflow._graph import applied

__all__ = ["conv_norm", "conv_norm_bound", "norm_bound"]

SQUARINGS = 4  # even
TINY = 1e-30
FINEST = 16  # frequencies along a side, for each pixel of a kernel's reach


def norm_bound(weight):
    r"""Upper bound of the spectral norm of matrices (*members, a, b), with gradients.

    .. math:: B(W) = \lVert (W^* W)^{2^m} \rVert_F^{2^{-(m + 1)}} = \Bigl(\sum_i
        \sigma_i^{2 p}\Bigr)^{1 / 2p}, \qquad p = 2^{m + 1}

    the Gram iteration [1]_ with m = ``SQUARINGS``, a Schatten norm: never below the largest
    singular value, and above it by a factor of at most ``rank^(1 / 2p)``, for rank 64 and m = 4
    by 7 %. The powers are scaled to norm 1 in between, so that nothing over- or underflows. A few
    roundings are added, so that the bound holds in float32 too. Matrices may be complex.

    References
    ----------
    .. [1] Delattre, Barthélemy, Araujo & Allauzen (2023), Efficient bound of Lipschitz constant
       for convolutional layers by Gram iteration, arXiv:2305.16173.
    """
    return applied(_NormBound, weight)


def conv_norm_bound(weight, image_size):
    r"""Upper bound of the spectral norm of convolutions, with gradients, (*members,).

    With zeros around the image, a convolution is a part of the circular one on any torus that
    exceeds the image by the kernel's reach r = (k - 1) / 2 on each side: what wraps around meets
    zeros. The circular one is block-diagonal in the Fourier basis [1]_, so that its norm is the
    largest norm of the transfer matrices

    .. math:: T(\omega) = \sum_{a, b = -r}^{r} K_{ab}\, e^{i (a \omega_1 + b \omega_2)}

    over the frequencies of the torus, which :func:`norm_bound` bounds each [2]_. Of an image
    longer than ``FINEST * r`` only n = ``FINEST * r`` frequencies are taken on that side, at a
    factor of

    .. math:: \max_\omega \lVert T(\omega) \rVert \le \frac{1}{\cos(\pi r / n)}
        \max_j \lVert T(2 \pi j / n) \rVert

    for each such side (2 % for n = 16 r): if a real trigonometric polynomial p of degree r has
    its largest size M at :math:`\omega^*`, with p positive there, then :math:`p(\omega) \ge M
    \cos(r (\omega - \omega^*))` up to a distance of :math:`\pi / r` (a lemma of M. Riesz), and a
    frequency lies within :math:`\pi / n`. Here p is the real part of :math:`u^* T v` with the
    singular vectors u and v of the largest T, along one side after the other.

    Only the matrix with the largest bound takes part in the gradient.

    Parameters
    ----------
    weight : tensor of shape (*members, n_out, n_in, k, k)
        k is odd.
    image_size : tuple of int
        (height, width).

    References
    ----------
    .. [1] Sedghi, Gupta & Long (2019), The singular values of convolutional layers,
       arXiv:1805.10408.
    .. [2] Delattre, Barthélemy, Araujo & Allauzen (2023), Efficient bound of Lipschitz constant
       for convolutional layers by Gram iteration, arXiv:2305.16173.
    """
    n_out, n_in, k = weight.shape[-4:-1]
    exact = _torus(weight, image_size)
    sizes = [min(n, max(FINEST * (k // 2), 1)) for n in exact]
    transfer = _transfer(weight, sizes)
    with torch.no_grad():
        steepest = norm_bound(transfer).argmax(-1)[..., None, None, None]
    bound = norm_bound(torch.take_along_dim(transfer, steepest, -3).squeeze(-3))
    if k == 1:
        return bound
    sampled = sum(n < m for n, m in zip(sizes, exact, strict=True))
    roundings = 4 * k * max(n_out, n_in) * torch.finfo(weight.dtype).eps  # of the transform
    return bound * ((1 + roundings) / math.cos(math.pi / FINEST) ** sampled)


@torch.no_grad()
def conv_norm(weight, image_size):
    """Spectral norm of the circular convolutions on the smallest torus, (*members,).

    See :func:`conv_norm_bound`; here by singular values.
    """
    transfer = _transfer(weight, _torus(weight, image_size))
    return torch.linalg.svdvals(transfer)[..., 0].amax(-1)


def _torus(weight, image_size):
    k = weight.shape[-1]
    return [max(size + k // 2, k) for size in image_size]


def _transfer(weight, sizes):
    """Transfer matrices (*members, frequencies, n_out, n_in), one of each conjugate pair."""
    if weight.shape[-1] == 1:
        return weight.flatten(-3).unsqueeze(-3)
    # a shift of the kernel turns the phase of a matrix and leaves its norm as it is
    return torch.fft.rfft2(weight, sizes).flatten(-2).movedim(-1, -3).contiguous()


def _size(matrix):
    """Frobenius norm of a matrix (*members, a, b), as a matrix of one number."""
    return torch.linalg.vector_norm(matrix, dim=(-2, -1), keepdim=True)


class _NormBound(torch.autograd.Function):
    # The gradient is the multiple of W (W^* W)^(p - 1) = W G G^2 G^4 ... G^(2^m) whose product
    # with W is B, since B is homogeneous of degree one.

    @staticmethod
    def forward(ctx, weight):
        tall = weight if weight.shape[-2] >= weight.shape[-1] else weight.mH
        power = tall.mH @ tall
        bound, powers = 1.0, []
        for i in range(SQUARINGS + 1):
            power = power @ power if i else power
            if i % 2 == 0:  # two squares of a matrix of norm 1 cannot underflow
                norm = _size(power)
                power = power / norm.clamp(min=TINY)
                bound = bound * norm ** (0.5 ** (i + 1))
            powers.append(power)
        bound = bound * (1 + max(weight.shape[-2:]) * torch.finfo(weight.dtype).eps)
        ctx.save_for_backward(weight, bound, *powers)
        return bound[..., 0, 0]

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        weight, bound, *powers = ctx.saved_tensors
        tall = weight.shape[-2] >= weight.shape[-1]
        direction = weight if tall else weight.mH
        for power in reversed(powers):
            direction = direction @ power
        direction = direction if tall else direction.mH
        product = (direction.conj() * weight).real if weight.is_complex() else direction * weight
        length = product.sum((-2, -1), keepdim=True).clamp(min=TINY)
        return direction * (grad[..., None, None] * bound / length)
