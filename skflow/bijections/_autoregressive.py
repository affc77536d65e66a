"""Autoregressive layers: each feature is mapped as the features before it say."""

import torch

from skflow.bijections._base import Bijection

__all__ = ["Autoregressive"]


class Autoregressive(Bijection):
    r"""Feature i passes a map that the features before it steer.

    .. math::
        z_i = f(x_i;\ \mathrm{net}_i(x_{<i})), \quad
        \log|\det| = \textstyle\sum_i \log f'(x_i), \quad
        x_i = f^{-1}(z_i;\ \mathrm{net}_i(x_{<i}))

    The affine map gives the masked autoregressive flow [1]_ (their eqs. 3 to 5); under
    :class:`Inverse`, the inverse autoregressive flow [2]_.

    Cost: forward is one pass of the net. The inverse is sequential over the d features, yet
    computes each hidden unit once, so that its arithmetic is about one pass as well, in d thin
    slices. With gradients on, the slices are kept and cost O(d) times the memory.

    Parameters
    ----------
    elementwise : Elementwise
        The map f.
    net : MADE
        Emits (*members, n, d, n_params).

    References
    ----------
    .. [1] Papamakarios, Pavlakou & Murray (2017), Masked autoregressive flow, arXiv:1705.07057.
    .. [2] Kingma et al. (2016), Improving variational inference with inverse autoregressive
       flow, arXiv:1606.04934.
    """

    def __init__(self, elementwise, net):
        super().__init__()
        self.elementwise = elementwise
        self.net = net

    def forward(self, x, context=None):
        z, log_det = self.elementwise.forward(x, self.net(x, context))
        return z, log_det.sum(dim=-1)

    def inverse(self, z, context=None):
        cursor = self.net.cursor(context, z.shape[:-1], like=z)
        columns, log_det = [], z.new_zeros(z.shape[:-1])
        for column in z.unbind(dim=-1):
            x, step = self.elementwise.inverse(column, cursor.params())
            cursor.append(x)
            columns.append(x)
            log_det = log_det + step
        return torch.stack(columns, dim=-1), log_det
