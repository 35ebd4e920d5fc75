"""Follows log files by path and glob, across rotation, truncation and restarts."""

from __future__ import annotations

import math
import os
import resource
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.parse.pieces import HEADLESS
from credwatch.sources.file.folders import Folders, bases_of
from credwatch.sources.file.follow import FollowedFile, Piece, Surroundings
from credwatch.sources.file.generations import Mark
from credwatch.sources.file.matching import fixed_folder, matches
from credwatch.sources.file.watch import FolderWatch
from credwatch.sources.interface import Chunk, Cursor, Tally

_SWEEP_SECONDS = 1.0
"""How long a change may stay unseen that nothing tells of, as on a file system of another machine."""

_SWEEP_SECONDS_PER_FILE = 0.001
"""Where there are many files they are all looked at less often: a look costs about 20 µs, so that is 2 % of a core."""

_SCAN_SECONDS_PER_FILE = 0.0001
"""Folders in which names change all the time are not listed more often than this."""

_RETRY_SECONDS = 5.0
"""How long a file that could not be read is left alone."""

_LONGEST_SWEEP_SECONDS = 60.0
_SWEEP_SHARE = 20
"""Where a look at all files takes long, as over a network, so many times as long passes before the next."""

_MOST_OPEN = 512
"""So many files are held open while lines of theirs wait, and no more than a quarter of what the process may open."""

_MOST_AT_REST = 4
"""So many files are held open of which all was read: those that are written next are most often these."""


class FileOptions(Struct, frozen=True):
    """What one source follows."""

    name: str
    """The source's name."""
    paths: tuple[str, ...]
    """Files and globs; `**` stands for any depth of folders."""
    start: Literal["end", "start"] = "end"
    """Where to begin, at the very first start, in files that are there."""
    grace_seconds: float = 1.0
    """How long a rotated file must have been quiet before its successor is begun."""
    polls: bool = False
    """True where nothing tells of changes: all files are looked at from time to time, and inotify is not asked."""
    renumbers: bool = False
    """True where a file may come by another inode number while it stays the same."""


class _Trouble(Struct, frozen=True):
    error: SourceError
    until: float
    """The file is left alone until then, in seconds of the monotonic clock."""


class FileSource:
    """Follows the files that the options name, in turns, each in its own order.

    `cursors` are the committed ones of this source, by file. Where there are none at all, the files that exist now
    are read as `start` says; every file that appears later is read from its start. `wake`, where given, is called from
    another thread whenever a followed folder changes; without it the caller asks from time to time.
    `read` raises SourceError while a cursor is not one of a followed file.

    What a call costs grows with the files that have changed, not with all: a file whose last read gave nothing is left
    alone until its folder's watch tells of it, or a sweep over all files comes round.
    """

    def __init__(
        self,
        options: FileOptions,
        cursors: Mapping[str, Cursor],
        *,
        clock: Clock,
        wake: Callable[[], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._clock = clock
        self._monotonic = monotonic
        self._cursors = {Path(file): cursor for file, cursor in cursors.items()}
        self._from_end = options.start == "end" and not cursors
        self._tally = Tally()
        self._world = Surroundings(Folders(), monotonic, self._count, options.renumbers)
        self._files: dict[Path, FollowedFile] = {}
        self._by_name: dict[str, FollowedFile] = {}
        self._active: deque[FollowedFile] = deque()
        self._active_names: set[str] = set()
        self._open: dict[str, FollowedFile] = {}
        self._at_rest: dict[str, FollowedFile] = {}
        self._most_open = min(_MOST_OPEN, max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4, 1))
        self._troubles: dict[Path, _Trouble] = {}
        self._watch = FolderWatch(wake) if wake and not options.polls else None
        self._is_asked_again = wake is None
        self._sweep_seconds = 0.0
        self._names_changed = True
        self._scanned_at = self._swept_at = -math.inf

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._options.name

    @property
    def tally(self) -> Tally:
        """What the source has met so far, over all its files."""
        return self._tally

    @property
    def finished(self) -> bool:
        """False: a followed file may always grow."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk of the file whose turn it is, or None; see `Source.read`."""
        self._notice()
        chunk = self._read_in_turn(limit_bytes, held)
        if chunk is None and self._is_asked_again:
            # Nothing tells of changes: whoever asks again wants all looked at again.
            self._swept_at = -math.inf
            chunk = self._read_in_turn(limit_bytes, held) if self._scan() else None
        return chunk

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        mark = Mark.from_cursor(chunk.cursor, where=chunk.file)
        return mark.at(position, chunk.beginning, skipping=chunk.before == HEADLESS).to_cursor()

    def acknowledge(self, chunk: Chunk) -> None:
        """Do nothing: files can be read again; see `Source.acknowledge`."""

    def waiting(self) -> int:
        """Say how many files may have lines waiting; see `Source.waiting`."""
        return len(self._active)

    def awaited(self) -> Collection[str]:
        """Name the files whose successor waits for writers to leave them; see `Source.awaited`."""
        return {file.name for file in self._active if file.is_awaited}

    def problems(self) -> list[SourceError]:
        """Return one error for each file that cannot be read now."""
        return [trouble.error for trouble in self._troubles.values()]

    def lag(self) -> int:
        """Say how many bytes wait in all followed files together."""
        return sum(file.lag() for file in (self._files.values() if self._is_asked_again else self._active))

    def close(self) -> None:
        """Give back descriptors and threads; may be called twice."""
        if self._watch:
            self._watch.close()
        for file in self._files.values():
            file.close()

    def _count(self, field: str) -> None:
        self._tally = replace(self._tally, **{field: getattr(self._tally, field) + 1})

    def _notice(self) -> None:
        """Take up what has changed since the last call, and look at all files where that is due."""
        if self._watch:
            changes = self._watch.changes()
            self._names_changed |= changes.are_names
            for path in changes.paths:
                self._activate_for(path)
            for path in changes.written & self._by_name.keys():
                self._by_name[path].note_written()
        now = self._monotonic()
        is_sweep_due = now - self._swept_at >= sweep_pause(len(self._files), self._sweep_seconds)
        pause = len(self._files) * _SCAN_SECONDS_PER_FILE
        if is_sweep_due or (self._names_changed and now - self._scanned_at >= pause):
            self._scan()
        if is_sweep_due:
            self._sweep()
            self._sweep_seconds = self._monotonic() - now

    def _activate_for(self, path: str) -> None:
        """Have a file read that was written, or of which a rotated one was."""
        folder, name = os.path.split(path)
        for candidate in (path, *(os.path.join(folder, base) for base, _ in bases_of(name))):  # noqa: PTH118
            if candidate in self._by_name:
                self._activate(self._by_name[candidate])

    def _activate(self, file: FollowedFile) -> None:
        if file.name not in self._active_names:
            self._active_names.add(file.name)
            self._active.append(file)

    def _sweep(self) -> None:
        self._swept_at = self._monotonic()
        for file in self._files.values():
            if not file.is_unchanged():
                self._activate(file)

    def _read_in_turn(self, limit: int, held: Collection[str]) -> Chunk | None:
        for _ in range(len(self._active)):
            file = self._active[0]
            self._active.rotate(-1)
            if file.name in held:
                continue
            piece = self._read(file, limit)
            if piece:
                return self._chunk(file, piece)
            if file.is_settled and file.path not in self._troubles:
                self._active_names.discard(self._active.pop().name)
        return None

    def _read(self, file: FollowedFile, limit: int) -> Piece | None:
        trouble = self._troubles.get(file.path)
        if trouble and trouble.until > self._monotonic():
            return None
        try:
            piece = file.read(limit)
        except OSError as error:
            file.close()
            failure = _unreadable(file.path, error)
            self._troubles[file.path] = _Trouble(failure, self._monotonic() + _RETRY_SECONDS)
            if trouble:
                return None
            raise failure from error
        finally:
            self._bound_open(file)
        self._troubles.pop(file.path, None)
        return piece

    def _bound_open(self, file: FollowedFile) -> None:
        """Close the files that were read longest ago where too many are open, of those at rest and in all.

        A file of which lines wait stays open where it can: whoever deletes it takes nothing away.
        """
        for opened in (self._open, self._at_rest):
            opened.pop(file.name, None)
        if file.is_open:
            (self._at_rest if file.is_at_rest() else self._open)[file.name] = file
        for opened, most in ((self._at_rest, _MOST_AT_REST), (self._open, self._most_open)):
            while len(opened) > most:
                opened.pop(next(iter(opened))).park()

    def _chunk(self, file: FollowedFile, piece: Piece) -> Chunk:
        return Chunk(
            source=self.name,
            file=file.name,
            data=piece.data,
            first_position=piece.offset,
            cursor=piece.mark.to_cursor(),
            received_at=self._clock(),
            reference=piece.ends_near,
            backlog=piece.backlog,
            before=piece.before,
            beginning=piece.beginning,
        )

    def _scan(self) -> bool:
        """Find new files, forget deleted ones, watch their folders; tell whether there are new ones."""
        self._scanned_at = self._monotonic()
        self._forget_deleted()
        failures = []
        fresh = [path for path in matches(self._options.paths, self._files, self._cursors) if path not in self._files]
        for path in fresh:
            try:
                self._begin(path)
            except SourceError as error:
                failures.append(error)
        self._from_end = False
        folders = self._name_files()
        self._names_changed = bool(self._watch and self._watch.cover(folders))
        if failures:
            raise failures[0]
        return bool(fresh)

    def _begin(self, path: Path) -> None:
        cursor = self._cursors.get(path)
        mark = Mark.from_cursor(cursor, where=str(path)) if cursor is not None else None
        self._cursors.pop(path, None)
        from_end = self._from_end and os.path.lexists(path)
        file = FollowedFile(path, mark, self._world, from_end=from_end, grace=self._options.grace_seconds)
        self._files[path] = file
        self._activate(file)

    def _name_files(self) -> set[Path]:
        """Note under which names changes of each file are told, and return the folders where that happens."""
        self._by_name = {file.name: file for file in self._files.values()}
        for file in self._files.values():
            if os.path.islink(file.path):  # noqa: PTH114
                self._by_name[os.path.realpath(file.path)] = file
        return {fixed_folder(path) for path in self._options.paths} | {Path(name).parent for name in self._by_name}

    def _forget_deleted(self) -> None:
        for file in [file for file in self._files.values() if file.is_deleted()]:
            file.close()
            self._troubles.pop(file.path, None)
            self._open.pop(file.name, None)
            self._at_rest.pop(file.name, None)
            del self._files[file.path]
            if file.name in self._active_names:
                self._active_names.discard(file.name)
                self._active.remove(file)


def sweep_pause(files: int, seconds: float) -> float:
    """Say how many seconds pass between two looks at all files, where there are so many and a look takes so long."""
    return max(_SWEEP_SECONDS, files * _SWEEP_SECONDS_PER_FILE, min(_SWEEP_SHARE * seconds, _LONGEST_SWEEP_SECONDS))


def _unreadable(path: Path, error: OSError) -> SourceError:
    is_forbidden = isinstance(error, PermissionError)
    hint = "let the daemon's user read it, for instance by the group adm" if is_forbidden else "it is tried again"
    return SourceError(f"cannot be read: {error.strerror or error}", where=str(path), hint=hint)
