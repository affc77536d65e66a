"""
Questions to a table
====================

A data frame has numbers and categories, and holes in both. ``TableDensity`` learns the
distribution of any of its columns given any others, and then answers whatever is asked of them:
what belongs into a hole, what rows of one kind look like, which cell is wrong.

From a shell::

    python table_questions.py [picture.png]
"""

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_wine

from skflow import TableDensity

COLUMNS = ["alcohol", "flavanoids", "color_intensity", "hue", "proline"]
CULTIVARS = {"A": "#0072B2", "B": "#009E73", "C": "#D55E00"}

# %%
# A table with holes
# ------------------
# Five of thirteen measurements of 178 wines, and which of three cultivars they were made of. A
# fifth of all cells is taken out at random, and the density is fitted to what is left: nothing is
# filled in beforehand, and no row is dropped.

wine = load_wine(as_frame=True)
whole = wine.data[COLUMNS].assign(cultivar=pd.Categorical.from_codes(wine.target, list("ABC")))
rng = np.random.default_rng(0)
table = whole.mask(rng.random(whole.shape) < 0.2)

density = TableDensity(n_members=3, random_state=0).fit(table)
print(density.kinds_)

# %%
# Holes
# -----
# The guesses are medians, and most probable levels, given what is known of each wine. Forty draws
# of each hole say how far off they may be: nine of ten hidden values lie between the draws' 5 %
# and 95 % quantiles, if the density is honest.

filled = density.impute(table)
draws = density.impute(table, n_draws=40, random_state=0)
hole = table["cultivar"].isna()
right = (filled["cultivar"] == whole["cultivar"])[hole].mean()
held, error = [], []
for name in COLUMNS:
    hidden = table[name].isna()
    low, high = np.quantile([draw.loc[hidden, name] for draw in draws], [0.05, 0.95], axis=0)
    truth = whole.loc[hidden, name]
    held.extend((low <= truth) & (truth <= high))
    guess = filled.loc[hidden, name]
    error.append((guess - truth).abs().mean() / (whole[name].median() - truth).abs().mean())
print(f"cultivars guessed right: {right:.0%} of {hole.sum()}")
print(f"errors of guesses, over those of the column's median: {np.mean(error):.2f}")
print(f"hidden values between the ends of 90 % of the draws: {np.mean(held):.0%}")

# %%
# Wines that nobody made
# ----------------------
# Rows of one cultivar are drawn given it, and none is thrown away. A range of a number is a
# condition, too: what cultivar is a pale wine, what is a dark one?

drawn = density.sample(200, random_state=0, given=pd.DataFrame({"cultivar": list("ABC")}))
ends = {"pale": (None, 3), "dark": (7, None)}
for what, range_ in ends.items():
    shares = density.sample(2_000, random_state=0, given={"color_intensity": range_})["cultivar"]
    print(f"{what}:", shares.value_counts(normalize=True).sort_index().round(2).to_dict())

# %%
# A wrong cell
# ------------
# In ten wines one cell is replaced by that of another wine: an ordinary value, in the wrong
# place. ``explain`` says for each cell by how many nats it is less likely, given the rest of its
# row, than is usual there.

spoilt = whole.sample(10, random_state=1).reset_index(drop=True)
places = rng.integers(0, len(COLUMNS), len(spoilt))
for i, j in enumerate(places):
    others = whole[COLUMNS[j]]
    far = others.iloc[(others - spoilt.iloc[i, j]).abs().argsort().iloc[-60:]]
    spoilt.iloc[i, j] = far.sample(random_state=i).item()
nats = density.explain(spoilt)
print(
    f"the replaced cell is the oddest of its row in {(nats.argmax(axis=1) == places).sum()} of 10"
)

# %%
# On the left the wines and the drawn ones; on the right the odd cells, the replaced ones marked.

figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(13, 4.4), width_ratios=[1, 1, 1.15], layout="constrained"
)
for ax, rows, title in ((left, whole, "178 wines"), (middle, drawn, "600 draws, 200 a cultivar")):
    for name, color in CULTIVARS.items():
        own = rows[rows["cultivar"] == name]
        ax.scatter(own["color_intensity"], own["flavanoids"], s=9, color=color, label=name)
    ax.set(title=title, xlabel="color intensity", xlim=(0, 14), ylim=(0, 6))
left.set_ylabel("flavanoids")
left.legend(title="cultivar", frameon=False)
middle.tick_params(labelleft=False)

image = right.imshow(nats, cmap="magma_r", vmin=0, vmax=10, aspect="auto")
right.scatter(places, range(len(spoilt)), s=130, fc="none", ec="#0072B2", linewidths=2)
right.set(title="one cell replaced in each of ten wines", ylabel="wine", yticks=[])
right.set_xticks(range(spoilt.shape[1]), [n.replace("_", "\n") for n in spoilt], fontsize=8)
figure.colorbar(image, ax=right, label="surprise given the rest, nats")

picture = Path(sys.argv[1] if len(sys.argv) > 1 else "table_questions.png")
figure.savefig(picture, dpi=140)
print(f"wrote {picture}")
