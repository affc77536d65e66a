"""Classical density estimators at the end of the flows' preprocessing."""

from abc import abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from skflow._random import draw_seed
from skflow.estimators._contract import TableFlow
from skflow.estimators._docs import documented
from skflow.fitting._settings import PREPROCESSING
from skflow.tables._prepare import prepare

__all__ = ["KernelFlowDensity", "MixtureFlowDensity"]


@dataclass(kw_only=True, eq=False, repr=False)
class BaseClassicalDensity(TableFlow):
    """A flow that is fitted and not trained: preprocessing, perhaps a bijection, then a base."""

    preprocessing: str = "auto"
    support: Any = None
    random_state: Any = None

    # whether a likelihood of repeated values has no bound
    _spread_ties: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {
        "preprocessing": [StrOptions(set(PREPROCESSING))],
        "support": [None, dict],
        "random_state": ["random_state"],
    }

    def _fit_bijection(self, z, weight):
        """Return the bijection fitted to preprocessed rows z (n, d), float64; the identity."""
        from skflow.bijections import Chain

        return Chain([])

    @abstractmethod
    def _fit_base(self, z, weight):
        """Return the base fitted to rows z (n, d) that left the bijection, weights or None."""

    def _fit_preprocessing(self, bounds, x, weight):
        """Return the fitted preprocessing of rows x (n, d)."""
        from skflow.fitting._preprocessing import fit_preprocessing

        return fit_preprocessing(self.preprocessing_, bounds, x, weight)

    def _fit(self, X, sample_weight=None):
        import torch

        from skflow.flow import Flow

        rng = np.random.default_rng(draw_seed(self.random_state))
        table = prepare(self, X, sample_weight, rng, spread=self._spread_ties)
        self.support_bounds_ = table.bounds
        self.dequantized_features_, self._ties = table.dequantized, table.ties
        self.preprocessing_ = "standardize" if self.preprocessing == "auto" else self.preprocessing
        self._n_features_out = self.n_features_in_
        x = torch.from_numpy(table.rows)
        weight = None if table.weight is None else torch.from_numpy(table.weight)
        preprocessing = self._fit_preprocessing(table.bounds, x, weight)
        u = preprocessing(x)[0]
        bijection = self._fit_bijection(u, weight).double().requires_grad_(False)
        base = self._fit_base(bijection(u)[0], weight).double().requires_grad_(False)
        self.flow_ = Flow(bijection, base, preprocessing).eval()
        return self


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class KernelFlowDensity(BaseClassicalDensity):
    r"""Kernel density estimate whose kernels fit the data in shape and size.

    Gaussian kernels of one full covariance, chosen by leave-one-out likelihood, each
    scaled by the distance to a near neighbour, behind the preprocessing of the flows. On most
    tables far ahead of one bandwidth for all columns and rows; strongest where rows are many
    for their columns, or lie near curves and surfaces. Where columns are many, a flow does
    better. See :class:`skflow.bases.KernelDensity` for the equations.

    Cost: fitting O(n^2 d) and a few dozen steps on at most 2,000 rows; scoring O(n_train d) a
    row. There is nothing to train and nothing to tune.

    Parameters
    ----------
    bandwidth : {"full", "diagonal", "scalar"}, default="full"
        Shape of the kernels: any covariance, one bandwidth a column, or one for all.
    n_neighbors : int or None, default=5
        The distance to this neighbour sets the size of a row's kernel; None gives all rows
        kernels of one size.
    shrinkage : float, default=0.3
        The kernels' correlations are shrunk by ``n / (n + shrinkage * d)``.
    {parameters}

    Attributes
    ----------
    {classical attributes}

    See Also
    --------
    MixtureFlowDensity : A Gaussian mixture, tuned by cross-validation.
    StackedDensity : Mixes this with flows as held-out rows demand.

    References
    ----------
    .. [1] Breiman, Meisel & Purcell (1977), Variable kernel estimates of multivariate densities,
       Technometrics 19(2), eq. 3.
    .. [2] Leiva-Murillo & Artes-Rodriguez (2012), Algorithms for maximum-likelihood bandwidth
       selection in kernel density estimators, Pattern Recognition Letters 33(13), section 3.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import KernelFlowDensity
    >>> X = load_iris().data
    >>> KernelFlowDensity(random_state=0).fit(X).score_samples(X[:2]).shape
    (2,)
    """

    bandwidth: str = "full"
    n_neighbors: int | None = 5
    shrinkage: float = 0.3

    _parameter_constraints: ClassVar[dict] = {
        **BaseClassicalDensity._parameter_constraints,
        "bandwidth": [StrOptions({"full", "diagonal", "scalar"})],
        "n_neighbors": [None, Interval(Integral, 1, None, closed="left")],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
    }

    def _fit_base(self, z, weight):
        from skflow.bases import KernelDensity

        base = KernelDensity(z.shape[1], self.bandwidth, self.n_neighbors, self.shrinkage).double()
        base.initialize(z, weight)
        return base


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class MixtureFlowDensity(BaseClassicalDensity):
    r"""Gaussian mixture whose size, shape and regularisation are cross-validated.

    scikit-learn's EM behind the preprocessing of the flows, with the number of components, full
    or diagonal covariances and the variance added to them chosen by held-out likelihood.

    Cost: fitting, some thirty small fits of EM on at most 4,000 rows and one on at most 20,000;
    scoring O(n_components d^2) a row.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        "auto" cross-validates up to 50.
    covariance_type : {"auto", "full", "diag"}, default="auto"
    reg_covar : float or "auto", default="auto"
        Variance added to each covariance, in the units of the preprocessed rows; "auto" tries
        1e-4, 1e-2 and 1e-1.
    {parameters}

    Attributes
    ----------
    n_components_, covariance_type_, reg_covar_
        What "auto" came to.
    {classical attributes}

    See Also
    --------
    KernelFlowDensity : Kernels in place of components.
    StackedDensity : Mixes this with flows as held-out rows demand.

    References
    ----------
    .. [1] McLachlan & Peel (2000), Finite mixture models, Wiley, section 3.2.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skflow import MixtureFlowDensity
    >>> X = load_iris().data
    >>> MixtureFlowDensity(random_state=0).fit(X).n_components_ > 1
    True
    """

    n_components: int | str = "auto"
    covariance_type: str = "auto"
    reg_covar: float | str = "auto"

    _parameter_constraints: ClassVar[dict] = {
        **BaseClassicalDensity._parameter_constraints,
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"auto", "full", "diag"})],
        "reg_covar": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    }

    def _fit_base(self, z, weight):
        from skflow.bases import GaussianMixture

        settings = self._choose(z, weight)
        for name, value in settings.items():
            setattr(self, f"{name}_", value)
        base = GaussianMixture(z.shape[1], **settings).double()
        base.initialize(z, weight)
        return base

    def _choose(self, z, weight):
        from skflow.bases import choose_mixture

        given = {
            name: getattr(self, name) for name in ("n_components", "covariance_type", "reg_covar")
        }
        if "auto" not in given.values():
            return given

        searched = {
            "n_components": "candidates",
            "covariance_type": "covariance_types",
            "reg_covar": "reg_covars",
        }
        fixed = {searched[name]: (value,) for name, value in given.items() if value != "auto"}
        choice = choose_mixture(z, weight, **fixed)
        return {name: getattr(choice, name) for name in given}
