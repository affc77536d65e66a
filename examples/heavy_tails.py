"""
Heavy tails
===========

Returns, claims, waiting times: in tables like these a row twenty deviations out is rare and not
impossible. A flow bends space smoothly, so that how its tails fall is up to its base and its
preprocessing. By default the outer tenth of a column says how far its tails are bent in, and
beyond all rows they are light. ``base="student_t"`` gives every column tails that fall as a power
however far out, and learns the power.

The rows are simulated, so that the truth is known: two columns with tail indices 3 and 2, of which
the second depends on the first.

From a shell::

    python heavy_tails.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import t as student_t

from skflow import MAFDensity

INDEX = 3.0, 2.0


def draw(n, rng):
    """Rows (n, 2): a column of tail index 3, and one of index 2 with a mean that bends with it."""
    first, noise = (rng.standard_t(index, size=n) for index in INDEX)
    return np.column_stack([first, np.tanh(first) + 0.5 * noise])


def log_density(x):
    """Log density (n,) of the truth."""
    first, second = x.T
    noise = (second - np.tanh(first)) / 0.5
    return student_t.logpdf(first, INDEX[0]) + student_t.logpdf(noise, INDEX[1]) - np.log(0.5)


rng = np.random.default_rng(0)
train, test = draw(3_000, rng), draw(20_000, rng)

# %%
# Three bases
# -----------
# Nothing else differs. With a single layer ``tail_index_`` holds the indices of the columns. The
# lower an index, the better it can be told: one of 4 needs more rows than these, for few of them
# lie where it shows.

flows = {
    base: MAFDensity(base=base, n_layers=1, n_members=1, random_state=0).fit(train)
    for base in ("normal", "mixture", "student_t")
}
print(f"{'base':12s} {'held-out nats':>14s} {'worst row':>10s}   tail indices (true: 3, 2)")
for base, flow in flows.items():
    scores = flow.score_samples(test)
    index = ", ".join(f"{power:.1f}" for power in flow.tail_index_)
    print(f"{base:12s} {scores.mean():14.3f} {scores.min():10.1f}   {index}")
truth = log_density(test)
print(f"{'truth':12s} {truth.mean():14.3f} {truth.min():10.1f}")

# %%
# How often is a value that large?
# --------------------------------
# On two logarithmic axes a power law is a straight line, and its slope minus the tail index: in
# 200,000 draws from each flow, and in two million from the truth.

sizes = np.geomspace(1, 200, 80)


def share_beyond(rows, column):
    """Share of rows whose size in a column exceeds each of the sizes; NaN where none does."""
    values = np.sort(np.abs(rows[:, column]))
    count = len(values) - np.searchsorted(values, sizes)
    return np.where(count > 0, count / len(values), np.nan)


draws = {base: flow.sample(200_000, random_state=0) for base, flow in flows.items()}
many = draw(2_000_000, rng)
looks = {
    "normal": ('base="normal"', "#D55E00", "--"),
    "mixture": ('base="mixture", the default', "#CC79A7", "-."),
    "student_t": ('base="student_t"', "#0072B2", "-"),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), sharey=True, layout="constrained")
for column, (axis, index) in enumerate(zip(axes, INDEX, strict=True)):
    seen = np.sort(np.abs(train[:, column]))[::-1]
    rank = np.arange(1, len(seen) + 1) / len(seen)
    axis.plot(seen, rank, ".", color="0.6", markersize=5, label="the 3,000 training rows")
    axis.plot(sizes, share_beyond(many, column), color="black", linewidth=1, label="truth")
    for base, (label, colour, line) in looks.items():
        axis.plot(sizes, share_beyond(draws[base], column), line, color=colour, label=label)
    axis.set(xscale="log", yscale="log", xlim=(1, 200), ylim=(4e-6, 1))
    axis.set(xlabel="size", title=f"{('first', 'second')[column]} column, tail index {index:g}")
axes[0].set_ylabel("share of rows beyond it")
axes[1].legend(frameon=False, loc="upper right")

picture = sys.argv[1] if len(sys.argv) > 1 else "heavy_tails.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
