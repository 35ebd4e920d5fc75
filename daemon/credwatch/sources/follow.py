"""Follows one path through appends, rotations, truncations and deletions, with one descriptor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from credwatch.sources.generations import FINGERPRINT_BYTES, Mark, open_at, open_copy, open_regular, successor
from credwatch.sources.interface import LINE_LIMIT, Tally
from credwatch.sources.lines import Cut, cut_lines, cut_rest, reader_of

_PATIENCE = 5
"""How many grace times a torn line is waited for where no successor has lines yet."""


class Piece(Struct, frozen=True):
    """What one read of a followed file gave."""

    data: bytes
    """Complete lines, or nothing where only the position is new."""
    offset: int
    """The byte offset of the data in its file."""
    mark: Mark
    """Where to go on."""
    backlog: int
    """How many bytes of the file wait behind the data."""
    beginning: bytes
    """The file's first bytes, where the data begins within those that its fingerprint covers."""


class FollowedFile:
    """Follows the file at one path, and the files that rotation puts in its place, in their order.

    `mark` is where the last committed read ended. Without one, the file is read from its start or, where `from_end`
    is true, from the line that is being written. A file that was rotated away is left when its successor has lines and
    `grace` seconds have passed since the last line was read from it, for writers hold it open a while. `monotonic`
    tells seconds that never jump.
    """

    def __init__(
        self, path: Path, mark: Mark | None, *, from_end: bool, grace: float, monotonic: Callable[[], float]
    ) -> None:
        self.path = path
        self.tally = Tally()
        self._mark = mark
        self._from_end = from_end
        self._grace = grace
        self._monotonic = monotonic
        self._descriptor: int | None = None
        self._quiet_since: float | None = None

    def read(self, limit: int) -> Piece | None:
        """Give the next piece, of about `limit` bytes, or None where nothing waits. Raises OSError.

        After an error the caller closes the file; the next read opens it again where the last one ended.
        """
        mark, descriptor = self._mark, self._descriptor
        if mark is None:
            return self._start()
        if descriptor is None:
            descriptor = open_at(mark, self.path)
            if descriptor is None:
                return self._resume_elsewhere(mark)
            self._descriptor = descriptor
            mark = self._mark = mark.on(descriptor)
        if not mark.fits(descriptor):
            return self._start_over(mark, descriptor)
        return self._lines(mark, descriptor, limit) or self._leave(mark, descriptor)

    @property
    def is_changing(self) -> bool:
        """Tell whether the file was rotated away or deleted, and it is waited for what comes after it."""
        return self._quiet_since is not None

    def lag(self) -> int:
        """Say how many bytes wait, here and in the file that has taken its place; 0 where it cannot be known."""
        if self._descriptor is None or self._mark is None:
            return 0
        with contextlib.suppress(OSError):
            waiting = os.fstat(self._descriptor).st_size - self._mark.offset
            return max(waiting, 0) + self._waiting_behind(self._descriptor)
        return 0

    def is_deleted(self) -> bool:
        """Tell whether the file was deleted after all of it had been read, and none has taken its place."""
        if self._descriptor is None:
            return self._mark is not None and not os.path.lexists(self.path) and not self._is_elsewhere(self._mark)
        if os.fstat(self._descriptor).st_nlink:
            return False
        return not os.path.lexists(self.path) and self.lag() == 0

    def close(self) -> None:
        """Give back the descriptor; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _is_elsewhere(self, mark: Mark) -> bool:
        """Tell whether a file that was let go of while nothing waited has another name now."""
        with contextlib.suppress(OSError):
            self._descriptor = open_at(mark, self.path)
        return self._descriptor is not None

    def _waiting_behind(self, descriptor: int) -> int:
        with contextlib.suppress(FileNotFoundError):
            return 0 if _is_same(self.path, descriptor) else self.path.stat().st_size
        return 0

    def _start(self) -> Piece | None:
        try:
            descriptor = open_regular(self.path)
        except FileNotFoundError:
            return None
        return self._adopt(descriptor, _last_line_start(descriptor) if self._from_end else 0)

    def _resume_elsewhere(self, mark: Mark) -> Piece | None:
        """Begin what comes after a file that was truncated, or is gone, since the mark was made."""
        try:
            is_truncated = self.path.stat().st_ino == mark.inode
            descriptor = open_regular(self.path if is_truncated else successor(mark, self.path, is_lost=True))
        except FileNotFoundError:
            return None
        if is_truncated:
            self.tally = replace(self.tally, truncations=self.tally.truncations + 1)
        else:
            self.tally = replace(self.tally, vanished=self.tally.vanished + 1)
        return self._adopt(descriptor, 0)

    def _start_over(self, mark: Mark, descriptor: int) -> Piece:
        """Read a truncated file from its start, after what copytruncate saved of the lines not yet read."""
        self.tally = replace(self.tally, truncations=self.tally.truncations + 1)
        copy = open_copy(mark, self.path)
        return self._moved(descriptor, 0) if copy is None else self._adopt(copy, mark.offset)

    def _lines(self, mark: Mark, descriptor: int, limit: int) -> Piece | None:
        cut = cut_lines(reader_of(descriptor), mark.offset, limit, skipping=mark.skipping)
        if cut.end != mark.offset:
            self._mark = mark.advanced(descriptor, cut.end, skipping=cut.skipping)
            self._quiet_since = None
        if not cut.data:
            return None
        if cut.skipping:
            self.tally = replace(self.tally, cut_lines=self.tally.cut_lines + 1)
        return self._piece(cut, descriptor)

    def _leave(self, mark: Mark, descriptor: int) -> Piece | None:
        """Give the torn line of a file that was rotated away or deleted, then go on with the next file."""
        if _is_same(self.path, descriptor):
            self._quiet_since = None
            return None
        quiet = self._quiet_seconds()
        if quiet < self._grace:
            return None
        following = successor(mark, self.path)
        is_begun = following != self.path or _has_lines(following)
        if not is_begun and quiet < self._grace * _PATIENCE:
            return None
        rest = cut_rest(reader_of(descriptor), mark.offset)
        if rest.data and not mark.skipping:
            self._mark = mark.advanced(descriptor, rest.end, skipping=False)
            return self._piece(rest, descriptor)
        # While the successor is empty, nothing is won by leaving, and a writer that turns to it late loses nothing.
        is_abandoned = not os.fstat(descriptor).st_nlink and following.exists()
        return self._succeed(following) if is_begun or is_abandoned else None

    def _succeed(self, following: Path) -> Piece:
        descriptor = open_regular(following)
        self.tally = replace(self.tally, rotations=self.tally.rotations + 1)
        return self._adopt(descriptor, 0)

    def _quiet_seconds(self) -> float:
        now = self._monotonic()
        if self._quiet_since is None:
            self._quiet_since = now
        return now - self._quiet_since

    def _adopt(self, descriptor: int, offset: int) -> Piece:
        self.close()
        self._descriptor = descriptor
        return self._moved(descriptor, offset)

    def _moved(self, descriptor: int, offset: int) -> Piece:
        """Tell of a new position, so that it is committed before any of its lines are."""
        self._quiet_since = None
        self._mark = Mark.of(descriptor, offset)
        return self._piece(Cut(b"", offset, offset), descriptor)

    def _piece(self, cut: Cut, descriptor: int) -> Piece:
        assert self._mark is not None
        beginning = os.pread(descriptor, FINGERPRINT_BYTES, 0) if cut.offset < FINGERPRINT_BYTES and cut.data else b""
        return Piece(cut.data, cut.offset, self._mark, max(os.fstat(descriptor).st_size - cut.end, 0), beginning)


def _is_same(path: Path, descriptor: int) -> bool:
    """Tell whether the path leads to the open file; raises OSError where that cannot be known."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _has_lines(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


def _last_line_start(descriptor: int) -> int:
    """Find where the line begins that is being written at the end of a file; its end where it ends with a newline."""
    begin = max(os.fstat(descriptor).st_size - LINE_LIMIT, 0)
    return begin + os.pread(descriptor, LINE_LIMIT, begin).rfind(b"\n") + 1
