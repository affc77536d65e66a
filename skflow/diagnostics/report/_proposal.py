"""The integral of a density, by proposals around rows and draws."""

import numpy as np
from scipy import stats
from scipy.special import logsumexp
from sklearn.mixture import GaussianMixture

from skflow.diagnostics.measures._normalization import normalization

__all__ = ["MAX_COLUMNS_OF_INTEGRAL", "integral_around"]

FAR = 20  # interquartile ranges
N_PROPOSALS = 4_000
# columns beyond which no proposal is near enough to integrate over
MAX_COLUMNS_OF_INTEGRAL = 8


def integral_around(score, X, samples, random_state):
    """Integrate by Gaussians around rows and draws, half as wide again, and one far wider.

    Parameters
    ----------
    score : callable
        Log density of rows.
    X, samples : ndarray of shape (n, d) and (m, d)
    random_state : int

    Returns
    -------
    Normalization
    """
    rows = np.concatenate([X, samples[: len(X)]])
    low, high = np.quantile(rows, [0.25, 0.75], axis=0)
    scale = np.where(high > low, high - low, rows.std(axis=0) + np.finfo(float).tiny)
    # a row that is very far would take a Gaussian of its own
    near = np.clip((rows - low) / scale, -FAR, FAR)
    d = rows.shape[1]
    n_components = int(np.clip(len(rows) // (100 * d), 1, 5))
    mixture = GaussianMixture(n_components, reg_covar=1e-6, random_state=random_state).fit(near)
    weights = np.append(0.8 * mixture.weights_, 0.2)
    means = np.vstack([mixture.means_, near.mean(axis=0)])
    roots = [1.5 * np.linalg.cholesky(c) for c in mixture.covariances_]
    whole = np.cov(near.T).reshape(d, d) + 1e-6 * np.eye(d)
    roots = np.array([*roots, 3 * np.linalg.cholesky(whole)])
    rng = np.random.default_rng(random_state)
    component = rng.choice(len(weights), size=N_PROPOSALS, p=weights)
    noise = rng.normal(size=(N_PROPOSALS, d))
    u = means[component] + np.einsum("nij,nj->ni", roots[component], noise)
    log_parts = [
        np.log(w) + stats.multivariate_normal(m, root @ root.T).logpdf(u)
        for w, m, root in zip(weights, means, roots, strict=True)
    ]
    log_proposal = logsumexp(log_parts, axis=0) - np.log(scale).sum()
    return normalization(score(low + u * scale), log_proposal)
