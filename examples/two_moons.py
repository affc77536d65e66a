"""
Two moons from end to end
=========================

One small table, and everything that can be seen of a fitted flow: its density, draws from it, what
it does to space, its latents, and whether any of it can be trusted.

From a shell::

    python two_moons.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

from skflow import NSFDensity, diagnose
from skflow.plots import (
    CoverageDisplay,
    DensityDisplay,
    FlowGridDisplay,
    LatentDisplay,
    LatentQQDisplay,
    TrainingCurveDisplay,
)

X, _ = make_moons(2000, noise=0.08, random_state=0)
train, test = train_test_split(X, test_size=0.5, random_state=0)

# %%
# The flow
# --------
# With ``base="normal"`` the flow does all the work: it has to bend one round Gaussian into two
# arcs. The default base is a mixture, which would be in many pieces before the flow begins. One
# member instead of an ensemble has one map to look at.

flow = NSFDensity(base="normal", n_members=1, n_layers=4, max_epochs=150, random_state=0)
flow.fit(train)
print(f"held-out log-likelihood: {flow.score(test):.3f} nats a row")

# %%
# Can it be trusted?
# ------------------
# ``diagnose`` runs every check on rows that the fit has not seen.

diagnose(flow, test)

# %%
# The pictures
# ------------
# Displays take any axes. Upper row: the rows, the density with the regions that hold half and
# nine tenths of it, and fresh draws. Middle: a grid of the plane of the rows, pushed forward to
# the latents, and a grid of latents pulled back: where its cells are small the density is high,
# which is the change of variables. Lower row: the latents of held-out rows with the circles of one
# and two standard deviations, their squared norms against those of normal rows, and the share of
# held-out rows in regions that claim 5 to 99 %.

figure, axes = plt.subplots(3, 3, figsize=(13, 12.5), layout="constrained")
extent = [*np.percentile(X[:, 0], [0, 100]), *np.percentile(X[:, 1], [0, 100])]


def scatter(ax, rows, title, color):
    ax.scatter(*rows.T, s=5, color=color, linewidths=0)
    ax.set(xlim=(extent[0] - 0.3, extent[1] + 0.3), ylim=(extent[2] - 0.3, extent[3] + 0.3))
    ax.set(title=title, xlabel="column 0", ylabel="column 1")


scatter(axes[0, 0], train, "1,000 rows of the fit", "0.25")
DensityDisplay.from_estimator(flow, test, ax=axes[0, 1])
scatter(axes[0, 2], flow.sample(1000, random_state=1), "1,000 draws", "#D55E00")
FlowGridDisplay.from_estimator(flow, test, ax=axes[1, :2])
TrainingCurveDisplay.from_estimator(flow, ax=axes[1, 2])
LatentDisplay.from_estimator(flow, test, ax=axes[2, 0])
LatentQQDisplay.from_estimator(flow, test, ax=axes[2, 1])
CoverageDisplay.from_estimator(flow, test, ax=axes[2, 2])
figure.savefig(sys.argv[1] if len(sys.argv) > 1 else "two_moons.png", dpi=110)

# %%
# A thread of density joins the two moons: a flow is continuous, so what was one Gaussian stays in
# one piece. :ref:`The example on far modes <sphx_glr_auto_examples_topological_barrier.py>` shows
# what becomes of it when modes move apart.
