"""
Models for where the labels are not
===================================

Labels are often known where rows are easy to come by, and predictions wanted elsewhere. If y given
x is the same in both places, the errors there are errors here under other weights:
``DensityRatio`` learns from both tables, without labels, how much likelier each row is there, and
its ``importance_weights`` are the ``sample_weight`` of any estimator.

From a shell::

    python covariate_shift.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import DensityRatio

# %%
# A line for where it is needed
# -----------------------------
# 300 labelled rows, and 300 unlabelled ones farther to the right. No line fits the whole curve;
# the one that fits where the rows without labels are has the smallest error there.

rng = np.random.default_rng(0)


def curve(x):
    return np.sinc(x[:, 0])


X, X_new = rng.normal(0, 0.9, (300, 1)), rng.normal(1.1, 0.45, (300, 1))
y = curve(X) + 0.15 * rng.normal(size=300)

ratio = DensityRatio(random_state=0).fit(X_new, X)
weights, khat = ratio.importance_weights(X, return_khat=True)
plain = LinearRegression().fit(X, y)
weighted = LinearRegression().fit(X, y, sample_weight=weights)
errors = [np.mean((model.predict(X_new) - curve(X_new)) ** 2) for model in (plain, weighted)]
print(f"mean squared error there: {errors[0]:.4f}, with weights {errors[1]:.4f}; k-hat {khat:.2f}")

# %%
# What it was learnt from, and how well each did on rows that it had not seen (in nats; the higher,
# the better):

scores = sorted(ratio.cv_scores_, key=lambda row: -row["score"])
for row in scores[:6]:
    print(f"{row['name']:24s} {row['score']:.3f} ± {row['error']:.3f}, weight {row['weight']:.2f}")
print(f"shifted at all? AUC {ratio.two_sample_test().auc:.2f}; {ratio.divergence('js')} of 0.693")

# %%
# Left, the two samples, right the two lines; the area of a dot is its weight.

BLUE, ORANGE = "#0072B2", "#D55E00"
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
grid = np.linspace(-2.6, 2.6, 300)[:, np.newaxis]
bins = np.linspace(-2.8, 2.8, 36)
left.hist(X, bins, density=True, color=BLUE, alpha=0.6, label="labelled")
left.hist(X_new, bins, density=True, color=ORANGE, alpha=0.6, label="where predictions are wanted")
left.set(xlabel="x", ylabel="density", ylim=(0, 1.5))
left.legend(frameon=False, loc="upper left")
twin = left.twinx()
twin.plot(grid, ratio.score_samples(grid), color="0.2", linewidth=1.5)
twin.axhline(0, color="0.6", linewidth=0.8, linestyle=":")
twin.set(ylabel="log ratio, nats (line)", ylim=(-9, 6))

right.scatter(X, y, s=3 + 14 * weights, color=BLUE, alpha=0.5, linewidths=0)
right.plot(grid, curve(grid), color="0.2", linewidth=1, linestyle="--", label="the curve")
right.plot(grid, plain.predict(grid), color=BLUE, linewidth=2, label="line without weights")
right.plot(grid, weighted.predict(grid), color=ORANGE, linewidth=2, label="line with weights")
right.set(xlabel="x", ylabel="y", xlim=(-2.6, 2.6), ylim=(-0.7, 1.6))
right.legend(frameon=False, loc="upper right")

# %%
# Where weights do not help
# -------------------------
# Diabetes: those with a low body mass index are likelier to be in the labelled half. Progression
# is about linear in body mass index and a blood serum, so that a ridge regression is about as
# right without weights as with them, and these leave it fewer rows to learn from. The mean of ten
# halves:

rows, target = load_diabetes(return_X_y=True)
rows = rows[:, [2, 8]]


def errors_of_halves(seed):
    """Mean squared errors, of the variance of y, without and with weights."""
    rng = np.random.default_rng(seed)
    here = rng.random(len(rows)) < 1 / (1 + np.exp(2 * rows[:, 0] / rows[:, 0].std()))
    weights = (
        DensityRatio(method="classifier", random_state=seed)
        .fit(rows[~here], rows[here])
        .importance_weights(rows[here])
    )
    found = []
    for given in (np.ones(here.sum()), weights):
        model = make_pipeline(StandardScaler(), Ridge())
        model.fit(rows[here], target[here], ridge__sample_weight=given)
        found.append(np.mean((model.predict(rows[~here]) - target[~here]) ** 2))
    return np.array(found) / target[~here].var()


plain_error, weighted_error = np.mean([errors_of_halves(seed) for seed in range(10)], axis=0)
print(f"diabetes, error there: {plain_error:.3f} without weights, {weighted_error:.3f} with them")

picture = sys.argv[1] if len(sys.argv) > 1 else "covariate_shift.png"
figure.savefig(picture, dpi=120)
print(f"picture: {picture}")
