"""Cuts complete lines from the bytes at hand, and bounds the line that never seems to end."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from credwatch.parse.repeats import BEFORE_BYTES, needs_lines_before
from credwatch.sources.interface import LINE_LIMIT


class Readable(Protocol):
    """What lines are cut from."""

    def read_at(self, size: int, offset: int) -> bytes:
        """Give up to so many bytes from an offset, fewer at the end; raises OSError."""

    def before(self, size: int, offset: int) -> bytes:
        """Give up to so many bytes that end at the offset from which was read last."""

    def behind_hole(self, offset: int) -> int:
        """Give where the NULs end that begin at an offset, where they are more than `LINE_LIMIT`; else the offset."""


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
    hole: bool = False
    """True where more NULs than `LINE_LIMIT` were passed over: what stood there is lost."""


def cut_lines(log: Readable, offset: int, limit: int, *, skipping: bool = False) -> Cut:
    """Cut the complete lines from `offset` on, about `limit` bytes of them; no data where no line is complete.

    A line longer than `limit` is given whole; one that has not ended after `LINE_LIMIT` bytes is given cut, alone, so
    that the positions of the lines around it stay true. A hole of NULs longer than that is passed over, and ends the
    line that it stands in. Raises OSError where the file cannot be read.
    """
    if skipping:
        offset, skipping = _behind_newline(log, offset)
        if skipping:
            return Cut(b"", offset, offset, skipping=True)
    data, is_hole = log.read_at(limit, offset), False
    if data.startswith(b"\0") and (behind := log.behind_hole(offset)) != offset:
        offset, data, is_hole = behind, log.read_at(limit, behind), True
    end = data.rfind(b"\n") + 1
    if not end and len(data) >= min(limit, LINE_LIMIT + 1):
        data = log.read_at(LINE_LIMIT + 1, offset)
        end = data.find(b"\n") + 1
        if not end and len(data) > LINE_LIMIT:
            return _without_end(log, data, offset, is_hole)
    return Cut(data[:end], offset, offset + end, hole=is_hole)


def _without_end(log: Readable, data: bytes, offset: int, is_hole: bool) -> Cut:
    """Cut a line that has not ended where a hole begins in it, else at the limit."""
    begin = data.find(b"\0")
    if begin > 0 and (behind := log.behind_hole(offset + begin)) != offset + begin:
        return Cut(data[:begin] + b"\n", offset, behind, hole=True)
    return Cut(data[:LINE_LIMIT] + b"\n", offset, offset + LINE_LIMIT, skipping=True, hole=is_hole)


def cut_rest(log: Readable, offset: int) -> Cut:
    """Take what stands behind the last newline of a file that nobody will go on with."""
    data = log.read_at(LINE_LIMIT, offset)
    return Cut(data, offset, offset + len(data))


def lines_before(log: Readable, cut: Cut) -> bytes:
    """Give the lines before those that were just cut, where one of these may stand for one of them; else nothing."""
    if not needs_lines_before(cut.data):
        return b""
    before = log.before(min(BEFORE_BYTES, cut.offset), cut.offset)
    return before if len(before) == cut.offset else before[before.find(b"\n") + 1 :]


def last_line_start(log: Readable, size: int) -> int:
    """Find where the line begins that is being written at the end of a file; its end where it ends with a newline."""
    begin = max(size - LINE_LIMIT, 0)
    return begin + log.read_at(LINE_LIMIT, begin).rfind(b"\n") + 1


def _behind_newline(log: Readable, offset: int) -> tuple[int, bool]:
    while data := log.read_at(LINE_LIMIT, offset):
        place = data.find(b"\n")
        if place >= 0:
            return offset + place + 1, False
        offset += len(data)
    return offset, True
