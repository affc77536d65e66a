"""
Images of 28 x 28 pixels
========================

Glow on a part of MNIST: 6,000 images to fit in some ten minutes of one core, bits per dimension
of 1,000 others, draws at two temperatures, walks between images, and which images are odd.

The images come from OpenML, or from an ``.npz`` file with arrays ``x_train6k`` and ``x_test``
(n, 28, 28). With ``--quick`` nothing is fetched: patches of two photographs that scikit-learn
ships take their place, and the fit stops after seconds.

From a shell::

    python mnist_glow.py [picture.png] [--file images.npz] [--seconds 600] [--quick]
"""

import argparse
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import fetch_openml, load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d

from skflow import GlowDensity

SHAPE, LEVELS, COLUMNS = (1, 28, 28), 256, 12


def mnist(file):
    """6,000 rows to fit and 1,000 to test."""
    if file:
        parts = np.load(file)
        train, test = parts["x_train6k"], parts["x_test"]
    else:
        images = fetch_openml("mnist_784", as_frame=False).data
        train, test = images[54_000:60_000], images[60_000:]
    return rows(train), rows(test)[:1_000]


def patches():
    """Patches of two photographs in grey, 300 to fit and 100 to test."""
    grey = [image.mean(axis=2).round() for image in load_sample_images().images]
    images = [
        extract_patches_2d(image, SHAPE[1:], max_patches=200, random_state=0) for image in grey
    ]
    images = np.random.default_rng(0).permutation(np.concatenate(images))
    return rows(images[:300]), rows(images[300:])


def rows(images):
    return np.asarray(images, dtype=float).reshape(len(images), -1)


parser = argparse.ArgumentParser(description="Glow on a part of MNIST.")
parser.add_argument("picture", nargs="?", default="mnist_glow.png")
parser.add_argument("--file")
parser.add_argument("--seconds", type=float, default=600)
parser.add_argument("--quick", action="store_true")
args = parser.parse_args()
train, test = patches() if args.quick else mnist(args.file)

# %%
# The fit
# -------
# ``memory_efficient=True`` would hold no more than the activations of one step in memory, for a
# quarter more of time.

glow = GlowDensity(
    image_shape=SHAPE,
    levels=LEVELS,
    n_layers=1 if args.quick else 4,
    hidden_features=(16, 16) if args.quick else (64, 64),
    max_seconds=10 if args.quick else args.seconds,
    random_state=0,
)
start = time.perf_counter()
glow.fit(train)
seconds = time.perf_counter() - start
print(f"{len(train)} images, {glow.n_iter_} epochs, {seconds:.0f} s, ended by {glow.stopped_by_}")
print(f"{glow.bits_per_dim(train[:500]):.3f} bits per dimension of images that were fitted")
print(f"{glow.bits_per_dim(test):.3f} bits per dimension of others")

# %%
# What it has learnt
# ------------------

shares = np.linspace(0, 1, COLUMNS)[:, None]
latents = glow.transform(test[:4])
order = np.argsort(glow.score_samples(test))
lines = {
    "images": test[:COLUMNS],
    "draws": glow.sample(COLUMNS, random_state=0),
    "draws at temperature 0.7": glow.sample(COLUMNS, random_state=0, temperature=0.7),
    "a walk": glow.inverse_transform((1 - shares) * latents[0] + shares * latents[1]),
    "another": glow.inverse_transform((1 - shares) * latents[2] + shares * latents[3]),
    "most likely": test[order[::-1][:COLUMNS]],
    "least likely": test[order[:COLUMNS]],
}

figure, axes = plt.subplots(len(lines), COLUMNS, figsize=(9, 6), layout="constrained")
for line, (title, images) in zip(axes, lines.items(), strict=True):
    line[0].set_title(title, loc="left", fontsize=9)
    for axis, image in zip(line, images, strict=True):
        axis.imshow(image.reshape(SHAPE[1:]), cmap="gray_r", vmin=0, vmax=LEVELS - 1)
        axis.axis("off")
figure.savefig(args.picture, dpi=110)
print(f"\npicture: {args.picture}")
