"""
A better density on a real table
================================

Breast-cancer measurements (569 rows, 30 columns, shipped with scikit-learn): log-likelihood of
held-out rows under a kernel density and a Gaussian mixture, both tuned by cross-validation, and
under a neural spline flow as it comes. Then a picture of two of the columns.

From a shell::

    python quickstart.py [picture.png]
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KernelDensity

from skflow import NSFDensity

table = load_breast_cancer()
train, test = train_test_split(table.data, test_size=0.2, random_state=0)
# one kernel width cannot serve 30 units of measurement; the flow would not need this
mean, spread = train.mean(axis=0), train.std(axis=0)
train, test = (train - mean) / spread, (test - mean) / spread

# %%
# Three densities, one protocol
# -----------------------------
# A larger ``score`` is better: the mean natural-log density of the rows. These are nats, so one
# more means that the unseen rows are e times as probable.

models = {
    "KernelDensity, tuned": GridSearchCV(
        KernelDensity(), {"bandwidth": np.logspace(-1.5, 0.5, 25)}, cv=3
    ),
    "GaussianMixture, tuned": GridSearchCV(
        GaussianMixture(random_state=0),
        {
            "n_components": [1, 2, 3, 5, 8],
            "covariance_type": ["full", "tied", "diag"],
            "reg_covar": [1e-4, 1e-2, 1e-1],
        },
        cv=3,
    ),
    "NSFDensity()": NSFDensity(random_state=0),
}

print(f"{train.shape[0]} rows to fit, {test.shape[0]} held out, {train.shape[1]} columns\n")
print(f"{'density':24s} {'log-likelihood of held-out rows':>32s} {'seconds':>8s}")
for name, model in models.items():
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    # KernelDensity.score is a sum, the others' a mean: score_samples is the same for all
    best = getattr(model, "best_estimator_", model)
    scores = best.score_samples(test)
    error = scores.std() / len(scores) ** 0.5
    print(f"{name:24s} {scores.mean():22.2f} +- {error:6.2f} {seconds:8.1f}")

# %%
# Two columns, in their own units
# -------------------------------

columns = ["mean radius", "mean fractal dimension"]
view = table.data[:, [list(table.feature_names).index(c) for c in columns]]
density = NSFDensity(random_state=0).fit(view)

low, high = view.min(axis=0), view.max(axis=0)
margin = 0.05 * (high - low)
a, b = np.meshgrid(*np.linspace(low - margin, high + margin, 200).T)
log_density = density.score_samples(np.column_stack([a.ravel(), b.ravel()])).reshape(a.shape)
drawn = density.sample(len(view), random_state=0)

figure, axes = plt.subplots(1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained")
for axis, points, title in zip(
    axes, (view, drawn), ("the table", "draws from the flow"), strict=True
):
    axis.contourf(a, b, np.exp(log_density), levels=24, cmap="magma")
    axis.scatter(*points.T, s=4, color="white", alpha=0.6, linewidths=0)
    axis.set(title=title, xlabel=columns[0], xlim=a[0, [0, -1]], ylim=b[[0, -1], 0])
axes[0].set_ylabel(columns[1])

picture = sys.argv[1] if len(sys.argv) > 1 else "quickstart.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
