"""Follows one path through appends, rotations, truncations and deletions, with one descriptor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from credwatch.sources.dates import Dates
from credwatch.sources.folders import Folders
from credwatch.sources.generations import (
    FINGERPRINT_BYTES,
    Lineage,
    Mark,
    open_at,
    open_copy,
    open_regular,
    open_successor,
)
from credwatch.sources.interface import LINE_LIMIT
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
    ends_near: datetime
    """The moment near which the lines end, UTC."""
    beginning: bytes
    """The file's first bytes, where the data begins within those that its fingerprint covers."""


class World(Struct, frozen=True):
    """What the followed files of one source share."""

    folders: Folders
    """Lists the folders that they are in."""
    monotonic: Callable[[], float]
    """Tells seconds that never jump."""
    count: Callable[[str], None]
    """Counts one more of a field of the tally."""


class FollowedFile:
    """Follows the file at one path, and the files that rotation puts in its place, in their order.

    `mark` is where the last committed read ended. Without one, the file is read from its start or, where `from_end`
    is true, from the line that is being written. A file that was rotated away is left when its successor has lines and
    `grace` seconds have passed since the last line was read from it, for writers hold it open a while.
    """

    def __init__(self, path: Path, mark: Mark | None, world: World, *, from_end: bool, grace: float) -> None:
        self.path = path
        self.name = str(path)
        self._mark = mark
        self._world = world
        self._from_end = from_end
        self._grace = grace
        self._descriptor: int | None = None
        self._quiet_since: float | None = None
        self._is_parked = False
        self._is_gone = False
        self._dates = Dates()

    @property
    def is_open(self) -> bool:
        """Tell whether it holds a descriptor."""
        return self._descriptor is not None

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is to be done where a read gave nothing, until the file or its folder changes."""
        return self._quiet_since is None

    def read(self, limit: int) -> Piece | None:
        """Give the next piece, of about `limit` bytes, or None where nothing waits.

        Raises OSError, and then has given nothing: the next read begins where the last piece ended.
        """
        before = self._mark
        try:
            return self._read(limit)
        except FileNotFoundError:  # renamed under our hands: what there is now is looked at the next time
            self._go_back(before)
            self._quiet_since = self._quiet_since or self._world.monotonic()
            return None
        except OSError:
            self._go_back(before)
            raise

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
        if self._is_gone and not os.path.lexists(self.path):
            return True
        if self._descriptor is None or os.fstat(self._descriptor).st_nlink:
            return False
        return not os.path.lexists(self.path) and self.lag() == 0

    def is_unchanged(self) -> bool:
        """Tell whether a parked file is as it was when it had been read to its end: one look at its status."""
        if not self._is_parked or self._mark is None:
            return False
        with contextlib.suppress(OSError):
            status = self.path.stat()
            at = (status.st_ino, status.st_size, status.st_mtime_ns)
            return at == (self._mark.inode, self._mark.offset, self._mark.modified)
        return False

    def park(self) -> None:
        """Give back the descriptor for now: others need it more. The mark finds the file again."""
        self._is_parked = self.is_settled and self.lag() == 0
        self.close()

    def close(self) -> None:
        """Give back the descriptor; may be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _read(self, limit: int) -> Piece | None:
        mark, descriptor = self._mark, self._descriptor
        if mark is None:
            return self._start()
        if descriptor is None:
            before = Lineage.of(self.path, self._world.folders) if not self._is_in_place(mark) else None
            descriptor = open_at(mark, self.path, self._world.folders)
            if descriptor is None:
                return self._resume_elsewhere(mark, before)
            self._descriptor = descriptor
            self._is_parked = False
            mark = self._mark = mark.on(descriptor)
        if not mark.fits(descriptor):
            return self._start_over(mark, descriptor)
        return self._lines(mark, descriptor, limit) or self._leave(mark, descriptor)

    def _go_back(self, mark: Mark | None) -> None:
        if self._mark is not mark:
            self._mark = mark
            self.close()

    def _is_in_place(self, mark: Mark) -> bool:
        with contextlib.suppress(OSError):
            return self.path.stat().st_ino == mark.inode
        return False

    def _wait(self) -> Piece | None:
        """Give nothing, and have it asked again soon, though nothing may tell of a change."""
        self._quiet_seconds()
        return None

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

    def _resume_elsewhere(self, mark: Mark, before: Lineage | None) -> Piece | None:
        """Begin what comes after a file that was truncated, or is gone, since the mark was made.

        Where names have changed while it was looked for, it may only have been passed by: it is looked for again.
        """
        if before is None:
            return self._begin_again(mark)
        if Lineage.of(self.path, self._world.folders) != before:
            return self._wait()
        descriptor = open_successor(mark, self.path, self._world.folders, is_lost=True)
        if descriptor is None:
            self._is_gone = self._is_parked
            return self._wait() if os.path.lexists(self.path) else None
        self._world.count("vanished")
        return self._adopt(descriptor, 0)

    def _begin_again(self, mark: Mark) -> Piece | None:
        descriptor = open_regular(self.path)
        if os.fstat(descriptor).st_ino != mark.inode:
            os.close(descriptor)
            return self._wait()
        self._world.count("truncations")
        return self._adopt(descriptor, 0)

    def _start_over(self, mark: Mark, descriptor: int) -> Piece | None:
        """Read a truncated file from its start, after what copytruncate saved of the lines not yet read."""
        before = Lineage.of(self.path, self._world.folders)
        copy = open_copy(mark, self.path, self._world.folders)
        if copy is None and Lineage.of(self.path, self._world.folders) != before:
            return self._wait()
        self._world.count("truncations")
        return self._moved(descriptor, 0) if copy is None else self._adopt(copy, mark.offset)

    def _lines(self, mark: Mark, descriptor: int, limit: int) -> Piece | None:
        cut = cut_lines(reader_of(descriptor), mark.offset, limit, skipping=mark.skipping)
        if cut.end != mark.offset:
            self._mark = mark.advanced(descriptor, cut.end, skipping=cut.skipping)
            self._quiet_since = None
        if not cut.data:
            return None
        if cut.skipping:
            self._world.count("cut_lines")
        return self._piece(cut, descriptor)

    def _leave(self, mark: Mark, descriptor: int) -> Piece | None:
        """Give the torn line of a file that was rotated away or deleted, then go on with the next file."""
        if _is_same(self.path, descriptor):
            self._quiet_since = None
            return None
        quiet = self._quiet_seconds()
        if quiet < self._grace:
            return None
        following, _ = Lineage.of(self.path, self._world.folders).successor(mark)
        is_begun = following != self.path or _has_lines(following)
        if not is_begun and quiet < self._grace * _PATIENCE:
            return None
        rest = cut_rest(reader_of(descriptor), mark.offset)
        if rest.data and not mark.skipping:
            self._mark = mark.advanced(descriptor, rest.end, skipping=False)
            return self._piece(rest, descriptor)
        # While the successor is empty, nothing is won by leaving, and a writer that turns to it late loses nothing.
        is_abandoned = not os.fstat(descriptor).st_nlink and following.exists()
        return self._succeed(mark) if is_begun or is_abandoned else None

    def _succeed(self, mark: Mark) -> Piece | None:
        descriptor = open_successor(mark, self.path, self._world.folders)
        if descriptor is None:
            return None
        self._world.count("rotations")
        return self._adopt(descriptor, 0)

    def _quiet_seconds(self) -> float:
        now = self._world.monotonic()
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
        self._dates = Dates()
        self._mark = Mark.of(descriptor, offset)
        return self._piece(Cut(b"", offset, offset), descriptor)

    def _piece(self, cut: Cut, descriptor: int) -> Piece:
        assert self._mark is not None
        beginning = os.pread(descriptor, FINGERPRINT_BYTES, 0) if cut.offset < FINGERPRINT_BYTES and cut.data else b""
        backlog = max(os.fstat(descriptor).st_size - cut.end, 0)
        return Piece(cut.data, cut.offset, self._mark, backlog, self._dates.near(descriptor, cut), beginning)


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
