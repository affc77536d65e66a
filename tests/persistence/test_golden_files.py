"""Files of earlier versions, which later ones read: the same scores."""

import os

import numpy as np
import pytest

import skflow
from skflow._persistence._layout import FORMAT
from tests.persistence.files.make import ASKED, FITS, FOLDER

FILES = sorted(name for name in os.listdir(FOLDER) if name.endswith(".safetensors"))


def asked(name):
    """What the scores of a golden file are of."""
    if name in ASKED:
        return ASKED[name]
    X = np.random.default_rng(0).normal(size=(30, 2))
    if name == "kernel":
        return (np.abs(X),)
    if name == "glow":
        return (np.random.default_rng(1).integers(0, 5, size=(30, 16)).astype(float),)
    return (X,)


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_another_version_of_the_package_still_loads(file):
    """It was written when its format was new; a change that breaks it needs a migration."""
    name, _ = file.split("-format-")
    model = skflow.load(FOLDER / file)
    expected = np.load(FOLDER / f"{name}-scores.npy")
    # the last digits are the processor's; a solver's steps are as long as they say
    rtol = 1e-4 if name == "symmetric" else 1e-5
    np.testing.assert_allclose(model.score_samples(*asked(name)), expected, rtol=rtol)


def test_there_are_files_of_the_format_that_is_written():
    """Whoever raises the format keeps files of the last one: run files/make.py before."""
    written = {file.split("-format-")[0] for file in FILES if f"-format-{FORMAT}." in file}
    assert written >= set(FITS)


def test_answers_of_a_table_from_a_file():
    table = skflow.load(FOLDER / f"table-format-{FORMAT}.safetensors")
    draws = table.sample(5, random_state=0, given={"kind": "flat"})
    assert list(draws.columns) == ["size", "rooms", "kind"]
    assert set(draws["kind"]) == {"flat"}


def test_names_and_bounds_from_a_file():
    given = skflow.load(FOLDER / f"approximator-given-format-{FORMAT}.safetensors")
    assert given.feature_names_ == ["slope", "offset"]
    declared = skflow.load(FOLDER / f"declared-format-{FORMAT}.safetensors")
    draws = declared.sample(50, random_state=0, on_grid=True)
    assert (draws[:, 2] >= 0).all()
    assert ((draws[:, 0] >= 0) & (draws[:, 0] <= 24)).all()
    np.testing.assert_array_equal(draws[:, 1], np.round(2 * draws[:, 1]) / 2)


def test_a_detector_of_an_older_file_says_what_it_lacks():
    model = skflow.load(FOLDER / "detector-format-1.safetensors")
    with pytest.raises(ValueError, match="explain needs values of the fit.* fit again"):
        model.explain(*asked("detector"))
