"""Regressors of skpro."""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.utils import get_tags
from skpro.distributions.empirical import Empirical
from skpro.regression.base import BaseProbaRegressor

from skflow.adapters._distribution import SkproFlowDistribution, frame_of_draws
from skflow.estimators.regressor._distributions import distribution_of
from skflow.estimators.regressor._inputs import read_inputs
from skflow.estimators.regressor._regressor import FlowRegressor

__all__ = ["SkproFlowRegressor"]


class SkproFlowRegressor(BaseProbaRegressor):
    """:class:`~skflow.FlowRegressor` as skpro has regressors: frames in, distributions out.

    For pipelines, searches, benchmarks and metrics of skpro. All answers are those of the
    :class:`~skflow.FlowRegressor`, and of one distribution, which ``predict_proba`` returns:
    ``predict`` is its mean, ``predict_var`` its variance, and ``predict_quantiles`` and
    ``predict_interval`` are its quantiles.

    Of one column of y that is a :class:`SkproFlowDistribution`, exact up to roundings. Of several
    it is skpro's ``Empirical`` of 1,000 draws, always the same, from which quantiles and moments
    of the regressor are, too; in each draw the columns of y belong together.

    Parameters
    ----------
    estimator : FlowRegressor, default=None
        Is cloned for the fit. None is ``FlowRegressor()``.

    Attributes
    ----------
    estimator_ : FlowRegressor
        The fitted one.

    See Also
    --------
    skflow.FlowRegressor : the same regressor with the manners of scikit-learn.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skflow import FlowRegressor
    >>> from skflow.adapters import SkproFlowRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = SkproFlowRegressor(FlowRegressor(features=[], random_state=0))
    >>> y_pred = model.fit(X[:300], y[:300]).predict_proba(X[300:])
    >>> y_pred.mean().shape, y_pred.cdf(150).shape
    ((142, 1), (142, 1))
    >>> list(model.predict_interval(X[300:], coverage=0.9).columns)
    [('target', 0.9, 'lower'), ('target', 0.9, 'upper')]
    """

    _tags = {
        "authors": ["skflow developers"],
        "capability:multioutput": True,
    }

    def __init__(self, estimator=None):
        self.estimator = estimator
        super().__init__()
        if estimator is not None:
            self.set_tags(**{"capability:missing": get_tags(estimator).input_tags.allow_nan})

    def _fit(self, X, y):
        estimator = FlowRegressor() if self.estimator is None else clone(self.estimator)
        self.estimator_ = estimator.fit(_named_by_strings(X), y.to_numpy())
        return self

    def _predict(self, X):
        return self._frame(self.estimator_.predict(_named_by_strings(X)), X, "predict")

    def _predict_var(self, X):
        deviation = self.estimator_.predict_std(_named_by_strings(X))
        return self._frame(deviation**2, X, "predict_var")

    def _predict_quantiles(self, X, alpha):
        values = self.estimator_.predict_quantiles(_named_by_strings(X), alpha)
        return self._frame(values, X, "predict_quantiles", alpha=alpha)

    def _predict_proba(self, X):
        fitted, columns = self.estimator_, pd.Index(self._get_columns())
        answers = distribution_of(fitted.density_, fitted.calibration_)
        context = fitted.context_.columns(read_inputs(fitted, _named_by_strings(X)))
        if len(columns) == 1:
            return SkproFlowDistribution(answers, context, index=X.index, columns=columns)
        draws = frame_of_draws(np.stack(list(answers.nodes(context)), axis=1), X.index, columns)
        return Empirical(draws, skip_init_sorted=True, index=X.index, columns=columns)

    def _frame(self, values, X, method, **asked):
        columns = self._get_columns(method=method, **asked)
        return pd.DataFrame(values.reshape(len(X), -1), index=X.index, columns=columns)

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        """Return settings for the checks of skpro, which fit in a blink.

        Parameters
        ----------
        parameter_set : str, default="default"
            There is but one set.

        Returns
        -------
        params : list of dict
        """
        from sklearn.linear_model import LinearRegression

        from skflow.estimators.flows._autoregressive import NSFDensity

        quick = NSFDensity(n_members=1, n_layers=1, hidden_features=(8,), max_epochs=2)
        return [
            {"estimator": FlowRegressor(features=[], density=quick, random_state=0)},
            {
                "estimator": FlowRegressor(
                    regressor=LinearRegression(), n_folds=2, density=quick, random_state=0
                )
            },
        ]


def _named_by_strings(X):
    """X with names as scikit-learn wants them."""
    return X.set_axis(X.columns.astype(str), axis=1)
