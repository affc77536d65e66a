"""What a fitted classifier is asked: probabilities, densities, and whether a row is new."""

from typing import Any

import numpy as np
from scipy.special import logsumexp, softmax
from sklearn.utils.validation import check_is_fitted

from skflow._threads import one_thread
from skflow._types import Cells, Floats, Rows, Table
from skflow._validation import check_data
from skflow.estimators._from_sources import takes_sources
from skflow.estimators.classifier._candidates import AS_GIVEN

__all__ = ["PredictsClasses"]

BLOCK = 20_000  # rows that are answered together


class PredictsClasses:
    """Answers of a classifier with ``views_``, ``mixture_``, ``pool_`` and ``calibration_``."""

    classes_: Cells
    calibration_: Any
    _novelty: Any

    def predict(self, X: Table) -> Cells:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Table) -> Floats:
        """Probability of each class given a row.

        With ``calibrate=True`` by the logarithmic pool of all densities whose weights held-out
        rows chose, else by Bayes' rule from :meth:`class_score_samples`: see the class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        proba : ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Rounding apart, it does not depend on the rows beside it.
        """
        rows = self._rows(X)
        if self.calibration_ is None:
            return self._answered(self._by_bayes, rows)
        return self._answered(self._by_pool, rows)

    def predict_log_proba(self, X: Table) -> Floats:
        """Logarithm of :meth:`predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def decision_function(self, X: Table) -> Floats:
        """Logarithm of the probability of each class; of two classes, that of their odds.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        decision : ndarray of shape (n_samples,) or (n_samples, n_classes)
            The first with two classes: positive where the second one is predicted.
        """
        log_proba = self.predict_log_proba(X)
        return log_proba[:, 1] - log_proba[:, 0] if len(self.classes_) == 2 else log_proba

    def class_score_samples(self, X: Table) -> Floats:
        r"""Natural-log density of each row in each class, log p(x | c).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_density : ndarray of shape (n_samples, n_classes), float64
            In nats and in the units of X; -inf outside a declared support.
        """
        return self._answered(self._class_densities, self._rows(X))

    @takes_sources()
    def score_samples(self, X: Rows) -> Floats:
        r"""Natural-log density of each row whatever its class, :math:`\log \sum_c \pi_c p(x | c)`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Or whatever else :meth:`NSFDensity.score_samples` takes.

        Returns
        -------
        log_density : ndarray of shape (n_samples,), float64
            In nats and in the units of X; -inf outside a declared support. Low for rows that are
            like those of no class; how low is odd, :meth:`novelty_p_values` tells.
        """
        return self._answered(self._density, self._rows(X))

    @takes_sources()
    def novelty_p_values(self, X: Rows) -> Floats:
        """Cross-conformal p-value of each new row: small for rows like those of no class.

        See the class for the equation, and for what it promises.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows that ``fit`` has not seen; or whatever else :meth:`score_samples` takes.

        Returns
        -------
        p_values : ndarray of shape (n_samples,)
            Multiples of 1 / (number of held-out rows + 1), never 0.

        Raises
        ------
        ValueError
            If the fit held no rows out, as no class had two.
        """
        rows = self._rows(X)
        if self._novelty is None:
            raise ValueError(
                "novelty_p_values ranks new rows among held-out ones, and the fit held none out, "
                "since no class has two rows: fit to more rows."
            )
        return self._answered(self._p_values, rows)

    def _rows(self, X):
        check_is_fitted(self, "mixture_")
        return check_data(self, X, reset=False)

    def _answered(self, function, rows):
        """Answers of a function of views and of whether rows are outside, block by block."""
        parts = []
        with one_thread():
            for start in range(0, len(rows), BLOCK):
                block, outside = self.views_.place(rows[start : start + BLOCK])
                views = self.views_.apply(block) | {AS_GIVEN: (block, np.zeros(len(block)))}
                parts.append(function(views, outside))
        return np.concatenate(parts)

    def _by_pool(self, views, outside):
        return self.calibration_.proba(self.pool_.each(views), self.priors_)

    def _by_bayes(self, views, outside):
        log_density = np.maximum(self.mixture_.log_density(views), np.finfo(float).min)
        return softmax(log_density + self._log_priors, axis=1)

    def _class_densities(self, views, outside):
        return np.where(outside[:, None], -np.inf, self.mixture_.log_density(views))

    def _density(self, views, outside):
        return logsumexp(self._class_densities(views, outside) + self._log_priors, axis=1)

    def _p_values(self, views, outside):
        log_shares = np.log(self.shares_)
        scores = []
        for mixture, strangers in zip(self.fold_mixtures_, self._strangers, strict=True):
            columns = [mixture.log_density(views)]
            for view, densities, is_density in strangers:
                z, log_det = views[view]
                way = log_det[:, None] if is_density else 0.0
                columns.append(densities.log_density(z) + way)
            each = np.column_stack([logsumexp(c + log_shares, axis=1) for c in columns])
            scores.append(np.where(outside[:, None], -np.inf, each))
        return self._novelty.p_values(scores)

    @property
    def _log_priors(self):
        with np.errstate(divide="ignore"):  # of classes that are ruled out
            return np.log(self.priors_)
