"""What a fitted regressor is asked: moments, quantiles, intervals, regions, densities, draws."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from skflow._random import draw_seed
from skflow._types import Floats, RandomState, Table
from skflow._validation import check_n_samples
from skflow.estimators.regressor._distributions import distribution_of
from skflow.estimators.regressor._inputs import read_inputs, read_y
from skflow.estimators.regressor._regions import highest_density
from skflow.metrics._losses import check_share

__all__ = ["PredictsDensities"]


class PredictsDensities:
    """Answers of a regressor with ``density_``, ``context_`` and ``calibration_``."""

    flat_y_: bool

    def predict(self, X: Table) -> Floats:
        """Mean of y given each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            As y had in the fit. Rounding apart, it does not depend on the rows beside it.
        """
        return self._shaped(self._distribution.moments(self._context(X))[0])

    def predict_std(self, X: Table) -> Floats:
        """Spread of y given each row, as a standard deviation.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)

        Returns
        -------
        deviation : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of y.
        """
        return self._shaped(self._distribution.moments(self._context(X))[1])

    def predict_quantiles(self, X: Table, quantiles: ArrayLike = (0.05, 0.5, 0.95)) -> Floats:
        """Values below which y lies with given probabilities.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        quantiles : sequence of float
            Probabilities inside (0, 1).

        Returns
        -------
        values : ndarray of shape (n_samples, n_quantiles) or (n_samples, n_outputs, n_quantiles)
            Of each column of y by itself, if it has several.
        """
        levels = np.asarray(quantiles, dtype=np.float64)
        if levels.ndim != 1 or not ((levels > 0) & (levels < 1)).all():
            raise ValueError(
                f"quantiles must be a sequence of numbers between 0 and 1, got {quantiles!r}."
            )
        return self._shaped(self._distribution.quantiles(levels, self._context(X)))

    def predict_interval(self, X: Table, coverage: float = 0.9) -> Floats:
        """Central interval that holds y with a probability: as much lies below it as above.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        coverage : float, default=0.9
            Inside (0, 1).

        Returns
        -------
        interval : ndarray of shape (n_samples, 2) or (n_samples, n_outputs, 2)
            Low and high.
        """
        beside = 0.5 * (1 - check_share(coverage, "coverage"))
        return self.predict_quantiles(X, (beside, 1 - beside))

    def predict_region(self, X: Table, coverage: float = 0.9) -> list[Floats]:
        """Smallest set that holds y with a probability: where its density is highest [1]_.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        coverage : float, default=0.9
            Inside (0, 1).

        Returns
        -------
        regions : list of ndarray of shape (n_intervals, 2)
            For each row the intervals that make up its set, from left to right. One column of y.

        References
        ----------
        .. [1] Hyndman (1996), Computing and graphing highest density regions, The American
           Statistician 50(2).
        """
        self._of_one_column("predict_region")
        coverage = check_share(coverage, "coverage")
        return highest_density(self._distribution, self._context(X), coverage)

    def cdf(self, X: Table, y: Table) -> Floats:
        """Probability that y is at most as given: P(Y <= y | x).

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        probability : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Of each column of y by itself. Over rows like those of the fit they are uniform, if
            the fit is good.
        """
        context = self._context(X)
        return self._shaped(self._distribution.cdf(self._y(y, context), context))

    def log_density(self, X: Table, y: Table) -> Floats:
        """Natural-log density of y given each row, in nats and in the units of y.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        log_density : ndarray of shape (n_samples,)
            Of all columns of y together; -inf outside a declared support.
        """
        context = self._context(X)
        return self._distribution.log_density(self._y(y, context), context)

    def sample(self, X: Table, n_samples: int = 1, random_state: RandomState = None) -> Floats:
        """Draw y given each row.

        Parameters
        ----------
        X : array-like or data frame of shape (n_rows, n_features)
        n_samples : int, default=1
            For each row.
        random_state : int, RandomState instance or None, default=None
            None gives fresh draws at every call.

        Returns
        -------
        draws : ndarray of shape (n_rows, n_samples) or (n_rows, n_samples, n_outputs)
        """
        n, seed = check_n_samples(n_samples), draw_seed(random_state)
        draws = self._distribution.draws(n, seed, self._context(X))
        return draws[..., 0] if self.flat_y_ else draws

    @property
    def _distribution(self):
        check_is_fitted(self, "density_")
        return distribution_of(self.density_, self.calibration_)

    def _context(self, X):
        check_is_fitted(self, "density_")
        return self.context_.columns(read_inputs(self, X))

    def _y(self, y, context):
        return read_y(y, len(context), self.density_.n_features_in_)[0]

    def _shaped(self, values):
        """Values (n, k, ...) without the axis of columns, if y had none."""
        return values[:, 0] if self.flat_y_ else values

    def _of_one_column(self, what):
        check_is_fitted(self, "density_")
        if self.density_.n_features_in_ > 1:
            raise ValueError(f"{what} is for one column of y; the fit had several.")
