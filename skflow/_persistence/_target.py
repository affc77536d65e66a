"""Where a file is to be: regular files alone, each replaced in one step."""

import os
import stat
from tempfile import TemporaryDirectory

from skflow._escapes import escaped

__all__ = ["check_target", "other_than_file", "replace_file"]

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def other_than_file(path):
    """Say what a path leads to if that is no regular file; None if it is, or nothing is there."""
    try:
        mode = os.stat(path).st_mode  # of what a link leads to
    except FileNotFoundError:
        return None
    return None if stat.S_ISREG(mode) else KINDS.get(stat.S_IFMT(mode), "no regular file")


def check_target(path):
    """Return where a file is to be made, a link followed; an error if it cannot be there.

    What stands there and is not a regular file would be gone if a file took its place: a pipe
    or a device that others have open. A link to a file stays one, and the file is replaced.
    """
    path = os.fsdecode(path)
    shown = escaped(path)
    what = other_than_file(path)
    if path.endswith(os.sep) or what == KINDS[stat.S_IFDIR]:
        raise IsADirectoryError(
            f"cannot save to {shown}: it is a folder; give the name of a file in it, such as "
            f"{escaped(os.path.join(path, 'model.safetensors'))}."
        )
    if what is not None:
        raise FileExistsError(
            f"cannot save to {shown}: it is {what}, and files are written to regular files "
            "alone. It is as it was; give another name."
        )
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"cannot save to {shown}: there is no folder {escaped(folder)}; make it first."
        )
    return real


def replace_file(path, data):
    """Write bytes to a file that appears complete or not at all."""
    path = check_target(path)
    # a private folder keeps others out until the file has the mode that it is to have
    with TemporaryDirectory(dir=os.path.dirname(path), prefix=".skflow-") as folder:
        temporary = os.path.join(folder, "model")
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(temporary, stat.S_IMODE(os.stat(path).st_mode))
        os.replace(temporary, path)
