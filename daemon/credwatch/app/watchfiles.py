"""Notices when registers, rules or packs are edited, so that nobody needs to say so."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from credwatch.kernel.errors import ConfigurationError

_SETTLE_SECONDS = 1.0
_SUFFIXES = (".toml", ".yml", ".yaml", ".mmdb")
_CHANGES = ("created", "modified", "moved", "deleted")


class ConfigurationWatch(FileSystemEventHandler):
    """Calls `changed` once after files in the folders were edited, when no edit has come for a second."""

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = folders
        self._watched: dict[Path, tuple[int, int]] = {}
        self._changed = changed
        self._observer = Observer()
        self._timer: Timer | None = None
        self._lock = Lock()

    def start(self) -> None:
        """Begin to watch the folders that are there; raises ConfigurationError where the kernel refuses."""
        self._watched = self._present()
        try:
            for folder in self._watched:
                self._observer.schedule(self, str(folder), recursive=True)
            self._observer.start()
        except OSError as error:
            raise ConfigurationError(
                f"edits cannot be watched: {error.strerror or error}",
                where=", ".join(map(str, self._watched)),
                hint="see fs.inotify.max_user_watches and max_user_instances of sysctl; SIGHUP reloads meanwhile",
            ) from error

    def trouble(self) -> str:
        """Say why edits are missed; empty where they are not."""
        if not self._observer.is_alive() or not all(emitter.is_alive() for emitter in self._observer.emitters):
            return "its thread has ended"
        present = self._present()
        changed = sorted(str(folder) for folder, _ in {*present.items()} ^ {*self._watched.items()})
        return f"a folder has come, gone or been replaced: {changed[0]}" if changed else ""

    def stop(self) -> None:
        """End; a change that was not told yet is not told any more."""
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join()
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()

    def _present(self) -> dict[Path, tuple[int, int]]:
        """Tell which folders are there, each by its device and inode: one that was replaced has others."""
        present = {}
        for folder in self._folders:
            with suppress(OSError):
                status = folder.stat()
                if stat.S_ISDIR(status.st_mode):
                    present[folder] = status.st_dev, status.st_ino
        return present

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
