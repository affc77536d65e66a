"""Whether a classifier can tell draws from held-out rows."""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, QuantileTransformer, StandardScaler

from skflow.diagnostics.measures._checks import check_tables
from skflow.diagnostics.measures._finding import Finding, shown_p
from skflow.metrics._separation import CROSS_FITTED, separation

__all__ = ["TwoSampleTest", "two_sample_test"]

N_FOLDS = 5
# products of columns are made for so many columns at most
MAX_COLUMNS_OF_SQUARES = 40


@dataclass(frozen=True, repr=False)
class TwoSampleTest(Finding):
    """What :func:`two_sample_test` finds.

    Attributes
    ----------
    auc : float
        Probability that the classifier finds a row of X more like X than a draw; 0.5 if it
        cannot tell them apart, 1 if it always can.
    interval : tuple of float
        Of 95 % for the area, after Hanley and McNeil, widened for cross-validation.
    p_value : float
        Of an area of one half, one-sided, for both classifiers together.
    reading : str
    """

    auc: float
    interval: tuple
    p_value: float
    reading: str


def two_sample_test(samples, X, random_state=0):
    """Try to tell draws of a density from held-out rows by classifiers (C2ST).

    Two classifiers learn on four fifths of both and are asked about the last fifth, five times
    [1]_: trees, and a logistic regression on columns and their products. The better one counts.

    Parameters
    ----------
    samples : array-like of shape (m, n_features)
    X : array-like of shape (n, n_features)
        At least ten rows each. The longer table is cut to the length of the shorter one.
    random_state : int, default=0
        Of the folds.

    Returns
    -------
    TwoSampleTest

    Notes
    -----
    Cost: ten fits, some two seconds for 1,000 rows. Columns with repeated values are told from
    continuous draws at once, which says nothing about the density: spread them first.

    References
    ----------
    .. [1] Lopez-Paz & Oquab (2017), Revisiting classifier two-sample tests, arXiv:1610.06545.

    Examples
    --------
    >>> import numpy as np
    >>> from skflow.diagnostics import two_sample_test
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 300, 2))
    >>> two_sample_test(a, b).p_value > 0.05
    True
    >>> print(two_sample_test(a + [0.5, 0], b))
    draws can be told from rows: AUC 0.62 (p < 0.001)
    """
    samples, X = check_tables(samples, X, min_rows=2 * N_FOLDS)
    rng = np.random.default_rng(random_state)
    n = min(len(samples), len(X))
    rows = np.concatenate([rng.permutation(samples)[:n], rng.permutation(X)[:n]])
    label = np.repeat([0, 1], n)
    found = [
        _separation(model, rows, label, random_state) for model in _classifiers(n, X.shape[1])
    ]
    best = max(found, key=lambda each: each.auc)
    p_value = min(1.0, 2 * best.p_value)  # of the better one of two
    return TwoSampleTest(best.auc, best.interval, p_value, _read(best.auc, p_value))


def _classifiers(n, d):
    degree = 2 if d <= MAX_COLUMNS_OF_SQUARES else 1
    # normal scores bound what one far row can do
    scores = QuantileTransformer(
        n_quantiles=min(n, 100), output_distribution="normal", random_state=0
    )
    products = PolynomialFeatures(degree, include_bias=False)
    trees = HistGradientBoostingClassifier(
        max_iter=50, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=0
    )
    regression = LogisticRegression(C=0.1, max_iter=500)
    return trees, make_pipeline(scores, products, StandardScaler(), regression)


def _separation(model, rows, label, seed):
    """Separation of the two samples by held-out answers."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    chance = cross_val_predict(model, rows, label, cv=folds, method="predict_proba")[:, 1]
    return separation(chance[label == 1], chance[label == 0], CROSS_FITTED)


def _read(auc, p_value):
    can = "cannot" if p_value > 0.01 else "can"
    return f"draws {can} be told from rows: AUC {auc:.2f} ({shown_p(p_value)})"
