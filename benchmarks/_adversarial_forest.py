"""The density of adversarial random forests.

Watson, Blesch, Kapar & Wright (2023), Adversarial random forests for density estimation and
generative modeling, AISTATS, arXiv:2205.09435. A forest learns to tell rows from synthetic ones,
first of independent columns, then drawn column by column within its own leaves, until it cannot.
Then columns are as good as independent within leaves, and the density is the mean over the trees
of the weight of a row's leaf times the densities of its cells there.

It is smoothed beyond the paper, as no row may have density 0: in each leaf, the distribution of
every column is mixed with the marginal truncated to the leaf, which counts as ``prior`` training
rows; and so are the weights of the leaves. Each tree stays a proper density.
"""

import numpy as np
from _marginals import cell
from scipy.special import ndtr
from sklearn.ensemble import RandomForestClassifier

TINY = 1e-300


class AdversarialForest:
    """Density of codes (n, d), as ``Marginals`` makes them.

    Parameters
    ----------
    marginals : Marginals
        Fitted to the same rows.
    min_leaf : int
        Rows of a leaf, synthetic ones included.
    prior : float
        Training rows that the marginals are worth in each leaf.
    delta : float
        The forest has converged when it is right out of bag on a half of the rows and as much.
    """

    def __init__(
        self, marginals, *, min_leaf=2, prior=1, n_trees=100, delta=0.0, max_rounds=10, seed=0
    ):
        self.marginals, self.min_leaf, self.prior = marginals.columns_, min_leaf, prior
        self.n_trees, self.delta, self.max_rounds, self.seed = n_trees, delta, max_rounds, seed

    def fit(self, X):
        rng = np.random.default_rng(self.seed)
        synthetic = np.column_stack([rng.permutation(column) for column in X.T])
        self.accuracies_ = []
        for _ in range(self.max_rounds):
            self.forest_ = self._told_apart(X, synthetic)
            self.accuracies_.append(self.forest_.oob_score_)
            worse = len(self.accuracies_) > 1 and self.accuracies_[-1] > self.accuracies_[-2]
            if self.accuracies_[-1] <= 0.5 + self.delta or worse:
                break
            synthetic = drawn_within(self.forest_.apply(X), X, rng)
        boxes = [self._box(tree.tree_) for tree in self.forest_.estimators_]
        masses = self._masses(boxes)
        leaves = self.forest_.apply(X)
        self.trees_ = [
            Leaves(*parts, X, self.marginals, self.prior)
            for parts in zip(leaves.T, boxes, masses, strict=True)
        ]
        return self

    def score_samples(self, X):
        leaves = self.forest_.apply(X)
        marginal = [one.density(x) for one, x in zip(self.marginals, X.T, strict=True)]
        each = [
            tree.log_density(X, rows, marginal)
            for tree, rows in zip(self.trees_, leaves.T, strict=True)
        ]
        return np.logaddexp.reduce(each, axis=0) - np.log(len(each))

    def _told_apart(self, X, synthetic):
        forest = RandomForestClassifier(
            self.n_trees, min_samples_leaf=self.min_leaf, oob_score=True, random_state=self.seed
        )
        return forest.fit(np.concatenate([X, synthetic]), np.repeat([1, 0], [len(X), len(X)]))

    def _box(self, tree):
        """Bounds (n_nodes, d, 2) of the nodes; a cell is in if low < x <= high."""
        box = np.empty((tree.node_count, len(self.marginals), 2))
        box[0] = -np.inf, np.inf
        for node in range(tree.node_count):  # parents come before children
            left, right, j = (
                tree.children_left[node],
                tree.children_right[node],
                tree.feature[node],
            )
            if left == right:
                continue
            cut = tree.threshold[node]
            if self.marginals[j].kind == "integer":
                cut = np.floor(cut) + 0.5
            box[[left, right]] = box[node]
            box[left, j, 1] = box[right, j, 0] = cut
        return box

    def _masses(self, boxes):
        """Marginal probabilities (n_nodes, d) of the bounds of each tree's nodes."""
        masses = [np.empty(box.shape[:2]) for box in boxes]
        for j, marginal in enumerate(self.marginals):
            ends = np.unique(np.concatenate([box[:, j].ravel() for box in boxes]))
            below = np.zeros(len(ends))
            finite = np.isfinite(ends)
            below[finite], below[ends == np.inf] = marginal.cdf(ends[finite]), 1.0
            for box, mass in zip(boxes, masses, strict=True):
                low, high = below[np.searchsorted(ends, box[:, j])].T
                mass[:, j] = high - low
        return masses


def drawn_within(leaves, X, rng):
    """As many rows, each of cells of random rows that share a leaf with a random row of a tree."""
    n, n_trees = leaves.shape
    trees, seeds = rng.integers(n_trees, size=n), rng.integers(n, size=n)
    synthetic = np.empty_like(X)
    for t in range(n_trees):
        drawn = np.flatnonzero(trees == t)
        order = np.argsort(leaves[:, t], kind="stable")
        ordered = leaves[order, t]
        first = np.searchsorted(ordered, leaves[seeds[drawn], t])
        count = np.searchsorted(ordered, leaves[seeds[drawn], t], side="right") - first
        for j in range(X.shape[1]):
            picked = first + (rng.uniform(size=len(drawn)) * count).astype(int)
            synthetic[drawn, j] = X[order[picked], j]
    return synthetic


class Leaves:
    """The leaves of one tree: their weights, and the distributions of the columns in them.

    Numbers are truncated normals, integers the cells of such, levels have their shares.
    """

    def __init__(self, leaves, box, masses, X, marginals, prior):
        self.box, self.masses, self.marginals = box, np.maximum(masses, TINY), marginals
        self.prior = prior
        self.n_rows = np.bincount(leaves, minlength=len(box)).astype(float)
        weight = self.n_rows + prior * masses.prod(axis=1)
        self.log_weight = np.log(np.maximum(weight, TINY) / (len(X) + prior))
        self.columns = [
            self._counts(leaves, x, len(marginal.shares))
            if marginal.kind == "level"
            else self._moments(leaves, x, marginal.least)
            for marginal, x in zip(marginals, X.T, strict=True)
        ]

    def log_density(self, X, leaves, marginal):
        """Log densities (n,) of rows that are in these leaves; marginal is that of each column."""
        total = self.log_weight[leaves]
        for j, (x, parts) in enumerate(zip(X.T, self.columns, strict=True)):
            kind = self.marginals[j].kind
            n = self.n_rows[leaves]
            if kind == "level":
                own = parts[leaves, x.astype(int)]  # counts
            else:
                n = np.maximum(n - 1, 0)  # one row tells no spread
                own = n * self._truncated(x, parts[:, leaves], self.box[leaves, j].T, kind)
            prior = self.prior * marginal[j] / self.masses[leaves, j]
            total = total + np.log((own + prior) / (n + self.prior))
        return total

    @staticmethod
    def _truncated(x, moments, bounds, kind):
        mean, deviation = moments
        low, high = (bounds - mean) / deviation
        return cell(x - mean, deviation, kind) / np.maximum(ndtr(high) - ndtr(low), TINY)

    def _counts(self, leaves, x, n_levels):
        places = leaves * n_levels + x.astype(int)
        return np.bincount(places, minlength=len(self.box) * n_levels).reshape(-1, n_levels)

    def _moments(self, leaves, x, least):
        """Means and standard deviations (2, n_nodes), as wide as the narrowest kernel at least."""
        n = np.maximum(self.n_rows, 1)
        mean = np.bincount(leaves, weights=x, minlength=len(n)) / n
        squares = np.bincount(leaves, weights=(x - mean[leaves]) ** 2, minlength=len(n))
        return np.stack([mean, np.sqrt(squares / n + least**2)])


def by_held_out_rows(marginals, X, settings, seed=0, **others):
    """A forest of all rows, with those of the settings that a fifth of the rows liked best."""
    rows = np.random.default_rng(seed).permutation(len(X))
    held, kept = rows[: len(X) // 5], rows[len(X) // 5 :]

    def forest(chosen):
        return AdversarialForest(marginals, **chosen, **others, seed=seed)

    best = max(settings, key=lambda one: forest(one).fit(X[kept]).score_samples(X[held]).mean())
    return forest(best).fit(X)
