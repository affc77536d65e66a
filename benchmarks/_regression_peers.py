"""Other ways to a predicted density; nothing here needs skflow."""

from importlib.util import find_spec

import numpy as np
from scipy.stats import norm
from sklearn.base import clone
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingRegressor
from sklearn.model_selection import KFold, cross_val_predict, train_test_split

LONG = 3_000  # rows from which on histograms boost faster


class Normal:
    """Answers of a model that predicts a mean and a standard deviation, ``_moments(X)``."""

    def predict(self, X):
        return self._moments(X)[0]

    def predict_interval(self, X, coverage):
        mean, deviation = self._moments(X)
        beside = norm.ppf(0.5 + 0.5 * coverage) * deviation
        return np.column_stack([mean - beside, mean + beside])

    def log_density(self, X, y):
        return norm.logpdf(y, *self._moments(X))

    def sample(self, X, n_samples, random_state):
        mean, deviation = self._moments(X)
        noise = np.random.default_rng(random_state).normal(size=(len(mean), n_samples))
        return mean[:, None] + deviation[:, None] * noise


class GaussianResiduals(Normal):
    """A regressor fitted to all rows, and one deviation: that of residuals out of five folds."""

    def __init__(self, regressor, random_state=0):
        self.regressor, self.random_state = regressor, random_state

    def fit(self, X, y):
        folds = KFold(5, shuffle=True, random_state=self.random_state)
        residuals = y - cross_val_predict(clone(self.regressor), X, y, cv=folds)
        self.deviation_ = np.sqrt(np.mean(residuals**2))
        self.regressor_ = clone(self.regressor).fit(X, y)
        return self

    def _moments(self, X):
        mean = self.regressor_.predict(X)
        return mean, np.full(len(mean), self.deviation_)


class BoostedTrees(GaussianResiduals):
    """The boosted trees whose predictions FlowRegressor reads, with Gaussian residuals."""

    def __init__(self, random_state):
        super().__init__(None, random_state)

    def fit(self, X, y):
        if len(y) < LONG:
            self.regressor = GradientBoostingRegressor(
                n_estimators=600, learning_rate=0.05, max_depth=4, subsample=0.5, max_features=0.5
            )
        else:
            self.regressor = HistGradientBoostingRegressor(
                max_iter=400, learning_rate=0.05, min_samples_leaf=5, early_stopping=False
            )
        self.regressor.set_params(random_state=self.random_state)
        return super().fit(X, y)


class NGBoost(Normal):
    """NGBoost as in the experiments of its authors [1]_.

    Normal, 2,000 trees of depth 3 at rate 0.01, then as many as a fifth of the rows, held out,
    liked best, fitted to all rows. They are chosen by likelihood; the script in the repository of
    the library takes the squared error of the mean, which costs likelihood (on the first two
    splits of yacht 0.07 and 1.71 nats).

    .. [1] Duan et al. (2020), NGBoost: natural gradient boosting for probabilistic prediction,
       ICML; ``examples/experiments/regression_exp.py`` in its repository.
    """

    def __init__(self, random_state):
        self.random_state = random_state

    def fit(self, X, y):
        X_fit, X_held, y_fit, y_held = train_test_split(
            X, y, test_size=0.2, random_state=self.random_state
        )
        trial = self._boosting(2_000).fit(X_fit, y_fit, X_val=X_held, Y_val=y_held)
        self.n_trees_ = trial.best_val_loss_itr + 1
        self.model_ = self._boosting(self.n_trees_).fit(X, y)
        return self

    def _boosting(self, n_trees):
        from ngboost import NGBRegressor
        from ngboost.distns import Normal as NormalDistribution
        from ngboost.scores import LogScore

        return NGBRegressor(
            Dist=NormalDistribution,
            Score=LogScore,
            n_estimators=n_trees,
            learning_rate=0.01,
            verbose=False,
            random_state=self.random_state,
        )

    def _moments(self, X):
        predicted = self.model_.pred_dist(X)
        return predicted.loc, predicted.scale


def peers():
    """What makes each peer from a seed, of those whose libraries are there; the others' names."""
    found = {"boosted trees, Gaussian": BoostedTrees}
    if find_spec("ngboost") is None:
        return found, ["NGBoost"]
    return found | {"NGBoost": NGBoost}, []
