"""
A gallery of flows
==================

Every flow of the package on the same eight densities in the plane, 2,000 rows each. The picture
shows what each has learnt, with some of its draws. Below each cell stands the negative
log-likelihood of held-out rows and how far it is above the entropy of the target, the floor that
no density can go below.

From a shell::

    python gallery_of_flows.py [picture.png] [--seconds 7] [--flows NSFDensity ...] [--quick]

The settings are those of a toy, not of a table: one member, no preprocessing but a scale for each
column, and ``base="normal"``, so that the flow does all the work. By default the base is a mixture
of Gaussians started by EM, which finds most of these targets before the flow has begun.

Some flows are weak by nature: a linear flow is a Gaussian, a planar or radial layer bends space
along one direction or around one point, a Gaussianization layer sees one column at a time.
Additive and affine layers need many more steps than splines to part what is apart.

Then the corridor. A flow is a diffeomorphism: it bends space and cannot tear it. A normal base is
one piece, so what the flow makes of it is one piece too, and between modes that have nothing
between them a bridge of density is left. More layers and longer training thin the bridge and
never break it. A mixture base is in pieces from the start. The second picture, named after the
first with ``_corridor``, shows both.
"""

import argparse
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _targets import TARGETS, Target
from joblib import Parallel, delayed
from matplotlib.colors import PowerNorm

import skflow
from skflow.exceptions import ConvergenceWarning

# %%
# Settings
# --------
# Common ones, and for each flow those that a toy needs and a table does not: simple layers must be
# many. A flow that is not listed is taken as it is.

COMMON = {
    "base": "normal",
    "preprocessing": "standardize",
    "n_members": 1,
    "n_iter_no_change": None,
    "dropout": 0.0,
    "learning_rate": 0.01,  # time is short
    "random_state": 0,
}
BENDS = {"n_layers": 24, "learning_rate": 0.02}
OWN = {
    "PlanarFlowDensity": BENDS,
    "RadialFlowDensity": BENDS,
    "SylvesterFlowDensity": BENDS,
    "MADEDensity": {"n_components": 16},
    "NICEDensity": {"n_layers": 8},
    "RealNVPDensity": {"n_layers": 8},
    "MAFDensity": {"n_layers": 6, "hidden_features": (128, 128)},
    "IAFDensity": {"n_layers": 6, "hidden_features": (128, 128)},
    "NSFDensity": {"n_layers": 2, "n_bins": 16},
}
# GlowDensity is for images: without them it is RealNVPDensity
FLOWS = [
    name
    for name in skflow.__all__
    if name.endswith("Density") and hasattr(getattr(skflow, name), "transform")
    if name != "GlowDensity"
]
CORRIDOR_FLOWS = ("RealNVPDensity", "MAFDensity", "NSFDensity", "ContinuousFlowDensity")
MAX_EPOCHS = 800  # what more brings cannot be seen
WINDOW = 4.4  # half the side of a cell
EXTENT = (-WINDOW, WINDOW, -WINDOW, WINDOW)
IMAGE = {"origin": "lower", "extent": EXTENT, "cmap": "magma", "interpolation": "bilinear"}
BASES = {"normal": "tab:red", "mixture": "tab:blue"}
CORRIDOR = 1.0  # half its width; the modes are at -3 and 3 and have the spread 0.4
N_DRAWS = 10_000


def short(name):
    """Return the name of a flow as it stands beside a picture."""
    return name.removesuffix("Density").removesuffix("Flow")


def flow_of(name, **changes):
    """Return an unfitted flow with the settings of the gallery, as far as it has them."""
    flow = getattr(skflow, name)()
    settings = {**COMMON, **OWN.get(name, {}), **changes}
    return flow.set_params(**{k: v for k, v in settings.items() if k in flow.get_params()})


# %%
# One cell
# --------


@dataclass
class Cell:
    """A fitted flow and what is drawn of it."""

    flow: object
    nll: float
    image: np.ndarray
    draws: np.ndarray


def fit_cell(name, target, floor, options, base="normal"):
    """Fit a flow to draws of a target for about ``options.seconds``."""
    rng = np.random.default_rng(0)
    train, test = target.draw(options.rows, rng), target.draw(options.rows, rng)
    flow = fit_in_time(flow_of(name, base=base), train, options.seconds)
    # E -log q = entropy + E log p/q: the same mean as that of -log q over the held-out rows,
    # without the scatter of log p
    nll = floor + float(np.mean(target.log_density(test) - flow.score_samples(test)))
    image = np.exp(flow.score_samples(pixels(options.pixels)))
    draws = flow.sample(2_000, random_state=0)
    return Cell(flow, nll, image.reshape(options.pixels, options.pixels), draws)


def fit_in_time(flow, X, seconds):
    """Fit with as many epochs as take this time of one core.

    The learning rate falls to zero over the epochs, so a fit that is told their number beforehand
    ends better than one that is cut off. Flows that are not trained are just fitted.
    """
    if "max_epochs" not in flow.get_params():
        return flow.fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start, clock = time.perf_counter(), time.process_time()
        trial = flow.set_params(max_epochs=3).fit(X)
        # of the time that went by, what this process had: others may be at work here
        share = (time.process_time() - clock) / (time.perf_counter() - start)
        ends = [record["seconds"] for record in trial.history_]
        epoch = share * (ends[-1] - ends[0]) / (len(ends) - 1)
        epochs = min(max(round(seconds / epoch), 3), MAX_EPOCHS)
        return flow.set_params(max_epochs=epochs).fit(X)


def pixels(n):
    middle = ((np.arange(n) + 0.5) / n * 2 - 1) * WINDOW
    return np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)


# %%
# The gallery
# -----------


def draw_gallery(cells, floors, options):
    """Rows are flows, below a row of the targets themselves; columns are targets."""
    n_rows, n_columns = len(options.flows) + 1, len(TARGETS)
    figure, axes = plt.subplots(
        n_rows, n_columns, figsize=(9.6, 1.22 * n_rows), squeeze=False, layout="constrained"
    )
    figure.get_layout_engine().set(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.0)
    for target, floor, column in zip(TARGETS, floors.values(), axes.T, strict=True):
        truth = np.exp(target.log_density(pixels(options.pixels)))
        draws = target.draw(2_000, np.random.default_rng(1))
        truth = truth.reshape(options.pixels, options.pixels)
        top = truth.max()
        draw_density(column[0], truth, draws, top, f"entropy {floor:.2f}")
        column[0].set_title(target.name, fontsize=9)
        for name, axis in zip(options.flows, column[1:], strict=True):
            cell = cells[name, target.name, "normal"]
            label = f"{cell.nll:.2f}   {cell.nll - floor:+.2f}"
            draw_density(axis, cell.image, cell.draws, top, label)
    for name, axis in zip(["the target", *options.flows], axes[:, 0], strict=True):
        axis.set_ylabel(short(name), fontsize=8.5)
    return figure


def draw_density(axis, image, draws, top, label):
    # the square root, so that a tenth of the greatest density can be seen
    norm = PowerNorm(0.5, vmin=0, vmax=top, clip=True)
    axis.imshow(image, norm=norm, **IMAGE)
    inside = draws[np.abs(draws).max(axis=1) < WINDOW]
    axis.scatter(*inside[:250].T, s=0.35, color="white", alpha=0.5, linewidths=0)
    axis.set(xlim=EXTENT[:2], ylim=EXTENT[2:], xticks=[], yticks=[])
    axis.set_xlabel(label, fontsize=7.5, labelpad=1.5)
    axis.spines[:].set_visible(False)


def mean_gap(cells, floors, name):
    """Mean over the targets of how far a flow is from the floor."""
    return np.mean([cells[name, target, "normal"].nll - floor for target, floor in floors.items()])


def print_table(cells, floors, options):
    print(
        "negative log-likelihood of held-out rows, nats; the floor is the entropy of the target\n"
    )
    print(" " * 22 + "".join(f"{target.name:>17s}" for target in TARGETS))
    print(f"{'floor':22s}" + "".join(f"{floor:17.3f}" for floor in floors.values()))
    for name in options.flows:
        row = (cells[name, target.name, "normal"].nll for target in TARGETS)
        print(f"{name.removesuffix('Density'):22s}" + "".join(f"{nll:17.3f}" for nll in row))


# %%
# The corridor
# ------------


def draw_corridor(cells, options):
    """Both bases on the two far modes: log densities, and a cut along the line through both."""
    target = TARGETS[-1]
    flows = [name for name in CORRIDOR_FLOWS if name in options.flows]
    figure, axes = plt.subplots(
        len(BASES) + 1,
        len(flows),
        figsize=(9.6, 4.6),
        squeeze=False,
        sharex=True,
        sharey="row",
        layout="constrained",
    )
    for name, column in zip(flows, axes.T, strict=True):
        column[0].set_title(short(name), fontsize=10)
        for axis, (base, colour) in zip(column, BASES.items(), strict=False):
            flow = cells[name, target.name, base].flow
            draw_log_density(axis, flow, options)
            draw_cut(column[-1], flow, f'base="{base}"', colour)
        draw_cut(column[-1], target, "the target", "black")
    rows = [*(f'base="{base}"' for base in BASES), "log density\nat height 0"]
    for axis, label in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(label, fontsize=9)
    curves = axes[-1, 0].get_legend_handles_labels()
    figure.legend(*curves, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def draw_log_density(axis, flow, options):
    """Draw the log density down to e^-20, and the draws that fall into the corridor."""
    image = log_density_of(flow, pixels(options.pixels)).reshape(options.pixels, options.pixels)
    axis.imshow(image, vmin=-20, vmax=0, **IMAGE)
    stray = strays(flow)
    axis.scatter(*stray.T, s=2, color="white", linewidths=0)
    axis.set(xlim=EXTENT[:2], ylim=(-2, 2), yticks=[])
    axis.set_xlabel(f"{len(stray)} of {N_DRAWS:,} draws in the corridor", fontsize=7.5)
    axis.tick_params(bottom=False)


def draw_cut(axis, density, label, colour):
    across = np.linspace(-WINDOW, WINDOW, 400)
    cut = np.stack([across, np.zeros_like(across)], axis=1)
    axis.plot(across, log_density_of(density, cut), color=colour, label=label, linewidth=1.2)
    axis.axvspan(-CORRIDOR, CORRIDOR, color="0.93", zorder=0)
    axis.set(ylim=(-35, 2))


def strays(flow):
    """Draws (n, 2) of the fitted flow between the modes, five of their spreads from either."""
    draws = flow.sample(N_DRAWS, random_state=0)
    return draws[np.abs(draws[:, 0]) < CORRIDOR]


def log_density_of(density, x):
    return density.log_density(x) if isinstance(density, Target) else density.score_samples(x)


# %%
# All of it
# ---------


def parsed_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("picture", nargs="?", type=Path, default=Path("gallery_of_flows.png"))
    parser.add_argument("--seconds", type=float, help="of one core for each fit (default: 7)")
    parser.add_argument("--flows", nargs="+", choices=FLOWS, default=FLOWS, metavar="NAME")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="fits side by side")
    parser.add_argument("--quick", action="store_true", help="see that it runs; poor fits")
    options = parser.parse_args()
    options.rows, options.pixels = (500, 32) if options.quick else (2_000, 96)
    options.seconds = options.seconds or (0.2 if options.quick else 7.0)
    return options


def main():
    options = parsed_options()
    floors = {target.name: target.entropy() for target in TARGETS}
    tasks = [(name, target, "normal") for name in options.flows for target in TARGETS]
    tasks += [(name, TARGETS[-1], "mixture") for name in CORRIDOR_FLOWS if name in options.flows]
    fitted = Parallel(n_jobs=options.jobs)(
        delayed(fit_cell)(name, target, floors[target.name], options, base)
        for name, target, base in tasks
    )
    keys = [(name, target.name, base) for name, target, base in tasks]
    cells = dict(zip(keys, fitted, strict=True))
    options.flows = sorted(options.flows, key=lambda name: mean_gap(cells, floors, name))
    print_table(cells, floors, options)
    draw_gallery(cells, floors, options).savefig(options.picture, dpi=180)
    corridor = options.picture.with_stem(options.picture.stem + "_corridor")
    draw_corridor(cells, options).savefig(corridor, dpi=180)
    print(f"\npictures: {options.picture} and {corridor}")


if __name__ == "__main__":
    main()

# %%
# What it draws, from a run that was not cut short:
#
# .. image:: /images/gallery_of_flows.png
#    :alt: Densities of every flow on eight targets, with draws and held-out scores
#
# .. image:: /images/gallery_of_flows_corridor.png
#    :alt: Log densities of two far modes under a normal and a mixture base

# sphinx_gallery_thumbnail_path = "images/gallery_of_flows.png"
