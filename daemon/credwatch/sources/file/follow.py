"""Follows one path through appends, rotations, truncations and deletions, with one descriptor."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from credwatch.sources.file.dates import Dates
from credwatch.sources.file.folders import Folders
from credwatch.sources.file.generations import (
    FINGERPRINT_BYTES,
    Lineage,
    Mark,
    has_no_successor,
    open_at,
    open_copy,
    open_in_place,
    open_successor,
)
from credwatch.sources.file.lines import Cut, cut_lines, cut_rest, ends_within, last_line_start, lines_before
from credwatch.sources.file.opened import OpenLog, PlainLog, open_regular

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
    """How many bytes wait behind the data, in its file and in the one that has taken its place."""
    ends_near: datetime
    """The moment near which the lines end, UTC."""
    before: bytes
    """Lines before the data, where it needs them."""
    beginning: bytes
    """The file's first bytes, where the data begins within those that its fingerprint covers."""


class Surroundings(Struct, frozen=True):
    """What the followed files of one source share."""

    folders: Folders
    """Lists the folders that they are in."""
    monotonic: Callable[[], float]
    """Tells seconds that never jump."""
    count: Callable[[str], None]
    """Counts one more of a field of the tally."""
    renumbers: bool = False
    """True where a file may come by another inode number while it stays the same."""


class FollowedFile:
    """Follows the file at one path, and the files that rotation puts in its place, in their order.

    `mark` is where the last committed read ended. Without one, the file is read from its start or, where `from_end`
    is true, from the line that is being written. A file that was rotated away is left when its successor has lines and
    `grace` seconds have passed since the last line was read from it, for writers hold it open a while.
    """

    def __init__(self, path: Path, mark: Mark | None, world: Surroundings, *, from_end: bool, grace: float) -> None:
        self.path = path
        self.name = str(path)
        self._mark = mark
        self._world = world
        self._from_end = from_end
        self._grace = grace
        self._log: OpenLog | None = None
        self._quiet_since: float | None = None
        self._is_parked = False
        self._is_gone = False
        self._is_written = False
        self._dates = Dates()
        self._told_of: int | None = None

    @property
    def is_open(self) -> bool:
        """Tell whether it holds a descriptor."""
        return self._log is not None

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

    @property
    def is_awaited(self) -> bool:
        """Tell whether the successor has lines that cannot be given yet, for writers may still turn to it."""
        if self._quiet_since is None:
            return False
        longest = self._grace * (_PATIENCE + 1)
        is_looked_for = self._log is None
        return self._world.monotonic() - self._quiet_since <= longest and (is_looked_for or self.lag() > 0)

    def lag(self) -> int:
        """Say how many bytes wait, here and in the file that has taken its place; 0 where it cannot be known."""
        if self._log is None or self._mark is None:
            return 0
        with contextlib.suppress(OSError):
            return self._log.behind(self._mark.offset) + self._waiting_behind(self._log)
        return 0

    def is_deleted(self) -> bool:
        """Tell whether the file was deleted after all of it had been read, and none has taken its place."""
        if os.path.lexists(self.path) or self._mark is None:
            return False
        if self._log is None:
            return self._is_gone
        if self._log.status().st_nlink or self.lag():
            return False
        with contextlib.suppress(OSError):
            return has_no_successor(self._mark, self.path, self._world.folders)
        return False

    def is_unchanged(self) -> bool:
        """Tell whether a parked file is as it was when it had been read to its end: one look at its status."""
        if not self._is_parked or self._mark is None:
            return False
        with contextlib.suppress(OSError):
            status = self.path.stat()
            is_same = status.st_ino == self._mark.inode or self._world.renumbers
            return is_same and (status.st_size, status.st_mtime_ns) == (self._mark.offset, self._mark.modified)
        return False

    def park(self) -> None:
        """Give back the descriptor for now: others need it more. The mark finds the file again."""
        self._is_parked = self.is_at_rest()
        self._is_written = False
        self.close()

    def is_at_rest(self) -> bool:
        """Tell whether all of it was read, and nothing is waited for: its descriptor is not needed."""
        return self.is_settled and self.lag() == 0

    def note_written(self) -> None:
        """Take note that somebody has written to it: where it is gone before it was opened again, that is lost."""
        self._is_written = True

    def close(self) -> None:
        """Give back the descriptor; may be called twice."""
        if self._log is not None:
            self._log.close()
        self._log = None

    def _read(self, limit: int) -> Piece | None:
        mark, log = self._mark, self._log
        if mark is None:
            return self._start()
        if log is None:
            log = open_in_place(mark, self.path)
            if log is None:
                before = Lineage.of(self.path, self._world.folders)
                log = open_at(mark, self.path, self._world.folders)
                if log is None:
                    return self._resume_elsewhere(mark, before)
            self._log = log
            self._is_parked = False
            mark = self._mark = mark.on(log)
        if not log.is_packed and not mark.fits(log):
            return self._start_over(mark, log)
        return self._lines(mark, log, limit) or self._leave(mark, log)

    def _go_back(self, mark: Mark | None) -> None:
        if self._mark is not mark:
            self._mark = mark
            self.close()

    def _wait(self) -> Piece | None:
        """Give nothing, and have it asked again soon, though nothing may tell of a change."""
        self._quiet_seconds()
        return None

    def _waiting_behind(self, log: OpenLog) -> int:
        with contextlib.suppress(FileNotFoundError):
            if self._mark is None or _is_same(self.path, log):
                return 0
            following, _ = Lineage.of(self.path, self._world.folders).successor(self._mark)
            return sum(it.stat().st_size for it in {following, self.path} if it.exists())
        return 0

    def _start(self) -> Piece | None:
        try:
            log = PlainLog(open_regular(self.path))
        except FileNotFoundError:
            return None
        return self._adopt(log, last_line_start(log, log.behind(0)) if self._from_end else 0)

    def _resume_elsewhere(self, mark: Mark, before: Lineage) -> Piece | None:
        """Begin what comes after a file that was truncated, or is gone, since the mark was made.

        Where names have changed while it was looked for, it may only have been passed by: it is looked for again.
        """
        if Lineage.of(self.path, self._world.folders) != before:
            return self._wait()
        if before.inode == mark.inode:
            return self._begin_again(mark)
        log = open_successor(mark, self.path, self._world.folders, is_lost=True)
        if log is None:
            self._is_gone = self._is_parked
            if self._is_parked and self._is_written and not os.path.lexists(self.path):
                self._is_written = False
                self._world.count("vanished")
            return self._wait() if os.path.lexists(self.path) else None
        self._world.count("vanished")
        return self._adopt(log, 0)

    def _begin_again(self, mark: Mark) -> Piece | None:
        log = PlainLog(open_regular(self.path))
        if log.status().st_ino != mark.inode:
            log.close()
            return self._wait()
        self._world.count("truncations")
        return self._adopt(log, 0)

    def _start_over(self, mark: Mark, log: OpenLog) -> Piece | None:
        """Read a truncated file from its start, after what copytruncate saved of the lines not yet read."""
        before = Lineage.of(self.path, self._world.folders)
        copy = open_copy(mark, self.path, self._world.folders)
        if copy is None and Lineage.of(self.path, self._world.folders) != before:
            return self._wait()
        self._world.count("truncations")
        return self._moved(log, 0) if copy is None else self._adopt(copy, mark.offset)

    def _lines(self, mark: Mark, log: OpenLog, limit: int) -> Piece | None:
        cut = cut_lines(log, mark.offset, limit, skipping=mark.skipping)
        if cut.end != mark.offset:
            self._mark = mark.advanced(log, cut.end, skipping=cut.skipping)
            self._quiet_since = None
        if cut.hole:
            self._world.count("holes")
        if not cut.data:
            return None
        if cut.skipping:
            self._world.count("cut_lines")
        return self._piece(cut, log)

    def _leave(self, mark: Mark, log: OpenLog) -> Piece | None:
        """Give the torn line of a file that was rotated away or deleted, then go on with the next file."""
        if _is_same(self.path, log):
            self._quiet_since = None
            return None
        if (again := self._found_again(mark)) is not None:
            return again
        self._tell_of_damage(log)
        quiet = self._quiet_seconds()
        if quiet < self._grace:
            return None
        following, _ = Lineage.of(self.path, self._world.folders).successor(mark)
        is_begun = following != self.path or _has_lines(following)
        if not is_begun and quiet < self._grace * _PATIENCE:
            return None
        rest = cut_rest(log, mark.offset, skipping=mark.skipping)
        if rest.data and (not mark.skipping or rest.is_headless):
            self._mark = mark.advanced(log, rest.end, skipping=False)
            return self._piece(rest, log)
        # While the successor is empty, nothing is won by leaving, and a writer that turns to it late loses nothing.
        is_abandoned = not log.status().st_nlink and following.exists()
        return self._succeed(mark) if is_begun or is_abandoned else None

    def _found_again(self, mark: Mark) -> Piece | None:
        """Go on in the file at the path where it is the one that was read, under another inode number."""
        if not self._world.renumbers or not mark.width:
            return None
        with contextlib.suppress(FileNotFoundError):
            log = PlainLog(open_regular(self.path))
            if mark.fits(log):
                return self._adopt(log, mark.offset, skipping=mark.skipping)
            log.close()
        return None

    def _tell_of_damage(self, log: OpenLog) -> None:
        """Raise once where a compressed file could not be read to its end; then its successor is gone on with."""
        if log.damage and self._told_of != log.status().st_ino:
            self._told_of = log.status().st_ino
            self._world.count("damaged")
            raise OSError(log.damage)

    def _succeed(self, mark: Mark) -> Piece | None:
        log = open_successor(mark, self.path, self._world.folders)
        if log is None:
            return None
        self._world.count("rotations")
        is_within = self._log is not None and ends_within(self._log, mark.offset)
        return self._adopt(log, 0, skipping=is_within)

    def _quiet_seconds(self) -> float:
        now = self._world.monotonic()
        if self._quiet_since is None:
            self._quiet_since = now
        return now - self._quiet_since

    def _adopt(self, log: OpenLog, offset: int, *, skipping: bool = False) -> Piece:
        self.close()
        self._log = log
        return self._moved(log, offset, skipping=skipping)

    def _moved(self, log: OpenLog, offset: int, *, skipping: bool = False) -> Piece:
        """Tell of a new position, so that it is committed before any of its lines are."""
        self._quiet_since = None
        self._dates = Dates()
        self._mark = Mark.of(log, offset, skipping=skipping)
        return self._piece(Cut(b"", offset, offset), log)

    def _piece(self, cut: Cut, log: OpenLog) -> Piece:
        assert self._mark is not None
        beginning = log.read_at(FINGERPRINT_BYTES, 0) if cut.offset < FINGERPRINT_BYTES and cut.data else b""
        before = lines_before(log, cut)
        near = self._dates.near(log, cut)
        backlog = log.behind(cut.end) + self._waiting_behind(log)
        return Piece(cut.data, cut.offset, self._mark, backlog, near, before, beginning)


def _is_same(path: Path, log: OpenLog) -> bool:
    """Tell whether the path leads to the open file; raises OSError where that cannot be known."""
    try:
        return os.path.samestat(path.stat(), log.status())
    except FileNotFoundError:
        return False


def _has_lines(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
