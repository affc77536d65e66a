"""What of a table the checks of columns look at, and what they call it."""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

import numpy as np

__all__ = ["ImageView", "TableView", "View", "view_of"]

# pixels, with their channels, up to which each is a column for the checks
MAX_PIXELS = 256
BLOCKS = 8  # to a side, of larger images
WORDS = {"row": "image", "rows": "images", "column": "pixel", "columns": "pixels"}


@dataclass(frozen=True)
class View(ABC):
    """What is looked at of rows.

    Attributes
    ----------
    names : list of str
        Of all columns.
    varies : ndarray of int
        Those that the fit did not find constant.
    """

    names: list
    varies: np.ndarray

    def columns(self, rows):
        """Return what is compared (n, k) of rows (n, d)."""
        return rows[:, self.varies]

    @property
    def labels(self):
        """Names (k,) of what is compared."""
        return [self.names[j] for j in self.varies]

    @abstractmethod
    def words(self, text):
        """Return a sentence in the words that suit what the rows are."""

    @abstractmethod
    def of_images(self, samples, rows):
        """Return (samples, rows, names) of figures of whole images; None for tables."""

    def reworded(self, finding):
        """Return a finding whose reading is in these words."""
        return replace(finding, reading=self.words(finding.reading))


class TableView(View):
    """Columns of an ordinary table."""

    def words(self, text):
        return text

    def of_images(self, samples, rows):
        return None


@dataclass(frozen=True)
class ImageView(View):
    """Pixels of images, or means over blocks of them where they are many.

    Attributes
    ----------
    shape : tuple of int
        Channels, lines and columns.
    """

    shape: tuple

    @property
    def small(self):
        """Whether each pixel is looked at."""
        return len(self.names) <= MAX_PIXELS

    def columns(self, rows):
        if self.small:
            return super().columns(rows)
        images = rows.reshape(len(rows), *self.shape)
        for axis, size in ((2, self.shape[1]), (3, self.shape[2])):
            starts = _starts(size)
            sizes = np.diff(np.append(starts, size))
            images = np.add.reduceat(images, starts, axis=axis) / sizes.reshape(
                -1, *[1] * (3 - axis)
            )
        return images.reshape(len(rows), -1)

    @property
    def labels(self):
        if self.small:
            return super().labels
        channels, height, width = self.shape
        return [
            f"block at {_place(c, i, j, channels)}"
            for c in range(channels)
            for i in _starts(height)
            for j in _starts(width)
        ]

    def words(self, text):
        text = text.replace("column block", "block").replace("column the ", "the ")
        return re.sub(r"\b(rows?|columns?)\b", lambda found: WORDS[found[0]], text)

    def of_images(self, samples, rows):
        """Return mean, contrast and roughness of each channel of draws and rows, and names.

        The roughness is the root mean square difference of neighbouring pixels: draws of a flow
        that has learnt each pixel and not their dependence are too rough.
        """
        channels = self.shape[0]
        names = [
            f"the {what}" + (f" of channel {c}" if channels > 1 else "")
            for what in ("mean", "contrast", "roughness")
            for c in range(channels)
        ]
        return self._figures(samples), self._figures(rows), names

    def _figures(self, rows):
        images = rows.reshape(len(rows), *self.shape)
        down, along = np.diff(images, axis=2), np.diff(images, axis=3)
        n_pairs = max(1, down[0, 0].size + along[0, 0].size)
        rough = np.square(down).sum(axis=(2, 3)) + np.square(along).sum(axis=(2, 3))
        parts = images.mean(axis=(2, 3)), images.std(axis=(2, 3)), np.sqrt(rough / n_pairs)
        return np.concatenate(parts, axis=1)


def view_of(estimator, X, observation):
    """Return how to look at rows X (n, d) of an estimator that observed its table so."""
    names = [str(name) for name in getattr(estimator, "feature_names_in_", np.arange(X.shape[1]))]
    # what repeats in all rows is spread for the fit alone
    varies = np.flatnonzero([kind != "constant" for kind in observation.ties.kinds])
    varies = varies if len(varies) else np.arange(X.shape[1])
    shape = getattr(estimator, "image_shape", None)
    if shape is None:
        return TableView(names, varies)
    shape = tuple(int(size) for size in shape)
    places = np.argwhere(np.ones(shape, dtype=bool))
    names = [_place(c, i, j, shape[0]) for c, i, j in places]
    return ImageView(names, varies, shape)


def _place(channel, line, column, n_channels):
    place = f"({line}, {column})"
    return place if n_channels == 1 else f"{place} of channel {channel}"


def _starts(size):
    """Where the blocks of a side start."""
    return np.unique(np.linspace(0, size, min(size, BLOCKS), endpoint=False).astype(int))
