"""
Which of two models, from chains that are there
===============================================

Thirty points about a line, some of them far off. Is the noise normal, or has it heavy tails? Both
models were sampled by random walks, as any sampler might have done it. ``log_evidence`` takes the
chains and the log densities that were sampled, and says how likely each model makes the points.

From a shell::

    python evidence.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from skflow import MixtureFlowDensity, log_evidence

BLUE, ORANGE = "#0072B2", "#D55E00"

# %%
# Points and models
# -----------------
# A line with intercept a and slope b, and noise of scale s; its logarithm is the third parameter.
# Priors and likelihoods have all their constants: an evidence is made of them.

rng = np.random.default_rng(7)
x = np.sort(rng.uniform(-1, 1, 30))
y = 0.5 + 2 * x + 0.3 * stats.t(2).rvs(30, random_state=rng)
NOISES = {"normal noise": stats.norm(), "Student's t": stats.t(3)}


def log_density_of(noise):
    """Log prior plus log likelihood of rows (a, b, log s)."""

    def log_density(theta):
        a, b, log_s = (column[:, None] for column in theta.T)
        residuals = (y - a - b * x) / np.exp(log_s)
        likelihood = (noise.logpdf(residuals) - log_s).sum(axis=1)
        return likelihood + stats.norm(0, 3).logpdf(theta).sum(axis=1)

    return log_density


# %%
# Chains
# ------
# Four random walks of 4,500 steps, of which the first 500 are left out.


def random_walks(log_density, rng, n_chains=4, n_steps=4500, burn_in=500):
    theta = np.array([0.5, 2.0, -1.0]) + 0.1 * rng.standard_normal((n_chains, 3))
    value, chain = log_density(theta), []
    for _ in range(n_steps):
        step = theta + [0.09, 0.16, 0.2] * rng.standard_normal(theta.shape)
        at_step = log_density(step)
        moves = np.log(rng.uniform(size=n_chains)) < at_step - value
        theta, value = np.where(moves[:, None], step, theta), np.where(moves, at_step, value)
        chain.append(theta)
    return np.swapaxes(chain[burn_in:], 0, 1)


chains = {name: random_walks(log_density_of(noise), rng) for name, noise in NOISES.items()}

# %%
# Evidences
# ---------
# A density of half of the chains is compared with the other half, and the other way round.
# Printing a result shows all checks. The difference of both is the log Bayes factor: heavy tails
# make these points some eight hundred times as likely.

found = {name: log_evidence(chains[name], log_density_of(NOISES[name])) for name in NOISES}
for name, result in found.items():
    print(f"{name}: {result}\n")


def bayes_factor(normal, student):
    """Log Bayes factor of Student's t over the normal, and its standard error."""
    difference = student.log_evidence - normal.log_evidence
    return difference, np.hypot(normal.standard_error, student.standard_error)


difference, error = bayes_factor(*found.values())
print(f"log Bayes factor: {difference:.3f} +- {error:.3f}")

# %%
# The truth
# ---------
# Three parameters can still be integrated on a grid.

axes = [np.linspace(0, 1, 61), np.linspace(1, 3, 61), np.linspace(-2.5, 1, 81)]
grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
log_cell = sum(np.log(axis[1] - axis[0]) for axis in axes)
exact = {
    name: np.logaddexp.reduce(
        np.concatenate([log_density_of(noise)(part) for part in np.array_split(grid, 30)])
    )
    + log_cell
    for name, noise in NOISES.items()
}
truth = exact["Student's t"] - exact["normal noise"]
print(f"on a grid: {truth:.3f}")

# %%
# With fewer draws
# ----------------
# Left: both models' lines. Middle: a chain's draws, and the density that is learnt from half of
# them. Right: the Bayes factor from the first draws of each chain, with two standard errors. A
# third of the draws would have done.

lengths = np.array([1200, 1700, 2300, 3000, 4000])
factors = np.array(
    [
        bayes_factor(*(log_evidence(chains[k][:, :n], log_density_of(NOISES[k])) for k in NOISES))
        for n in lengths
    ]
)

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
ends = np.array([-1.05, 1.05])
for (name, draws), color in zip(chains.items(), (BLUE, ORANGE), strict=True):
    some = draws.reshape(-1, 3)[::400]
    left.plot(ends, (some[:, :1] + some[:, 1:2] * ends).T, color=color, lw=0.6, alpha=0.5)
    left.plot([], [], color=color, label=name)
left.plot(x, y, "o", color="0.2", ms=4)
left.set(xlabel="x", ylabel="y", title="points, and lines of both models")
left.legend(frameon=False)

draws = chains["Student's t"][:2, :, 1:].reshape(-1, 2)
density = MixtureFlowDensity(random_state=0).fit(np.unique(draws, axis=0))
slope, log_s = np.meshgrid(np.linspace(1.5, 2.6, 80), np.linspace(-2, -0.2, 80))
height = np.exp(density.score_samples(np.column_stack([slope.ravel(), log_s.ravel()])))
middle.plot(*draws[::10].T, ".", color="0.6", ms=2)
middle.contour(slope, log_s, height.reshape(slope.shape), levels=6, colors=ORANGE, linewidths=1)
middle.set(xlabel="slope", ylabel="log s", title="draws, and a density of them")

right.axhline(truth, color="0.2", lw=1, label="on a grid")
right.errorbar(
    4 * lengths, factors[:, 0], 2 * factors[:, 1], fmt="o", color=ORANGE, capsize=3, label="found"
)
right.set(xlabel="draws of each model", title="log Bayes factor, nats")
right.legend(frameon=False)

picture = sys.argv[1] if len(sys.argv) > 1 else "evidence.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
