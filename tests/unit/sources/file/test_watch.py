"""Holds the folder watch to waking for changes, by inotify and by polling, and for nothing else."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from watchdog.observers.inotify import InotifyObserver

from credwatch.sources.file import watch as watching
from credwatch.sources.file.watch import FolderWatch
from unit.sources.followed import append


@pytest.fixture
def woken() -> threading.Event:
    return threading.Event()


def test_wakes_on_writing_renaming_and_appearing(tmp_path: Path, woken: threading.Event) -> None:
    """Each change of a log wakes."""
    watch = FolderWatch(woken.set)
    watch.cover([tmp_path])
    log = tmp_path / "auth.log"
    for change in (log.touch, lambda: append(log, "one\n"), lambda: log.rename(tmp_path / "auth.log.1")):
        woken.clear()
        change()
        assert woken.wait(5)
    watch.close()


def test_reading_does_not_wake(tmp_path: Path, woken: threading.Event) -> None:
    """Our own opening and closing of a log is not a change."""
    log = tmp_path / "auth.log"
    append(log, "one\n")
    watch = FolderWatch(woken.set)
    watch.cover([tmp_path])
    log.read_bytes()
    assert not woken.wait(0.3)
    watch.close()


def test_a_missing_folder_is_waited_for(tmp_path: Path, woken: threading.Event) -> None:
    """The folder above it tells when it is made; then it is watched itself."""
    watch = FolderWatch(woken.set)
    folder = tmp_path / "app" / "logs"
    watch.cover([folder])
    (tmp_path / "app").mkdir()
    assert woken.wait(5)
    folder.mkdir()
    watch.cover([folder])
    woken.clear()
    append(folder / "app.log", "one\n")
    assert woken.wait(5)
    watch.close()


def test_a_folder_made_anew_is_watched_anew(tmp_path: Path, woken: threading.Event) -> None:
    """The watch belongs to the folder, not to its name."""
    folder = tmp_path / "logs"
    folder.mkdir()
    watch = FolderWatch(woken.set)
    watch.cover([folder])
    folder.rename(tmp_path / "older")
    folder.mkdir()
    watch.cover([folder])
    woken.clear()
    append(folder / "app.log", "one\n")
    assert woken.wait(5)
    watch.close()


def test_polls_where_inotify_is_exhausted(
    tmp_path: Path, woken: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel's limit costs latency, not lines."""

    class Exhausted(InotifyObserver):
        def schedule(self, *args: object, **kwargs: object) -> None:
            raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(watching, "Observer", Exhausted)
    watch = FolderWatch(woken.set)
    watch.cover([tmp_path])
    assert watch.is_polling
    append(tmp_path / "auth.log", "one\n")
    assert woken.wait(5)
    watch.close()
    watch.close()


def test_a_folder_that_may_not_be_read_is_left_out(
    tmp_path: Path, woken: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One forbidden folder does not turn the others to polling."""

    class Forbidden(InotifyObserver):
        def schedule(self, *args: object, **kwargs: object) -> None:
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(watching, "Observer", Forbidden)
    watch = FolderWatch(woken.set)
    watch.cover([tmp_path])
    assert not watch.is_polling
    watch.close()
