"""
Images: a Glow of handwritten digits
====================================

1,797 images of 8 x 8 pixels with 17 levels of grey, shipped with scikit-learn: bits per
dimension beside classical densities and a flow that knows nothing of images; draws at two
temperatures; a walk from one image to another; the most and the least likely images.

From a shell::

    python digits_glow.py [picture.png] [--quick]
"""

import math
import sys
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KernelDensity

from skflow import GlowDensity, NSFDensity

SHAPE, LEVELS = (1, 8, 8), 17
arguments = [a for a in sys.argv[1:] if a != "--quick"]
quick = "--quick" in sys.argv
digits = load_digits()
train, test, _, labels = train_test_split(
    digits.data, digits.target, test_size=0.2, random_state=0
)

# %%
# Bits per dimension
# ------------------
# The flow is told that pixels are integers: its score is the log of the mean over four draws of
# uniform noise, an estimate of the log probability of the image. Densities of continuous rows are
# given the pixels with such noise and scored alike.

rng = np.random.default_rng(0)
noisy_train = train + rng.random(train.shape)
noisy_test = test + rng.random((4, *test.shape))


def log_probability(model):
    """Of each test image, by a density of continuous rows, up to the noise of four draws."""
    each = [model.score_samples(rows) for rows in noisy_test]
    return np.logaddexp.reduce(each) - math.log(4)


start = time.perf_counter()
glow = GlowDensity(
    image_shape=SHAPE, levels=LEVELS, max_epochs=3 if quick else "auto", random_state=0
).fit(train)
print(f"{'GlowDensity':24s} {glow.bits_per_dim(test):6.3f} bits per dimension", end="")
print(f"  {time.perf_counter() - start:6.1f} s")

others = {
    "KernelDensity, tuned": GridSearchCV(
        KernelDensity(), {"bandwidth": np.linspace(0.6, 2.5, 12)}, cv=3
    ),
    "GaussianMixture, tuned": GridSearchCV(
        GaussianMixture(reg_covar=0.1, random_state=0), {"n_components": [5, 10, 20]}, cv=3
    ),
    "NSFDensity, of rows": NSFDensity(max_seconds=10 if quick else 120, random_state=0),
}
for name, model in others.items():
    start = time.perf_counter()
    model.fit(noisy_train)
    best = getattr(model, "best_estimator_", model)
    bits = -log_probability(best).mean() / (test.shape[1] * math.log(2))
    print(f"{name:24s} {bits:6.3f} bits per dimension  {time.perf_counter() - start:6.1f} s")

# %%
# What the flow has learnt
# ------------------------
# A walk between the latents of two images passes images; a walk between pixels passes ghosts.

pairs = [
    (int(np.flatnonzero(labels == a)[0]), int(np.flatnonzero(labels == b)[0]))
    for a, b in ((3, 8), (0, 6))
]
shares = np.linspace(0, 1, 12)[:, None]
walks = []
for a, b in pairs:
    first, last = glow.transform(test[[a, b]])
    walks.append(glow.inverse_transform((1 - shares) * first + shares * last))
order = np.argsort(glow.score_samples(test))
lines = {
    "images": test[:12],
    "draws": glow.sample(12, random_state=0),
    "draws at temperature 0.7": glow.sample(12, random_state=0, temperature=0.7),
    "walk from 3 to 8": walks[0],
    "walk from 0 to 6": walks[1],
    "most likely": test[order[::-1][:12]],
    "least likely": test[order[:12]],
}

figure, axes = plt.subplots(len(lines), 12, figsize=(9, 6), layout="constrained")
for line, (title, images) in zip(axes, lines.items(), strict=True):
    line[0].set_title(title, loc="left", fontsize=9)
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image.reshape(SHAPE[1:]), cmap="gray_r", vmin=0, vmax=LEVELS - 1)
        axis.axis("off")

picture = arguments[0] if arguments else "digits_glow.png"
figure.savefig(picture, dpi=110)
print(f"\npicture: {picture}")

# %%
# What it draws, from a run that was not cut short:
#
# .. image:: /images/digits_glow.png
#    :alt: Digits: images, draws, walks between images, the most and the least likely

# sphinx_gallery_thumbnail_path = "images/digits_glow.png"
