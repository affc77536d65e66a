"""States of training runs on disk: each file appears whole, and says whose it is."""

import contextlib
import hashlib
import io
import os
import time
from tempfile import mkstemp

import torch

from skflow._escapes import escaped
from skflow._notices import warn
from skflow.exceptions import CheckpointWarning
from skflow.training._claim import claimed

__all__ = ["Checkpoint", "Keeper", "read_state", "write_state"]

EVERY = 120.0  # seconds between two states that are written
MAGIC = b"skflow checkpoint 1\n"
# by how much, of the largest number, the same preprocessing may differ between two machines
SAME = 1e-5
START = "start.state"  # how a fit starts; other states are of training runs


class Checkpoint:
    """The folder of one fit: its seed, how it started, and the states of its training runs.

    Fits with another fingerprint have another folder, and so have fits with the same one that
    run at the same time: a fit has its folder for itself until :meth:`close`.

    Parameters
    ----------
    folder : str or path
        For folders of fits; made if it is not there.
    name : str
        The first part of the name of this fit's.
    fingerprint : str
        Of all that the result depends on.
    seed : int
        What a new fit begins with.
    verbose : int
        1 says that a fit goes on from a state.

    Attributes
    ----------
    seed : int
        That of the fit which goes on, if one does.
    """

    def __init__(self, folder, name, fingerprint, seed, verbose=0):
        self.name, self.fingerprint, self.verbose = name, fingerprint, verbose
        self.place, self.lock = claimed(_made(folder), f"{name}-{fingerprint}")
        try:
            self.seed = self._kept_seed(seed)
        except BaseException:
            self.close()
            raise

    def settle(self, start):
        """Take note of how the fit starts; states of a fit that started otherwise are dropped.

        Parameters
        ----------
        start : dict
            ``plain`` (str) and ``tensors`` (dict), which may differ by what machines differ.
        """
        path = os.path.join(self.place, START)
        last = read_state(path, self.fingerprint)
        if last is not None and not _alike(last, start):
            warn(
                "What comes before training (preprocessing, base, start) came out otherwise than "
                f"in the fit whose checkpoint is in {escaped(self.place)}, as it does where a "
                "limit of time ended it: training starts from its beginning.",
                CheckpointWarning,
            )
            self._drop_states()
            last = None
        if last is None:
            write_state(path, self.fingerprint, start)

    def keeper(self, name):
        """Return the Keeper of one training run, by its name in this fit."""
        path = os.path.join(self.place, f"{name}.state")
        label, told = f"{self.fingerprint} {self.seed}", f"{self.name}, {name}"
        return Keeper(path, label, told if self.verbose else None)

    def remove(self):
        """Remove all of it, as nothing is left to go on with."""
        self._drop_states()
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.place, "seed"))

    def close(self):
        """Let others have the folder, which is removed if there is nothing to go on from."""
        if self.lock.file.closed:
            return
        names = os.listdir(self.place)
        if not any(name.endswith(".state") and name != START for name in names):
            self.remove()
        self.lock.release()

    def _kept_seed(self, seed):
        path = os.path.join(self.place, "seed")
        try:
            with open(path, encoding="ascii") as file:
                return int(file.read())
        except FileNotFoundError:
            pass
        except ValueError:
            _say_damaged(path, "it holds no whole number")
        self._drop_states()
        _replace(path, f"{seed}\n".encode("ascii"))
        return seed

    def _drop_states(self):
        for name in os.listdir(self.place):
            if name.endswith((".state", ".part")):
                os.remove(os.path.join(self.place, name))


class Keeper:
    """Keeps the states of one training run in a file, the last one at every few minutes.

    Parameters
    ----------
    path : str
    label : str
        Whose state it is; a state with another label is never used.
    name : str, optional
        Of the run, to say in a line that it goes on; None says nothing.
    """

    def __init__(self, path, label, name=None):
        self.path, self.label, self.name = path, label, name
        self.waiting = None  # the last state, if it is not in the file yet
        self.due = time.perf_counter() + EVERY
        self.works = True

    def last(self):
        """Return the state to go on from, None if there is none."""
        state = read_state(self.path, self.label)
        if state is not None and self.name is not None:
            epoch, folder = state["epoch"], escaped(os.path.dirname(self.path))
            print(f"[{self.name}] goes on after epoch {epoch}, from {folder}", flush=True)
        return state

    def note(self, state, whole=True):
        """Take the state at an epoch's end; it is written if it is time for that.

        One of an epoch that was cut short is left: what goes on from it would end otherwise.
        """
        if not whole:
            return
        self.waiting = state
        if time.perf_counter() >= self.due:
            self.end()

    def end(self):
        """Write the last state, if that was not done yet."""
        if self.waiting is None or not self.works:
            return
        try:
            write_state(self.path, self.label, self.waiting)
        except OSError as error:
            self.works = False
            warn(
                f"The checkpoint {escaped(self.path)} could not be written ({error}): the fit "
                "goes on without further ones, and if it is killed, an older one or none is left. "
                "Make room there, or give checkpoint= a folder that can be written to.",
                CheckpointWarning,
            )
        self.waiting = None
        self.due = time.perf_counter() + EVERY


def write_state(path, label, state):
    """Write plain data and tensors to a file that appears whole or not at all."""
    payload = io.BytesIO()
    torch.save({"label": label, "state": state}, payload)
    data = payload.getvalue()
    _replace(path, MAGIC + _digest(data) + data)


def read_state(path, label):
    """Read what :func:`write_state` wrote with this label; None, and a warning, for all else."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    head = len(MAGIC) + len(_digest(b""))
    payload = data[head:]
    if not data.startswith(MAGIC):
        return _say_damaged(path, "it does not begin as checkpoints of this version do")
    if data[len(MAGIC) : head] != _digest(payload):
        return _say_damaged(path, "its bytes are not those that were written")
    content = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    if content["label"] != label:
        return _say_damaged(path, "it is of another fit, of other parameters, rows or seed")
    return content["state"]


def _say_damaged(path, why):
    warn(
        f"{escaped(path)} is no checkpoint that this fit can go on with: {why}. What it should "
        "hold is done from its beginning, and the file is replaced.",
        CheckpointWarning,
    )


def _digest(data):
    return hashlib.blake2b(data, digest_size=32).digest()


def _replace(path, data):
    handle, temporary = mkstemp(dir=os.path.dirname(path), suffix=".part")
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)
        raise


def _made(folder):
    folder = os.fsdecode(folder)
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise NotADirectoryError(
            f"checkpoint={escaped(repr(folder))} is a file, and must be a folder, in which each "
            "fit has a folder of its own: give a path where there is a folder or nothing yet."
        )
    os.makedirs(folder, exist_ok=True)
    return folder


def _alike(one, other):
    """Whether two starts are the same, but for what machines differ in."""
    ours, theirs = one["tensors"], other["tensors"]
    if one["plain"] != other["plain"] or ours.keys() != theirs.keys():
        return False
    return all(_close(ours[name], theirs[name]) for name in ours)


def _close(a, b):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not a.is_floating_point():
        return torch.equal(a, b)
    finite = a.isfinite()
    if not torch.equal(a[~finite].nan_to_num(), b[~finite].nan_to_num()):
        return False
    a, b = a[finite].double(), b[finite].double()
    return bool(((a - b).abs() <= SAME * a.abs().max()).all()) if len(a) else True
