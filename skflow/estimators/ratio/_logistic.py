"""Log odds that are linear in features, by penalised logistic regression."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

__all__ = ["linear_log_odds"]

MAX_STEPS = 300


def linear_log_odds(features, code, weight, expected, pull, *, growing=False):
    r"""Find w and b that make labels likeliest when the log odds are :math:`b + w^\top f`.

    .. math:: \frac1n \sum_i m_i \log\bigl(1 + e^{\mp (o + b + w^\top f_i)}\bigr)
              + \frac{\lambda}{n} \left(|w - w^0|^2 + b^2\right), \qquad o = \log\frac{n_1}{n_0}

    with the weights :math:`m_i` of the rows. It is convex: few rows leave w near the expected
    :math:`w^0`, and so do rows that every w tells apart.

    Parameters
    ----------
    features : ndarray of shape (n, k)
    code : ndarray of shape (n,)
        1 for rows of the numerator, 0 for those of the denominator; both occur.
    weight : ndarray of shape (n,)
        With mean 1.
    expected : ndarray of shape (k,)
    pull : float
        The number lambda, in rows.
    growing : bool, default=False
        Allow no negative w.

    Returns
    -------
    w : ndarray of shape (k,)
    b : float
    """
    n, k = features.shape
    total = np.bincount(code, weight, minlength=2)
    offset, share = np.log(total[1] / total[0]), weight / weight.sum()
    sign = 2.0 * code - 1.0
    start = np.append(expected, 0.0)

    def loss(u):
        odds = sign * (features @ u[:-1] + u[-1] + offset)
        away = u - start
        slope = -share * sign * expit(-odds)
        value = share @ np.logaddexp(0, -odds) + pull / n * (away @ away)
        return value, np.append(slope @ features, slope.sum()) + 2 * pull / n * away

    bounds = [((0 if growing else None), None)] * k + [(None, None)]
    options = {"maxiter": MAX_STEPS}
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B", options=options)
    return found.x[:-1], float(found.x[-1])
