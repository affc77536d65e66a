"""
Forty modes far apart
=====================

Forty normals lie in a square of 80 by 80, each of them of deviation 1.3. A chain that starts in
one never sees another. ``FlowSampler`` gets the log density, as a function of numpy arrays and
nothing else, and draws stand beside exact ones.

From a shell::

    python far_modes.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import logsumexp

from skflow import FlowSampler

ORANGE = "#D55E00"

# %%
# The density
# -----------
# The benchmark of Midgley et al. (2023), Flow annealed importance sampling bootstrap,
# arXiv:2208.01893: means are uniform on the square. It is normalised, so that its log evidence
# is 0.

rng = np.random.default_rng(0)
means, deviation = rng.uniform(-40, 40, (40, 2)), np.log1p(np.e)


def log_density(x):
    squares = ((x[:, None] - means) ** 2).sum(axis=2) / deviation**2
    return logsumexp(-0.5 * squares, axis=1) - np.log(40 * 2 * np.pi * deviation**2)


# %%
# Draws
# -----
# Nothing is said of where the modes are, or of how far out.

sampler = FlowSampler(n_features=2, random_state=0).fit(log_density)
draws = sampler.sample(2000, random_state=0)
mode = ((draws[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
print(f"calls of the density: {sampler.n_evaluations_}, verdict: {sampler.verdict_}")
print(f"modes found: {len(np.unique(mode))} of 40")
print(f"log evidence: {sampler.log_evidence_:.3f} +- {sampler.log_evidence_se_:.3f}, exact: 0")

# %%
# The way there
# -------------
# While the power of the density is small, modes run into each other and a few normals hold them;
# they part as it grows. The last picture is of the chains' draws, beside exact ones.

exact = means[rng.integers(40, size=2000)] + deviation * rng.standard_normal((2000, 2))
grid = np.stack(np.meshgrid(*2 * [np.linspace(-48, 48, 200)]), axis=-1)
surface = log_density(grid.reshape(-1, 2)).reshape(200, 200)
powers = [record["power"] for record in sampler.history_]
figure, axes = plt.subplots(1, 4, figsize=(14, 3.9), layout="constrained")
for axis, power in zip(axes, (powers[0], powers[len(powers) // 2 - 1]), strict=False):
    axis.contourf(grid[..., 0], grid[..., 1], np.exp(power * (surface - surface.max())), 12)
    axis.set(title=f"density to the power {power:.2f}")
axes[2].scatter(*exact.T, s=3, color="0.2", linewidths=0)
axes[2].set(title="exact draws")
axes[3].scatter(*draws.T, s=3, color=ORANGE, linewidths=0)
axes[3].set(title=f"draws after {sampler.n_evaluations_:,} calls")
for axis in axes:
    axis.set(xlim=(-48, 48), ylim=(-48, 48), aspect="equal", xticks=[], yticks=[])

picture = sys.argv[1] if len(sys.argv) > 1 else "far_modes.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
