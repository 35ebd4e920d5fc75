"""Opens logs for reading by offset, plain ones and compressed ones alike."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, cast

from credwatch.parse.look_back import BEFORE_BYTES
from credwatch.sources.file.folders import COMPRESSED
from credwatch.sources.file.unpacking import DAMAGE, PIECE_BYTES, Unpacked, unpacker_of
from credwatch.sources.interface import LINE_LIMIT

_LOOKED_AT = 65_536
"""Among so many of the last bytes the end of a line is looked for."""

STANDARD_INPUT = "-"
"""The name that stands for standard input."""

_BEGINNING_BYTES = 256

Dress = Callable[[Unpacked], Unpacked]
"""Makes of a stream what is to be read of it."""

_LZ4 = b"\x04\x22\x4d\x18"
"""The first bytes of an LZ4 frame, https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md."""


class OpenLog(Protocol):
    """A log that is open, or standard input; its bytes are those of its lines, also where it is compressed."""

    @property
    def is_packed(self) -> bool:
        """True where it is compressed, so that it neither grows nor shrinks."""

    @property
    def damage(self) -> str:
        """Why it could not be unpacked to its end; empty as long as nothing is wrong."""

    def read_at(self, size: int, offset: int) -> bytes:
        """Give up to so many bytes from an offset, fewer at its end; raises OSError."""

    def before(self, size: int, offset: int) -> bytes:
        """Give up to so many bytes that end at the offset from which was read last; fewer at the beginning."""

    def status(self) -> os.stat_result:
        """Give the status of the file that it is in."""

    def behind(self, offset: int) -> int:
        """Say how many bytes wait behind an offset; 1 where that cannot be known before the end is met."""

    def behind_hole(self, offset: int) -> int:
        """Give where the NULs end that begin at an offset, where there are more than a line may be long."""

    def close(self) -> None:
        """Give back the descriptor; may be called twice."""


class PlainLog:
    """A regular file, read without moving its position."""

    is_packed = False
    damage = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_at(self, size: int, offset: int) -> bytes:
        """Give bytes; where much waits, up to the end of a line."""
        # To look for the end of a line first is cheaper than to copy what was read up to there.
        rest = max(size - _LOOKED_AT, 0)
        end = os.pread(self._descriptor, size - rest, offset + rest).rfind(b"\n") + 1 if rest else 0
        return os.pread(self._descriptor, rest + end if end else size, offset)

    def before(self, size: int, offset: int) -> bytes:
        """Give what stands before an offset."""
        begin = max(offset - size, 0)
        return os.pread(self._descriptor, offset - begin, begin)

    def status(self) -> os.stat_result:
        """Give its status."""
        return os.fstat(self._descriptor)

    def behind(self, offset: int) -> int:
        """Say how many bytes wait behind an offset."""
        return max(os.fstat(self._descriptor).st_size - offset, 0)

    def behind_hole(self, offset: int) -> int:
        """Pass over what a writer left that went on at its old position after a truncation, at no cost where sparse."""
        end = offset
        while block := os.pread(self._descriptor, PIECE_BYTES, end):
            text = block.lstrip(b"\0")
            end += len(block) - len(text)
            if text:
                break
            end = self._data_from(end)
        return end if end - offset > LINE_LIMIT else offset

    def _data_from(self, offset: int) -> int:
        with suppress(OSError):  # ENXIO: nothing but a hole follows; or the file system knows of no holes
            return os.lseek(self._descriptor, offset, os.SEEK_DATA)
        return offset

    def close(self) -> None:
        """Give back the descriptor; may be called twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class StreamedLog:
    """What can be read from its start only: a compressed file, or standard input.

    What stands from the last offset on is held, so that it can be given again, and a little before it. An offset
    before that begins anew.
    """

    def __init__(self, name: str, open_stream: Callable[[], Unpacked], descriptor: int | None = None) -> None:
        self._name = name
        self.is_packed = descriptor is not None
        self.damage = ""
        self._open_stream = open_stream
        self._descriptor = descriptor
        self._stream = open_stream()
        self._held = b""
        self._held_from = 0
        self._passed = b""
        self._unpacked = 0
        self._is_at_end = False
        self._beginning = b""

    def read_at(self, size: int, offset: int) -> bytes:
        """Give bytes, from an offset that lies behind the last one or within the file's beginning."""
        if offset + size <= len(self._beginning):
            return self._beginning[offset : offset + size]
        if offset < self._held_from:
            self._rewind()
        self._move_to(offset)
        self._fill(size)
        return self._held[:size]

    def before(self, size: int, offset: int) -> bytes:
        """Give what stands before an offset, as far as it is held."""
        held = self._passed + self._held
        end = max(offset - self._held_from + len(self._passed), 0)
        return held[max(end - size, 0) : end]

    def status(self) -> os.stat_result:
        """Give the status of the compressed file."""
        assert self._descriptor is not None
        return os.fstat(self._descriptor)

    def behind(self, offset: int) -> int:
        """Say 1 until the end has been met."""
        return int(not self._is_at_end or self._held_from + len(self._held) > offset)

    def behind_hole(self, offset: int) -> int:
        """Pass over a hole that was compressed with the rest; nothing is given back of what lies before its end."""
        block = self.read_at(LINE_LIMIT + 1, offset)
        if len(block) <= LINE_LIMIT or block.strip(b"\0"):
            return offset
        while block and not (text := block.lstrip(b"\0")):
            offset += len(block)
            block = self.read_at(PIECE_BYTES, offset)
        return offset + len(block) - len(text)

    def close(self) -> None:
        """Give back the descriptor; standard input stays open, for it is not ours."""
        if self._descriptor is not None:
            self._stream.close()
            with suppress(OSError):  # closed already
                os.lseek(self._descriptor, 0, os.SEEK_SET)  # where it is standard input, its position is shared
                os.close(self._descriptor)

    def _rewind(self) -> None:
        assert self._descriptor is not None, "standard input is never read again"
        self._stream.close()
        self._stream, self._held, self._held_from = self._open_stream(), b"", 0
        self._passed = b""
        self._unpacked, self._is_at_end = 0, False

    def _move_to(self, offset: int) -> None:
        while self._held_from + len(self._held) < offset and not self._is_at_end:
            self._pass(len(self._held))
            self._fill(PIECE_BYTES)
        self._pass(min(offset - self._held_from, len(self._held)))

    def _pass(self, size: int) -> None:
        self._passed = (self._passed + self._held[max(size - BEFORE_BYTES, 0) : size])[-BEFORE_BYTES:]
        self._held = self._held[size:]
        self._held_from += size

    def _fill(self, size: int) -> None:
        held = bytearray(self._held)
        while len(held) < size and not self._is_at_end:
            piece = self._piece()
            held += piece
            self._unpacked += len(piece)
            self._is_at_end = not piece
        self._held = bytes(held)
        if not self._held_from and len(self._beginning) < _BEGINNING_BYTES:
            self._beginning = self._held[:_BEGINNING_BYTES]

    def _piece(self) -> bytes:
        if not self.is_packed:
            return self._stream.read1(PIECE_BYTES)
        try:
            return self._stream.read1(PIECE_BYTES)
        except DAMAGE as error:
            self.damage = f"{self._name} is damaged: of its lines the first {self._unpacked} bytes were read ({error})"
            return b""


def _as_it_is(stream: Unpacked) -> Unpacked:
    return stream


def open_standard_input(dress: Dress = _as_it_is) -> OpenLog:
    """Read what somebody else writes for as long as it is written."""
    return StreamedLog(STANDARD_INPUT, lambda: dress(cast("Unpacked", sys.stdin.buffer)))


def is_whole_file_on_standard_input() -> bool:
    """Tell whether standard input is a regular file of which nothing was read: `credwatch replay - < auth.log`."""
    try:
        descriptor = sys.stdin.fileno()
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and os.lseek(descriptor, 0, os.SEEK_CUR) == 0
    except (OSError, ValueError):  # none, or a stream in memory
        return False


def open_log(path: Path) -> OpenLog:
    """Open a regular file, and unpack it where its first bytes say that it is compressed; raises OSError."""
    return log_in(open_regular(path), str(path))


def log_in(descriptor: int, name: str, dress: Dress = _as_it_is) -> OpenLog:
    """Read a regular file that is open, as `open_log` does; its descriptor is closed with it. Raises OSError."""
    begins = os.pread(descriptor, 8, 0)
    if begins.startswith(_LZ4):
        os.close(descriptor)
        raise OSError(f"compressed with lz4, which cannot be read here; unpack it with lz4 -d: {name}")
    unpacker = unpacker_of(begins)
    if unpacker is None:
        return PlainLog(descriptor)

    def stream() -> Unpacked:
        os.lseek(descriptor, 0, os.SEEK_SET)
        return dress(unpacker(os.fdopen(descriptor, "rb", closefd=False)))

    return StreamedLog(name, stream, descriptor)


def open_generation(path: Path) -> OpenLog:
    """Open a followed or a rotated file: one whose name says that it is compressed is unpacked; raises OSError."""
    if path.suffix not in COMPRESSED:
        return PlainLog(open_regular(path))
    log = open_log(path)
    if log.is_packed:
        return log
    log.close()
    raise OSError(f"not compressed as its name says: {path}")


def open_regular(path: Path) -> int:
    """Open a regular file for reading, never waiting for a writer; raises OSError, also for anything else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(f"not a regular file: {path}")
