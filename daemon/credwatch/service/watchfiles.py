"""Notices when registers, rules or packs are edited, so that nobody needs to say so."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Timer

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.folders import links_below

_SETTLE_SECONDS = 1.0
_SUFFIXES = (".toml", ".yml", ".yaml", ".mmdb")
_CHANGES = ("created", "modified", "moved", "deleted")
_Target = tuple[int, int, int, int] | None
"""What tells that a link leads to the same: device, inode, size, time of the last edit; None where it leads nowhere."""


class ConfigurationWatch(FileSystemEventHandler):
    """Calls `changed` once after files in the folders were edited, when no edit has come for a second.

    The kernel tells of edits in the folders themselves. What links there lead to may lie anywhere, and is swung in one
    step where configuration comes by generations; so each look compares what the links lead to with the look before.
    """

    def __init__(self, folders: Sequence[Path], changed: Callable[[], None]) -> None:
        self._folders = folders
        self._watched: dict[Path, tuple[int, int]] = {}
        self._changed = changed
        self._observer = Observer()
        self._timer: Timer | None = None
        self._lock = Lock()
        self._targets: dict[Path, _Target] = {}
        self._links_may_differ = True

    def start(self) -> None:
        """Begin to watch the folders that are there; raises ConfigurationError where the kernel refuses."""
        self._watched = self._present()
        self._look_at_links()
        try:
            for folder in self._watched:
                # Resolved, for a watch of a link tells of the link alone.
                self._observer.schedule(self, str(folder.resolve()), recursive=True)
            self._observer.start()
        except OSError as error:
            raise ConfigurationError(
                f"edits cannot be watched: {error.strerror or error}",
                where=", ".join(map(str, self._watched)),
                hint="see fs.inotify.max_user_watches and max_user_instances of sysctl; SIGHUP reloads meanwhile",
            ) from error

    def trouble(self) -> str:
        """Say why edits are missed, empty where they are not; called once a second, it looks for what was swung too."""
        present = self._present()
        if present != self._watched:
            if reason := self._begin_anew():
                return reason
            self._edited()
        elif self._look_at_links():
            self._edited()
        alive = self._observer.is_alive() and all(emitter.is_alive() for emitter in self._observer.emitters)
        return "" if alive else "its thread has ended"

    def _begin_anew(self) -> str:
        """Watch the folders that are there now; say why that cannot be, empty where it is done."""
        self._observer.stop()
        self._observer = Observer()
        self._links_may_differ = True
        try:
            self.start()
        except ConfigurationError as error:
            return str(error)
        return ""

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

    def _look_at_links(self) -> bool:
        """Say whether a link leads to something else than before, or to a file that was edited."""
        links: Iterable[Path] = self._targets
        if self._links_may_differ:
            self._links_may_differ = False
            links = [link for folder in self._watched for link in links_below(folder)]
        before, self._targets = self._targets, {link: _target(link) for link in links}
        return before != self._targets

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Note an edit; editors write in several steps, so the last one counts."""
        self._links_may_differ = True
        paths = (str(event.src_path), str(event.dest_path))
        if event.event_type not in _CHANGES or not any(path.endswith(_SUFFIXES) for path in paths):
            return
        self._edited()

    def _edited(self) -> None:
        """Tell of an edit in a second, unless another one comes."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = Timer(_SETTLE_SECONDS, self._changed)
            self._timer.daemon = True
            self._timer.start()


def _target(link: Path) -> _Target:
    with suppress(OSError):
        status = link.stat()
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
    return None
