"""Coupling layers: one half of the features steers an elementwise map of the other half."""

import torch

from skflow.bijections._base import Bijection

__all__ = ["Coupling"]


class Coupling(Bijection):
    r"""One part A of the features passes unchanged and steers a map of the other part B [1]_.

    .. math::
        z_A = x_A, \quad z_B = f(x_B;\ \mathrm{net}(x_A)), \quad
        \log|\det| = \textstyle\sum_{i \in B} \log f'(x_i)

        x_A = z_A, \quad x_B = f^{-1}(z_B;\ \mathrm{net}(z_A))

    Both directions cost one pass of the net.

    Parameters
    ----------
    n_features : int
    elementwise : Elementwise
        The map f.
    net : module
        From ``(x_A, context)`` of shape ``(*members, n, |A|)`` to
        ``(*members, n, |B|, n_params)``.
    swap : bool, default=False
        A is the first half of the features; swapped, the second half.
    axis : int, default=-1
        Where the features are; -3 for the channels of images, of which all pixels are moved.

    References
    ----------
    .. [1] Dinh, Krueger & Bengio (2015), NICE, arXiv:1410.8516, eq. 4; Dinh, Sohl-Dickstein &
       Bengio (2017), Real NVP, arXiv:1605.08803, eqs. 4 to 8.
    """

    def __init__(self, n_features, elementwise, net, swap=False, axis=-1):
        super().__init__()
        self.elementwise = elementwise
        self.net = net
        self.swap = swap
        self.axis = axis
        self.sizes = coupling_sizes(n_features, swap)

    def forward(self, x, context=None):
        return self._apply_map(x, context, self.elementwise.forward)

    def inverse(self, z, context=None):
        return self._apply_map(z, context, self.elementwise.inverse)

    def retrace(self, z, context=None):
        x = z.detach().clone().requires_grad_()
        steering, moved = self._parts(x)
        raw = self.net(steering, context)
        with torch.no_grad():
            found, _ = self.elementwise.inverse(moved, raw)
        # Through .data, since autograd need not know: the net has seen the other part only.
        moved.data.copy_(found)
        moved, log_det = self.elementwise.forward(moved, raw)
        return x, self._joined(steering, moved), self._total(log_det)

    def _apply_map(self, x, context, f):
        steering, moved = self._parts(x)
        moved, log_det = f(moved, self.net(steering, context))
        return self._joined(steering, moved), self._total(log_det)

    def _parts(self, x):
        """Split into what steers and what is moved."""
        if not self.swap:
            return x.split(self.sizes, dim=self.axis)
        moved, steering = x.split(self.sizes[::-1], dim=self.axis)
        return steering, moved

    def _joined(self, steering, moved):
        parts = (moved, steering) if self.swap else (steering, moved)
        return torch.cat(parts, dim=self.axis)

    def _total(self, log_det):
        return log_det.flatten(self.axis).sum(-1)


def coupling_sizes(n_features, swap=False):
    """How many features steer and how many are moved; with one feature, none steers it."""
    first = n_features // 2
    return (n_features - first, first) if swap and n_features > 1 else (first, n_features - first)
