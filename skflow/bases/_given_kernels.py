"""Kernels around rows and their context together, as a density of rows given it."""

import torch
from torch import nn

from skflow._graph import row_blocks
from skflow._random import generator
from skflow.bases._at_once import bounded, rows_at_once
from skflow.bases._base import Base, saturate
from skflow.bases._given_likelihood import fit_given_kernels
from skflow.bases._log_joint import log_joint
from skflow.bases._rosenblatt import mixture_scores

__all__ = ["GivenKernels"]


class GivenKernels(Base):
    r"""Rows z given a context c, by Gaussian kernels around both and a Gaussian behind them.

    With the standardised context h, and :math:`u = V^{-1} (z - A h - a)` what a ridge regression
    leaves of a row, in coordinates in which kernels are upright,

    .. math::
        p(z \mid c) = \frac{p(c, z)}{p(c)} = |V|^{-1} \left( \sum_j w_j(c)
            \prod_k N(u_k;\, \rho_k u_{jk},\, D_{jk})
            + w_0(c) \prod_k N(u_k;\, 0,\, \lambda_k) \right), \qquad
        \frac{1}{D_{jk}} = \frac{1}{s_j^2} + \frac{1}{\lambda_k}

    with weights of kernels [1]_ and of the background that depend on the context,

    .. math::
        w_j(c) \propto (1 - b)\, w_j
            \prod_k N(h_k;\, \sqrt{1 - \delta_k^2}\, h_{jk},\, \delta_k^2), \qquad
        w_0(c) \propto b \prod_k N(h_k;\, 0,\, 1)

    which sum to one: nothing is approximated. A column of the context with a small
    :math:`\delta_k` chooses kernels near it; one with :math:`\delta_k` near 1 chooses none, so
    that columns that tell nothing are smoothed away [2]_. Far from all contexts of the fit, the
    regression and the background are left. Sizes :math:`s_j` and factors :math:`\rho_k` are as
    :class:`KernelMixture` has them.

    Widths of contexts and rows and the share b are those of the largest leave-one-out likelihood
    of rows given their context; see ``fit_given_kernels``. Widths by the likelihood of both
    together would suit the context's own distribution, too. Until :meth:`initialize` there is the
    background alone, a unit Gaussian at zero whatever the context.

    Cost: with D columns of row and context together, fitting some hundred steps of O(m^2 D) with
    m = min(n, max_rows), and O(n^2 D) for the neighbours; scoring and sampling O(n D) a row, in
    blocks of bounded memory. Where the caller's time is limited the searches end in it.

    Parameters
    ----------
    n_features : int
        Columns d of the rows.
    n_context : int
        Columns of what the reader gives.
    reader : module, optional
        From the context (n, c) to standardised columns (n, n_context); as it is by default.
    bandwidth : {"full", "diagonal", "scalar"}, default="full"
        Kernels along the principal axes of the residuals' correlations, with a width for each;
        along the columns, with a width for each; or one width for all columns.
    n_neighbors : int or None, default=5
        Of row and context together; None gives all kernels one size.
    background : bool, default=True
        False leaves out the background and the drawing in of rows.
    max_rows : int, default=1000
        Widths are chosen on a random subset of this size; two factors, one on those of the context
        and one on those of rows, are then chosen with all kernels.

    References
    ----------
    .. [1] Rosenblatt (1969), Conditional probability density and regression estimators, in
       Multivariate analysis II, Academic Press, 25-31.
    .. [2] Hall, Racine & Li (2004), Cross-validation and the estimation of conditional probability
       densities, Journal of the American Statistical Association 99(468), section 2.
    """

    def __init__(
        self,
        n_features,
        n_context,
        reader=None,
        bandwidth="full",
        n_neighbors=5,
        background=True,
        max_rows=1_000,
    ):
        super().__init__(n_features)
        self.reader = nn.Identity() if reader is None else reader
        self.bandwidth = bandwidth
        self.n_neighbors = n_neighbors
        self.background = background
        self.max_rows = max_rows
        self.register_buffer("slope", torch.zeros(n_features, n_context))  # A
        self.register_buffer("intercept", torch.zeros(n_features))  # a
        self.register_buffer("directions", torch.eye(n_features))  # V
        self.register_buffer("variances", torch.ones(n_features))  # lambda
        self.register_buffer("context_variances", torch.ones(n_context))  # delta^2
        self.register_buffer("contexts", torch.zeros(1, n_context))  # sqrt(1 - delta^2) h_j
        self.register_buffer("points", torch.zeros(1, n_features))  # rho_k u_jk
        self.register_buffer("sizes", torch.ones(1))
        self.register_buffer("log_weights", torch.full((1,), -torch.inf))  # of 1 - b in all
        self.register_buffer("log_background", torch.zeros(()))

    @torch.no_grad()
    def initialize(self, z, weight=None, context=None):
        """Take the rows as kernels and choose their widths; at least two distinct rows."""
        weight = z.new_ones(len(z)) if weight is None else weight
        used = weight > 0
        z, weight, context = z[used].double(), weight[used].double(), context[used]
        found = fit_given_kernels(
            self.reader(context).double(),
            z,
            weight / weight.sum(),
            self.bandwidth,
            self.n_neighbors,
            self.background,
            self.max_rows,
        )
        for name, value in found.items():
            setattr(self, name, value.to(self.origin.dtype))

    def log_prob(self, z, context=None):
        h = bounded(self.reader(context))
        u = self._coordinates(bounded(z), h)
        centres, precisions = self._kernels()
        level = torch.zeros_like(precisions[:, 0])
        parts = []
        for a, b in row_blocks(len(u), self._block):
            near = self._log_near(h[a:b])
            joint = log_joint(u[a:b], centres, precisions, level).add_(near)
            parts.append(joint.logsumexp(-1) - near.logsumexp(-1))
        volume = torch.linalg.slogdet(self.directions).logabsdet
        return saturate(torch.cat(parts) - volume)

    @torch.no_grad()
    def sample(self, n, context=None):
        h = bounded(self.reader(context))
        source = generator(self.origin.device)
        shares = (self._log_near(block).softmax(-1) for block in h.split(self._block))
        kernel = torch.cat([torch.multinomial(w, 1, generator=source)[:, 0] for w in shares])
        centres, precisions = self._kernels()
        noise = self._normal_numbers((n, self.n_features))
        u = centres[kernel] + noise / precisions[kernel].sqrt()
        return h @ self.slope.mT + self.intercept + u @ self.directions.mT

    @torch.no_grad()
    def normal_scores(self, z, context=None):
        r"""Map rows to standard normal rows, coordinate after coordinate of u."""
        if context is None:
            raise ValueError("rows that are given a context have no scores without it: pass it.")
        h = bounded(self.reader(context))
        u = self._coordinates(bounded(z), h).double()
        centres, root = (t.double() for t in self._kernels())
        root = root.sqrt()
        parts = []
        for a, b in row_blocks(len(u), self._block):
            columns = (
                ((u[a:b, j, None] - centres[:, j]) * root[:, j], -root[:, j].log())
                for j in range(self.n_features)
            )
            parts.append(mixture_scores(self._log_near(h[a:b]).double(), columns))
        upwards = self.directions.diagonal().sign()  # a single column's scores rise with it
        return torch.cat(parts) * upwards

    @property
    def _block(self):
        return rows_at_once(len(self.sizes))

    def _coordinates(self, z, h):
        away = z - h @ self.slope.mT - self.intercept
        return torch.linalg.solve(self.directions, away.mT).mT

    def _kernels(self):
        """Centres and precisions (n_kernels + 1, d) of rows u; the background comes last."""
        kernels = self.sizes.square().reciprocal().unsqueeze(-1) + 1 / self.variances
        return (
            torch.cat([self.points, torch.zeros_like(self.points[:1])]),
            torch.cat([kernels, 1 / self.variances.unsqueeze(0)]),
        )

    def _log_near(self, h):
        """Log density (n, n_kernels + 1) of contexts h (n, c) with each kernel and background."""
        precisions = 1 / self.context_variances
        centres = torch.cat([self.contexts, torch.zeros_like(self.contexts[:1])])
        kernels = precisions.expand_as(self.contexts)
        precisions = torch.cat([kernels, torch.ones_like(precisions).unsqueeze(0)])
        level = torch.cat([self.log_weights, self.log_background.view(1)])
        return log_joint(h, centres, precisions, level)

    def extra_repr(self):
        return f"{super().extra_repr()}, n_kernels={len(self.sizes)}"
