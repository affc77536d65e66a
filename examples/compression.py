"""
A better density is a shorter file
==================================

An image costs minus the logarithm of its probability. Here held-out digits are written by
``TableDensity``, and beside it by xz, and by a code that knows how often each pixel has each
level: what a density gains in score is what the file loses in length. And the images that take
most bits are the odd ones.

From a shell::

    python compression.py [picture.png]
"""

import lzma
import sys

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skflow import Compressor, TableDensity

# %%
# Bits of images that no density has seen
# ---------------------------------------
# 64 pixels of 17 levels: one number a pixel would be 4.1 bits. There is one net, and a small one,
# so that this page is quick: with its defaults ``TableDensity`` is at 1.8 bits a pixel. The file
# is read again, and is what it was.

images = load_digits().data
train, test = train_test_split(images, test_size=0.2, random_state=0)
density = TableDensity(
    n_members=1, n_orders=2, hidden_features=(128, 128), max_steps=400, random_state=0
)
compressor = Compressor(density=density).fit(train)
data = compressor.compress(test)
assert np.array_equal(compressor.decompress(data), test)
each = compressor.bits_per_row(test)
print(f"{len(data)} bytes; the probabilities say {each.sum() / 8:.0f}", compressor.sizes(data))

# %%
# Beside it xz, of one byte a pixel, and the cross-entropy of the levels of each pixel by itself.

small = lzma.compress(test.astype(np.uint8).tobytes(), preset=9 | lzma.PRESET_EXTREME)
counts = np.apply_along_axis(np.bincount, 0, train.astype(int), minlength=17) + 0.5
shares = counts / counts.sum(axis=0)
alone = -np.log2(shares[test.astype(int), np.arange(64)]).mean()
bits = {
    "TableDensity": 8 * len(data) / test.size,
    "pixel by pixel": alone,
    "xz": 8 * len(small) / test.size,
}
for name, value in bits.items():
    print(f"{name:15s} {value:.2f} bits a pixel")

# %%
# What is surprising is long
# --------------------------
# Images with the fewest bits and with the most.

order = np.argsort(each)
figure = plt.figure(figsize=(9, 3.4), layout="constrained")
left, middle, right = figure.subfigures(1, 3, width_ratios=[1.5, 1, 1])
axes = left.subplots()
bars = axes.barh(list(bits), bits.values(), color=["C0", "0.7", "0.7"])
axes.bar_label(bars, fmt="%.2f", padding=3)
axes.set(xlabel="bits a pixel", xlim=(0, 1.2 * max(bits.values())))
axes.spines[["top", "right"]].set_visible(False)
for part, title, chosen in (
    (middle, "fewest bits", order[:9]),
    (right, "most bits", order[-9:]),
):
    part.suptitle(title)
    for ax, i in zip(part.subplots(3, 3).flat, chosen, strict=True):
        ax.imshow(test[i].reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{each[i]:.0f}", fontsize=7)
        ax.set_axis_off()

picture = sys.argv[1] if len(sys.argv) > 1 else "compression.png"
figure.savefig(picture, dpi=130)
print(f"picture: {picture}")
