"""Wakes the caller when something changes in the folders where followed files are."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct
from watchdog.events import (
    EVENT_TYPE_MODIFIED,
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch
from watchdog.observers.polling import PollingObserver

_EVENTS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirMovedEvent,
]
"""Changes only: our own opening and closing must not wake us."""

_LIMITS = {errno.ENOSPC, errno.EMFILE, errno.ENFILE, errno.ENOSYS}
"""What the kernel says where it allows no further inotify watch or instance, or has none."""

_POLL_SECONDS = 1.0

_MOST_FOLDERS = 64
"""So many folders are watched: each costs one of the 128 inotify instances that a user may have, and two threads."""

_MOST_CHANGES = 10_000
"""Of more changes than this only that there were many is kept."""


class Changes(Struct, frozen=True):
    """What has happened in the watched folders since it was asked last."""

    paths: frozenset[str]
    """The files that were written, made, moved or deleted."""
    written: frozenset[str]
    """Those of them whose content was changed."""
    are_names: bool
    """True where files were made, moved or deleted, or where too many have changed to name each."""


_Folder = tuple[str, int]
"""A folder's path and inode number: a folder made anew under an old name needs a new watch."""


class FolderWatch:
    """Calls `wake` from a thread of its own when a file in a watched folder is written, made, moved or deleted.

    inotify is used while the kernel allows it; where its limits are reached, all folders are polled each second. Of
    more than `_MOST_FOLDERS` the rest is left to whoever looks at all files from time to time.
    """

    def __init__(self, wake: Callable[[], None]) -> None:
        self._handler = _Waker(wake)
        self._watches: dict[_Folder, ObservedWatch] = {}
        self._observer: BaseObserver = Observer()
        self._observer.start()

    @property
    def is_polling(self) -> bool:
        """Tell whether inotify could not be used."""
        return isinstance(self._observer, PollingObserver)

    def changes(self) -> Changes:
        """Tell what has changed since the last call."""
        return self._handler.changes()

    def cover(self, folders: Iterable[Path]) -> bool:
        """Watch exactly these folders from now on, or for one that is missing the nearest above it that exists.

        Returns whether there are new ones, in which files may have appeared unseen a moment ago. A folder that the
        daemon may not read is left out: its files are still read whenever the caller asks.
        """
        nearest = {*sorted({_nearest_existing(folder) for folder in folders})[:_MOST_FOLDERS]}
        new = nearest - self._watches.keys()
        for folder in self._watches.keys() - nearest:
            self._observer.unschedule(self._watches.pop(folder))
        for folder in sorted(new):
            self._schedule(folder)
        return bool(new & self._watches.keys())

    def close(self) -> None:
        """Stop the threads; may be called twice."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()

    def _schedule(self, folder: _Folder) -> None:
        try:
            self._watches[folder] = self._watch(folder)
        except OSError as error:
            if error.errno in _LIMITS and not self.is_polling:
                self._poll_instead()
                self._schedule(folder)

    def _poll_instead(self) -> None:
        self.close()
        self._observer = PollingObserver(timeout=_POLL_SECONDS)
        self._observer.start()
        self._watches = {folder: self._watch(folder) for folder in self._watches}

    def _watch(self, folder: _Folder) -> ObservedWatch:
        return self._observer.schedule(self._handler, folder[0], event_filter=_EVENTS)


class _Waker(FileSystemEventHandler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._lock = threading.Lock()
        self._paths: set[str] = set()
        self._written: set[str] = set()
        self._are_names = False

    def on_any_event(self, event: FileSystemEvent) -> None:
        with self._lock:
            self._are_names |= event.event_type != EVENT_TYPE_MODIFIED or len(self._paths) >= _MOST_CHANGES
            if len(self._paths) < _MOST_CHANGES:
                paths = {os.fsdecode(path) for path in (event.src_path, event.dest_path) if path}
                self._paths |= paths
                self._written |= paths if event.event_type == EVENT_TYPE_MODIFIED else set()
        self._wake()

    def changes(self) -> Changes:
        """Give what was noted, and begin anew."""
        with self._lock:
            changes = Changes(frozenset(self._paths), frozenset(self._written), self._are_names)
            self._paths, self._written, self._are_names = set(), set(), False
        return changes


def _nearest_existing(folder: Path) -> _Folder:
    for candidate in (folder, *folder.parents):
        with contextlib.suppress(OSError):  # missing, or in a folder that may not be searched
            status = candidate.stat()
            if stat.S_ISDIR(status.st_mode):
                return str(candidate), status.st_ino
    return "/", 0
