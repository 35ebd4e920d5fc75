"""Wakes the caller when something changes in the folders where followed files are."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import stat
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Lock

from watchdog.events import (
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

_COVER_SECONDS = 5.0
"""How long a folder that is new, or that a link was turned to, may go unwatched; it is swept meanwhile."""

_Folder = tuple[str, int]
"""A folder's path and inode number: a folder made anew under an old name needs a new watch."""


class FolderWatch:
    """Calls `wake` from a thread of its own when a file in a watched folder is written, made, moved or deleted.

    inotify is used while the kernel allows it; where its limits are reached, all folders are polled each second.
    """

    def __init__(self, wake: Callable[[], None], *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._handler = _Waker(wake)
        self._monotonic = monotonic
        self._covered_at = -math.inf
        self._watches: dict[_Folder, ObservedWatch] = {}
        self._observer: BaseObserver = Observer()
        self._observer.start()

    @property
    def is_polling(self) -> bool:
        """Tell whether inotify could not be used."""
        return isinstance(self._observer, PollingObserver)

    def take_changed(self) -> set[Path]:
        """Return the files of which something was heard since the last call."""
        return self._handler.take_changed()

    def is_due(self) -> bool:
        """Tell whether the folders should be named again: links may lead elsewhere, and folders may be new."""
        return self._monotonic() - self._covered_at >= _COVER_SECONDS

    def cover(self, folders: Iterable[Path]) -> None:
        """Watch exactly these folders from now on, or for one that is missing the nearest above it that exists.

        A folder that the daemon may not read is left out: its files are still read whenever the caller asks.
        """
        self._covered_at = self._monotonic()
        wanted = {_nearest_existing(folder) for folder in folders}
        for folder in self._watches.keys() - wanted:
            self._observer.unschedule(self._watches.pop(folder))
        for folder in sorted(wanted - self._watches.keys()):
            self._schedule(folder)

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
        self._changed: set[Path] = set()
        self._lock = Lock()

    def on_any_event(self, event: FileSystemEvent) -> None:
        with self._lock:
            self._changed |= {Path(os.fsdecode(path)) for path in (event.src_path, event.dest_path) if path}
        self._wake()

    def take_changed(self) -> set[Path]:
        with self._lock:
            changed, self._changed = self._changed, set()
        return changed


def _nearest_existing(folder: Path) -> _Folder:
    for candidate in (folder, *folder.parents):
        with contextlib.suppress(OSError):  # missing, or in a folder that may not be searched
            status = candidate.stat()
            if stat.S_ISDIR(status.st_mode):
                return str(candidate), status.st_ino
    return "/", 0
