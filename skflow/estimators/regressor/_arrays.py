"""What default regressors have learnt, in arrays: fewer bytes, and files that hold no code.

Of hundreds of trees scikit-learn keeps an object each, with what a fit needs; answers need a
third of the numbers, and come alike from a few arrays, in any version of scikit-learn.
"""

import numpy as np
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.metrics.pairwise import rbf_kernel

from skflow._persistence import stored

__all__ = ["KernelRegression", "RegressionTrees", "in_arrays"]

AT_ONCE = 2**16  # pairs of a row and a tree
FARTHEST = np.finfo(np.float32).max


def in_arrays(model):
    """Return what answers as one of the default regressors does, rounding apart."""
    if hasattr(model, "steps"):
        return KernelRegression.of(model)
    if isinstance(model, HistGradientBoostingRegressor):
        return RegressionTrees.of_histograms(model)
    return RegressionTrees.of_ensemble(model)


@stored
class RegressionTrees:
    """A sum of regression trees.

    Parameters
    ----------
    steps : ndarray of shape (n_nodes, 2), uint32
        How far on the nodes lie where a row goes that is at most the threshold, and one that is
        above it; 0 for a leaf. Nobody goes back, so that ways end in whatever a file holds.
    feature : ndarray of shape (n_nodes,), int32
    number : ndarray of shape (n_nodes,)
        The threshold, or the value of a leaf.
    roots : ndarray of shape (n_trees,)
        Their nodes.
    offset : float
        That is added to the sum.
    single : bool
        Whether thresholds are for rows in float32.
    """

    def __init__(self, trees, scale, offset, single):
        steps, feature, number = (np.concatenate(part) for part in zip(*trees, strict=True))
        self.steps, self.feature = steps.astype(np.uint32), feature.astype(np.int32)
        self.number = np.where(steps.any(axis=1), number, scale * number)
        self.roots = np.cumsum([0, *(len(part) for _, _, part in trees[:-1])])
        self.offset, self.single = float(offset), single

    @classmethod
    def of_ensemble(cls, model):
        """Take those of a GradientBoostingRegressor or of a forest."""
        if isinstance(model, GradientBoostingRegressor):
            scale, offset = model.learning_rate, model.init_.constant_.item()
        else:
            scale, offset = 1 / len(model.estimators_), 0.0
        trees = [each.tree_ for each in np.ravel(model.estimators_)]
        parts = [
            _nodes(t.children_left, t.children_right, t.feature, t.threshold, t.value[:, 0, 0])
            for t in trees
        ]
        return cls(parts, scale, offset, single=True)

    @classmethod
    def of_histograms(cls, model):
        """Take those of a HistGradientBoostingRegressor, of numbers alone."""
        parts = []
        for (predictor,) in model._predictors:  # no public name leads to them
            n = predictor.nodes
            left, right = (np.where(n["is_leaf"], -1, n[side].astype(int)) for side in SIDES)
            parts.append(_nodes(left, right, n["feature_idx"], n["num_threshold"], n["value"]))
        return cls(parts, 1.0, model._baseline_prediction.item(), single=False)

    def predict(self, X):
        """Add up what the trees say of rows (n, d), (n,)."""
        if self.single and len(X) and np.abs(X).max() > FARTHEST:
            raise ValueError(
                f"X holds numbers beyond {FARTHEST:.1e}, the largest that trees compare: give "
                "its columns other units."
            )
        X = np.ascontiguousarray(X, dtype=np.float32 if self.single else np.float64)
        sums, size = np.full(len(X), self.offset), max(1, AT_ONCE // max(1, len(X)))
        for start in range(0, len(self.roots), size):
            roots = self.roots[start : start + size]
            leaves = self._leaves(X, roots)
            sums += self.number.take(leaves).reshape(len(roots), len(X)).sum(axis=0)
        return sums

    def _leaves(self, X, roots):
        """Leaves (n_roots * n,) that rows come to from some of the roots."""
        node, row = np.repeat(roots, len(X)), np.tile(np.arange(len(X)) * X.shape[1], len(roots))
        cells, steps = X.ravel(), self.steps.ravel()
        leaves, at = node, slice(None)
        while len(node):
            above = cells.take(row + self.feature.take(node)) > self.number.take(node)
            step = steps.take(2 * node + above)
            node = node + step
            going = np.flatnonzero(step)
            if 2 * len(going) > len(step):
                continue
            leaves[at] = node  # of those that stay, too: half of them are left out from here
            at = going if isinstance(at, slice) else at[going]
            node, row = node[going], row[going]
        return leaves


SIDES = "left", "right"


def _nodes(left, right, feature, threshold, value):
    """Return steps, features and numbers of a tree whose leaves have -1 for their children."""
    leaf, own = left < 0, np.arange(len(left))
    steps = np.where(leaf[:, None], 0, np.column_stack([left, right]) - own[:, None])
    return steps, np.where(leaf, 0, feature), np.where(leaf, value, threshold)


@stored
class KernelRegression:
    """Ridge regression on kernels between rows and landmarks.

    Parameters
    ----------
    mean, scale : ndarray of shape (d,)
        That rows are standardised by.
    landmarks : ndarray of shape (m, d)
    weights : ndarray of shape (m,)
    gamma, offset : float
    """

    def __init__(self, mean, scale, landmarks, weights, gamma, offset):
        self.mean, self.scale, self.landmarks = mean, scale, landmarks
        self.weights, self.gamma, self.offset = weights, gamma, offset

    @classmethod
    def of(cls, pipeline):
        """Take it from a pipeline of a scaler, kernels of Nystroem's and a ridge regression."""
        scaler, kernels, ridge = (step for _, step in pipeline.steps)
        weights = kernels.normalization_.T @ ridge.coef_
        given = scaler.mean_, scaler.scale_, kernels.components_, weights
        return cls(*given, kernels.gamma, float(ridge.intercept_))

    def predict(self, X):
        """Predict (n,) of rows (n, d)."""
        rows = (X - self.mean) / self.scale
        return rbf_kernel(rows, self.landmarks, self.gamma) @ self.weights + self.offset
