"""The file around a document and its arrays: safetensors, a version and a checksum."""

import hashlib
import io
import json
import os
import re
from importlib import import_module

from safetensors.numpy import load, save

from skflow._escapes import escaped
from skflow._persistence._layout import FORMAT
from skflow._persistence._migrate import to_format_2, to_format_3, to_newest
from skflow._persistence._target import other_than_file, replace_file
from skflow.exceptions import ModelFileError

__all__ = ["MIGRATIONS", "file_bytes", "read_bytes", "read_file", "write_file"]

NAME = "skflow"
LENGTH = 8  # bytes that hold the header's length
BLANK = "0" * 64  # in place of the checksum while it is computed
# of a document and its arrays from a format to the next, by the number of the older one
MIGRATIONS = {1: to_format_2, 2: to_format_3}
LONGEST_HEADER = 100_000_000  # bytes, of the safetensors format
MOST = 300  # characters of what a parser says


def write_file(path, document, arrays):
    """Write document and arrays to a file that appears complete or not at all."""
    replace_file(path, file_bytes(document, arrays))


def file_bytes(document, arrays):
    """Return the bytes of the file of a document and its arrays."""
    metadata = {
        "format": NAME,
        "format_version": str(FORMAT),
        "skflow_version": import_module(NAME).__version__,
        "sha256": BLANK,
        "model": json.dumps(document, allow_nan=False),
    }
    data = save(arrays, metadata)
    length = int.from_bytes(data[:LENGTH], "little")
    if length > LONGEST_HEADER:
        raise ValueError(
            f"it cannot be saved: all that is not an array takes {length} bytes, and the format "
            f"has room for {LONGEST_HEADER}. The largest parts are texts, such as the levels of "
            "a category or the history: leave them out, or keep the whole with joblib.dump, "
            "whose files run code when loaded."
        )
    checksum = hashlib.sha256(data).hexdigest()
    at = _checksum_place(data, BLANK)
    return data[:at] + checksum.encode() + data[at + len(BLANK) :]


def read_file(path):
    """Read document and arrays, checked to be what :func:`write_file` wrote, and who wrote it.

    What is not such a file is told by its header, before the rest is read.
    """
    shown = escaped(path)
    what = other_than_file(path)
    if what is not None:
        raise ModelFileError(f"{shown} is {what}: pass the name of a file that save wrote.")
    with open(path, "rb") as file:
        return _read(shown, file, os.fstat(file.fileno()).st_size)


def read_bytes(data):
    """Read what :func:`file_bytes` made, checked as a file is."""
    return _read("the state", io.BytesIO(data), len(data))


def _read(shown, file, size):
    start = _start(shown, file, size)
    header = _header(shown, start)
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or metadata.get("format") != NAME:
        raise ModelFileError(
            f"{shown} is a safetensors file, but the save method of no skflow estimator wrote it."
        )
    version = _version(shown, metadata)
    _check_length(shown, header, len(start), size)
    data = start + file.read()
    _check_content(shown, metadata, data)
    try:
        document = json.loads(metadata["model"], parse_constant=_refuse_constant)
        arrays = load(data)
        for older in range(version, FORMAT):
            document, arrays = MIGRATIONS[older](document, arrays)
        document = to_newest(document)
    except Exception as error:  # of parsers, to which a stranger's text may do anything
        why = escaped(f"{type(error).__name__}: {error}", MOST)
        # without the cause, which a traceback would show as it is, escapes and all
        raise ModelFileError(f"{shown} does not hold what save writes: {why}.") from None
    return document, arrays, f"written by {_writer(metadata)} and read by {_reader()}"


def _refuse_constant(name):
    raise ValueError(f"{name} is written in words")


def _start(path, file, size):
    """Read a file to the end of its header, if that can be one of ours."""
    start = file.read(LENGTH + 1)
    length = int.from_bytes(start[:LENGTH], "little")
    if start[LENGTH:] not in (b"{", b""):
        raise ModelFileError(
            f"{path} is not a file that save wrote. Pickled estimators are read by joblib.load or "
            "pickle.load, which run code that is in the file: only if you trust where it comes "
            "from."
        )
    if size < LENGTH + max(length, 1):
        raise ModelFileError(f"{path} is cut short: {size} bytes, and its header is longer.")
    if length > LONGEST_HEADER:
        raise ModelFileError(
            f"{path} is damaged: a header of {length} bytes, and at most {LONGEST_HEADER} are in "
            "files of this kind."
        )
    return start + file.read(length - 1)


def _writer(metadata):
    return f"{NAME} {escaped(metadata.get('skflow_version'), 20)}"


def _reader():
    return f"{NAME} {import_module(NAME).__version__}"


def _header(path, start):
    try:
        return json.loads(start[LENGTH:])  # a dict, since it begins with a brace
    except (ValueError, RecursionError):
        raise ModelFileError(f"{path} is damaged: its header cannot be read.") from None


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


def _check_length(path, header, start, size):
    """Tell a file that was cut short from one that was changed, before it is read."""
    ends = [_end(entry) for name, entry in header.items() if name != "__metadata__"]
    expected = start + max(ends, default=0)
    if size < expected:
        raise ModelFileError(f"{path} is cut short: {size} of {expected} bytes.")
    if size > expected:
        raise ModelFileError(
            f"{path} is damaged or was changed: with {size} bytes, not {expected}, its content "
            "does not match its checksum. Nothing of it was used."
        )


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
