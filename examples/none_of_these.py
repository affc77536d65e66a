"""
Digits, and none of these
=========================

A classifier that knows the digits 0 to 7 calls an 8 whatever it resembles most, and is often sure
of it: probabilities of classes have the sum 1, and none is left for what it has not seen.
``FlowClassifier`` has the density of each class, and so says two things of an image: which of the
digits it is likely to be, and whether it is like any of them at all.

From a shell::

    python none_of_these.py [picture.png]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import log_loss
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import train_test_split

from skflow import FlowClassifier

# %%
# Eight of ten digits
# -------------------
# scikit-learn's images of 8 x 8 pixels, as twelve principal components of those that train. The
# digits 8 and 9 are left out. Each class gets a mixture of two Gaussians, which takes a second;
# without ``density=`` the classifier tries many kinds of densities and a flow.

images, digit = load_digits(return_X_y=True)
known = digit < 8
train, test, y, y_test = train_test_split(
    images[known], digit[known], test_size=0.5, random_state=0, stratify=digit[known]
)
components = PCA(12, random_state=0).fit(train)
mixture = GaussianMixture(2, reg_covar=0.05, random_state=0)
model = FlowClassifier(density=mixture, random_state=0).fit(components.transform(train), y)

proba = model.predict_proba(components.transform(test))
plain = FlowClassifier(density=mixture, calibrate=False, random_state=0)
plain = plain.fit(components.transform(train), y).predict_proba(components.transform(test))
right = model.classes_[proba.argmax(axis=1)] == y_test
print(f"known digits, held out: {right.mean():.1%} right")
print(f"log loss: {log_loss(y_test, proba):.3f} nats, by plain Bayes' rule", end=" ")
print(f"{log_loss(y_test, plain):.3f}")

# %%
# None of these
# -------------
# A p-value is small where an image is less like the known digits than nearly all held-out images
# are. Below 5 % lie about one of twenty known ones, by construction, and most of the new digits,
# of which the probabilities alone are sure more often than not.

p_known = model.novelty_p_values(components.transform(test))
new = images[~known]
p_new = model.novelty_p_values(components.transform(new))
sure = model.predict_proba(components.transform(new)).max(axis=1)
print(f"p at most 5 %: {(p_known <= 0.05).mean():.0%} of the known digits,", end=" ")
print(f"{(p_new <= 0.05).mean():.0%} of 8 and 9")
print(f"8 and 9 that are taken for a known digit with at least 90 %: {(sure >= 0.9).mean():.0%}")

# %%
# In the middle the new images with the smallest p-values, on the right those that pass for known.

BLUE, ORANGE = "#0072B2", "#D55E00"
figure = plt.figure(figsize=(11, 3.8), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=[1.25, 1, 1], wspace=0.06)
axes = left.subplots()
bins = np.linspace(0, 1, 21)
axes.hist(p_known, bins, density=True, color=BLUE, alpha=0.6, label="known digits, held out")
axes.hist(p_new, bins, density=True, histtype="step", color=ORANGE, linewidth=2, label="8 and 9")
axes.axvline(0.05, color="0.4", linestyle=":", linewidth=1)
axes.set(xlabel="novelty p-value", ylabel="density", yscale="log", xlim=(0, 1))
axes.legend(frameon=False)

order = np.argsort(p_new, kind="stable")
guesses = model.predict(components.transform(new))
for part, title, chosen in ((middle, "like none", order[:12]), (right, "passed", order[-12:])):
    part.suptitle(title)
    for ax, i in zip(part.subplots(3, 4).flat, chosen, strict=True):
        ax.imshow(new[i].reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{guesses[i]}? p = {p_new[i]:.2g}", fontsize=7)
        ax.set_axis_off()

picture = sys.argv[1] if len(sys.argv) > 1 else "none_of_these.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
