"""
Particles that have no order, by their energy and by a few rows
===============================================================

Four particles in the plane, each pair of which likes to be near or far, and nothing in between.
Their order, the axes and where they are do not matter, so a density of them should not ask.
``symmetry={"particles": 4, "dim": 2}`` says so: the flow learns from 1,000 rows what would take
others every order and angle of each row. And as the energy is known, weights mend what it lacks.

From a shell::

    python particles.py [picture.png] [--quick]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from skflow import ContinuousFlowDensity

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#888888"
quick = "--quick" in sys.argv

# %%
# Energy and rows
# ---------------
# The energy of Koehler, Klein and Noe (2020), in units of the temperature, and 1,000 rows of
# random walks.


def distances(rows):
    particles = rows.reshape(-1, 4, 2)
    i, j = np.triu_indices(4, 1)
    return np.linalg.norm(particles[:, i] - particles[:, j], axis=-1)


def energy(rows):
    away = distances(rows) - 4
    return (0.9 * away**4 - 4 * away**2).sum(axis=1)


def random_walks(rng, n_walkers, n_steps=3_000):
    rows = 3 * rng.standard_normal((n_walkers, 8))
    at_rows = energy(rows)
    for _ in range(n_steps):
        moved = rng.uniform(size=rows.shape) < 0.5
        steps = rows + 10 ** rng.uniform(-1, 0.2, (n_walkers, 1)) * moved * rng.standard_normal(
            rows.shape
        )
        at_steps = energy(steps)
        accepted = np.log(rng.uniform(size=n_walkers)) < at_rows - at_steps
        rows = np.where(accepted[:, None], steps, rows)
        at_rows = np.where(accepted, at_steps, at_rows)
    return rows


rng = np.random.default_rng(0)
reference = random_walks(rng, 5_000)
rows = reference[:1_000]

# %%
# A flow that knows the symmetry
# ------------------------------
# Scores are those of the rows around their centre of mass: in another order, turned and shifted
# they are the same.

density = ContinuousFlowDensity(
    symmetry={"particles": 4, "dim": 2}, max_epochs=5 if quick else 250, random_state=0
).fit(rows)

first = rows[:1].reshape(4, 2)
turned = first[[2, 0, 3, 1]] @ [[0.0, -1.0], [1.0, 0.0]] + [10.0, 5.0]
scores = density.score_samples([first.ravel(), turned.ravel()])
print(f"log density of a row, and of the same seen otherwise: {scores[0]:.6f}, {scores[1]:.6f}")

# %%
# Weights
# -------
# Draws of the flow come with their densities, and weights that are proportional to
# exp(-energy) / density make expectations those of the energy itself. Their effective number
# says how good the flow is.

draws = density.sample(200 if quick else 2_000, random_state=0)
log_weights = -energy(draws) - density.score_samples(draws)
weights = np.exp(log_weights - log_weights.max())
weights /= weights.sum()
print(f"effective draws: {100 / (weights**2).sum() / len(draws):.0f} of 100")
print(
    f"mean energy: draws {energy(draws).mean():.2f}, weighted {weights @ energy(draws):.2f}, "
    f"random walks {energy(reference).mean():.2f}"
)

# %%
# Energies and distances
# ----------------------
# Grey are the random walks, blue the draws as they come, orange the weighted ones.

fig, axes = plt.subplots(1, 3, figsize=(11, 3.4))
for place, row in enumerate(draws[np.argsort(energy(draws))[:: len(draws) // 4]][:4]):
    particles = row.reshape(4, 2) + [14 * (place % 2), -14 * (place // 2)]
    axes[0].plot(*particles.T, "o", color=BLUE)
    for i in range(4):
        axes[0].plot(*particles[[i, (i + 1) % 4]].T, color=GREY, lw=0.5)
axes[0].set(title="four draws", aspect="equal", xticks=[], yticks=[])
panels = (
    ("energy", energy, np.linspace(-27, -10, 50)),
    ("distance of two particles", distances, np.linspace(0, 10, 60)),
)
for ax, (title, of_rows, bins) in zip(axes[1:], panels, strict=True):
    known, drawn = of_rows(reference), of_rows(draws)
    times = 1 if drawn.ndim == 1 else drawn.shape[1]
    shares = {"histtype": "step", "density": True, "bins": bins}
    ax.hist(known.ravel(), bins, density=True, color=GREY, alpha=0.4, label="random walks")
    ax.hist(drawn.ravel(), color=BLUE, label="draws", **shares)
    ax.hist(
        drawn.ravel(), weights=np.repeat(weights, times), color=ORANGE, label="weighted", **shares
    )
    ax.set(xlabel=title, yticks=[])
axes[1].set_xticks([-25, -20, -15, -10])
axes[1].legend(frameon=False)
fig.tight_layout()

for target in sys.argv[1:]:
    if target.endswith(".png"):
        fig.savefig(target, dpi=150)
