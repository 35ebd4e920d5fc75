"""Follows log files by path and glob, across rotation, truncation and restarts."""

from __future__ import annotations

import glob
import math
import os
import resource
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import fields

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.follow import FollowedFile, Piece
from credwatch.sources.generations import COMPRESSED, Mark, bases
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.watch import FolderWatch

_SCAN_SECONDS = 1.0
"""How long a new match of a glob may stay unseen while other files keep the source busy."""

_SCAN_SHARE = 50
"""A scan comes at the earliest when so many times its own duration have passed: a fiftieth of a core is its bound."""

_SWEEP = 300
"""So many files are looked at each second though nothing was heard of them: not every file system tells of changes."""

_RETRY_SECONDS = 5.0
"""How long a file that could not be read is left alone."""


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
        self._files: dict[Path, FollowedFile] = {}
        self._due: dict[Path, FollowedFile] = {}
        """The files that may have something, the one whose turn it is first."""
        self._swept: list[Path] = []
        self._links: dict[Path, Path] = {}
        """The followed paths that are links, by where they lead."""
        self._troubles: dict[Path, _Trouble] = {}
        self._past = Tally()
        self._watch = FolderWatch(wake) if wake else None
        self._scanned_at = self._swept_at = -math.inf
        self._scan_seconds = 0.0
        self._most_open = max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._options.name

    @property
    def tally(self) -> Tally:
        """What the source has met so far, over all its files."""
        return _sum([self._past, *(file.tally for file in self._files.values())])

    @property
    def finished(self) -> bool:
        """False: a followed file may always grow."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk of the file whose turn it is, or None; see `Source.read`."""
        self._look_around()
        chunk = self._read_in_turn(limit_bytes, held)
        if chunk is None and not self._watch and (self._scan() or self._due_all()):
            chunk = self._read_in_turn(limit_bytes, held)
        return chunk

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        mark = Mark.from_cursor(chunk.cursor, where=chunk.file)
        return mark.at(position, chunk.beginning).to_cursor()

    def waiting(self) -> int:
        """Say how many files may have lines waiting; see `Source.waiting`."""
        return len(self._due)

    def problems(self) -> list[SourceError]:
        """Return one error for each file that cannot be read now."""
        return [trouble.error for trouble in self._troubles.values()]

    def lag(self) -> int:
        """Say how many bytes wait in all followed files together, as far as anything was heard of them."""
        return sum(file.lag() for file in (self._due if self._watch else self._files).values())

    def close(self) -> None:
        """Give back descriptors and threads; may be called twice."""
        if self._watch:
            self._watch.close()
        for file in self._files.values():
            file.close()

    def _look_around(self) -> None:
        """Find out which files may have something: those heard of, those of a sweep, and new ones."""
        now = self._monotonic()
        heard = self._watch.take_changed() if self._watch else set()
        changed = {self._links.get(path, path) for path in heard}
        self._due |= {path: self._files[path] for path in changed if path in self._files}
        is_new = bool(changed - self._files.keys())
        if now - self._scanned_at >= max(0 if is_new else _SCAN_SECONDS, self._scan_seconds * _SCAN_SHARE):
            self._scan()
        if now - self._swept_at >= _SCAN_SECONDS:
            self._swept_at = now
            self._swept = self._swept or [*self._files]
            due, self._swept = self._swept[:_SWEEP], self._swept[_SWEEP:]
            self._due |= {path: self._files[path] for path in due if path in self._files}

    def _due_all(self) -> bool:
        """Without a watch nothing is heard of any file: look at every one; tell whether there was any."""
        self._due |= self._files
        return bool(self._due)

    def _read_in_turn(self, limit: int, held: Collection[str]) -> Chunk | None:
        for path, file in [*self._due.items()]:
            if str(path) in held:
                continue
            piece = self._read(file, limit)
            if piece:
                self._due[path] = self._due.pop(path)  # the others come first now
                return self._chunk(file, piece)
            if not file.is_changing and path not in self._troubles:
                self._rest(path)
        return None

    def _rest(self, path: Path) -> None:
        """Let a file be until something is heard of it; with very many files its descriptor is given back."""
        file = self._due.pop(path)
        if len(self._files) > self._most_open:
            file.close()

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
        self._troubles.pop(file.path, None)
        return piece

    def _chunk(self, file: FollowedFile, piece: Piece) -> Chunk:
        return Chunk(
            source=self.name,
            file=str(file.path),
            data=piece.data,
            first_position=piece.offset,
            cursor=piece.mark.to_cursor(),
            received_at=self._clock(),
            reference=datetime.fromtimestamp(piece.mark.modified / 1e9, UTC),
            backlog=piece.backlog,
            beginning=piece.beginning,
        )

    def _scan(self) -> bool:
        """Find new files, forget deleted ones, watch their folders; tell whether there are new ones."""
        began = time.monotonic()
        self._scanned_at = self._monotonic()
        is_changed = self._forget_deleted()
        fresh = [path for path in self._matches() if path not in self._files]
        for path in fresh:
            self._files[path] = self._due[path] = self._follow(path)
        self._from_end = False
        if self._watch and (fresh or is_changed or self._watch.is_due()):
            self._watch.cover(self._folders())
        self._scan_seconds = time.monotonic() - began
        return bool(fresh)

    def _follow(self, path: Path) -> FollowedFile:
        cursor = self._cursors.get(path)
        mark = Mark.from_cursor(cursor, where=str(path)) if cursor is not None else None
        self._cursors.pop(path, None)
        from_end = self._from_end and os.path.lexists(path)
        grace = self._options.grace_seconds
        return FollowedFile(path, mark, from_end=from_end, grace=grace, monotonic=self._monotonic)

    def _forget_deleted(self) -> bool:
        gone = [path for path, file in self._files.items() if file.is_deleted()]
        for path in gone:
            file = self._files.pop(path)
            self._due.pop(path, None)
            file.close()
            self._troubles.pop(path, None)
            self._past = _sum([self._past, file.tally])
        return bool(gone)

    def _matches(self) -> list[Path]:
        """List what the options name: each plain path, and each match of a glob that is not a rotated file."""
        plain = [Path(path) for path in self._options.paths if not glob.has_magic(path)]
        patterns = [path for path in self._options.paths if glob.has_magic(path)]
        globbed = {Path(path) for pattern in patterns for path in _expand(pattern)}
        others = {*self._files, *plain, *globbed, *self._cursors}
        fresh = sorted(path for path in globbed - self._files.keys() - {*plain} if _is_log(path, others))
        return [*dict.fromkeys(plain), *fresh]

    def _folders(self) -> set[Path]:
        real = {Path(os.path.realpath(path)): path for path in self._files}
        self._links = {target: path for target, path in real.items() if target != path}
        fixed = {_fixed_folder(path) for path in self._options.paths}
        return fixed | {path.parent for path in self._files} | {target.parent for target in real}


def _is_log(path: Path, others: set[Path]) -> bool:
    """Tell whether a match is to be followed: not a folder, compressed, rotated, or a link to another match."""
    # Not Path.is_dir and its like: they raise where a folder may not be searched.
    if path.suffix in COMPRESSED or os.path.isdir(path):  # noqa: PTH112
        return False
    if os.path.islink(path) and Path(os.path.realpath(path)) in others:  # noqa: PTH114
        return False
    return not any(path.with_name(base) in others for base in bases(path.name))


def _expand(pattern: str) -> list[str]:
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern


def _fixed_folder(pattern: str) -> Path:
    """Name the deepest folder of a pattern that has no wildcard in it."""
    folder = Path(pattern).parent
    while glob.has_magic(str(folder)):
        folder = folder.parent
    return folder


def _unreadable(path: Path, error: OSError) -> SourceError:
    is_forbidden = isinstance(error, PermissionError)
    hint = "let the daemon's user read it, for instance by the group adm" if is_forbidden else "it is tried again"
    return SourceError(f"cannot be read: {error.strerror or error}", where=str(path), hint=hint)


def _sum(tallies: list[Tally]) -> Tally:
    return Tally(*(sum(getattr(tally, field.name) for tally in tallies) for field in fields(Tally)))
