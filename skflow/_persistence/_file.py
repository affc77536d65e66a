"""The file around a document and its arrays: safetensors, a version and a checksum."""

import hashlib
import json
import os
import re
import stat
from importlib import import_module
from tempfile import TemporaryDirectory

from safetensors import SafetensorError
from safetensors.numpy import load, save

from skflow._persistence._layout import FORMAT
from skflow._persistence._migrate import to_format_2
from skflow.exceptions import ModelFileError

__all__ = ["MIGRATIONS", "read_file", "replace_file", "write_file"]

NAME = "skflow"
LENGTH = 8  # bytes that hold the header's length
BLANK = "0" * 64  # in place of the checksum while it is computed
# of a document and its arrays from a format to the next, by the number of the older one
MIGRATIONS = {1: to_format_2}


def write_file(path, document, arrays):
    """Write document and arrays to a file that appears complete or not at all."""
    metadata = {
        "format": NAME,
        "format_version": str(FORMAT),
        "skflow_version": import_module(NAME).__version__,
        "sha256": BLANK,
        "model": json.dumps(document, allow_nan=False),
    }
    data = save(arrays, metadata)
    checksum = hashlib.sha256(data).hexdigest()
    at = _checksum_place(data, BLANK)
    replace_file(path, data[:at] + checksum.encode() + data[at + len(BLANK) :])


def replace_file(path, data):
    """Write bytes to a file that appears complete or not at all."""
    path = os.path.realpath(path)  # a link stays one
    if not os.path.isdir(os.path.dirname(path)):
        raise FileNotFoundError(
            f"cannot save to {path}: there is no folder {os.path.dirname(path)}; make it first."
        )
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


def read_file(path):
    """Read document and arrays, checked to be what :func:`write_file` wrote, and who wrote it."""
    with open(path, "rb") as file:
        data = file.read()
    header = _header(path, data)
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != NAME:
        raise ModelFileError(
            f"{path} is a safetensors file, but the save method of no skflow estimator wrote it."
        )
    version = _version(path, metadata)
    _check_length(path, header, data)
    _check_content(path, metadata, data)
    try:
        document, arrays = json.loads(metadata["model"]), load(data)
    except (KeyError, ValueError, RecursionError, TypeError, SafetensorError) as error:
        raise ModelFileError(f"{path} does not hold what save writes: {error}.") from error
    for older in range(version, FORMAT):
        document, arrays = MIGRATIONS[older](document, arrays)
    return document, arrays, f"written by {_writer(metadata)} and read by {_reader()}"


def _writer(metadata):
    return f"{NAME} {str(metadata.get('skflow_version'))[:20]}"


def _reader():
    return f"{NAME} {import_module(NAME).__version__}"


def _header(path, data):
    stranger = ModelFileError(
        f"{path} is not a file that save wrote. Pickled estimators are read by joblib.load or "
        "pickle.load, which run code that is in the file: only if you trust where it comes from."
    )
    length = int.from_bytes(data[:LENGTH], "little")
    if data[LENGTH : LENGTH + 1] not in (b"{", b""):
        raise stranger
    if len(data) < LENGTH + max(length, 1):
        raise ModelFileError(f"{path} is cut short: {len(data)} bytes, and its header is longer.")
    try:
        header = json.loads(data[LENGTH : LENGTH + length])
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{path} is damaged: its header cannot be read.") from error
    if not isinstance(header, dict):
        raise stranger
    return header


def _version(path, metadata):
    text = metadata.get("format_version")
    if not (isinstance(text, str) and re.fullmatch(r"\d{1,9}", text)):
        raise ModelFileError(f"{path} is damaged: {str(text)[:20]!r} is no version of a format.")
    version = int(text)
    if version > FORMAT:
        raise ModelFileError(
            f"{path} was written by {_writer(metadata)} in format {version}, newer than format "
            f"{FORMAT} of this installation, {_reader()}: upgrade skflow."
        )
    if not all(older in MIGRATIONS for older in range(version, FORMAT)):
        raise ModelFileError(
            f"{path} was written by {_writer(metadata)} in format {version}, which {_reader()}, "
            f"with format {FORMAT}, no longer reads: load it with that version, or fit anew."
        )
    return version


def _check_length(path, header, data):
    """Tell a file that was cut short from one that was changed."""
    ends = [_end(entry) for name, entry in header.items() if name != "__metadata__"]
    expected = LENGTH + int.from_bytes(data[:LENGTH], "little") + max(ends, default=0)
    if len(data) < expected:
        raise ModelFileError(f"{path} is cut short: {len(data)} of {expected} bytes.")


def _end(entry):
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    numbers = isinstance(offsets, list) and all(type(o) is int for o in offsets)
    return offsets[-1] if numbers and offsets else 0


def _check_content(path, metadata, data):
    given = metadata.get("sha256")
    place = _checksum_place(data, given) if isinstance(given, str) and len(given) == 64 else -1
    if place >= 0:
        blanked = data[:place] + BLANK.encode() + data[place + len(BLANK) :]
        if hashlib.sha256(blanked).hexdigest() == given:
            return
    raise ModelFileError(
        f"{path} is damaged or was changed: its content does not match its checksum. Nothing of "
        "it was used."
    )


def _checksum_place(data, checksum):
    """Where in a file's bytes the checksum stands, -1 if nowhere."""
    mark = f'"sha256":"{checksum}"'.encode("ascii", "replace")
    at = data.find(mark)
    return at if at < 0 else at + mark.index(b":") + 2
