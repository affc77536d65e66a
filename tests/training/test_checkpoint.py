"""Files of states: whole or not at all, and of one fit alone."""

import os
import threading
import time

import pytest
import torch

from skflow.exceptions import CheckpointWarning
from skflow.training import _checkpoint, _claim
from skflow.training._checkpoint import Checkpoint, Keeper, read_state, write_state

STATE = {"weights": torch.arange(3.0), "epoch": 2, "inf": float("inf"), "none": None, "l": [1]}


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "training.state")


OPEN = []


@pytest.fixture(autouse=True)
def _close():
    yield
    while OPEN:
        OPEN.pop().close()


def checkpoint(folder, fingerprint="f", seed=1, **options):
    OPEN.append(Checkpoint(folder, "X", fingerprint, seed, **options))
    return OPEN[-1]


def start(plain="plan", number=1.0):
    return {"plain": plain, "tensors": {"scale": torch.tensor([number, 3.0, torch.inf])}}


class TestFiles:
    def test_round_trip(self, path):
        write_state(path, "mine", STATE)
        again = read_state(path, "mine")
        assert torch.equal(again.pop("weights"), STATE["weights"])
        assert again == {name: value for name, value in STATE.items() if name != "weights"}
        assert os.listdir(os.path.dirname(path)) == ["training.state"]

    def test_nothing_there(self, path):
        assert read_state(path, "mine") is None

    @pytest.mark.parametrize("place", [0, 30, -1, "cut", "empty", "foreign"])
    def test_a_damaged_file_is_told_and_not_used(self, path, place):
        write_state(path, "mine", STATE)
        with open(path, "rb") as file:
            data = bytearray(file.read())
        if place == "cut":
            data = data[:-10]
        elif place == "empty":
            data = b""
        elif place == "foreign":
            data = b"a,b\n1,2\n"
        else:
            data[place] ^= 1
        with open(path, "wb") as file:
            file.write(data)
        with pytest.warns(CheckpointWarning, match="done from its beginning"):
            assert read_state(path, "mine") is None

    def test_of_another_fit(self, path):
        write_state(path, "mine", STATE)
        with pytest.warns(CheckpointWarning, match="of another fit"):
            assert read_state(path, "yours") is None

    def test_a_write_that_fails_leaves_the_old_file(self, path, monkeypatch):
        write_state(path, "mine", STATE)

        def no_space(number):
            raise OSError("no space left on device")

        monkeypatch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="no space"):
            write_state(path, "mine", {**STATE, "epoch": 3})
        assert read_state(path, "mine")["epoch"] == 2
        assert os.listdir(os.path.dirname(path)) == ["training.state"]


class TestKeeper:
    def test_writes_when_it_is_due_and_at_the_end(self, path, monkeypatch):
        now = [0.0]
        monkeypatch.setattr(time, "perf_counter", lambda: now[0])
        keeper = Keeper(path, "mine")
        for epoch, seconds, written in [(1, 60, None), (2, 121, 2), (3, 200, 2), (4, 242, 4)]:
            now[0] = seconds
            keeper.note({"epoch": epoch})
            found = read_state(path, "mine")
            assert (found and found["epoch"]) == written
        keeper.note({"epoch": 5})
        keeper.end()
        assert read_state(path, "mine")["epoch"] == 5

    def test_a_full_disk_ends_no_fit(self, path, monkeypatch):
        def no_space(number):
            raise OSError("no space left on device")

        monkeypatch.setattr(_checkpoint, "EVERY", 0.0)
        monkeypatch.setattr(os, "fsync", no_space)
        keeper = Keeper(path, "mine")
        with pytest.warns(CheckpointWarning, match="no space left"):
            keeper.note(STATE)
        keeper.note(STATE)  # a second warning would be an error


class TestFolder:
    def test_the_seed_is_that_of_the_first_fit(self, tmp_path):
        first = checkpoint(tmp_path, seed=1)
        first.keeper("training").note(STATE)
        write_state(first.keeper("training").path, "f 1", STATE)
        first.close()
        again = checkpoint(tmp_path, seed=2)
        assert (again.seed, again.place) == (1, first.place)
        assert again.keeper("training").last()["epoch"] == 2
        again.remove()
        again.close()
        assert os.listdir(tmp_path) == []

    def test_a_fit_that_did_nothing_leaves_nothing(self, tmp_path):
        first = checkpoint(tmp_path)
        first.settle(start())
        first.close()
        assert os.listdir(tmp_path) == []

    def test_two_at_a_time_have_two_folders(self, tmp_path):
        first, second = checkpoint(tmp_path, seed=1), checkpoint(tmp_path, seed=2)
        assert first.place != second.place
        assert (first.seed, second.seed) == (1, 2)
        assert checkpoint(tmp_path, "g", seed=3).seed == 3

    def test_many_threads_never_share_one(self, tmp_path):
        held, lock, wrong = set(), threading.Lock(), []

        def work():
            for _ in range(30):
                own = checkpoint(tmp_path)
                with lock:
                    wrong.extend(held & {own.place})
                    held.add(own.place)
                with lock:
                    held.discard(own.place)
                    own.close()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        assert os.listdir(tmp_path) == []

    @pytest.mark.parametrize(
        ("other", "same"),
        [
            (start(), True),
            (start(number=1 + 1e-7), True),
            (start(number=1.1), False),
            (start("another"), False),
            ({"plain": "plan", "tensors": {}}, False),
        ],
    )
    def test_a_fit_that_starts_otherwise_begins_anew(self, tmp_path, other, same, recwarn):
        first = checkpoint(tmp_path)
        first.settle(start())
        write_state(first.keeper("training").path, "f 1", STATE)
        first.close()
        again = checkpoint(tmp_path)
        again.settle(other)
        assert (again.keeper("training").last() is not None) is same
        told = [str(warning.message) for warning in recwarn]
        assert any("starts from its beginning" in line for line in told) is not same

    def test_a_damaged_seed_is_told(self, tmp_path):
        first = checkpoint(tmp_path)
        write_state(first.keeper("training").path, "f 1", STATE)
        first.close()
        with open(os.path.join(first.place, "seed"), "w") as file:
            file.write("one")
        with pytest.warns(CheckpointWarning, match="no whole number"):
            again = checkpoint(tmp_path, seed=5)
        assert again.seed == 5
        assert again.keeper("training").last() is None

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").write_text("")
        with pytest.raises(NotADirectoryError, match="is a file, and must be a folder"):
            checkpoint(tmp_path / "file")

    def test_a_line_says_that_a_fit_goes_on(self, tmp_path, capsys):
        first = checkpoint(tmp_path, verbose=1)
        keeper = first.keeper("member 1")
        assert keeper.last() is None
        assert capsys.readouterr().out == ""
        keeper.note(STATE)
        keeper.end()
        keeper.last()
        assert (
            capsys.readouterr().out == f"[X, member 1] goes on after epoch 2, from {first.place}\n"
        )

    def test_a_disk_without_locks_is_told(self, tmp_path, monkeypatch):
        class NoLocks:
            LOCK_EX = LOCK_NB = 0

            @staticmethod
            def flock(file, how):
                raise OSError("function not implemented")

        monkeypatch.setattr(_claim, "fcntl", NoLocks)
        with pytest.warns(CheckpointWarning, match="has no locks"):
            checkpoint(tmp_path).close()
