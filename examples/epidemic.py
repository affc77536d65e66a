"""
How fast does an epidemic spread?
=================================

A model of an epidemic is easily simulated, and its likelihood is unknown: people meet by
chance, recover by chance, and some of the cases are counted. ``SimulationPosterior`` infers the
rates from ten weekly counts, and ``check_posterior`` says whether it may be believed.

From a shell::

    python epidemic.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import gaussian_kde, lognorm

from skflow import MixtureFlowDensity, SimulationPosterior, check_posterior

BLUE, ORANGE = "#0072B2", "#D55E00"
PEOPLE, WEEKS, STEPS = 10_000, 10, 14  # steps of half a day

# %%
# Susceptible, infected, recovered
# --------------------------------
# An infected person infects others at rate beta and recovers at rate gamma, per day. Both are
# chance: a step of half a day draws how many of the susceptible fall ill, and how many recover.
# A third of the new cases of each week are counted. One infected person causes
# :math:`R_0 = \beta / \gamma` others while all are susceptible.


def simulate(theta, rng):
    beta, gamma = theta.T
    infected = np.full(len(theta), 20)
    susceptible = PEOPLE - infected
    counts = []
    for _ in range(WEEKS):
        new_of_week = np.zeros(len(theta), int)
        for _ in range(STEPS):
            ill = rng.binomial(susceptible, -np.expm1(-0.5 * beta * infected / PEOPLE))
            well = rng.binomial(infected, -np.expm1(-0.5 * gamma))
            susceptible, infected = susceptible - ill, infected + ill - well
            new_of_week += ill
        counts.append(rng.binomial(new_of_week, 1 / 3))
    return np.column_stack(counts)


# %%
# Counts span four powers of ten, and their logarithms are what densities see best. Priors are
# log-normal: ``scipy.stats`` says it, and no draw will be negative.

prior = {0: lognorm(0.5, scale=0.35), 1: lognorm(0.3, scale=0.2)}
rng = np.random.default_rng(0)


def draw_prior(n):
    return np.column_stack([law.rvs(n, random_state=rng) for law in prior.values()])


def observe(theta):
    return np.log1p(simulate(theta, rng))


theta = draw_prior(1000)
posterior = SimulationPosterior(prior=prior, density=MixtureFlowDensity(), random_state=0)
posterior.fit(theta, observe(theta))
print("held-out log densities of the rates:")
for name, score in posterior.held_out_scores_.items():
    print(f"  {name:4s} {score:5.2f}")
print("taken:", posterior.method_)

# %%
# May it be believed?
# -------------------
# On 300 fresh simulations: do the true rates rank evenly among draws, do regions hold them as
# often as they claim, can a classifier tell them from draws?

theta_new = draw_prior(300)
check_posterior(
    posterior,
    theta_new,
    observe(theta_new),
    use_log_density=False,
    feature_names=["beta", "gamma"],
)

# %%
# One epidemic
# ------------
# The counts of ten weeks, made with R0 = 2, and what follows from them: rates, R0, and epidemics
# that the posterior expects to see. All of it are draws; R0 is their quotient.

truth = np.array([[0.4, 0.2]])
x_o = observe(truth)[0]
draws = posterior.sample(1000, x_o, random_state=0)
r0, r0_prior = (rows[:, 0] / rows[:, 1] for rows in (draws, draw_prior(4000)))
low, high = np.quantile(r0, [0.05, 0.95])
print(f"R0: {np.median(r0):.2f}, 90 % between {low:.2f} and {high:.2f}")

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
left.scatter(*theta.T, s=4, color="0.75", linewidths=0, label="prior")
left.scatter(*draws.T, s=4, color=BLUE, linewidths=0, label="posterior")
left.scatter(*truth.T, color=ORANGE, marker="x", s=60, zorder=3, label="truth")
left.set(xlabel="beta, per day", ylabel="gamma, per day", xlim=(0, 1), ylim=(0, 0.5))
left.legend(frameon=False, loc="upper left", markerscale=1.5)

grid = np.linspace(0, 5, 400)
for rows, color, label in ((r0_prior, "0.6", "prior"), (r0, BLUE, "posterior")):
    density = gaussian_kde(rows[rows < 10])(grid)
    middle.fill_between(grid, density, color=color, alpha=0.5, linewidth=0, label=label)
middle.axvline(2, color=ORANGE, label="truth")
middle.set(xlabel="R0", ylabel="density", xlim=(0, 5), ylim=(0, None))
middle.legend(frameon=False)

weeks = np.arange(1, WEEKS + 1)
replicates = simulate(draws, rng)
for coverage, alpha in ((0.9, 0.2), (0.5, 0.35)):
    ends = np.quantile(replicates, [0.5 - coverage / 2, 0.5 + coverage / 2], axis=0)
    right.fill_between(
        weeks, *ends, color=BLUE, alpha=alpha, linewidth=0, label=f"{coverage:.0%} of replicates"
    )
right.plot(weeks, np.expm1(x_o).round(), "o", color=ORANGE, label="observed")
right.set(xlabel="week", ylabel="cases counted", ylim=(0, None), xticks=weeks)
right.legend(frameon=False)

picture = sys.argv[1] if len(sys.argv) > 1 else "epidemic.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
