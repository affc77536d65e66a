"""
Predicting a distribution
=========================

A regressor says what to expect of y. How far off y may be, and to which side, it does not say;
and a spread that is the same for all rows is right for few of them. ``FlowRegressor`` says how
likely every value of y is given x, and what follows from that: quantiles, intervals, regions and
draws.

From a shell::

    python regression.py [picture.png]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.model_selection import KFold

from skflow import FlowRegressor
from skflow.metrics import interval_coverage, interval_score
from skflow.plots import PredictiveDisplay

BLUE, ORANGE = "#0072B2", "#D55E00"

# %%
# Intervals that breathe
# ----------------------
# scikit-learn's table of 442 patients, and a measure of how far their diabetes had progressed
# after a year. First it is given the body mass index alone. Slender patients gather low down, with
# a tail upwards; of heavy ones much less is certain.
#
# Then it is given all ten columns, and each patient gets an interval by a fit that has not seen
# them. Beside these intervals stands the usual remedy: the prediction of a regressor, and one
# width for all, here even that of the very errors on held-out patients. Both hold nine of ten; the
# interval score, which counts widths and misses, tells them apart.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
model = FlowRegressor(features=[], random_state=0)  # nothing but X, which is quick
by_index = clone(model).fit(X[["bmi"]], y)

trees = ExtraTreesRegressor(200, min_samples_leaf=3, random_state=0)
intervals, centre = np.empty((len(y), 2)), np.empty(len(y))
for train, test in KFold(5, shuffle=True, random_state=0).split(X):
    rows, unseen = X.iloc[train], X.iloc[test]
    intervals[test] = clone(model).fit(rows, y[train]).predict_interval(unseen, coverage=0.9)
    centre[test] = clone(trees).fit(rows, y[train]).predict(unseen)
one_width = centre[:, np.newaxis] + np.quantile(y - centre, [0.05, 0.95])

print(f"{'90 % intervals':14s} {'hold':>5s} {'narrowest':>10s} {'widest':>7s} {'score':>6s}")
for name, (low, high) in {"one width": one_width.T, "FlowRegressor": intervals.T}.items():
    held, score = interval_coverage(y, low, high), interval_score(y, low, high, 0.9)
    width = high - low
    print(f"{name:14s} {held:5.0%} {width.min():10.0f} {width.max():7.0f} {score:6.0f}")

# %%
# On the right every third patient, from low to high intervals.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.8), sharey=True, width_ratios=[1, 1.25], layout="constrained"
)
PredictiveDisplay.from_estimator(by_index, X[["bmi"]], y, ax=left)
left.set(xlabel="body mass index, kg/m²", ylabel="progression after a year, points")

order = np.argsort(intervals.mean(axis=1))[::3]
(low, high), values, place = intervals[order].T, y.to_numpy()[order], np.arange(len(order))
inside = (low <= values) & (values <= high)
right.vlines(place, low, high, color=BLUE, alpha=0.35, linewidth=2, label="90% interval")
right.scatter(place[inside], values[inside], s=10, color="0.2", zorder=3, label="held-out patient")
outside = {"s": 26, "color": ORANGE, "marker": "x", "zorder": 3, "label": "outside"}
right.scatter(place[~inside], values[~inside], **outside)
right.set(xlabel="patients, from low to high intervals", xticks=[], xlim=(-2, len(order) + 1))
right.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)

picture = Path(sys.argv[1] if len(sys.argv) > 1 else "regression.png")
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")

# %%
# Two modes
# ---------
# Six of ten trains on a line are fast. How long a journey takes is known at the shortest
# distances; further on there are two answers. A central interval leaves as much probability below
# as above, and so covers the minutes between them, in which no train arrives. The smallest set
# that holds y as often is two intervals, and shorter. The mean is of no use there.

rng = np.random.default_rng(0)
distance = rng.uniform(5, 100, 1500)  # km
speed = np.where(rng.uniform(size=1500) < 0.6, 110, 55)  # km/h
minutes = 5 + 60 * distance / speed + (1 + 0.04 * distance) * rng.normal(size=1500)

trains = FlowRegressor(features=[], random_state=0).fit(distance[:, None], minutes)
chosen = np.array([[80.0]])
(region,) = trains.predict_region(chosen, coverage=0.9)
(central,) = trains.predict_interval(chosen, coverage=0.9)
print(f"80 km, mean: {trains.predict(chosen)[0]:.0f} minutes")
print(f"80 km, central interval: {central.round()}, {np.ptp(central):.0f} minutes")
print(
    f"80 km, region: {region.round().tolist()}, {np.diff(region).sum():.0f} minutes long together"
)

# %%
# On the right the density at 80 km, upright beside the picture that it is a cut through.

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.8), width_ratios=[1.6, 1], sharey=True, layout="constrained"
)
grid = np.linspace(5, 100, 39)
bands = []  # two for each distance, which touch where the region is in one piece
for region_there in trains.predict_region(grid[:, np.newaxis], coverage=0.9):
    first, last = region_there[0], region_there[-1]
    middle = first.mean() if len(region_there) == 1 else np.nan
    bands.append([first[0], np.fmin(first[1], middle), np.fmax(last[0], middle), last[1]])
fast_low, fast_high, slow_low, slow_high = np.transpose(bands)
shade = {"color": BLUE, "alpha": 0.35, "linewidth": 0}
left.fill_between(grid, fast_low, fast_high, label="region, 90 %", **shade)
left.fill_between(grid, slow_low, slow_high, **shade)
ends = trains.predict_interval(grid[:, np.newaxis], coverage=0.9).T
for end, label in zip(ends, ("central interval, 90 %", None), strict=True):
    left.plot(grid, end, color=ORANGE, linestyle="--", label=label)
left.plot(grid, trains.predict(grid[:, np.newaxis]), color="black", linewidth=1, label="mean")
left.scatter(distance[:600], minutes[:600], s=4, color="0.2", linewidths=0, label="journeys")
left.axvline(80, color="0.5", linewidth=1, linestyle=":")
left.set(xlabel="distance, km", ylabel="journey, minutes", xlim=(5, 100), ylim=(0, 135))
left.legend(frameon=False, loc="upper left")

t = np.linspace(0, 135, 700)
density = np.exp(trains.log_density(np.full((len(t), 1), 80.0), t))
right.plot(density, t, color=BLUE)
for low, high in region:
    within = (low <= t) & (t <= high)
    right.fill_betweenx(t[within], density[within], **shade)
    right.annotate(
        f"{low:.0f} to {high:.0f} minutes", (0.02, low - 2), va="top", color=BLUE, fontsize=10
    )
right.plot([-0.003, -0.003], central, color=ORANGE, linewidth=4, solid_capstyle="butt")
right.set(xlabel="density at 80 km, per minute", xlim=(-0.006, 1.1 * density.max()))

second = picture.with_stem(f"{picture.stem}_two_modes")
figure.savefig(second, dpi=130)
print(f"picture: {second}")
