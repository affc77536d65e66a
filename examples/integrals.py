"""
An integral that learns where to look
=====================================

Two peaks on a diagonal, and a thin ring around them. Nobody tells :func:`skflow.integrate` where
they are. Rows are drawn, weighed, and proposals fitted to them, round after round; then the last
proposal is frozen and measured. What it has learnt draws *events* by the function in the end.

From a shell::

    python integrals.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np

from skflow import integrate


def f(x):
    """Two peaks with an integral of 0.5 each, and a ring with 1."""
    peaks = sum(np.exp(-0.5 * (((x - at) / 0.02) ** 2).sum(axis=1)) for at in (0.43, 0.57))
    ring = np.exp(-0.5 * ((np.linalg.norm(x - 0.5, axis=1) - 0.35) / 0.02) ** 2)
    return peaks / (4 * np.pi * 0.02**2) + ring / (0.7 * np.pi * (2 * np.pi) ** 0.5 * 0.02)


# %%
# The integral
# ------------
# It is 2 all but exactly. The report says how many calls it took, whether rounds agree, and what
# the proposal is made of.

found = integrate(f, [(0, 1)] * 2, random_state=0)
print(found)
print(f"off by {(found.estimate - 2) / found.error:+.1f} errors")

# %%
# Events
# ------
# Independent draws, all of the same weight, by rejection: most proposals are accepted.

events = found.unweight(4_000, random_state=0)
print(events)

# %%
# More columns
# ------------
# The same peaks without the ring, in 2, 4 and 8 columns: calls for an error of a thousandth.


def peaks(x):
    d = x.shape[1]
    both = (np.exp(-0.5 * (((x - at) / 0.1) ** 2).sum(axis=1)) for at in (0.35, 0.65))
    return sum(both) / 2 / (0.1 * (2 * np.pi) ** 0.5) ** d


calls = {d: integrate(peaks, [(0, 1)] * d, random_state=0).n_calls for d in (2, 4, 8)}
print(calls)

# %%
# Estimates of single rounds, with their errors: the first one is spread evenly, the last one
# measures.

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
axis = (np.arange(300) + 0.5) / 300
grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
left.imshow(f(grid).reshape(300, 300) ** 0.5, origin="lower", extent=(0, 1, 0, 1), cmap="Blues")
left.set_title("the function (its root)")
middle.scatter(*events.rows.T, s=1, color="C0")
middle.set(title=f"events, {events.efficiency:.0%} accepted", aspect="equal", xlim=(0, 1))
middle.set_ylim(0, 1)
for i, each in enumerate(found.rounds):
    color = "C1" if each["measures"] else "0.6"
    right.errorbar(i, each["estimate"][0], each["error"][0], fmt="o", color=color, capsize=3)
right.axhline(2, color="black", linewidth=1)
right.set(title="rounds: learning, measuring", xlabel="round", ylabel="its estimate")
right.set_ylim(1.8, 2.2)

picture = sys.argv[1] if len(sys.argv) > 1 else "integrals.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
