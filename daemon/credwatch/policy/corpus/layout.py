"""How a corpus lies in its file.

    header   4096 bytes: a magic, the length of what follows, a `CorpusHeader` as JSON, zeros
    high     4 bytes a row: bits 20 to 51 of the hash
    low      1 byte a row: bits 52 to 59
    index    2^20 + 1 numbers of 4 bytes: how many rows stand before each range
    digests  SHA-256 of each 64 MiB of high, low and index, and last that of the header and the digests before it

All numbers are little-endian. A row is the first 60 bits of a hash: the 20 that name its range, as the public ranges
have it, and 40 more in five bytes, in order. Whatever is looked up is found wrongly with a chance of rows / 2^60, which
is one in five hundred million for two thousand million rows.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec import Struct

from credwatch.kernel.errors import CredwatchError

MAGIC = b"credwatch corpus 1\n"
HEADER_BYTES = 4096
RANGES = 1 << 20
BLOCK_BYTES = 64 * 1024 * 1024
DIGEST_BYTES = 32
MOST_ROWS = (1 << 32) - 1
INDEX_BYTES = 4 * (RANGES + 1)
_ROW_BYTES = 5
_LENGTH_BYTES = 4

BUILD_ANEW = "build it anew with `credwatch corpus build`, or take it from your backup"


class HashKind(StrEnum):
    """Of which hash the public ranges are."""

    SHA1 = "sha1"
    NTLM = "ntlm"

    @property
    def hex_digits(self) -> int:
        """Return how many hexadecimal digits a hash has."""
        return 40 if self is HashKind.SHA1 else 32


class CorpusError(CredwatchError):
    """A corpus, or what one is built from, cannot be used; `where` has the file, and the line or byte."""


class CorpusHeader(Struct, frozen=True):
    """What a corpus says of itself."""

    kind: HashKind
    """Of which hash its rows are."""
    rows: int
    """How many hashes it has."""
    ranges: int
    """How many of the 1,048,576 ranges have any."""
    newest: str
    """When the newest part of what it was built from was written, as a date."""
    seen_at_least: int = 1
    """How often the rarest of its passwords has been seen in breaches."""

    @property
    def body_bytes(self) -> int:
        """Return how long high, low and index are."""
        return _ROW_BYTES * self.rows + INDEX_BYTES

    @property
    def blocks(self) -> int:
        """Return how many digests of the body there are."""
        return -(-self.body_bytes // BLOCK_BYTES)

    @property
    def file_bytes(self) -> int:
        """Return how long the file is."""
        return HEADER_BYTES + self.body_bytes + DIGEST_BYTES * (self.blocks + 1)

    @property
    def source(self) -> str:
        """Name the corpus to somebody whose password is in it."""
        return f"breached passwords ({self.kind.value}, {self.rows:,} entries, as of {self.newest})"


def written_header(header: CorpusHeader) -> bytes:
    """Return a header as it stands in a file."""
    body = msgspec.json.encode(header)
    head = MAGIC + len(body).to_bytes(_LENGTH_BYTES, "little") + body
    return head.ljust(HEADER_BYTES, b"\0")


def read_header(raw: bytes, where: str) -> CorpusHeader:
    """Read a header; raises CorpusError where this is something else, or was altered."""
    if not raw.startswith(MAGIC):
        raise CorpusError(
            "this is no corpus of this version",
            where=f"{where}: byte 0",
            hint="build one from the public ranges with `credwatch corpus build`",
        )
    begin = len(MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(raw[len(MAGIC) : begin], "little")
    try:
        header = msgspec.json.decode(raw[begin : begin + length], type=CorpusHeader)
    except msgspec.MsgspecError as error:
        raise CorpusError("its header is damaged", where=f"{where}: byte {begin}", hint=BUILD_ANEW) from error
    if len(raw) != HEADER_BYTES or not 0 <= header.rows <= MOST_ROWS:
        raise CorpusError("its header is damaged", where=f"{where}: byte {begin}", hint=BUILD_ANEW)
    return header
