"""Jacobians of convolutional nets, which are banded."""

import torch

from skflow._random import generator
from skflow.images.nets._convolution import convolve

__all__ = ["ConvJacobian"]


class ConvJacobian:
    r"""The Jacobians of a convolutional net at n images, as :class:`LayeredJacobian` for dense.

    Vectors are images ``(*members, n, C, H, W)``. With kernels that reach r pixels in all, each
    output depends on the pixels at a distance of at most r along either side. So

    * the columns of all pixels of one channel whose lines and columns agree modulo 2 r + 1 can
      be told apart when they are computed in one product: ``C (2 r + 1)^2`` products give all
      of J, for an image of any size;
    * J is block-tridiagonal, with a block for r lines of the image.

    Parameters
    ----------
    weights : list of tensors of shape (*members, n_out, n_in, k, k)
        From and to C channels.
    slopes : list of tensors of shape (*members, n, units, H, W)
        Of all hidden layers, at least one.
    """

    def __init__(self, weights, slopes):
        self.weights, self.slopes = weights, slopes

    @property
    def image_shape(self):
        """(C, H, W)."""
        return (self.weights[0].shape[-3], *self.slopes[0].shape[-2:])

    @property
    def order(self):
        """Number of pixels and channels."""
        channels, height, width = self.image_shape
        return channels * height * width

    @property
    def n_rows(self):
        """Number of images."""
        return self.slopes[0].shape[-4]

    @property
    def row_size(self):
        """Numbers that one row's :meth:`bands` take to compute, members included."""
        channels, height, width = self.image_shape
        units = sum(s[..., 0, :, :, :].numel() for s in self.slopes)
        members = self.slopes[0].shape[:-4].numel()
        bands = 3 * self._n_lines * channels * width * self.order * members
        return channels * self._spacing(height) * self._spacing(width) * units + bands

    def new_zeros(self, *shape):
        """Zeros (*members, *shape), of the same kind."""
        return self.slopes[0].new_zeros(*self.slopes[0].shape[:-4], *shape)

    def signs(self):
        """Random vectors of 1 and -1."""
        like = self.slopes[0]
        shape = (*like.shape[:-3], *self.image_shape)
        return like.new_empty(shape).normal_(generator=generator(like.device)).sign_()

    def dot(self, u, v):
        """Inner products of vectors, (*members, n)."""
        return (u * v).flatten(-3).sum(-1)

    def detach(self):
        """Cut it off from the graph."""
        return ConvJacobian(*([t.detach() for t in ts] for ts in (self.weights, self.slopes)))

    def rows(self, start, stop):
        """Return the Jacobians of some rows."""
        return ConvJacobian(self.weights, [s[..., start:stop, :, :, :] for s in self.slopes])

    def times(self, v):
        """J v, row by row."""
        for weight, slope in zip(self.weights, self.slopes, strict=False):
            v = convolve(v, weight) * slope
        return convolve(v, self.weights[-1])

    def transposed_times(self, v):
        """J^T v, row by row."""
        flipped = [w.transpose(-4, -3).flip(-2, -1) for w in reversed(self.weights)]
        for weight, slope in zip(flipped, reversed(self.slopes), strict=False):
            v = convolve(v, weight) * slope
        return convolve(v, flipped[-1])

    def core_times(self, t):
        """Multiply J with matrices t (*members, d, n, columns)."""
        v = t.movedim(-3, -1).unflatten(-1, self.image_shape)  # (*members, n, columns, C, H, W)
        return self._many_times(v).flatten(-3).movedim(-1, -3)

    def matrix(self):
        """J of every row, (*members, n, d, d)."""
        channels, height, width = self.image_shape
        lines = torch.arange(height, device=self.slopes[0].device)
        blocks = self._blocks(lines[None], lines[None])[..., 0, :, :, :, :, :, :]
        # from (line, column, channel) on either side
        return blocks.movedim((-4, -1), (-6, -3)).flatten(-6, -4).flatten(-3)

    def bands(self):
        """Blocks below, on and above the diagonal, of (*members, n, b, b) each.

        The outermost are None. Lines are added at the end to fill the last block; there J is 0.
        """
        n_lines, height = self._n_lines, self.image_shape[-2]
        first = torch.arange(0, height, n_lines, device=self.slopes[0].device).unsqueeze(-1)
        outputs = first + torch.arange(n_lines, device=first.device)
        inputs = first + torch.arange(-n_lines, 2 * n_lines, device=first.device)
        blocks = self._blocks(outputs, inputs).flatten(-6, -4)
        below, block, above = (part.flatten(-3).unbind(-3) for part in blocks.chunk(3, dim=-3))
        return list(zip((None, *below[1:]), block, (*above[:-1], None), strict=True))

    @property
    def _reach(self):
        return sum(w.shape[-1] // 2 for w in self.weights)

    @property
    def _n_lines(self):
        return max(1, min(self._reach, self.image_shape[-2]))

    def _spacing(self, size):
        return min(2 * self._reach + 1, size)

    def _many_times(self, v):
        """Multiply J with vectors (*members, n, columns, C, H, W), or (*members, 1, ...)."""
        for i, weight in enumerate(self.weights):
            v = convolve(v.flatten(-5, -4), weight).unflatten(-4, v.shape[-5:-3])
            v = v * self.slopes[i].unsqueeze(-4) if i < len(self.slopes) else v
        return v

    def _products(self):
        """J times the combs of pixels and of every channel: (*members, n, P, Q, C, C, H, W)."""
        channels, height, width = self.image_shape
        lines, columns = (self._comb(size) for size in (height, width))
        pixels = lines[:, None, None, None, :, None] * columns[:, None, None, None, :]
        combs = pixels * torch.eye(channels).to(pixels)[..., None, None]
        # the same for all rows, until the first slopes
        vectors = self.new_zeros(1, combs.shape[:3].numel(), *combs.shape[-3:])
        products = self._many_times(vectors + combs.flatten(0, -4))
        return products.unflatten(-4, combs.shape[:3])

    def _comb(self, size):
        """Mark the places that agree modulo the spacing, (spacing, size)."""
        place = torch.arange(size) % self._spacing(size)
        return (place == torch.arange(self._spacing(size))[:, None]).to(self.slopes[0])

    def _blocks(self, outputs, inputs):
        """Take the derivatives of some lines by others, zero for lines outside of the image.

        Parameters
        ----------
        outputs, inputs : integer tensors of shape (blocks, lines)

        Returns
        -------
        blocks : tensor of shape (*members, n, blocks, lines, W, C, lines, W, C)
        """
        channels, height, width = self.image_shape
        i = outputs[..., None, None, None, None, None]
        k = inputs[:, None, None, None, :, None, None]
        j, o, m, c = (
            torch.arange(size, device=outputs.device).view(-1, *[1] * axes)
            for size, axes in ((width, 4), (channels, 3), (width, 1), (channels, 0))
        )
        near = ((i - k).abs() <= self._reach) & ((j - m).abs() <= self._reach)
        near = near & (i < height) & (k >= 0) & (k < height)
        # which product holds the derivative, and where in it
        place = (k % self._spacing(height), m % self._spacing(width), c, o, i, j)
        products, index = self._products(), 0
        for p, size in zip(place, products.shape[-6:], strict=True):
            index = index * size + p
        blocks = products.flatten(-6).index_select(-1, (index * near).flatten())
        return blocks.unflatten(-1, index.shape) * near
