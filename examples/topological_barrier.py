"""
A bridge that no layer can break
================================

A flow is a diffeomorphism: it bends space and cannot tear it. What it makes of a normal base is in
one piece, so between two modes with nothing between them a bridge of density is left. More layers
thin the bridge and do not break it. A mixture base is in pieces from the start: the default of
every flow of the package.

From a shell::

    python topological_barrier.py [picture.png]
"""

import sys
import warnings

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp
from scipy.stats import norm

from skflow import NSFDensity
from skflow.exceptions import ConvergenceWarning

CENTRES, SPREAD = np.array([[-3.0, -1.5], [3.0, 1.5]]), 0.5


def log_density(x):
    """Log density (n,) of two equal round Gaussians, thirteen deviations apart."""
    each = norm.logpdf(x[:, None], CENTRES, SPREAD).sum(axis=-1)
    return logsumexp(each, axis=1) - np.log(2)


def draw(n, rng):
    """Rows (n, 2) of them."""
    return CENTRES[rng.integers(2, size=n)] + SPREAD * rng.normal(size=(n, 2))


rng = np.random.default_rng(0)
train, test = draw(2_000, rng), draw(5_000, rng)
floor = -log_density(test).mean()

# %%
# Four depths and a mixture
# -------------------------
# "In between" is the share of draws more than six deviations from both modes, where the truth has
# one in sixty million.

settings = {
    "hidden_features": (32, 32),
    "preprocessing": "standardize",
    "n_members": 1,
    "dropout": 0.0,
    "input_noise": 0.0,
    "learning_rate": 5e-3,
    "max_epochs": 80,
    "n_iter_no_change": None,
    "random_state": 0,
}
flows = {
    f"normal base, {depth} layer{'s' * (depth > 1)}": NSFDensity(
        n_layers=depth, base="normal", **settings
    )
    for depth in (1, 2, 4, 8)
}
flows["mixture base, 2 layers"] = NSFDensity(n_layers=2, base="mixture", **settings)

between = {}
print(f"{'flow':26s} {'nats above the truth':>20s} {'draws in between':>17s}")
for name, flow in flows.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        flow.fit(train)
    rows = flow.sample(50_000, random_state=0)
    distance = np.linalg.norm(rows[:, None] - CENTRES, axis=-1).min(axis=1)
    between[name] = (distance > 6 * SPREAD).mean()
    gap = -flow.score_samples(test).mean() - floor
    print(f"{name:26s} {gap:20.3f} {between[name]:17.3%}")

# %%
# The bridges
# -----------
# Log densities, cut off at 30 nats below the highest: what looks empty on an ordinary scale is
# there.

a, b = np.meshgrid(np.linspace(-6, 6, 240), np.linspace(-4, 4, 160))
grid = np.column_stack([a.ravel(), b.ravel()])
top = log_density(grid).max()
levels = top - np.arange(30, -1, -2)
panels = {"the truth": log_density, **{name: flow.score_samples for name, flow in flows.items()}}

figure, axes = plt.subplots(2, 3, figsize=(10, 4.7), sharex=True, sharey=True)
figure.set_layout_engine("constrained")
for axis, (name, score) in zip(axes.flat, panels.items(), strict=True):
    values = score(grid).reshape(a.shape)
    drawn = axis.contourf(
        a, b, values.clip(levels[0]), levels=levels, cmap="cividis", extend="max"
    )
    axis.set(title=name, aspect="equal")
    if name in between:
        axis.annotate(
            f"{between[name]:.2%} of draws\nin between",
            (0.97, 0.05),
            xycoords="axes fraction",
            ha="right",
            color="white",
        )
figure.colorbar(drawn, ax=axes, label="log density, nats", format="%.0f", shrink=0.9)

picture = sys.argv[1] if len(sys.argv) > 1 else "topological_barrier.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
