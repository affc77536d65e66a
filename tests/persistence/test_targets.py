"""What save may write to and load may read: regular files, and links to them."""

import os
import socket
import stat
import threading

import numpy as np
import pytest

import skflow
from skflow import ModelFileError


@pytest.fixture(scope="module")
def fitted():
    return skflow.LinearFlowDensity().fit(np.random.default_rng(0).normal(size=(50, 2)))


def make_pipe(path):
    os.mkfifo(path)


def make_socket(path):
    folder = os.open(path.parent, os.O_RDONLY)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(f"/proc/self/fd/{folder}/{path.name}")
    os.close(folder)


SPECIAL = {"named pipe": make_pipe, "socket": make_socket}


@pytest.mark.parametrize("what", SPECIAL)
@pytest.mark.parametrize("linked", [False, True])
def test_what_is_no_file_stays_as_it_is(what, linked, fitted, tmp_path):
    path = tmp_path / "special"
    SPECIAL[what](path)
    before = os.stat(path)
    given = path
    if linked:
        given = tmp_path / "link"
        given.symlink_to(path)
    with pytest.raises(OSError, match=f"it is a {what}.*give another name"):
        fitted.save(given)
    with pytest.raises(ModelFileError, match=f"is a {what}"):
        skflow.load(given)
    assert (os.stat(path).st_mode, os.stat(path).st_ino) == (before.st_mode, before.st_ino)
    assert sorted(os.listdir(tmp_path)) == sorted({"special", given.name})


def test_devices(fitted):
    with pytest.raises(OSError, match="it is a device"):
        fitted.save("/dev/null")
    for path in ("/dev/null", "/dev/zero"):
        with pytest.raises(ModelFileError, match="is a device"):
            skflow.load(path)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_the_end_of_a_pipe_that_has_no_name(fitted):
    reader, writer = os.pipe()
    with pytest.raises(OSError, match="named pipe"):
        fitted.save(f"/dev/fd/{writer}")
    os.close(reader)
    os.close(writer)


def test_a_pipe_that_someone_reads_gets_nothing(fitted, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    done = []

    def save():
        with pytest.raises(FileExistsError):
            fitted.save(path)
        done.append(True)

    thread = threading.Thread(target=save, daemon=True)  # writing would wait for ever
    thread.start()
    thread.join(10)
    assert done
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_folder(ending, fitted, tmp_path):
    with pytest.raises(IsADirectoryError, match="it is a folder.*model.safetensors"):
        fitted.save(f"{tmp_path}{ending}")
    with pytest.raises(ModelFileError, match="is a folder"):
        skflow.load(tmp_path)
    with pytest.raises(IsADirectoryError, match="folder"):  # that is not there yet
        fitted.save(f"{tmp_path}/new/")
    assert os.listdir(tmp_path) == []


def test_links(fitted, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "to come")
    fitted.save(link)
    assert link.is_symlink()
    assert (tmp_path / "to come").is_file()
    assert skflow.load(link).n_features_in_ == 2
    ring = tmp_path / "ring"
    ring.symlink_to(ring)
    with pytest.raises(OSError, match="symbolic links"):
        fitted.save(ring)


def test_paths_of_bytes(fitted, tmp_path):
    path = os.fsencode(tmp_path / "model")
    fitted.save(path)
    assert skflow.load(path).n_features_in_ == 2


def test_export_leaves_pipes_alone(fitted, tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(FileExistsError, match="named pipe"):
        fitted.export(path)
    assert path.is_fifo()


def test_names_of_files_are_shown_without_escapes(fitted, tmp_path):
    path = tmp_path / "\x1b[31mred"
    path.write_bytes(b"hello, this is no file")
    for call in (skflow.load, lambda _: fitted.save(tmp_path / "\x1b[2Jnone" / "a")):
        with pytest.raises((ModelFileError, FileNotFoundError)) as caught:
            call(path)
        assert "\x1b" not in str(caught.value)
        assert "\\x1b[" in str(caught.value)


def test_a_large_file_of_others_is_not_read(tmp_path):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(2**40)  # takes no room
    with pytest.raises(ModelFileError, match="is not a file that save wrote"):
        skflow.load(path)
    with open(path, "r+b") as file:
        file.write((2**35).to_bytes(8, "little") + b"{")
    with pytest.raises(ModelFileError, match="damaged: a header of"):
        skflow.load(path)


def test_a_good_file_with_much_behind_it_is_not_read(fitted, tmp_path):
    path = tmp_path / "long"
    fitted.save(path)
    with open(path, "r+b") as file:
        file.truncate(2**40)
    with pytest.raises(ModelFileError, match="damaged or was changed: with 1099511627776 bytes"):
        skflow.load(path)
