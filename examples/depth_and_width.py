"""
Deeper or wider?
================

A layer of affine couplings can do little: it scales and shifts one coordinate as the other says.
What a flow of such layers can express grows with their number, and with the width of the nets that
steer them. The target is a pinwheel of five arms, whose entropy is known: the least that the
negative log-likelihood of any density can come to.

From a shell::

    python depth_and_width.py [picture.png]
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
from _targets import TARGETS

from skflow import RealNVPDensity

target = next(target for target in TARGETS if target.name == "pinwheel")
rng = np.random.default_rng(0)
train, test = target.draw(2_000, rng), target.draw(5_000, rng)
floor = target.entropy()

# %%
# One flow, two dials
# -------------------
# A single flow from a normal base, so that the layers do all the work. Each setting is fitted from
# two seeds, and every fit gets the same number of steps.

DEPTH, WIDTH, SEEDS = 8, 32, (0, 1)
fits = {}


def fit(n_layers, width):
    """Flows of that shape, one for each seed, with their gaps to the floor and seconds."""
    if (n_layers, width) not in fits:
        start = time.perf_counter()
        flows = [
            RealNVPDensity(
                n_layers=n_layers,
                hidden_features=(width, width),
                base="normal",
                mixing="none",
                preprocessing="standardize",
                n_members=1,
                dropout=0.0,
                input_noise=0.0,
                batch_size=360,
                learning_rate=5e-3,
                max_epochs=70,
                n_iter_no_change=None,
                random_state=seed,
            ).fit(train)
            for seed in SEEDS
        ]
        seconds = (time.perf_counter() - start) / len(SEEDS)
        gaps = [-flow.score(test) - floor for flow in flows]
        fits[n_layers, width] = flows, gaps, seconds
    return fits[n_layers, width]


sweeps = {
    "layers": {depth: fit(depth, WIDTH) for depth in (1, 2, 4, 8, 16)},
    "width": {width: fit(DEPTH, width) for width in (2, 8, 32, 128)},
}
for dial, sweep in sweeps.items():
    print(f"{dial:>8s}  nats above the entropy  seconds a fit")
    for value, (_, gaps, seconds) in sweep.items():
        print(f"{value:8d}  {np.mean(gaps):22.3f}  {seconds:13.1f}")

# %%
# Both sweeps, and what the flows have learnt
# -------------------------------------------
# Bars span the two seeds. Below, densities of the first seed's flows.

figure, axes = plt.subplot_mosaic(
    [["layers"] * 3 + ["width"] * 3, [1, 1, 4, 4, 16, 16]], figsize=(10, 7), layout="constrained"
)
titles = {"layers": f"depth, nets of width {WIDTH}", "width": f"width, {DEPTH} layers"}
for dial, sweep in sweeps.items():
    gaps = np.array([gaps for _, gaps, _ in sweep.values()])
    middle, reach = gaps.mean(axis=1), np.ptp(gaps, axis=1) / 2
    axis = axes[dial]
    axis.errorbar(list(sweep), middle, reach, color="#0072B2", marker="o", capsize=4)
    axis.set(xscale="log", xlabel=dial, ylim=(0, 1.4), title=titles[dial])
    axis.set_xticks(list(sweep), list(sweep))
    axis.minorticks_off()
    axis.grid(alpha=0.3)
axes["layers"].set_ylabel("held-out nats above the entropy")

side = np.linspace(-4, 4, 160)
a, b = np.meshgrid(side, side)
grid = np.column_stack([a.ravel(), b.ravel()])
for depth in (1, 4, 16):
    flow = fit(depth, WIDTH)[0][0]
    values = np.exp(flow.score_samples(grid)).reshape(a.shape)
    axes[depth].pcolormesh(a, b, values, cmap="cividis", vmax=0.25, rasterized=True)
    axes[depth].set(
        title=f"{depth} layer{'s' * (depth > 1)}", aspect="equal", xticks=[], yticks=[]
    )

picture = sys.argv[1] if len(sys.argv) > 1 else "depth_and_width.png"
figure.savefig(picture, dpi=130)
print(f"\npicture: {picture}")
