"""Cuts complete lines from the bytes at hand, and bounds the line that never seems to end."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

from credwatch.parse.look_back import BEFORE_BYTES, needs_lines_before
from credwatch.parse.pieces import HEADLESS, begun_at, is_piece
from credwatch.sources.interface import LINE_LIMIT

_PIECE_BYTES = 128
"""So much of a line tells whether it is a piece."""

_LONGEST_PIECE = 128 * 1024
"""No piece is longer: 16 KiB, of which Docker writes each byte as six at most."""


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
    is_headless: bool = False
    """True where the lines begin within one that the log of a container has in pieces."""


def cut_lines(log: Readable, offset: int, limit: int, *, skipping: bool = False) -> Cut:
    """Cut the complete lines from `offset` on, about `limit` bytes of them; no data where no line is complete.

    A line longer than `limit` is given whole; one that has not ended after `LINE_LIMIT` bytes is given cut, alone, so
    that the positions of the lines around it stay true. A hole of NULs longer than that is passed over, and ends the
    line that it stands in. A line that the log of a container has in pieces is waited for and given together; one of
    more than `LINE_LIMIT` is given up to there, and what goes on with it apart. Raises OSError where the file cannot
    be read.
    """
    begins = log.read_at(_PIECE_BYTES, offset) if skipping else b""
    is_headless = is_piece(begins)
    if skipping and offset and len(begins) < _PIECE_BYTES and b"\n" not in begins:
        return Cut(b"", offset, offset, skipping=True)  # too little to tell which it is
    if skipping and offset and not is_headless:
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
    cut = Cut(data[:end], offset, offset + end, hole=is_hole, is_headless=is_headless)
    return _with_whole_lines(log, cut, is_full=len(data) >= limit)


def _with_whole_lines(log: Readable, cut: Cut, *, is_full: bool) -> Cut:
    """Leave out the pieces of a container's line that is not ended, unless there are too many to wait for."""
    begun = begun_at(cut.data)
    if begun == len(cut.data):
        return cut
    data = cut.data
    if not begun and is_full and len(data) <= LINE_LIMIT:
        data = log.read_at(LINE_LIMIT + _LONGEST_PIECE, cut.offset)
        data = data[: data.rfind(b"\n") + 1]
        begun = begun_at(data)
    if len(data) - begun >= LINE_LIMIT:
        return replace(cut, data=data, end=cut.offset + len(data), skipping=True)
    return replace(cut, data=data[:begun], end=cut.offset + begun)


def _without_end(log: Readable, data: bytes, offset: int, is_hole: bool) -> Cut:
    """Cut a line that has not ended where a hole begins in it, else at the limit."""
    begin = data.find(b"\0")
    if begin > 0 and (behind := log.behind_hole(offset + begin)) != offset + begin:
        return Cut(data[:begin] + b"\n", offset, behind, hole=True)
    return Cut(data[:LINE_LIMIT] + b"\n", offset, offset + LINE_LIMIT, skipping=True, hole=is_hole)


def cut_rest(log: Readable, offset: int, *, skipping: bool = False) -> Cut:
    """Take what stands behind the last whole line of a file that nobody will go on with.

    Where `skipping`, that is the rest of a line whose beginning was given: only a container's pieces are given then.
    """
    data = log.read_at(LINE_LIMIT + _LONGEST_PIECE, offset)
    return Cut(data, offset, offset + len(data), is_headless=skipping and is_piece(data))


def lines_before(log: Readable, cut: Cut) -> bytes:
    """Give the lines before those that were just cut, where one of these may stand for one of them; else nothing.

    What begins within a line of a container has before it what says so.
    """
    if cut.is_headless:
        return HEADLESS
    if not needs_lines_before(cut.data):
        return b""
    before = log.before(min(BEFORE_BYTES, cut.offset), cut.offset)
    return before if len(before) == cut.offset else before[before.find(b"\n") + 1 :]


def last_line_start(log: Readable, size: int) -> int:
    """Find where the line begins that is being written at the end of a file; its end where it ends with a newline."""
    begin = max(size - LINE_LIMIT, 0)
    data = log.read_at(LINE_LIMIT, begin)
    return begin + begun_at(data[: data.rfind(b"\n") + 1])


def ends_within(log: Readable, size: int) -> bool:
    """Tell whether a log, read up to its size, ends within a line that it has in pieces."""
    data = log.before(_LONGEST_PIECE, size)
    return begun_at(data) < len(data)


def _behind_newline(log: Readable, offset: int) -> tuple[int, bool]:
    while data := log.read_at(LINE_LIMIT, offset):
        place = data.find(b"\n")
        if place >= 0:
            return offset + place + 1, False
        offset += len(data)
    return offset, True
