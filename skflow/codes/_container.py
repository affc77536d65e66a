"""The bytes around a stack: what they are, how long, and whether they came through whole."""

import hashlib
import zlib
from dataclasses import dataclass

from skflow._escapes import escaped
from skflow.exceptions import CompressedDataError

__all__ = ["Container", "digest_of"]

MAGIC = b"skfc"
FORMAT = 1
CHECK, DIGEST = 4, 4  # bytes
LONGEST = 10  # bytes of a number


@dataclass(frozen=True)
class Container:
    """A compressed table, as bytes.

    Attributes
    ----------
    n_rows : int
    digest : bytes
        Of the rows, by which decoding is checked.
    fingerprint : bytes
        Of the model that wrote them.
    torch_version : str
        With which that was, without the build.
    literals, model, stack : bytes
        Cells kept as text, the model or nothing, and all others.
    """

    n_rows: int
    digest: bytes
    fingerprint: bytes
    torch_version: str
    literals: bytes
    model: bytes
    stack: bytes

    def to_bytes(self):
        """Return all of it as bytes."""
        version = self.torch_version.partition("+")[0].encode()
        body = b"".join(
            [
                self.digest,
                self.fingerprint,
                _number(self.n_rows),
                *(_number(len(p)) + p for p in (version, self.literals, self.model)),
                self.stack,
            ]
        )
        check = zlib.crc32(body).to_bytes(CHECK, "little")
        return MAGIC + bytes([FORMAT]) + check + body

    @classmethod
    def read(cls, data):
        """Read such bytes.

        Raises
        ------
        CompressedDataError
            If they are anything else, cut short, changed, or of another version.
        """
        data = bytes(data)
        start = len(MAGIC) + 1
        if data[: len(MAGIC)] != MAGIC:
            raise CompressedDataError(
                f"these {len(data)} bytes are none that compress wrote: they begin with "
                f"{escaped(repr(data[:8]))}, and not with {MAGIC!r}."
            )
        if data[start - 1 : start] != bytes([FORMAT]):
            raise CompressedDataError(
                f"the data are of format {list(data[start - 1 : start])}, and this version of "
                f"skflow reads format {FORMAT}: read them by the version that wrote them."
            )
        body = data[start + CHECK :]
        if zlib.crc32(body).to_bytes(CHECK, "little") != data[start : start + CHECK]:
            raise CompressedDataError(
                f"the data are cut short or changed: the checksum of their {len(data)} bytes is "
                "not that with which they were written."
            )
        return cls._parse(body)

    @classmethod
    def _parse(cls, body):
        digest, body = body[:DIGEST], body[DIGEST:]
        fingerprint, body = body[:DIGEST], body[DIGEST:]
        n_rows, body = _read_number(body)
        parts = []
        for _ in range(3):
            length, body = _read_number(body)
            parts.append(body[:length])
            body = body[length:]
        version, literals, model = parts
        return cls(n_rows, digest, fingerprint, version.decode(), literals, model, body)


def digest_of(*parts):
    """Return the first bytes of the SHA-256 of some bytes."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.digest()[:DIGEST]


def _number(n):
    """Bytes of a whole number, seven bits each, the lowest first."""
    out = bytearray()
    while n > 127:
        out.append(128 | n & 127)
        n >>= 7
    return bytes(out) + bytes([n])


def _read_number(data):
    n = 0
    for i, byte in enumerate(data[:LONGEST]):
        n |= (byte & 127) << 7 * i
        if byte < 128:
            return n, data[i + 1 :]
    raise CompressedDataError("the data hold a length that does not end.")
