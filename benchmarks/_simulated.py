"""Tables whose density is known: what a fit loses against the truth is a number, not a guess.

Each family takes a number of columns and has ``sample(n, rng)``, rows (n, d), and
``log_density(X)``, (n,) in nats. What a family draws once (a rotation, means) depends on d alone.
"""

import numpy as np
from scipy import special, stats

__all__ = ["FAMILIES"]


class Bananas:
    """Narrow parabolas in pairs of columns, the first in two clusters, all turned by a rotation.

    Of independent columns z, the first of a pair is kept and the second becomes z1 ** 2 + 0.3 z2,
    whose Jacobian is constant; z is normal but for its first column, half N(-1.5, 0.6 ** 2) and
    half N(1.5, 0.6 ** 2). The rotation is uniformly random, so that no column is like another.
    """

    center, width, thickness = 1.5, 0.6, 0.3

    def __init__(self, d):
        self.d = d
        self.rotation = np.eye(1) if d == 1 else stats.ortho_group.rvs(d, random_state=d)

    def sample(self, n, rng):
        z = rng.normal(size=(n, self.d))
        z[:, 0] = self.center * rng.choice([-1, 1], n) + self.width * z[:, 0]
        first, second = self._pairs(z)
        second[:] = first**2 + self.thickness * second
        return z @ self.rotation.T

    def log_density(self, X):
        z = X @ self.rotation
        first, second = self._pairs(z)
        second[:] = (second - first**2) / self.thickness
        modes = [stats.norm(m, self.width).logpdf(z[:, 0]) for m in (-self.center, self.center)]
        log_det = -second.shape[1] * np.log(self.thickness)
        others = stats.norm.logpdf(z[:, 1:]).sum(axis=1)
        return np.logaddexp(*modes) - np.log(2) + others + log_det

    @staticmethod
    def _pairs(z):
        """Views of the first and the second columns of the pairs; an odd last one has none."""
        return z[:, : z.shape[1] - 1 : 2], z[:, 1::2]


class SkewedCopula:
    """Heavy, skewed and bounded columns in turn, joined by a Gaussian copula.

    Student's t with three degrees of freedom, lognormal with sigma 0.75, Beta(2, 1) (bounded, with
    a jump at 1) and exponential (a jump at 0); normal scores correlate as 0.7 ** |i - j|.
    """

    margins = stats.t(3), stats.lognorm(0.75), stats.beta(2, 1), stats.expon()
    correlation = 0.7

    def __init__(self, d):
        self.columns = [self.margins[j % len(self.margins)] for j in range(d)]
        places = np.arange(d)
        covariance = self.correlation ** np.abs(places[:, None] - places)
        self.scores = stats.multivariate_normal(np.zeros(d), covariance)

    def sample(self, n, rng):
        z = self.scores.rvs(n, random_state=rng).reshape(n, -1)
        # the nearer tail: near 1 a probability has no digits left
        return np.column_stack(
            [
                np.where(t < 0, f.ppf(special.ndtr(t)), f.isf(special.ndtr(-t)))
                for f, t in zip(self.columns, z.T, strict=True)
            ]
        )

    def log_density(self, X):
        pairs = list(zip(self.columns, X.T, strict=True))
        z = np.column_stack(
            [
                np.where(f.cdf(x) < 0.5, special.ndtri(f.cdf(x)), -special.ndtri(f.sf(x)))
                for f, x in pairs
            ]
        )
        margins = sum(f.logpdf(x) for f, x in pairs) - stats.norm.logpdf(z).sum(axis=1)
        return self.scores.logpdf(z) + margins


class Blobs:
    """Five Gaussians of unequal weights and shapes: at home with a Gaussian mixture.

    Means are normal with standard deviation 2; covariances are A A^T / d + 0.1, A a matrix of
    standard normal numbers.
    """

    weights = np.array([0.3, 0.25, 0.2, 0.15, 0.1])

    def __init__(self, d):
        rng = np.random.default_rng(d)
        self.parts = []
        for _ in self.weights:
            root = rng.normal(size=(d, d))
            covariance = root @ root.T / d + 0.1 * np.eye(d)
            self.parts.append(stats.multivariate_normal(2 * rng.normal(size=d), covariance))

    def sample(self, n, rng):
        sizes = rng.multinomial(n, self.weights)
        drawn = zip(self.parts, sizes, strict=True)
        X = [part.rvs(size, random_state=rng).reshape(size, -1) for part, size in drawn]
        return rng.permutation(np.concatenate(X))

    def log_density(self, X):
        logs = np.stack([part.logpdf(X) for part in self.parts])
        return special.logsumexp(logs, axis=0, b=self.weights[:, None])


FAMILIES = {"bananas": Bananas, "copula": SkewedCopula, "blobs": Blobs}
