"""``checkpoint=``: a fit that was killed goes on, and ends as one that was not."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skflow
from skflow.exceptions import CheckpointWarning, ConvergenceWarning
from skflow.fitting import _resumable
from skflow.training import _checkpoint
from skflow.training._loop import _Run
from tests.breaks import Power
from tests.instances import accepted

SMALL = {"n_layers": 2, "hidden_features": (8,), "base": "normal", "max_epochs": 8}
SMALL = {**SMALL, "n_members": 2, "preprocessing": "standardize"}
APART = {"n_members": 2, "batch_size": 512, "n_jobs": 2}


def rows(n=200, d=2, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, d))
    X[:, 1] += X[:, 0] ** 2
    return X


def density(folder=None, **settings):
    return skflow.MAFDensity(**{**SMALL, "random_state": 0, "checkpoint": folder, **settings})


def weights(model):
    return {name: value.numpy() for name, value in model.flow_.state_dict().items()}


def assert_same(model, other):
    ours, theirs = weights(model), weights(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)
    np.testing.assert_array_equal(model.held_out_scores_, other.held_out_scores_)
    assert len(model.history_) == len(other.history_)


def files(folder):
    return sorted(path.name for path in pathlib.Path(folder).rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def _always_due(monkeypatch):
    monkeypatch.setattr(_checkpoint, "EVERY", 0.0)


WAYS = {
    "one member": ({"n_members": 1}, {}),
    "stacked": ({"n_members": 3, "dropout": 0.2, "input_noise": 0.1}, {}),
    "apart": (APART, {}),
    "apart, in turn": ({**APART, "n_jobs": 1}, {}),
    "nothing held out": ({"validation_fraction": 0.0}, {}),
    "weights": ({}, {"sample_weight": np.linspace(0, 1, 200)}),
    "context": ({}, {"context": rows(seed=1)}),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_fit_that_broke_off_ends_as_a_whole_one(way, cut, tmp_path):
    settings, options = WAYS[way]
    n = 2_400 if "apart" in way else 200
    whole = density(**settings).fit(rows(n), **options)
    with pytest.raises(Power):
        cut(density(tmp_path, **settings), rows(n), 5, **options)
    assert any(name.endswith(".state") for name in files(tmp_path))
    again = density(tmp_path, **settings).fit(rows(n), **options)
    assert_same(again, whole)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    ["NSFDensity", "ResidualFlowDensity", "ContinuousFlowDensity", "GaussianizationFlowDensity"],
)
def test_every_kind_of_layers(name, cut, tmp_path):
    cls = getattr(skflow, name)
    settings = accepted(cls, {**SMALL, "max_epochs": 4, "n_members": 1, "random_state": 0})
    whole = cls(**settings).fit(rows(60))
    with pytest.raises(Power):
        cut(cls(**settings, checkpoint=tmp_path), rows(60), 2)
    assert_same(cls(**settings, checkpoint=tmp_path).fit(rows(60)), whole)


def test_members_that_were_done_are_not_trained_again(cut, tmp_path, monkeypatch):
    settings = {**APART, "n_jobs": 1}
    with pytest.raises(Power):
        cut(density(tmp_path, **settings), rows(2_400), 10)
    epochs, call = [], _Run.one_epoch
    monkeypatch.setattr(_Run, "one_epoch", lambda run: epochs.append(run) or call(run))
    density(tmp_path, **settings).fit(rows(2_400))
    assert len(epochs) == 2 * 8 - 10


def test_the_dtype_of_rows_does_not_matter(cut, tmp_path):
    X = rows().astype(np.float32)
    with pytest.raises(Power):
        cut(density(tmp_path), X, 3)
    again = density(tmp_path).fit(np.asfortranarray(X, dtype=np.float64))
    assert_same(again, density().fit(X))
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "other",
    [
        {"learning_rate": 0.01},
        {"random_state": 1},
        {"support": {0: (-10, None)}},
        {"hidden_features": (9,)},
    ],
)
def test_other_parameters_have_other_files(other, cut, tmp_path):
    with pytest.raises(Power):
        cut(density(tmp_path), rows(), 3)
    kept = files(tmp_path)
    assert_same(density(tmp_path, **other).fit(rows()), density(**other).fit(rows()))
    assert files(tmp_path) == kept


def test_other_rows_weights_and_contexts_have_other_files(cut, tmp_path):
    with pytest.raises(Power):
        cut(density(tmp_path), rows(), 3)
    kept, context = files(tmp_path), rows(seed=1)
    changed = rows()
    changed[7, 1] += 1e-9
    for X, options in [
        (changed, {}),
        (rows()[::-1], {}),
        (rows(), {"sample_weight": np.linspace(0, 1, 200)}),
        (rows(), {"context": context}),
    ]:
        density(tmp_path).fit(X, **options)
        assert files(tmp_path) == kept


def test_what_does_not_change_the_result_does_not_matter():
    X = rows()
    same = [{}, {"n_jobs": 2}, {"verbose": 1}, {"max_seconds": 5.0}, {"checkpoint": "a"}]
    found = {_resumable.fingerprint(density(**settings), [X]) for settings in same}
    assert len(found) == 1
    drawn = [{"random_state": None}, {"random_state": np.random.RandomState(3)}]
    assert len({_resumable.fingerprint(density(**settings), [X]) for settings in drawn}) == 1


def test_a_seed_that_was_drawn_is_kept(cut, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "skflow.estimators._trained.draw_seed", lambda given: drawn.append(1) or len(drawn)
    )
    with pytest.raises(Power):
        cut(density(tmp_path, random_state=None), rows(), 3)
    again = density(tmp_path, random_state=None).fit(rows())
    drawn.clear()
    assert_same(again, density(random_state=None).fit(rows()))
    assert files(tmp_path) == []


def test_two_fits_at_a_time_have_seeds_of_their_own(tmp_path, cut, monkeypatch):
    with pytest.raises(Power):
        cut(density(tmp_path, random_state=None), rows(), 3)
    epoch, begun, found = _Run.one_epoch, [], []

    def twice(run):
        if not begun:
            begun.append(run)
            found.append(density(tmp_path, random_state=None).fit(rows()))
        return epoch(run)

    monkeypatch.setattr(_Run, "one_epoch", twice)
    first = density(tmp_path, random_state=None).fit(rows())
    assert not np.array_equal(first.score_samples(rows()), found[0].score_samples(rows()))
    assert files(tmp_path) == []


def test_ctrl_c_keeps_files_and_the_next_fit_goes_on(cut, tmp_path):
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        model = cut(density(tmp_path), rows(), 3, KeyboardInterrupt)
    assert model.stopped_by_ == "interrupt"
    assert "training.state" in files(tmp_path)
    assert_same(density(tmp_path).fit(rows()), density().fit(rows()))
    assert files(tmp_path) == []


def test_more_seconds_go_on(tmp_path, monkeypatch):
    late, n = _Run.is_late, [0]

    def after_a_while(run):
        n[0] += 1
        if n[0] > 20:
            run.history.stopped_by = "max_seconds"
        return n[0] > 20 or late(run)

    monkeypatch.setattr(_Run, "is_late", after_a_while)
    model = density(tmp_path, max_seconds=100.0).fit(rows())
    assert model.stopped_by_ == "max_seconds"
    n[0], done = -(10**6), model.n_iter_
    assert 1 < done < 8
    epochs, call = [], _Run.one_epoch
    monkeypatch.setattr(_Run, "one_epoch", lambda run: epochs.append(run) or call(run))
    again = density(tmp_path, max_seconds=200.0).fit(rows())
    assert len(epochs) <= 8 - done + 1
    assert_same(again, density().fit(rows()))
    assert files(tmp_path) == []


def test_a_damaged_file_is_told_and_the_fit_begins_anew(cut, tmp_path):
    with pytest.raises(Power):
        cut(density(tmp_path), rows(), 3)
    (path,) = pathlib.Path(tmp_path).rglob("training.state")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.warns(CheckpointWarning, match="done from its beginning"):
        again = density(tmp_path).fit(rows())
    assert_same(again, density().fit(rows()))


def test_a_warm_start_goes_on_from_the_same_fit_alone(cut, tmp_path):
    first = density(warm_start=True).fit(rows())
    other = density(warm_start=True).fit(rows(seed=3))
    whole = clone_with_fit(first).fit(rows())
    again = clone_with_fit(first, checkpoint=tmp_path)
    with pytest.raises(Power):
        cut(again, rows(), 3)
    kept = files(tmp_path)
    clone_with_fit(other, checkpoint=tmp_path).fit(rows())
    assert files(tmp_path) == kept
    assert_same(again.fit(rows()), whole)


def clone_with_fit(model, **settings):
    again = clone(model).set_params(**settings)
    vars(again).update({k: v for k, v in vars(model).items() if k.endswith("_")})
    return again


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_search_may_have_one_folder(tmp_path, n_jobs):
    grid = {"learning_rate": [0.001, 0.01]}
    settings = {"cv": 2, "n_jobs": n_jobs}
    search = GridSearchCV(density(tmp_path), grid, **settings).fit(rows())
    plain = GridSearchCV(density(), grid, **settings).fit(rows())
    np.testing.assert_array_equal(
        search.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"]
    )
    assert_same(search.best_estimator_, plain.best_estimator_)
    assert os.listdir(tmp_path) == []


def test_a_wrong_folder_is_told_before_the_fit(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="must be a folder"):
        density(tmp_path / "file").fit(rows())
    with pytest.raises(ValueError, match="checkpoint"):
        density(3).fit(rows())


def test_the_path_is_saved_as_text(tmp_path):
    model = density(tmp_path / "states").fit(rows())
    model.save(tmp_path / "model.safetensors")
    again = skflow.load(tmp_path / "model.safetensors")
    assert again.checkpoint == str(tmp_path / "states")
    assert_same(again, model)


def test_nothing_is_written_without_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    density().fit(rows())
    assert os.listdir(tmp_path) == []


# A process that kills children of its own, which need not import torch again, at random times.
KILLS = """
import os, pickle, random, signal, sys, time, warnings
import numpy as np
import skflow
from skflow.training import _checkpoint

folder, n_kills, apart, seed = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "apart", sys.argv[4]
draws = random.Random(int(seed))
_checkpoint.EVERY = 0.0
X = np.random.default_rng(0).normal(size=(2_400 if apart else 300, 2))
settings = {"n_members": 2, "max_epochs": 15 if apart else 30}
settings |= {"batch_size": 512} if apart else {}

def fit(**options):
    options = {"n_layers": 2, "hidden_features": (8,), "random_state": 0, **settings, **options}
    options |= {"n_iter_no_change": None, "preprocessing": "standardize"}
    return skflow.MAFDensity(base="normal", **options).fit(X)

def weights(model):
    state = model.flow_.state_dict()
    return b"".join(value.contiguous().numpy().tobytes() for value in state.values())

start = time.perf_counter()
whole = weights(fit())
took = time.perf_counter() - start
kills = wholes = 0
while kills < n_kills:
    child = os.fork()
    if child == 0:
        if weights(fit(checkpoint=folder)) != whole:
            os._exit(1)
        os._exit(0)
    time.sleep(draws.uniform(0, took))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        kills += 1
    elif status:
        sys.exit("other weights")
    else:
        wholes += 1
assert weights(fit(checkpoint=folder)) == whole, "other weights"
print(kills, wholes, os.listdir(folder))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize(
    ("way", "n_kills"),
    [
        ("stacked", 1),
        *(pytest.param(way, 10, marks=pytest.mark.slow) for way in ("stacked", "apart")),
    ],
)
def test_killed_at_random_times(way, n_kills, tmp_path):
    command = [sys.executable, "-c", KILLS, str(tmp_path), str(n_kills), way, "0"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"{n_kills} ")
    assert run.stdout.strip().endswith("[]")
