"""Densities of libraries that the ``bench`` extra does not install, measured where they are."""

from importlib.util import find_spec

import numpy as np
from scipy import stats

__all__ = ["available"]


class _Floored:
    """A density that gives some rows none, mixed with a little of one that gives all rows some.

    The weight is that of one row among those of the fit, on independent Cauchy columns: without
    it, one row beyond the reach of the kernels takes the mean score of all to -inf.
    """

    def fit(self, X):
        self.n_ = len(X)
        self.center_, self.scale_ = X.mean(axis=0), X.std(axis=0)
        self._fit((X - self.center_) / self.scale_)
        return self

    def score_samples(self, X):
        rows = (X - self.center_) / self.scale_
        with np.errstate(divide="ignore"):
            own = self._log_density(rows) + np.log(self.n_)
        floor = stats.cauchy.logpdf(rows).sum(axis=1)
        mixed = np.logaddexp(np.where(np.isnan(own), -np.inf, own), floor)
        return mixed - np.log(self.n_ + 1) - np.log(self.scale_).sum()


class VineCopula(_Floored):
    """pyvinecopulib's ``Vinedist``, all defaults: kernel margins, families and vine by AIC."""

    def _fit(self, X):
        import pyvinecopulib

        self.model_ = pyvinecopulib.Vinedist.from_data(X)

    def _log_density(self, X):
        return self.model_.logpdf(X)


class ScottKernels(_Floored):
    """KDEpy's ``NaiveKDE``; its rules are for one column, so that the bandwidth is Scott's."""

    def _fit(self, X):
        from KDEpy import NaiveKDE

        self.model_ = NaiveKDE(bw=len(X) ** (-1 / (X.shape[1] + 4))).fit(X)

    def _log_density(self, X):
        return np.log(self.model_.evaluate(X))


def available():
    """Classes by name, of the libraries that can be imported, and the names of the others."""
    known = {
        "pyvinecopulib": ("vine copula", VineCopula),
        "KDEpy": ("KDEpy, Scott", ScottKernels),
    }
    found = {library for library in known if find_spec(library)}
    return dict(known[library] for library in known if library in found), sorted(
        known.keys() - found
    )
