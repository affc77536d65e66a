"""A Gaussian mixture as the base of a flow."""

from dataclasses import dataclass
from numbers import Integral, Real
from typing import ClassVar, Literal

from sklearn.utils._param_validation import Interval, StrOptions

from skflow._types import Auto
from skflow.estimators._direct import BaseClassicalDensity
from skflow.estimators._docs import documented
from skflow.fitting._family import Family

__all__ = ["MixtureFlowDensity"]


@documented
@dataclass(kw_only=True, eq=False, repr=False)
class MixtureFlowDensity(BaseClassicalDensity):
    r"""Gaussian mixture whose size, shape and regularisation are cross-validated.

    scikit-learn's EM behind the preprocessing of the flows, with the number of components, full
    or diagonal covariances and the variance added to them chosen by held-out likelihood.

    Given a context, the mixture is one of context and row together, and the density of the row
    is the joint one over that of the context, exactly (:class:`skflow.bases.GivenMixture`):
    linear regressions with a share of each that changes with the context.

    Cost: fitting, some thirty small fits of EM on at most 4,000 rows and one on at most 20,000;
    scoring O(n_components d^2) a row.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        "auto" cross-validates up to 50, and up to 128 where each would have 20 rows.
    covariance_type : {"auto", "full", "diag"}, default="auto"
        Of each component; "auto" tries both, and held-out rows decide.
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

    n_components: int | Auto = "auto"
    covariance_type: Literal["auto", "full", "diag"] = "auto"
    reg_covar: float | Auto = "auto"

    _parameter_constraints: ClassVar[dict] = {
        **BaseClassicalDensity._parameter_constraints,
        "n_components": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"auto", "full", "diag"})],
        "reg_covar": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    }

    def _family(self):
        return Family(learns_from_all=False, takes_context=True)

    def _fit_core(self, rows):
        from skflow.bases import GivenMixture
        from skflow.bijections import Chain
        from skflow.fitting._given import beside_context, context_reader

        reader = context_reader(rows)
        joint = self._fit_mixture(beside_context(rows, reader), rows.weight)
        d = rows.x.shape[1]
        return Chain([]), joint if reader is None else GivenMixture(d, joint, reader)

    def _fit_mixture(self, u, weight):
        from skflow.bases import GaussianMixture

        settings = self._choose(u, weight)
        vars(self).update({f"{name}_": value for name, value in settings.items()})
        mixture = GaussianMixture(u.shape[1], **settings).double()
        mixture.initialize(u, weight)
        return mixture

    def _choose(self, u, weight):
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
        choice = choose_mixture(u, weight, **fixed)
        return {name: getattr(choice, name) for name in given}
