"""Predicted distributions of one number as skpro has them."""

from functools import cache

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline
from scipy.special import ndtr, ndtri
from skpro.distributions.base import BaseDistribution

from skflow._random import draw_seed

__all__ = ["SkproFlowDistribution", "frame_of_draws"]

# Normal scores of the quantiles that stand for a distribution in integrals
SCORES = np.linspace(-6, 6, 97)
WEIGHTS = np.exp(-0.5 * SCORES**2)
WEIGHTS /= WEIGHTS.sum()
LEVELS = ndtr(SCORES)


class SkproFlowDistribution(BaseDistribution):
    r"""Distributions of one number, one for each row, by a flow: what skpro predicts with.

    Density, distribution function, quantiles, mean and variance are exact up to roundings, and
    those of :class:`~skflow.FlowRegressor`. Energy and norms of the density are integrals over
    quantiles Q,

    .. math::
        E|Y - Y'| = 2 \int_0^1 (2u - 1)\, Q(u)\, du, \qquad
        E|Y - y| = (2 F(y) - 1)\, y + E\,Y - 2 \int_0^{F(y)} Q(u)\, du, \qquad
        \int p^a = \int_0^1 p(Q(u))^{a - 1} du

    from 97 of them, so that the CRPS of skpro needs no draws. Each method costs some 100
    evaluations of the flow for each row at most.

    Parameters
    ----------
    answers : object
        What a fitted :class:`~skflow.FlowRegressor` says of one column of y.
    context : ndarray of shape (n, c)
        What its density is given, for each row. One row without index and columns makes a scalar
        distribution.
    index : pandas.Index, default=None
        Of the rows.
    columns : pandas.Index, default=None
        The name of y.

    See Also
    --------
    SkproFlowRegressor : predicts it.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skflow import FlowRegressor
    >>> from skflow.adapters import SkproFlowRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = SkproFlowRegressor(FlowRegressor(features=[], random_state=0))
    >>> y_pred = model.fit(X[:300], y[:300]).predict_proba(X[300:])
    >>> crps = y_pred.energy(y[300:].to_frame()) - 0.5 * y_pred.energy()
    >>> crps.shape
    (142, 1)
    >>> y_pred.iloc[:3].sample(10).shape
    (30, 1)
    """

    _tags = {
        "authors": ["skflow developers"],
        "capabilities:exact": ["mean", "var", "pdf", "log_pdf", "cdf", "ppf"],
        "capabilities:approx": ["energy", "pdfnorm"],
        "distr:measuretype": "continuous",
        "distr:paramtype": "nonparametric",
    }

    def __init__(self, answers, context, index=None, columns=None):
        self.answers = answers
        self.context = context
        super().__init__(index=index, columns=columns)

    def _mean(self):
        return self._spread(self.answers.moments(self.context)[0])

    def _var(self):
        return self._spread(self.answers.moments(self.context)[1] ** 2)

    def _pdf(self, x):
        return np.exp(self._log_pdf(x))

    def _log_pdf(self, x):
        return self._of_each(self._log_density, x)

    def _cdf(self, x):
        return self._of_each(self.answers.cdf, x)

    def _ppf(self, p):
        return self._of_each(self._quantile, p)

    def _sample(self, n_samples=None):
        n = 1 if n_samples is None else n_samples
        draws = self.answers.draws(n, draw_seed(None), self.context)[..., 0].T  # (n, rows)
        if self.ndim == 0:
            return draws[0, 0] if n_samples is None else pd.DataFrame(draws)
        draws = np.broadcast_to(draws[..., None], (n, *self.shape))
        if n_samples is None:
            return pd.DataFrame(draws[0], index=self.index, columns=self.columns)
        return frame_of_draws(draws, self.index, self.columns)

    def _energy_self(self):
        values, _ = self._quantiles()
        return self._of_rows(2 * values @ (WEIGHTS * (2 * LEVELS - 1)))

    def _energy_x(self, x):
        values, middle = self._quantiles()
        share = np.asarray(self._cdf(x))
        x = x - middle.reshape(-1, 1) if self.ndim else x - middle[0]
        n_columns = share.size // len(values)
        below = _partial_means(np.repeat(values, n_columns, axis=0), share.ravel())
        mean = self._spread((values @ WEIGHTS)[:, None])
        energy = (2 * share - 1) * x + mean - 2 * below.reshape(share.shape)
        return energy.sum(axis=1) if self.ndim else energy

    def pdfnorm(self, a=2):
        r"""Integral of a power of the density, :math:`\int p(y)^a dy`.

        Parameters
        ----------
        a : float, default=2

        Returns
        -------
        norm : data frame of the shape of the distribution, or float
        """
        values, middle = self._quantiles()
        values = (values + middle[:, None]).reshape(-1, 1)
        given = np.repeat(self.context, len(SCORES), axis=0)
        log_density = self.answers.log_density(values, given).reshape(-1, len(SCORES))
        norm = self._spread((np.exp((a - 1) * log_density) @ WEIGHTS)[:, None])
        if self.ndim == 0:
            return float(norm)
        return pd.DataFrame(norm, index=self.index, columns=self.columns)

    def _quantiles(self):
        """Return quantiles (n, q) at the levels, from the medians on, and these (n,)."""
        values = self.answers.quantiles(LEVELS, self.context)[:, 0]
        middle = values[:, len(SCORES) // 2]
        return values - middle[:, None], middle

    def _log_density(self, y, context):
        log_density = np.where(np.isnan(y[:, 0]), np.nan, -np.inf)
        known = np.isfinite(y[:, 0])
        if known.any():
            log_density[known] = self.answers.log_density(y[known], context[known])
        return log_density

    def _quantile(self, p, context):
        column = self.answers.column
        values = np.select([p == 0, p == 1], [column.low, column.high], np.nan)
        inside = (p[:, 0] > 0) & (p[:, 0] < 1)
        if inside.any():
            values[inside] = self.answers.quantiles(p[inside], context[inside])[:, 0]
        return values

    def _of_each(self, function, x):
        """Apply a function of (m, 1) numbers and contexts to numbers of the shape of self."""
        x = np.asarray(x, dtype=np.float64)
        context = np.repeat(self.context, self.shape[1], axis=0) if self.ndim else self.context
        return function(x.reshape(-1, 1), context).reshape(self.shape)

    def _spread(self, values):
        """Values (n, 1) in the shape of self."""
        return np.broadcast_to(values, self.shape) if self.ndim else values[0, 0]

    def _of_rows(self, values):
        """Sum over columns, which are alike: from (n,) of one to (n,) of all."""
        return values * self.shape[1] if self.ndim else values[0]

    def _iloc(self, rowidx=None, colidx=None):
        if np.isscalar(rowidx) and np.isscalar(colidx):
            return self._iat(rowidx, colidx)
        rows, columns = np.arange(self.shape[0]), np.arange(self.shape[1])
        rows = rows if rowidx is None else np.atleast_1d(rows[rowidx])
        columns = columns if colidx is None else np.atleast_1d(columns[colidx])
        names = {"index": self.index.take(rows), "columns": self.columns.take(columns)}
        return type(self)(self.answers, self.context[rows], **names)

    def _iat(self, rowidx=None, colidx=None):
        if rowidx is None or colidx is None:
            raise ValueError("iat wants a row and a column, such as iat[0, 0].")
        return type(self)(self.answers, self._iloc([rowidx], [colidx]).context)

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        """Return settings for the checks of skpro.

        Parameters
        ----------
        parameter_set : str, default="default"
            There is but one set.

        Returns
        -------
        params : list of dict
            Of a frame of three rows, of one of a bounded and calibrated y, and of a scalar.
        """
        plain, bounded = _of_a_test()
        rows = {"index": pd.Index([3, 1, 2]), "columns": pd.Index(["y"])}
        return [
            {"answers": plain, "context": np.array([[0.0], [0.5], [2.0]]), **rows},
            {"answers": bounded, "context": np.array([[0.1], [0.5], [1.0]]), **rows},
            {"answers": bounded, "context": np.array([[0.5]])},
        ]


def frame_of_draws(draws, index, columns):
    """Draws (n, m, k) as a data frame of n * m rows, with the number of a draw before the index.

    Parameters
    ----------
    draws : ndarray of shape (n, m, k)
    index : pandas.Index of m labels
    columns : pandas.Index of k names
    """
    n, m, k = draws.shape
    of_rows = index.take(np.tile(np.arange(m), n))
    levels = [of_rows.get_level_values(level) for level in range(index.nlevels)]
    numbered = pd.MultiIndex.from_arrays(
        [np.repeat(np.arange(n), m), *levels], names=[None, *index.names]
    )
    return pd.DataFrame(draws.reshape(n * m, k), index=numbered, columns=columns)


def _partial_means(values, shares):
    """Integrals (m,) over levels from 0 to shares (m,) of what has quantiles (m, q)."""
    width = SCORES[1] - SCORES[0]
    curves = CubicSpline(SCORES, values * WEIGHTS / width, axis=1).antiderivative().c
    ends = np.clip(ndtri(shares), SCORES[0], SCORES[-1])
    at = np.clip(np.searchsorted(SCORES, ends, side="right") - 1, 0, len(SCORES) - 2)
    curves = curves[:, at, np.arange(len(ends))]  # of each row the piece that its share is in
    return np.polyval(curves, ends - SCORES[at])


@cache
def _of_a_test():
    """Return what two small regressors say, the second of them of positive numbers."""
    from skflow.estimators.flows._autoregressive import NSFDensity
    from skflow.estimators.regressor._distributions import distribution_of
    from skflow.estimators.regressor._regressor import FlowRegressor

    rng = np.random.default_rng(0)
    X = rng.uniform(0, 2, (60, 1))
    y = np.exp(X[:, 0] + 0.3 * rng.standard_normal(60))
    quick = NSFDensity(n_members=1, n_layers=1, hidden_features=(8,), max_epochs=5)
    settings = {"features": [], "density": quick, "random_state": 0}
    plain = FlowRegressor(**settings)
    bounded = FlowRegressor(**settings, support={0: (0, None)}, calibrate=True)
    fits = [regressor.fit(X, y) for regressor in (plain, bounded)]
    return [distribution_of(fit.density_, fit.calibration_) for fit in fits]
