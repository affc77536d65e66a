"""What a context does to a bijection: steer every column, or be read by a net first."""

from skflow.bijections._base import Bijection

__all__ = ["ConditionalElementwise", "Conditioned"]


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
