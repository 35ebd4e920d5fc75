"""Looks for files that are new, by the time at which they appeared, and gives the records of each once."""

from __future__ import annotations

import math
import os
from collections.abc import Container, Iterator
from glob import iglob
from pathlib import Path

import msgspec
from msgspec import Struct

from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import SourceError
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.objects.records import DamagedObject, lines_in
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace
from credwatch.sources.pull.keys import key_of
from credwatch.sources.rest.lookup import value_at

_SETTLED_SECONDS = 2.0
"""A file that was touched less long ago may still be written."""
_PATIENCE_SECONDS = 300.0
"""So long a damaged file may still become whole."""


class _Unsettled(Exception):
    """A file may still be written."""


class _Seen(Struct, frozen=True, order=True):
    """A file that is there."""

    appeared_at: float
    """When its name or content changed last by the file system, seconds since the epoch."""
    path: str
    key: str
    """What it is known by: its path, size and time."""


class ObjectService:
    """Sweeps folders; see `PulledService`. A file that was given is known by an item without a line."""

    def __init__(self, options: ObjectSourceOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._overlap = options.overlap.total_seconds()

    @property
    def interval(self) -> float:
        """How many seconds to wait between two sweeps."""
        return self._options.interval.total_seconds()

    @property
    def width(self) -> float:
        """How coarsely the order of files is remembered, seconds."""
        return max(self._overlap / 32, 1.0)

    def sweep(self, place: PulledPlace | None, keys: Container[str] = (), /) -> Iterator[PulledBatch]:
        """Give the records of every file that is new; see `PulledService.sweep`."""
        now = self._clock().timestamp()
        if place is None:
            since = now if self._options.read_from == "end" else 0.0
            there = (file for file in self._files(since - self._overlap) if file.appeared_at <= since)
            yield self._batch([_mark(file) for file in there], since)
        else:
            since = float(place["since"])
        problem: SourceError | None = None
        reached = math.inf
        for file in (file for file in self._files(since - self._overlap) if file.key not in keys):
            try:
                items = self._items(file, now)
            except (SourceError, _Unsettled) as error:
                # The others are read; but what comes next begins here again.
                problem = problem or (error if isinstance(error, SourceError) else None)
                reached = min(reached, file.appeared_at)
                continue
            since = max(since, min(file.appeared_at, reached))
            batch = self._batch([*(items or ()), _mark(file)], since)
            yield msgspec.structs.replace(batch, is_damaged=items is None)
        if problem is not None:
            raise problem

    def interrupt(self) -> None:
        """Do nothing: a file is read within bounds; see `PulledService.interrupt`."""

    def close(self) -> None:
        """Do nothing: no file is held open."""

    def _batch(self, items: list[Item], since: float) -> PulledBatch:
        return PulledBatch(tuple(items), {"since": since}, since - self._overlap)

    def _files(self, begin: float) -> list[_Seen]:
        """List the files that appeared since a moment, in the order in which they did."""
        files = set[_Seen]()
        for pattern in self._options.paths:
            for path in iglob(pattern, recursive=True):  # noqa: PTH207  # strings, as there may be very many
                try:
                    status = os.stat(path)  # noqa: PTH116
                except OSError:
                    continue  # it went meanwhile
                appeared_at = max(status.st_ctime, status.st_mtime)
                if appeared_at >= begin and not os.path.isdir(path):  # noqa: PTH112
                    identity = f"{path}\0{status.st_size}\0{status.st_mtime_ns}"
                    files.add(_Seen(appeared_at, path, key_of(os.fsencode(identity))))
        return sorted(files)

    def _items(self, file: _Seen, now: float) -> list[Item] | None:
        """Return the records of a file, None where it is damaged for good.

        Raises _Unsettled where it may still be written, SourceError where it cannot be read now.
        """
        age = now - file.appeared_at
        if age < _SETTLED_SECONDS:
            raise _Unsettled
        try:
            lines = lines_in(Path(file.path), self._options.records, self._options.object_bytes)
        except DamagedObject as error:
            if age < _PATIENCE_SECONDS:
                raise self._error(file.path, str(error)) from error
            return None
        except OSError as error:
            raise self._error(file.path, error.strerror or str(error)) from error
        return [Item(line, self._key(file, number, line), file.appeared_at) for number, line in enumerate(lines)]

    def _key(self, file: _Seen, number: int, line: bytes) -> str:
        names = [value_at(_object(line), path) for path in self._options.identity]
        if any(name is not None for name in names):
            return key_of(msgspec.json.encode(names))
        return key_of(b"%s\0%d\0%s" % (os.fsencode(file.path), number, line))

    def _error(self, path: str, reason: str) -> SourceError:
        hint = "mend or remove the file; the others are read"
        return SourceError(f"{path} cannot be read: {reason}", where=f"source {self._options.id}", hint=hint)


def _mark(file: _Seen) -> Item:
    return Item(b"", file.key, file.appeared_at)


def _object(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
