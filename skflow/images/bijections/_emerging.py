"""Convolutions of images that invert exactly, line by line."""

import torch
from torch import nn
from torch.linalg import solve_triangular
from torch.nn.functional import pad

from skflow.bijections._base import Bijection, Chain
from skflow.nets import convolve

__all__ = ["EmergingConv"]


class EmergingConv(Bijection):
    r"""Two masked convolutions, of opposite orders, that together see all around a pixel [1]_.

    .. math::
        y_c(i, j) = s_c\, x_c(i, j)
        + \sum_{(c', i', j') \prec (c, i, j)} w_{cc'}(i' - i, j' - j)\, x_{c'}(i', j'),
        \qquad z = F\, \tilde A\, F\, y

    The first, A, adds to a pixel what comes before it within reach of the kernel, in the order
    line, column, channel, with zeros around the image; :math:`s = \exp(\text{log\_diag})`. The
    second, :math:`\tilde A`, is of the same kind with weights of its own, run backwards: F turns
    the order round. Both matrices are triangular, hence

    .. math:: \log|\det| = H W \sum_c (\log s_c + \log \tilde s_c).

    The inverse is exact. For lines :math:`x_i` of W C numbers, ``y = A x`` reads
    :math:`y_i = T_0 x_i + \sum_{p=1}^{m} T_p x_{i-p}`, with :math:`T_0` triangular and the same
    matrices for all lines, m = (k - 1) / 2. So

    .. math:: x_i = T_0^{-1} y_i - \sum_{p=1}^{m} (T_0^{-1} T_p)\, x_{i-p},

    one triangular solve for all lines of all images at once, and then one product for each line.
    Log-det minus that of forward. Starts at the identity.

    Cost: forward that of two convolutions, O(n H W C^2 k^2). The inverse takes 2 H steps in a
    row, O(n H W^2 C^2 m) in all. Like that of every triangular matrix, its condition number may
    grow exponentially with the size of the image where weights are large beside the diagonal.

    Parameters
    ----------
    n_channels : int
        Of the images (*members, n, n_channels, height, width).
    kernel_size : int, default=3
        k, odd. Pixels up to k - 1 columns and (k - 1) / 2 lines away are seen.

    References
    ----------
    .. [1] Hoogeboom, van den Berg & Welling (2019), Emerging convolutions for generative
       normalizing flows, arXiv:1901.11137, section 3.
    """

    def __init__(self, n_channels, kernel_size=3):
        super().__init__()
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise ValueError(f"kernel_size must be odd and positive, got {kernel_size}")
        backwards = (False, True)
        self.both = Chain(_CausalConv(n_channels, kernel_size, b) for b in backwards)

    def forward(self, x, context=None):
        return self.both(x)

    def inverse(self, z, context=None):
        return self.both.inverse(z)


class _CausalConv(Bijection):
    """A convolution that is triangular in the order line, column, channel, or the reverse of it.

    Attributes
    ----------
    weight : parameter of shape (*members, C, C, k, k)
        What the mask hides is unused.
    log_diag : parameter of shape (*members, C)
    """

    def __init__(self, n_channels, kernel_size, backwards):
        super().__init__()
        self.reach, self.backwards = kernel_size // 2, backwards
        self.weight = nn.Parameter(torch.zeros(n_channels, n_channels, kernel_size, kernel_size))
        self.log_diag = nn.Parameter(torch.zeros(n_channels))
        self.register_buffer("mask", _earlier(n_channels, kernel_size), persistent=False)

    def forward(self, x, context=None):
        kernel = self._kernel()
        if self.backwards:
            kernel = kernel.flip(-4, -3, -2, -1)
        return convolve(x, kernel), self._log_det(x)

    def inverse(self, z, context=None):
        if self.backwards:
            z = z.flip(-3, -2, -1)
        lines = z.movedim(-2, -4).mT  # (*members, H, n, W, C)
        x = torch.stack(self._solve(lines.flatten(-2)), dim=-3)
        x = x.unflatten(-1, lines.shape[-2:]).mT.movedim(-4, -2)
        return x.flip(-3, -2, -1) if self.backwards else x, -self._log_det(z)

    def _kernel(self):
        m = self.reach
        centre = self.log_diag.exp().diag_embed()[..., None, None]
        return self.weight * self.mask + pad(centre, (m, m, m, m))

    def _log_det(self, x):
        log_det = x.shape[-2:].numel() * self.log_diag.sum(-1, keepdim=True)
        return log_det.expand(x.shape[:-3])

    def _solve(self, lines):
        """Lines (*members, n, W C) of x, a list, from those of y (*members, H, n, W C)."""
        own, *above = self._line_matrices(lines.shape[-1] // self.log_diag.shape[-1])
        effects = [solve_triangular(own, matrix, upper=False).mT for matrix in above]
        flat = lines.flatten(-3, -2)
        flat = solve_triangular(own.mT, flat, upper=True, left=False)
        solved = []
        for line in flat.unflatten(-2, lines.shape[-3:-1]).unbind(-3):
            for earlier, effect in zip(reversed(solved), effects, strict=False):
                line = line - earlier @ effect
            solved.append(line)
        return solved

    def _line_matrices(self, width):
        """T_0, ..., T_m: what a line and the m lines above it give it, (*members, W C, W C)."""
        m = self.reach
        column = torch.arange(width, device=self.mask.device)
        offset = column - column[:, None] + m
        within = ((offset >= 0) & (offset <= 2 * m)).to(self.mask)
        kernel = self._kernel()
        matrices = []
        for p in range(m + 1):
            row = kernel[..., m - p, :]
            banded = row[..., offset.clamp(0, 2 * m)] * within  # (*members, C, C', W, W')
            matrices.append(banded.movedim(-2, -4).mT.flatten(-2).flatten(-3, -2))
        return matrices


def _earlier(n_channels, kernel_size):
    """1 where the input of a kernel (out, in, k, k) comes before the output, 0 elsewhere."""
    m = kernel_size // 2
    mask = torch.zeros(n_channels, n_channels, kernel_size, kernel_size)
    mask[..., :m, :] = 1
    mask[..., m, :m] = 1
    mask[..., m, m] = torch.ones(n_channels, n_channels).tril(-1)
    return mask
