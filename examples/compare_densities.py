"""
Is a flow worth it on this table?
=================================

``compare_densities`` fits estimators fold by fold, next to a tuned kernel density, a tuned
Gaussian mixture and a single Gaussian, and says who is ahead and whether that is more than noise.
The table is scikit-learn's breast-cancer data: 569 rows, the ten columns of means.

From a shell::

    python compare_densities.py [picture.png]
"""

import sys

import numpy as np
from sklearn.datasets import load_breast_cancer

from skflow import KernelFlowDensity, NSFDensity, compare_densities
from skflow.plots import DensityComparisonDisplay

X = load_breast_cancer().data[:, :10]

# %%
# A table and a sentence
# ----------------------
# ``score`` is the mean log density of rows that were held out, in nats a row and in the units of
# the table. ``gain`` is the difference to the best classical estimator, row by row: its standard
# error is smaller than that of the scores themselves.

estimators = [
    ("spline flow", NSFDensity()),
    ("kernel flow", KernelFlowDensity()),
]
table = compare_densities(X, estimators, cv=3)
print(table)

# %%
# Where the gain comes from
# -------------------------
# The scores of all rows are kept, so that one can ask which rows are foretold better.

held_out = table.held_out_scores
gain = held_out["spline flow"] - held_out["gaussian"]
order = np.argsort(gain)
print(f"\nrows on which the flow is better than a Gaussian: {np.mean(gain > 0):.0%}")
print("those on which it gains the most:", order[-5:][::-1].tolist())

# %%
# The same as a picture
# ---------------------

picture = sys.argv[1] if len(sys.argv) > 1 else "compare_densities.png"
DensityComparisonDisplay.from_scores(table).plot().figure_.savefig(picture, dpi=130)
print(f"picture: {picture}")
