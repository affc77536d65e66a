"""Of images a diagnosis speaks as of images, and looks at what images have."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skflow import GlowDensity, RealNVPDensity, diagnose
from skflow.diagnostics.report._view import ImageView, TableView, view_of
from skflow.tables._observation import ContinuousRows


def view(shape, X):
    class Images:
        image_shape = shape

    return view_of(Images(), X, ContinuousRows.read(X))


DIGITS = load_digits().data
SETTINGS = {"image_shape": (1, 8, 8), "max_epochs": 1, "n_members": 1, "random_state": 0}


@pytest.fixture(scope="module")
def of_integers():
    flow = GlowDensity(**SETTINGS, levels=17, n_layers=1).fit(DIGITS[:300])
    return diagnose(flow, DIGITS[300:500], verbose=False)


class TestDigits:
    def test_no_column_and_no_row_is_spoken_of(self, of_integers):
        report = str(of_integers)
        assert not re.search(r"\b(columns?|rows?)\b", report), report
        assert report.startswith("200 images, log density in nats")
        assert re.search(r"pixel \(\d, \d\)", report)

    def test_integers_stay_integers(self, of_integers):
        assert "draws against scores" not in of_integers.findings
        assert "ties" not in [cause.name for cause in of_integers.causes]
        assert of_integers.findings["bits"].bits > 0

    def test_whole_images_are_compared(self, of_integers):
        finding = of_integers.findings["whole images"]
        assert finding.values.shape == (200, 3)
        assert "the roughness" in finding.reading

    def test_of_numbers(self):
        flow = RealNVPDensity(**SETTINGS, n_layers=1).fit(DIGITS[:200] / 16)
        report = str(diagnose(flow, DIGITS[200:300] / 16, verbose=False))
        assert not re.search(r"\b(columns?|rows?)\b", report), report

    def test_rows_without_a_shape_are_rows(self):
        X = DIGITS[:, 20:24] + np.random.default_rng(0).normal(size=(len(DIGITS), 4))
        flow = GlowDensity(n_layers=1, max_epochs=1, n_members=1, random_state=0).fit(X[:300])
        assert "200 rows" in str(diagnose(flow, X[300:500], try_remedies=False, verbose=False))


class TestLargeImages:
    X = np.random.default_rng(0).random((40, 3 * 20 * 30))

    def test_blocks_stand_for_pixels(self):
        seen = view((3, 20, 30), self.X)
        blocks = seen.columns(self.X)
        assert blocks.shape == (40, 3 * 8 * 8) == (40, len(seen.labels))
        image = self.X[0].reshape(3, 20, 30)
        assert blocks[0, 0] == pytest.approx(image[0, :2, :3].mean())
        assert seen.labels[-1] == "block at (17, 26) of channel 2"
        assert blocks[0, -1] == pytest.approx(image[2, 17:, 26:].mean())

    def test_words(self):
        seen = view((3, 20, 30), self.X)
        assert seen.words("rows in column block at (0, 3)") == "images in block at (0, 3)"
        assert seen.words("differ in column the mean") == "differ in the mean"

    def test_a_line_of_pixels(self):
        X = self.X[:, :300]
        assert view((1, 1, 300), X).columns(X).shape == (40, 8)
        assert np.isfinite(view((1, 1, 300), X).of_images(X, X)[0]).all()

    def test_are_diagnosed_by_blocks(self):
        X = np.random.default_rng(0).random((80, 3 * 20 * 20))
        flow = GlowDensity(
            image_shape=(3, 20, 20), n_layers=1, n_scales=1, hidden_features=(4, 4), max_epochs=1
        ).fit(X[:40])
        found = diagnose(flow, X[40:] + 0.5, verbose=False)
        assert found.findings["margins"].values.shape == (40, 3 * 8 * 8)
        assert re.search(r"in block at \(\d+, \d+\) of channel \d", str(found))
        assert not re.search(r"\b(columns?|rows?)\b", str(found)), str(found)


def test_rough_images_are_told_from_smooth_ones():
    rng = np.random.default_rng(0)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(50, 6, 6)), axis=1), axis=2).reshape(50, 36)
    shuffled = rng.permuted(smooth, axis=1)
    seen = view((1, 6, 6), smooth)
    a, b, names = seen.of_images(shuffled, smooth)
    assert names == ["the mean", "the contrast", "the roughness"]
    np.testing.assert_allclose(a[:, :2], b[:, :2])
    assert (a[:, 2] > b[:, 2]).mean() > 0.95
    single = np.array([[0.0, 1.0], [2.0, 5.0]]).reshape(1, 4)
    found = view((1, 2, 2), np.zeros((1, 4))).of_images(single, single)[0][0]
    assert found[2] == pytest.approx(np.sqrt((1 + 9 + 4 + 16) / 4))


def test_a_table_is_called_by_its_columns():
    seen = TableView(["a", "b"], np.array([1]))
    assert seen.labels == ["b"]
    assert seen.words("rows of column b") == "rows of column b"
    assert seen.of_images(None, None) is None
    assert isinstance(view((1, 1, 2), np.zeros((3, 2))), ImageView)
