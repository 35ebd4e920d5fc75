"""Notices when registers, rules or packs are edited, so that nobody needs to say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock, Timer

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

_SETTLE_SECONDS = 1.0
_SUFFIXES = (".toml", ".yml", ".yaml", ".mmdb")
_CHANGES = ("created", "modified", "moved", "deleted")


class ConfigurationWatch(FileSystemEventHandler):
    """Calls `changed` once after files in the folders were edited, when no edit has come for a second."""

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._changed = changed
        self._observer = Observer()
        self._timer: Timer | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Begin to watch."""
        for folder in self._folders:
            self._observer.schedule(self, str(folder), recursive=True)
        self._observer.start()

    def stop(self) -> None:
        """End; a change that was not told yet is not told any more."""
        self._observer.stop()
        self._observer.join()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note an edit; editors write in several steps, so the last one counts."""
        paths = (str(event.src_path), str(event.dest_path))
        if event.event_type not in _CHANGES or not any(path.endswith(_SUFFIXES) for path in paths):
            return
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = Timer(_SETTLE_SECONDS, self._changed)
            self._timer.daemon = True
            self._timer.start()
