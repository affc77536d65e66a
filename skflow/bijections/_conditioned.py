"""What a context does to a bijection: steer every column, or be read by a net first."""

import torch
from torch import nn

from skflow.bijections._base import Bijection
from skflow.numerics import ridge_regression

__all__ = ["ConditionalElementwise", "Conditioned", "LinearShift", "StandardizedContext"]


class ConditionalElementwise(Bijection):
    r"""Every feature passes a map that the context c alone steers, not the other features.

    .. math::
        z_i = f(x_i;\ \mathrm{net}_i(c)), \quad
        \log|\det| = \textstyle\sum_i \log f'(x_i), \quad
        x_i = f^{-1}(z_i;\ \mathrm{net}_i(c))

    Before a standard normal base, ``Inverse(ConditionalElementwise(Affine(), net))`` is the
    Gaussian with a diagonal covariance whose mean and log deviations are a net's, the usual
    posterior of a variational autoencoder [1]_.

    Both directions cost one pass of the net.

    Parameters
    ----------
    elementwise : Elementwise
        The map f.
    net : module
        From the context (*members, n, c) to (*members, n, d, n_params).

    References
    ----------
    .. [1] Kingma & Welling (2014), Auto-encoding variational Bayes, arXiv:1312.6114, eq. 9.
    """

    def __init__(self, elementwise, net):
        super().__init__()
        self.elementwise = elementwise
        self.net = net

    def forward(self, x, context=None):
        z, log_det = self.elementwise.forward(x, self.net(context))
        return z, log_det.sum(dim=-1)

    def inverse(self, z, context=None):
        x, log_det = self.elementwise.inverse(z, self.net(context))
        return x, log_det.sum(dim=-1)


class Conditioned(Bijection):
    r"""A bijection b that is given h = net(c) in place of the context c.

    .. math::
        z = b(x;\ \mathrm{net}(c)), \quad
        \log|\det| = \log|\det J_b|, \quad
        x = b^{-1}(z;\ \mathrm{net}(c))

    Layers that each see a context, as those of a :class:`Chain`, then share one net that reads
    it. A direction costs what it costs b, and one pass of the net.

    Parameters
    ----------
    net : module
        From the context (*members, n, c) to (*members, n, k), such as
        :class:`skflow.nets.Encoder`.
    bijection : Bijection
        Of a context of k columns.
    """

    def __init__(self, net, bijection):
        super().__init__()
        self.net = net
        self.bijection = bijection

    @property
    def invertible(self):
        """As the inner bijection is."""
        return self.bijection.invertible

    @property
    def tolerance(self):
        """That of the inner bijection."""
        return self.bijection.tolerance

    def forward(self, x, context=None):
        return self.bijection(x, self.net(context))

    def inverse(self, z, context=None):
        return self.bijection.inverse(z, self.net(context))

    def retrace(self, z, context=None):
        return self.bijection.retrace(z, self.net(context))

    def initialize(self, x, context=None, weight=None):
        return self.bijection.initialize(x, self.net(context), weight)

    def initialize_inverse(self, z, context=None, weight=None):
        return self.bijection.initialize_inverse(z, self.net(context), weight)

    def verify(self):
        self.bijection.verify()


class StandardizedContext(nn.Module):
    """Standardises a context (*members, n, c) by the moments of the rows it was fitted to.

    It works in float64, and nets get the result in the dtype that they have: a column at 1e6
    with a spread of 1 keeps its digits only if it is centred before the cast to float32. The
    moments are not trained. A column that was constant is 0 at its constant.

    Parameters
    ----------
    standardize : Standardize
    dtype : torch.dtype
        Of the nets.
    """

    def __init__(self, standardize, dtype):
        super().__init__()
        self.standardize = standardize
        # moves and is cast as the nets are, and so knows their dtype
        self.register_buffer("origin", torch.zeros(0, dtype=dtype))

    def forward(self, context):
        return self.standardize(context.double())[0].to(self.origin.dtype)


class LinearShift(Bijection):
    r"""Rows less what a linear regression on the context c says of them.

    .. math::
        z = x - (A c + b), \quad \log|\det| = 0, \quad x = z + A c + b

    It starts at the ridge regression of the rows that it is initialised with, see
    :func:`skflow.numerics.ridge_regression`, so that what comes behind starts with residuals.
    Cost: O(n c d), either way.

    Parameters
    ----------
    n_features, n_context : int
    """

    weight_decay = False  # towards no regression

    def __init__(self, n_features, n_context):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(n_features, n_context))
        self.origin = nn.Parameter(torch.zeros(n_features))

    def initialize(self, x, context=None, weight=None):
        self._regress(x, context, weight)
        return self(x, context)[0]

    def initialize_inverse(self, z, context=None, weight=None):
        self._regress(z, context, weight)
        self.slope.data.neg_()
        self.origin.data.neg_()
        return self.inverse(z, context)[0]

    def forward(self, x, context=None):
        return x - self._shift(context), x.new_zeros(x.shape[:-1])

    def inverse(self, z, context=None):
        return z + self._shift(context), z.new_zeros(z.shape[:-1])

    def _regress(self, x, context, weight):
        slope, origin = ridge_regression(context, x, weight)
        self.slope.data.copy_(slope)
        self.origin.data.copy_(origin)

    def _shift(self, context):
        return context @ self.slope.mT + self.origin.unsqueeze(-2)
