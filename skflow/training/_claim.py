"""Folders that one process, or one thread of it, has for itself as long as it lives."""

import contextlib
import itertools
import os

from skflow._escapes import escaped
from skflow._notices import warn
from skflow.exceptions import CheckpointWarning

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]  # a module elsewhere
    import msvcrt

__all__ = ["Claim", "claimed"]

LOCK = "lock"


def claimed(folder, name):
    """Claim ``<name>-0`` in a folder, or the next number that nobody has; made if need be.

    Returns
    -------
    place : str
    claim : Claim
    """
    places = (os.path.join(folder, f"{name}-{number}") for number in itertools.count())
    claims = ((place, _claim(place)) for place in places)
    return next((place, claim) for place, claim in claims if claim is not None)


class Claim:
    """A lock on a file in a folder, which the system takes back when the process dies."""

    def __init__(self, place, file):
        self.place, self.file = place, file

    def release(self):
        """Let others have the folder, and remove it if nothing else is in it."""
        if self.file.closed:
            return
        path = os.path.join(self.place, LOCK)
        if os.listdir(self.place) == [LOCK]:
            # who waits for this very file sees that it is no longer the one of the folder
            with contextlib.suppress(OSError):  # Windows removes no open file
                os.remove(path)
                os.rmdir(self.place)
        self.file.close()


def _claim(place):
    """Return the claim on a folder, None if somebody else has it."""
    while True:
        path = os.path.join(place, LOCK)
        try:
            os.makedirs(place, exist_ok=True)
            file = open(path, "a", encoding="ascii")  # noqa: SIM115 - open as long as it is held
        except (FileExistsError, FileNotFoundError):  # its last owner is just removing the folder
            if os.path.isfile(place):
                raise
            continue
        if not _locked(file, place):
            file.close()
            return None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return Claim(place, file)
        file.close()


def _locked(file, place):
    """Lock an open file if nobody else has it locked."""
    try:
        if fcntl is None:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        warn(
            f"The file system of {escaped(place)} has no locks ({error}): two fits with the same "
            "parameters and rows that run at the same time there would share a checkpoint. Give "
            "each a folder of its own, or a checkpoint= on another disk.",
            CheckpointWarning,
        )
    return True
