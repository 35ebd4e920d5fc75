"""Cuts complete lines from the bytes at hand, and bounds the line that never seems to end."""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from credwatch.sources.interface import LINE_LIMIT

ReadAt = Callable[[int, int], bytes]
"""Reads up to so many bytes from an offset: `read_at(size, offset)`."""

_LOOKED_AT = 65_536
"""Among so many of the last bytes the end of a line is looked for."""


class Cut(Struct, frozen=True):
    """What was cut from a file."""

    data: bytes
    """Complete lines; an over-long one is cut to `LINE_LIMIT` and ended with a newline of ours."""
    offset: int
    """Where the lines begin in the file."""
    end: int
    """Where to go on in the file."""
    skipping: bool = False
    """True where `end` lies within an over-long line whose rest is to be dropped."""


def cut_lines(read_at: ReadAt, offset: int, limit: int, *, skipping: bool = False) -> Cut:
    """Cut the complete lines from `offset` on, about `limit` bytes of them; no data where no line is complete.

    A line longer than `limit` is given whole; one that has not ended after `LINE_LIMIT` bytes is given cut, alone, so
    that the positions of the lines around it stay true. Raises OSError where the file cannot be read.
    """
    if skipping:
        offset, skipping = _behind_newline(read_at, offset)
        if skipping:
            return Cut(b"", offset, offset, skipping=True)
    data = read_at(limit, offset)
    end = data.rfind(b"\n") + 1
    if not end and len(data) >= min(limit, LINE_LIMIT + 1):
        data = read_at(LINE_LIMIT + 1, offset)
        end = data.find(b"\n") + 1
        if not end and len(data) > LINE_LIMIT:
            return Cut(data[:LINE_LIMIT] + b"\n", offset, offset + LINE_LIMIT, skipping=True)
    return Cut(data[:end], offset, offset + end)


def cut_rest(read_at: ReadAt, offset: int) -> Cut:
    """Take what stands behind the last newline of a file that nobody will go on with."""
    data = read_at(LINE_LIMIT, offset)
    return Cut(data, offset, offset + len(data))


def reader_of(descriptor: int) -> ReadAt:
    """Read a regular file by offset, without moving its position; where much waits, up to the end of a line."""

    def read_at(size: int, offset: int) -> bytes:
        # To look for the end of a line first is cheaper than to copy what was read up to there.
        rest = max(size - _LOOKED_AT, 0)
        end = os.pread(descriptor, size - rest, offset + rest).rfind(b"\n") + 1 if rest else 0
        return os.pread(descriptor, rest + end if end else size, offset)

    return read_at


def _behind_newline(read_at: ReadAt, offset: int) -> tuple[int, bool]:
    while data := read_at(LINE_LIMIT, offset):
        found = data.find(b"\n")
        if found >= 0:
            return offset + found + 1, False
        offset += len(data)
    return offset, True
