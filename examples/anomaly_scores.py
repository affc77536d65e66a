"""
Anomalies with calibrated p-values
==================================

Breast-cancer measurements (569 rows, 30 columns, shipped with scikit-learn). A detector learns
half of the benign tumours and judges the other half and all malignant ones: how well the scores
rank them beside three classical detectors, and what p-values add, namely a false-alarm rate that
is chosen beforehand; then which columns make a row strange, and a picture.

From a shell::

    python anomaly_scores.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import false_discovery_control
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import FlowOutlierDetector

table = load_breast_cancer()
benign, malignant = table.data[table.target == 1], table.data[table.target == 0]


def split(seed):
    """Half of the benign rows, then the other half and all malignant ones, and which those are."""
    train, rest = train_test_split(benign, test_size=0.5, random_state=seed)
    return (
        train,
        np.concatenate([rest, malignant]),
        np.arange(len(rest) + len(malignant)) >= len(rest),
    )


# %%
# Ranking
# -------
# The area under the ROC curve is the probability that a malignant row scores as more anomalous
# than a benign one. Distances need scaled columns; a density does not.

detectors = {
    "FlowOutlierDetector": FlowOutlierDetector(random_state=0),
    "IsolationForest": IsolationForest(random_state=0),
    "LocalOutlierFactor": make_pipeline(StandardScaler(), LocalOutlierFactor(novelty=True)),
}
n_splits = 5
areas = {name: [] for name in [*detectors, "5th nearest neighbour"]}
for seed in range(n_splits):
    train, new, anomalous = split(seed)
    for name, model in detectors.items():
        areas[name].append(roc_auc_score(anomalous, -model.fit(train).score_samples(new)))
    scaler = StandardScaler().fit(train)
    neighbors = NearestNeighbors(n_neighbors=5).fit(scaler.transform(train))
    distance = neighbors.kneighbors(scaler.transform(new))[0][:, -1]
    areas["5th nearest neighbour"].append(roc_auc_score(anomalous, distance))

print(f"{len(train)} benign rows to learn; new: {(~anomalous).sum()} benign, {len(malignant)} not")
print(f"\n{'detector':24s} {'AUROC, mean of ' + str(n_splits) + ' splits':>24s}")
for name, values in areas.items():
    print(f"{name:24s} {100 * np.mean(values):24.2f}")

# %%
# p-values
# --------
# A row with a p-value below 5 % is one of the five in a hundred least normal rows, as ranked among
# training rows that the models had not seen. So about 5 % of the benign rows are false alarms,
# whatever the scores look like. With Benjamini and Hochberg's rule about 10 % of the alarms are.

train, new, anomalous = split(0)
detector = FlowOutlierDetector(random_state=0).fit(train)
p_values = detector.p_values(new)
alarms = {
    "p-value <= 0.05": p_values <= 0.05,
    "predict": detector.predict(new) == -1,
    "10 % false discoveries": false_discovery_control(p_values) <= 0.1,
}
print(f"\n{'alarm':24s} {'benign':>8s} {'malignant':>10s}")
for name, alarm in alarms.items():
    print(f"{name:24s} {alarm[~anomalous].mean():8.1%} {alarm[anomalous].mean():10.1%}")

# %%
# Why a row is strange
# --------------------
# For the strangest malignant rows: which columns, given the others, and by how many nats beyond
# what is usual.

strangest = new[anomalous][np.argsort(detector.score_samples(new[anomalous]))[:3]]
for row, surprise in zip(strangest, detector.explain(strangest), strict=True):
    first = np.argsort(-surprise)[:3]
    words = (f"{table.feature_names[j]} = {row[j]:.3g} ({surprise[j]:.0f} nats)" for j in first)
    print(f"\nstrange for its {', '.join(words)}", end="")
print()

# %%
# Scores and p-values in a picture
# --------------------------------

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
colours = {"benign": "#3b6fb6", "malignant": "#d1495b"}
kinds = {"benign": ~anomalous, "malignant": anomalous}

scores = detector.score_samples(new)
bins = np.linspace(np.quantile(scores, 0.02), scores.max(), 40)
for kind, chosen in kinds.items():
    left.hist(scores[chosen].clip(bins[0]), bins, color=colours[kind], alpha=0.7, label=kind)
left.axvline(detector.offset_, color="black", linestyle="--", linewidth=1)
left.annotate(
    "outliers for predict",
    (detector.offset_, 0.96),
    (-6, 0),
    xycoords=("data", "axes fraction"),
    textcoords="offset points",
    ha="right",
    va="top",
)
left.set(xlabel="score, nats", ylabel="new rows", title="scores")
left.legend(loc="center left", frameon=False)

steps = np.linspace(0, 1, 201)
for kind, chosen in kinds.items():
    share = (p_values[chosen][:, None] <= steps).mean(axis=0)
    right.plot(steps, share, color=colours[kind], label=kind)
right.plot(steps, steps, color="black", linestyle="--", linewidth=1, label="uniform")
right.set(
    xlabel="p-value",
    ylabel="share of the rows with this p-value or less",
    title="p-values: near uniform for normal rows",
    xlim=(0, 1),
    ylim=(0, 1.02),
)
right.legend(loc="lower right", frameon=False)

picture = sys.argv[1] if len(sys.argv) > 1 else "anomaly_scores.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
