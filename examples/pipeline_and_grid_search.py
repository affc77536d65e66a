"""
Pipeline, grid search, joblib
=============================

A flow is an ordinary scikit-learn estimator: it closes a Pipeline, its settings go into a
GridSearchCV and the fitted object into a joblib file. The table is scikit-learn's wine data.

From a shell::

    python pipeline_and_grid_search.py [picture.png]
"""

import sys
import tempfile
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skflow import RealNVPDensity

# pandas or polars frames work as well; an array keeps this example free of both
wine = load_wine()
train, test = train_test_split(wine.data, random_state=0, stratify=wine.target)

# %%
# Choose the depth by cross-validated log-likelihood
# --------------------------------------------------
# ``score`` is a mean over rows, so that folds of different sizes compare. The base is normal, so
# that the layers do all the work; the default, a mixture, leaves them little to do on a table as
# small as this one.

pipeline = make_pipeline(
    StandardScaler(),
    PCA(n_components=2),
    RealNVPDensity(base="normal", n_members=1, random_state=0),
)
depths = [1, 2, 4, 8]
search = GridSearchCV(pipeline, {"realnvpdensity__n_layers": depths}, cv=5)
search.fit(train)
results = search.cv_results_
errors = results["std_test_score"] / search.n_splits_**0.5

print("n_layers  cross-validated log-likelihood")
for depth, score, error in zip(depths, results["mean_test_score"], errors, strict=True):
    print(f"{depth:8d} {score:10.3f} +- {error:.3f}")
print(
    f"held-out rows, depth {search.best_params_['realnvpdensity__n_layers']}:"
    f" {search.score(test):.3f}"
)

# %%
# A file and back
# ---------------
# The loaded model scores bit for bit as the saved one.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "wine_density.joblib"
    joblib.dump(search.best_estimator_, path)
    loaded = joblib.load(path)
same = np.array_equal(loaded.score_samples(test), search.best_estimator_.score_samples(test))
print(f"scores after joblib are bit-equal: {same}")
if not same:
    sys.exit("the loaded model scores differently")

# %%
# The curve, and rows that the density finds unlikely
# ---------------------------------------------------

plane = loaded[:-1].transform(wine.data)
flow = loaded[-1]
low, high = plane.min(axis=0) - 1, plane.max(axis=0) + 1
a, b = np.meshgrid(*np.linspace(low, high, 200).T)
log_density = flow.score_samples(np.column_stack([a.ravel(), b.ravel()])).reshape(a.shape)
rare = np.argsort(flow.score_samples(plane))[:5]

figure, (curve, axis) = plt.subplots(
    1, 2, figsize=(10, 4.2), width_ratios=(1, 1.3), layout="constrained"
)
curve.errorbar(depths, results["mean_test_score"], errors, color="#0072B2", marker="o", capsize=4)
curve.set(xscale="log", xlabel="n_layers", ylabel="nats per held-out row")
curve.set(title="five folds, one standard error")
curve.set_xticks(depths, depths)
curve.minorticks_off()
curve.grid(alpha=0.3)

axis.contourf(a, b, np.exp(log_density), levels=24, cmap="viridis")
axis.scatter(*plane.T, s=8, color="white", linewidths=0, label="wines")
axis.scatter(*plane[rare].T, s=70, facecolors="none", edgecolors="#E69F00", label="least likely")
axis.set(xlim=a[0, [0, -1]], ylim=b[[0, -1], 0], title="the density and its five rarest wines")
axis.set(xlabel="first component", ylabel="second component")
axis.legend(loc="lower right", framealpha=1, facecolor="0.75")

picture = sys.argv[1] if len(sys.argv) > 1 else "pipeline_and_grid_search.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
