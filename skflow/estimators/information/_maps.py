"""Maps of the halves of a row, each invertible, that bring the pair nearer to a normal one."""

import numpy as np

from skflow._threads import one_thread
from skflow.estimators.classifier._views import SharedViews
from skflow.estimators.information._halves import HalvesDensity, behind_halves
from skflow.estimators.information._unmixing import unmixing

__all__ = ["ColumnMaps", "FlowMaps", "UnmixedMaps"]

# Training goes on until the rate is down to nothing, and the best weights on held-out rows are
# kept. ``benchmarks/README.md`` has what else was tried.
LEARNING_RATE, HIDDEN_FEATURES = 3e-3, (256,)
PASSES, FEWEST_EPOCHS, MOST_EPOCHS = 800_000, 10, 100


class ColumnMaps:
    """Each column by itself: to mean 0 and deviation 1, or to normal scores.

    Parameters
    ----------
    kind : {"standardize", "gaussianize"}
    """

    def __init__(self, kind):
        self.kind = kind

    def fit(self, X, Y, rng):
        """Fit to rows of both halves, (n, d_x) and (n, d_y)."""
        self.views = [self._of(half, rng) for half in (X, Y)]
        return self

    def _of(self, half, rng):
        return SharedViews.fit(half, np.ones(len(half)), [self.kind], rng)[0]

    def __call__(self, X, Y):
        """Rows (n, d_x + d_y) behind the maps, and the log-det (n,) of the way."""
        halves = [
            views.apply(half)[self.kind] for views, half in zip(self.views, (X, Y), strict=True)
        ]
        return np.hstack([z for z, _ in halves]), sum(log_det for _, log_det in halves)


class UnmixedMaps:
    """The directions in which the columns of a half are independent, then normal scores."""

    def fit(self, X, Y, rng):
        """Fit to rows of both halves."""
        self.scale, self.scores = ColumnMaps("standardize").fit(X, Y, rng), None
        z, _ = self.scale(X, Y)
        self.n_first = X.shape[1]
        halves = np.split(z, [self.n_first], axis=1)
        self.matrices = [unmixing(half, rng) for half in halves]
        self.scores = ColumnMaps("gaussianize").fit(*self._turned(z), rng)
        return self

    def __call__(self, X, Y):
        """Rows behind the maps, and the log-det of the way."""
        z, scaled = self.scale(X, Y)
        z, bent = self.scores(*self._turned(z))
        return z, scaled + bent + sum(np.linalg.slogdet(W)[1] for W in self.matrices)

    def _turned(self, z):
        halves = np.split(z, [self.n_first], axis=1)
        return [half @ W.T for half, W in zip(halves, self.matrices, strict=True)]


class FlowMaps:
    """Flows of both halves behind other maps.

    Parameters
    ----------
    first : object
        The fitted maps before them.
    verbose : int
    """

    def __init__(self, first, verbose=0):
        self.first, self.verbose = first, verbose

    def fit(self, X, Y, rng):
        """Train them on rows of both halves."""
        seed = int(rng.integers(2**31))
        epochs = int(np.clip(PASSES / len(X), FEWEST_EPOCHS, MOST_EPOCHS))
        flow = HalvesDensity(
            n_first=X.shape[1],
            preprocessing="none",
            hidden_features=HIDDEN_FEATURES,
            learning_rate=LEARNING_RATE,
            max_epochs=epochs,
            n_iter_no_change=None,
            random_state=seed,
            verbose=self.verbose,
        )
        self.flow = flow.fit(self.first(X, Y)[0])
        return self

    def __call__(self, X, Y):
        """Rows behind the maps, and the log-det of the way."""
        z, before = self.first(X, Y)
        with one_thread():
            z, log_det = behind_halves(self.flow, z)
        return z, before + log_det
