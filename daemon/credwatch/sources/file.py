"""Follows log files by path and glob, across rotation, truncation and restarts."""

from __future__ import annotations

import glob
import math
import os
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct
from msgspec.structs import fields

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.follow import FollowedFile, Piece
from credwatch.sources.generations import COMPRESSED, Mark, is_generation
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.sources.watch import FolderWatch

_SCAN_SECONDS = 1.0
"""How long a new match of a glob may stay unseen while other files keep the source busy."""

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
        self._files: deque[FollowedFile] = deque()
        self._troubles: dict[Path, _Trouble] = {}
        self._past = Tally()
        self._watch = FolderWatch(wake) if wake else None
        self._scanned_at = -math.inf

    @property
    def name(self) -> str:
        """The source's name in the configuration."""
        return self._options.name

    @property
    def tally(self) -> Tally:
        """What the source has met so far, over all its files."""
        return _sum([self._past, *(file.tally for file in self._files)])

    @property
    def finished(self) -> bool:
        """False: a followed file may always grow."""
        return False

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give the next chunk of the file whose turn it is, or None; see `Source.read`."""
        if self._monotonic() - self._scanned_at >= _SCAN_SECONDS:
            self._scan()
        chunk = self._read_in_turn(limit_bytes, held)
        if chunk is None and self._scan():
            chunk = self._read_in_turn(limit_bytes, held)
        return chunk

    def cursor_at(self, chunk: Chunk, position: int) -> Cursor:
        """Give the cursor for going on within a chunk; see `Source.cursor_at`."""
        mark = Mark.from_cursor(chunk.cursor, where=chunk.file)
        return mark.at(position, chunk.beginning).to_cursor()

    def waiting(self) -> int:
        """Say how many files may have lines waiting; see `Source.waiting`."""
        return len(self._files)

    def problems(self) -> list[SourceError]:
        """Return one error for each file that cannot be read now."""
        return [trouble.error for trouble in self._troubles.values()]

    def lag(self) -> int:
        """Say how many bytes wait in all followed files together."""
        return sum(file.lag() for file in self._files)

    def close(self) -> None:
        """Give back descriptors and threads; may be called twice."""
        if self._watch:
            self._watch.close()
        for file in self._files:
            file.close()

    def _read_in_turn(self, limit: int, held: Collection[str]) -> Chunk | None:
        for _ in range(len(self._files)):
            file = self._files[0]
            self._files.rotate(-1)
            if str(file.path) in held:
                continue
            piece = self._read(file, limit)
            if piece:
                return self._chunk(file, piece)
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
        self._scanned_at = self._monotonic()
        self._forget_deleted()
        known = {file.path for file in self._files}
        found = [path for path in self._matches(known) if path not in known]
        for path in found:
            self._files.append(self._follow(path))
        self._from_end = False
        if self._watch:
            self._watch.cover(self._folders())
        return bool(found)

    def _follow(self, path: Path) -> FollowedFile:
        cursor = self._cursors.get(path)
        mark = Mark.from_cursor(cursor, where=str(path)) if cursor is not None else None
        self._cursors.pop(path, None)
        from_end = self._from_end and os.path.lexists(path)
        grace = self._options.grace_seconds
        return FollowedFile(path, mark, from_end=from_end, grace=grace, monotonic=self._monotonic)

    def _forget_deleted(self) -> None:
        for file in [file for file in self._files if file.is_deleted()]:
            file.close()
            self._troubles.pop(file.path, None)
            self._past = _sum([self._past, file.tally])
            self._files.remove(file)

    def _matches(self, known: set[Path]) -> list[Path]:
        """List what the options name: each plain path, and each match of a glob that is not a rotated file."""
        plain = [Path(path) for path in self._options.paths if not glob.has_magic(path)]
        patterns = [path for path in self._options.paths if glob.has_magic(path)]
        globbed = {Path(path) for pattern in patterns for path in _expand(pattern)}
        others = {*known, *plain, *globbed, *self._cursors}
        fresh = sorted(path for path in globbed - known - {*plain} if _is_log(path, others))
        return [*dict.fromkeys(plain), *fresh]

    def _folders(self) -> set[Path]:
        paths = {file.path for file in self._files}
        fixed = {_fixed_folder(path) for path in self._options.paths}
        return fixed | {path.parent for path in paths} | {Path(os.path.realpath(path)).parent for path in paths}


def _is_log(path: Path, others: set[Path]) -> bool:
    """Tell whether a match is to be followed: not a folder, compressed, rotated, or a link to another match."""
    # Not Path.is_dir and its like: they raise where a folder may not be searched.
    if path.suffix in COMPRESSED or os.path.isdir(path):  # noqa: PTH112
        return False
    if os.path.islink(path) and Path(os.path.realpath(path)) in others:  # noqa: PTH114
        return False
    return not any(is_generation(path, other) for other in others if other != path)


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
