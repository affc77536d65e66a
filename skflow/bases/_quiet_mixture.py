"""scikit-learn's EM, which says nothing and ends in time.

What it warns of, that EM was stopped or that clusters coincide, is expected where it is used. The
filters of warnings are the whole process's, so the warnings must not be given at all.
"""

import numpy as np
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from skflow._clock import time_is_up

__all__ = ["QuietMixture"]


class QuietMixture(GaussianMixture):
    """A ``GaussianMixture`` of the very same parameters, started by k-means.

    When the time of the caller is up, EM ends with the step that it is in, the second at least.
    """

    @property
    def converged_(self):
        """True: scikit-learn, which sets it, warns where it reads False."""
        return True

    @converged_.setter
    def converged_(self, value):
        pass

    def fit_predict(self, X, y=None):
        """Fit to arrays of numpy, for which dispatch to others would rule k-means out."""
        with config_context(array_api_dispatch=False):
            return super().fit_predict(X, y)

    def _initialize_parameters(self, X, random_state, **kwargs):
        n_clusters = _NeverTooMany(self.n_components)
        labels = KMeans(n_clusters, n_init=1, random_state=random_state).fit(X).labels_
        responsibility = np.zeros((len(X), self.n_components), dtype=X.dtype)
        responsibility[np.arange(len(X)), labels] = 1
        self._initialize(X, responsibility)

    def _m_step(self, X, log_resp, **kwargs):
        super()._m_step(X, log_resp, **kwargs)
        if time_is_up():
            self.tol = np.inf


class _NeverTooMany(int):
    """A number of clusters that is no larger than any number of them that k-means found."""

    def __gt__(self, other):
        return False
