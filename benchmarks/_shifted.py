"""Tables whose training rows are drawn with a bias, and what weighted models err on them.

Each table is parted along a random direction of its standardised columns: a row is drawn to
train, rather than to be tested, with the probability 1 / (1 + exp(STRENGTH * t)), where t is the
standardised projection. So what y is given x is the same in both, and x is not. Tables come as
those of ``_regression.py`` and ``classifiers.py`` do.
"""

import numpy as np
from _regression import table as numbers
from classifiers import load as labels
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REGRESSION = "boston", "concrete", "yacht", "diabetes", "wine-red", "california", "power-plant"
CLASSES = "breast-cancer", "banknote", "phoneme"
SHIFTED = (*REGRESSION, *CLASSES)
STRENGTH, MAX_ROWS = 2.0, 500


class Split:
    """A table parted by a seed: rows X and y that train, ``X_test`` and ``y_test``."""

    def __init__(self, name, seed):
        self.is_regression = name in REGRESSION
        X, y = (numbers if self.is_regression else labels)(name)
        rng = np.random.default_rng([seed, SHIFTED.index(name)])
        z = StandardScaler().fit_transform(X)
        t = z @ rng.normal(size=z.shape[1])
        chance = 1 / (1 + np.exp(STRENGTH * (t - t.mean()) / t.std()))
        trains = rng.random(len(X)) < chance
        train, test = (rng.permutation(np.flatnonzero(w))[:MAX_ROWS] for w in (trains, ~trains))
        varies = (np.ptp(X[train], axis=0) > 0) & (np.ptp(X[test], axis=0) > 0)
        self.X, self.X_test = X[train][:, varies], X[test][:, varies]
        self.y, self.y_test = y[train], y[test]

    def error(self, weights):
        """Loss of test rows by a linear model of weighted rows: squared, of y's variance, or log.

        Both are linear in the columns, and so wrong: where they fit best depends on the weights.
        """
        if self.is_regression:
            model = make_pipeline(StandardScaler(), Ridge(1.0))
            model.fit(self.X, self.y, ridge__sample_weight=weights)
            return np.mean((model.predict(self.X_test) - self.y_test) ** 2) / self.y_test.var()
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5_000))
        model.fit(self.X, self.y, logisticregression__sample_weight=weights)
        return log_loss(self.y_test, model.predict_proba(self.X_test), labels=model.classes_)


def logistic_weights(split):
    """Odds of test against training rows, of a logistic classifier."""
    rows = np.concatenate([split.X, split.X_test])
    is_test = np.repeat([0, 1], [len(split.X), len(split.X_test)])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=5_000))
    log_odds = model.fit(rows, is_test).decision_function(split.X)
    weights = np.exp(log_odds - log_odds.max())
    return weights / weights.mean()


def ulsif_weights(split, seed):
    """Unconstrained least-squares importance fitting, of standardised columns, as it comes."""
    from densratio import densratio

    np.random.seed(seed)  # noqa: NPY002, it draws its kernels from there
    scaler = StandardScaler().fit(split.X)
    train, test = scaler.transform(split.X), scaler.transform(split.X_test)
    weights = densratio(test, train, verbose=False).compute_density_ratio(train)
    return np.maximum(weights, 0) / max(weights.mean(), 1e-300)
