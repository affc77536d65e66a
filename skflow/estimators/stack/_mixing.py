"""Mixtures of fitted densities, and the weights that held-out rows ask for."""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from skflow._containers import in_kind, is_tensor, on_host
from skflow._persistence import stored
from skflow.estimators._contract import FittedFlow
from skflow.estimators._drawing import draw_from
from skflow.estimators._given import as_keyword

__all__ = ["DensityMixture", "mixture_weights"]

# A component whose loss costs less, in nats per held-out row, is not kept.
WORTH_KEEPING = 1e-3


@stored
@dataclass(frozen=True)
class DensityMixture:
    """Fitted estimators and the weights (summing to one) with which their densities are mixed."""

    estimators: list
    weights: np.ndarray

    def score_samples(self, X, context=None):
        """Log density (n_samples,) of the rows of X, given those of a context if there is one."""
        given = as_keyword(context)
        if is_tensor(X):
            return self._log_density_there(X, given)
        log_density = np.column_stack([e.score_samples(X, **given) for e in self.estimators])
        return logsumexp(log_density, b=self.weights, axis=1)

    def _log_density_there(self, X, given):
        """Score tensors, on their device as far as the estimators are flows."""
        import torch

        each = [
            e.score_samples(X, **given)
            if isinstance(e, FittedFlow)
            else in_kind(X, e.score_samples(on_host(X), **given))
            for e in self.estimators
        ]
        log_weights = torch.as_tensor(np.log(self.weights), device=X.device)
        return torch.logsumexp(torch.stack(each, dim=1) + log_weights, dim=1)

    def sample(self, n_samples, rng, on_grid=False):
        """Draw rows (n_samples, n_features) in random order, with a numpy RandomState."""
        counts = rng.multinomial(n_samples, self.weights)
        parts = [
            draw_from(estimator, count, rng.randint(np.iinfo(np.int32).max), on_grid)
            for estimator, count in zip(self.estimators, counts, strict=True)
            if count
        ]
        return np.concatenate(parts)[rng.permutation(n_samples)]

    def sample_given(self, context, n_samples, rng, on_grid=False):
        """Draw rows (n_rows, n_samples, n_features), each from a component of its own choice."""
        row = np.repeat(np.arange(len(context)), n_samples)
        component = rng.choice(len(self.weights), size=len(row), p=self.weights)
        parts = []
        for k in np.unique(component):
            seed = rng.randint(np.iinfo(np.int32).max)
            own = context[row[component == k]]
            parts.append(draw_from(self.estimators[k], 1, seed, on_grid, own))
        place = np.argsort(np.argsort(component, kind="stable"))
        return np.concatenate(parts)[place].reshape(len(context), n_samples, -1)


def mixture_weights(log_density, weight=None, tol=1e-7, max_iter=2_000):
    r"""Mixture weights with the largest likelihood on held-out log densities, by EM.

    .. math:: w_k \leftarrow \frac1n \sum_i \frac{w_k p_k(x_i)}{\sum_l w_l p_l(x_i)}

    Components without which the held-out mean would hardly be lower are given weight 0.

    Parameters
    ----------
    log_density : ndarray of shape (n_rows, n_candidates)
    weight : ndarray of shape (n_rows,), optional

    Returns
    -------
    weights : ndarray of shape (n_candidates,)
        Not negative, with sum 1; equal where there are no rows to tell.

    References
    ----------
    Smyth & Wolpert (1999), Linearly combining density estimators via stacking, Machine Learning
    36, section 3.
    """
    if not len(log_density):
        return np.full(log_density.shape[1], 1 / log_density.shape[1])
    share = np.full(len(log_density), 1.0) if weight is None else weight
    share = share / share.sum()
    kept = np.arange(log_density.shape[1])
    weights, score = _em(log_density, share, tol, max_iter)
    floor = score - WORTH_KEEPING
    while len(kept) > 1:
        rest = np.delete(kept, weights[kept].argmin())
        fewer, score = _em(log_density[:, rest], share, tol, max_iter)
        if score < floor:
            break
        kept, weights = rest, np.zeros_like(weights)
        weights[kept] = fewer
    return weights


def _em(log_density, share, tol, max_iter):
    n_candidates = log_density.shape[1]
    log_weights = np.full(n_candidates, -np.log(n_candidates))
    score = -np.inf
    for _ in range(max_iter):
        joint = log_density + log_weights
        total = logsumexp(joint, axis=1)
        last, score = score, float(share @ total)
        weights = share @ np.exp(joint - total[:, None])
        with np.errstate(divide="ignore"):
            log_weights = np.log(weights)
        if score - last < tol:
            break
    return weights / weights.sum(), score
