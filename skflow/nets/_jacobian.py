"""Jacobians of perceptrons as products of their layers."""

from skflow._random import generator

__all__ = ["LayeredJacobian"]


class LayeredJacobian:
    r"""The Jacobians :math:`J = W_n D_{n-1} W_{n-1} \cdots D_1 W_1` of a net at n rows.

    With weights :math:`W_i` that rows share and slopes of the activations :math:`D_i` that they
    do not. It need not be formed to be multiplied. Vectors are ``(*members, d, n)``, a column for
    each row of data.

    Parameters
    ----------
    weights : list of tensors of shape (*members, n_out, n_in)
        From and to d features.
    slopes : list of tensors of shape (*members, units, n)
        Of all hidden layers, at least one.
    """

    def __init__(self, weights, slopes):
        self.weights, self.slopes = weights, slopes

    @property
    def order(self):
        """Width of the narrowest layer: no :meth:`core` is smaller."""
        return min(w.shape[-1] for w in self.weights)

    @property
    def n_rows(self):
        """Number of data rows."""
        return self.slopes[0].shape[-1]

    @property
    def row_size(self):
        """Numbers that one row's :meth:`core` takes to compute, members included."""
        return self.order * sum(s[..., 0].numel() for s in self.slopes)

    def new_zeros(self, *shape):
        """Zeros (*members, *shape), of the same kind."""
        return self.slopes[0].new_zeros(*self.slopes[0].shape[:-2], *shape)

    def signs(self):
        """Random vectors of 1 and -1."""
        like = self.slopes[0]
        shape = (*like.shape[:-2], self.weights[0].shape[-1], self.n_rows)
        return like.new_empty(shape).normal_(generator=generator(like.device)).sign_()

    def dot(self, u, v):
        """Inner products of vectors, (*members, n)."""
        return (u * v).sum(-2)

    def detach(self):
        """Cut it off from the graph."""
        return LayeredJacobian(*([t.detach() for t in ts] for ts in (self.weights, self.slopes)))

    def rows(self, start, stop):
        """Return the Jacobians of some rows."""
        return LayeredJacobian(self.weights, [s[..., start:stop] for s in self.slopes])

    def times(self, v):
        """J v, row by row."""
        for weight, slope in self._cycle(0):
            v = weight @ v
            v = v if slope is None else v * slope
        return v

    def transposed_times(self, v):
        """J^T v, row by row."""
        for weight, slope in reversed(self._cycle(0)):
            v = v if slope is None else v * slope
            v = weight.mT @ v
        return v

    def matrix(self):
        """J of every row, (*members, n, d, d)."""
        return self._product(0)

    def core(self):
        r"""Return a matrix of every row with the nonzero eigenvalues of J, (*members, n, r, r).

        The same factors in cyclic order, around the narrowest layer of width r <= d: products AB
        and BA share their nonzero eigenvalues, so that :math:`\det(I_d + AB) = \det(I_r + BA)`.
        """
        return self._product(self._narrowest)

    def bands(self):
        """Return the blocks of :meth:`core`: it is a single one."""
        core = self.core()
        return [(None, core, None)]

    def core_times(self, t):
        """Multiply :meth:`core` with matrices t (*members, r, n, columns)."""
        for weight, slope in self._cycle(self._narrowest):
            t = _on_units(weight, t)
            t = t if slope is None else t * slope.unsqueeze(-1)
        return t

    @property
    def _narrowest(self):
        widths = [w.shape[-1] for w in self.weights]
        return widths.index(min(widths))

    def _cycle(self, start):
        """Weights, each with the slopes after it, in the order met from the input of ``start``."""
        pairs = list(zip(self.weights, [*self.slopes, None], strict=True))
        return pairs[start:] + pairs[:start]

    def _product(self, start):
        product, shared = None, None  # rows share the leading weights up to the first slope
        for weight, slope in self._cycle(start):
            if product is None:
                shared = weight if shared is None else weight @ shared
                if slope is not None:
                    product = slope.unsqueeze(-1) * shared.unsqueeze(-2)
                continue
            product = _on_units(weight, product)
            product = product if slope is None else product * slope.unsqueeze(-1)
        return product.movedim(-3, -2)


def _on_units(weight, t):
    """Multiply ``weight`` (*members, out, in) with t (*members, in, n, columns) in one product."""
    return (weight @ t.flatten(-2)).unflatten(-1, t.shape[-2:])
