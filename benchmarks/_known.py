"""A density that is known: bent parts, some of them rare, and tables of any length from it."""

import numpy as np

__all__ = ["KnownDensity"]

BLOCK = 100_000  # rows drawn at a time, so that a table is the same however much of it is asked


class KnownDensity:
    """A mixture of bent Gaussian parts with weights from tens of per cent down to 1 in 20,000.

    A part is a rotated Gaussian whose columns are bent one after the other, ``z_j + c z_{j-1}^2``,
    which keeps volumes, so that its density is known.

    Parameters
    ----------
    n_features : int
    seed : int
        Of the parts.
    groups : sequence of tuple
        Number of parts, the weight of each, and their size beside the distances between them.
    """

    def __init__(
        self, n_features=8, seed=0, groups=((8, 0.12, 1.0), (30, 1e-3, 0.5), (200, 5e-5, 0.3))
    ):
        rng = np.random.default_rng(seed)
        n = sum(count for count, *_ in groups)
        d = self.n_features = n_features
        weight = np.concatenate([np.full(count, share) for count, share, _ in groups])
        self.weight = weight / weight.sum()
        size = np.concatenate([np.full(count, size) for count, _, size in groups])
        self.centre = 2.0 * rng.normal(size=(n, d))
        self.bend = 0.5 * rng.normal(size=(n, d))
        turns = np.linalg.qr(rng.normal(size=(n, d, d)))[0]
        scales = size[:, None] * np.exp(0.4 * rng.normal(size=(n, d)))
        self.matrix = turns * scales[:, None, :]
        self.inverse = np.linalg.inv(self.matrix)
        self.log_det = np.log(scales).sum(axis=1)

    def sample(self, n, seed=1):
        """Draw rows (n, d), float32."""
        return np.concatenate(list(self.blocks(n, seed)))

    def blocks(self, n, seed=1):
        """Draw rows in blocks (m, d), float32; the first rows are the same for every n."""
        for number, start in enumerate(range(0, n, BLOCK)):
            rng = np.random.default_rng([seed, number])
            yield self._block(rng)[: n - start]

    def _block(self, rng):
        part = rng.choice(len(self.weight), size=BLOCK, p=self.weight)
        z = rng.normal(size=(BLOCK, self.n_features))
        bent = z.copy()
        bent[:, 1:] += self.bend[part, 1:] * (z[:, :-1] ** 2 - 1)
        x = np.empty((BLOCK, self.n_features), dtype=np.float32)
        for k in np.unique(part):
            own = part == k
            x[own] = self.centre[k] + bent[own] @ self.matrix[k].T
        return x

    def score_samples(self, X):
        """Log density (n,) of rows (n, d), exact."""
        total = np.full(len(X), -np.inf)
        for k, weight in enumerate(self.weight):
            bent = (X - self.centre[k]) @ self.inverse[k].T
            z = bent.copy()
            with np.errstate(over="ignore", invalid="ignore"):  # far from a part bends overflow
                for j in range(1, self.n_features):
                    z[:, j] -= self.bend[k, j] * (z[:, j - 1] ** 2 - 1)
                square = np.nan_to_num((z**2).sum(axis=1), nan=np.inf)
            log_part = -0.5 * (square + self.n_features * np.log(2 * np.pi))
            total = np.logaddexp(total, np.log(weight) + log_part - self.log_det[k])
        return total
