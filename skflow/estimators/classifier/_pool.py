"""Probabilities of classes by a logarithmic pool of class densities, weighed by held-out rows."""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from skflow._persistence import stored

__all__ = ["LogPool"]

# How far below the largest a log density counts: beyond, a probability is 0 anyway.
FARTHEST = 1e3
LOWEST = -1e300
MAX_STEPS = 500
PULL = 10.0  # rows that speak for the expected weights


@stored
class LogPool:
    r"""Bayes' rule by densities that are pooled by their logarithms and tempered.

    .. math::
        P(c \mid x) = (1 - e)\, \frac{\pi_c \prod_k p_k(x \mid c)^{w_k}}
                                     {\sum_b \pi_b \prod_k p_k(x \mid b)^{w_k}} + e\, \pi_c,
        \qquad e = \frac{1/2}{n + 1}

    a logarithmic pool [1]_ whose weights need not have the sum 1: where densities err together,
    as those of many columns do, a smaller sum tells probabilities that are less sure. They
    minimise, at e = 0, the mean log loss of the n held-out rows plus
    :math:`10 \sum_k (w_k - w_k^0)^2 / n`, which is convex: few rows leave them near the given
    :math:`w^0`. With probability e a row has a class for reasons that no density sees: as many
    as there would be of a kind that n rows have not shown (the estimator of [2]_).

    Parameters
    ----------
    weights : ndarray of shape (n_densities,)
        Not negative.
    doubt : float
        The probability e.

    References
    ----------
    .. [1] Genest & Zidek (1986), Combining probability distributions: a critique and an annotated
       bibliography, Statistical Science 1(1), eq. 3.
    .. [2] Krichevsky & Trofimov (1981), The performance of universal encoding, IEEE Transactions
       on Information Theory 27(2), eq. 1.
    """

    def __init__(self, weights, doubt):
        self.weights, self.doubt = weights, doubt

    @classmethod
    def fit(cls, log_density, code, weight, shares, expected):
        """Weigh the densities by rows that they have not seen.

        Parameters
        ----------
        log_density : ndarray of shape (n, n_classes, n_densities)
            By models without the row.
        code : ndarray of shape (n,)
        weight : ndarray of shape (n,)
        shares : ndarray of shape (n_classes,)
            Of the classes among the rows.
        expected : ndarray of shape (n_densities,)
            Weights where there are no rows to tell.
        """
        n = len(code)
        if not n:
            return cls(expected, 0.5)
        far, share = _relative(log_density), weight / weight.sum()
        own = far[np.arange(n), code]

        def loss(w):
            log_p = log_softmax(far @ w + np.log(shares), axis=1)
            mean, away = np.einsum("nc,nck->nk", np.exp(log_p), far), w - expected
            value = -share @ log_p[np.arange(n), code] + PULL / n * (away @ away)
            return value, share @ (mean - own) + 2 * PULL / n * away

        found = minimize(
            loss,
            expected,
            jac=True,
            bounds=[(0, None)] * len(expected),
            method="L-BFGS-B",
            options={"maxiter": MAX_STEPS},
        )
        return cls(found.x, 0.5 / (n + 1))

    def proba(self, log_density, priors):
        """Probabilities (n, n_classes) from log densities (n, n_classes, n_densities)."""
        with np.errstate(divide="ignore"):  # of classes that are ruled out
            sure = softmax(_relative(log_density) @ self.weights + np.log(priors), axis=1)
        return (1 - self.doubt) * sure + self.doubt * priors


def _relative(log_density):
    log_density = np.maximum(log_density, LOWEST)  # where a density is 0 in every class
    return np.maximum(log_density - log_density.max(axis=1, keepdims=True), -FARTHEST)
