"""
Columns with bounds
===================

Many columns cannot be negative: sizes, durations, concentrations. A density that does not know
puts mass where no row can be, and draws from it have to be thrown away. ``support={column: (low,
high)}`` says so: the density is zero outside, draws stay inside, and no mass is lost at the edge.

The table is scikit-learn's breast-cancer data. How concave the outline of a nucleus is, and which
part of it, lie between 0 and 1, are mostly small, and are exactly 0 for thirteen of 569 rows.

From a shell::

    python bounded_columns.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KernelDensity

from skflow import NSFDensity

data = load_breast_cancer()
columns = ["mean concavity", "mean concave points"]
table = data.data[:, [list(data.feature_names).index(name) for name in columns]]
train, test = train_test_split(table, test_size=0.3, random_state=0)

# %%
# Mass where no row can be
# ------------------------
# The share of draws with a negative value is the mass that is missing elsewhere. Rows of exactly 0
# are ordinary, and are scored slightly inside the bound; as a density can be very high at a value
# that repeats, the last column leaves them out: of rows inside, flows with and without bounds know
# as much. What the bounds mend is the edge.

models = {
    "kernel density, tuned": GridSearchCV(
        KernelDensity(), {"bandwidth": np.logspace(-3, -1, 21)}, cv=5
    ),
    "Gaussian mixture, tuned": GridSearchCV(
        GaussianMixture(random_state=0, reg_covar=1e-7), {"n_components": [1, 2, 3, 5, 8]}, cv=5
    ),
    "flow": NSFDensity(random_state=0),
    "flow with support": NSFDensity(support={0: (0, 1), 1: (0, 1)}, random_state=0),
}
draws = {}
inside = (test > 0).all(axis=1)
print(f"{'density':26s} {'mass outside':>12s} {'held-out nats':>14s} {'rows above 0':>13s}")
for name, model in models.items():
    model.fit(train)
    best = getattr(model, "best_estimator_", model)
    rows = best.sample(20_000) if isinstance(best, GaussianMixture) else best.sample(20_000, 0)
    draws[name] = rows[0] if isinstance(rows, tuple) else rows
    scores = best.score_samples(test)
    outside = ((draws[name] < 0) | (draws[name] > 1)).any(axis=1).mean()
    print(f"{name:26s} {outside:12.1%} {scores.mean():14.2f} {scores[inside].mean():13.2f}")

# %%
# Draws, and the edge itself
# --------------------------
# Above, draws of three densities: those marked by crosses are not possible. Below, the
# distribution of the first column near zero, where the three disagree most.

shown = list(models)[0], "flow", "flow with support"
figure, axes = plt.subplots(2, 3, figsize=(10, 6), layout="constrained", sharex=True, sharey="row")
bins = np.linspace(-0.06, 0.3, 49)
for (above, below), name in zip(axes.T, shown, strict=True):
    rows = draws[name][: 3 * len(table)]
    outside = (rows < 0).any(axis=1)
    above.scatter(*rows[~outside].T, s=4, color="#0072B2", alpha=0.5, linewidths=0)
    above.scatter(*rows[outside].T, s=14, color="#D55E00", marker="x", linewidths=0.8)
    above.set_title(f"{name}: {(draws[name] < 0).any(axis=1).mean():.1%} outside", fontsize=11)
    below.hist(table[:, 0], bins, density=True, color="0.8", label="the table")
    below.hist(
        draws[name][:, 0], bins, density=True, histtype="step", color="#0072B2", label="draws"
    )
    for axis, line in ((above, "axhline"), (above, "axvline"), (below, "axvline")):
        getattr(axis, line)(0, color="black", linewidth=0.8, linestyle="--")
    above.set(xlim=(-0.06, 0.3), ylim=(-0.03, 0.15))
    below.set(xlabel=columns[0], ylim=(0, 14))
axes[0, 0].set_ylabel(columns[1])
axes[1, 0].set_ylabel("density")
axes[1, 0].legend(frameon=False)

picture = sys.argv[1] if len(sys.argv) > 1 else "bounded_columns.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
