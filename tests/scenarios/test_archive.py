"""The archive beside a store: each event that the store has counted is in it once, whatever dies or refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest

from credwatch.app.archive import archive_folder
from credwatch.store.state import progress
from scenarios.archived import Archived
from scenarios.lines import guessing
from scenarios.pipeline import NOW, a_store, take


@pytest.fixture
def archived(tmp_path: Path) -> Iterator[Archived]:
    with a_store(tmp_path / "store.sqlite") as database:
        yield Archived(tmp_path / "site", database)


def test_events_are_found_at_once_and_wherever_they_are(archived: Archived) -> None:
    """Events are found while they wait, once they have moved, and once they have come to their day: each once."""
    archived.take(guessing(0, "quocbao", "203.0.113.7"))
    expected = archived.found()
    assert archived.counted() == len(expected) == len(set(expected)) > 5
    assert len(expected) == archived.waiting()
    archived.archiving.work()
    assert 0 == archived.waiting()
    assert expected == archived.found()
    archived.now = datetime.now(UTC) + timedelta(days=2)
    archived.archiving.work()
    folder = archive_folder(archived.settings)
    assert ([], 1) == (folder.segments(), len(folder.days()))
    assert expected == archived.found()


def test_a_commit_that_fails_archives_nothing(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the transaction fails the archive has nothing of it; the same lines given again are there once."""
    lines = guessing(0, "quocbao", "203.0.113.7")
    with monkeypatch.context() as patch:
        patch.setattr("credwatch.pipeline.pipeline.tell_changes", _broken)
        with pytest.raises(RuntimeError):
            archived.take(lines)
    before = len(archived.found())
    archived.take(lines[before:]) if before else archived.take(lines)
    assert archived.counted() == len(set(archived.found())) == len(archived.found())


def _broken(*_: object) -> int:
    raise RuntimeError("the store is gone")


def test_a_folder_that_refuses_loses_nothing(archived: Archived) -> None:
    """While the folder cannot be written, events wait in the store, are found, and move once it can be again."""
    folder = archive_folder(archived.settings).path
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("a file lies where the folder should be")
    archived.take(guessing(0, "quocbao", "203.0.113.7"))
    archived.archiving.work()
    assert 0.0 == _metric(archived, "credwatch_archive_up")
    assert archived.waiting() == archived.counted() > 0
    folder.unlink()
    expected = archived.found()
    archived.archiving.work()
    assert 1.0 == _metric(archived, "credwatch_archive_up")
    assert (0, expected) == (archived.waiting(), archived.found())


def test_a_full_disk_leaves_no_half_file(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for which there is no room is not there, and nothing is forgotten of what it should have had."""
    archived.take(guessing(0, "quocbao", "203.0.113.7"))
    expected = archived.found()
    monkeypatch.setattr("credwatch.archive.moving._write", _full)
    archived.archiving.work()
    monkeypatch.undo()
    assert [] == [*archive_folder(archived.settings).path.rglob("*.*")]
    assert expected == archived.found()
    archived.archiving.work()
    assert (0, expected) == (archived.waiting(), archived.found())


def _full(_: object, path: Path) -> None:
    path.write_bytes(b"PAR1 half")
    raise OSError(28, "No space left on device")


def test_what_has_no_room_is_counted_and_told(tmp_path: Path) -> None:
    """Beyond its bound nothing more waits: detection goes on, and the loss is counted and told."""
    with a_store(tmp_path / "store.sqlite") as database:
        archived = Archived(tmp_path / "site", database, waiting_bytes=2000)
        for hour in range(6):
            archived.take(guessing(hour * 3600, "quocbao", f"203.0.113.{hour}"))
        found = len(archived.found())
        assert 0 < found < archived.counted()
        archived.archiving.turn()
        archived.archiving.stop()
        assert archived.counted() - found == _metric(archived, "credwatch_archive_lost_events_total")
        assert 1 == archived.lost
        archived.archiving = archived.begin()
        archived.archiving.work()
        archived.archiving.turn()
        archived.archiving.stop()
        archived.take(guessing(7 * 3600, "quocbao", "203.0.113.99"))
        assert len(archived.found()) > found, "there is room again once what waited has moved"


def _metric(archived: Archived, name: str) -> float | None:
    return archived.metrics.registry.get_sample_value(name)


def test_an_older_store_is_put_back(archived: Archived, tmp_path: Path) -> None:
    """A store from before the latest events, beside the archive that has them, goes on without losing new ones."""
    archived.take(guessing(0, "quocbao", "203.0.113.7"))
    archived.archiving.work()
    before = archived.found()
    with a_store(tmp_path / "other.sqlite") as database:
        other = Archived(tmp_path / "site", database)
        other.take(guessing(86_400, "quocbao", "203.0.113.8"))
        other.archiving.work()
        assert 0 == other.waiting()
        assert len(before) + other.counted() == len(other.found())


DIES = """
import os, sys, json
from pathlib import Path
from scenarios.test_archive import a_daemon_that_dies
a_daemon_that_dies(Path(sys.argv[1]), int(sys.argv[2]))
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
LINES = [line for hour in range(12) for line in guessing(hour * 7200, f"user{hour}", f"203.0.113.{hour}")]


def a_daemon_that_dies(folder: Path, first: int) -> None:
    """Take lines, one batch each, while a thread moves and compacts without a pause, and say what was committed."""
    import threading

    with a_store(folder / "store.sqlite") as database:
        archived = Archived(folder / "site", database)
        archived.now = datetime.now(UTC) + timedelta(days=2)  # so that the day of segments is over
        archived.archiving = archived.begin()

        def fill() -> None:
            while True:
                archived.archiving.work()

        threading.Thread(target=fill, daemon=True).start()
        position = sum(len(line) + 1 for line in LINES[:first])
        for number, line in enumerate(LINES[first:], first):
            from scenarios.pipeline import a_chunk

            take(archived.pipeline, a_chunk(line, position=position))
            position += len(line) + 1
            print(number + 1, flush=True)


@pytest.mark.slow
def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """SIGKILL at random instants of committing, moving and compacting: the archive has what the store has counted."""
    chance, taken = Random(14), 0
    folder = tmp_path / "killed"
    folder.mkdir()
    for _ in range(int(os.environ.get("CREDWATCH_KILLS", "50")) // 8):
        process = subprocess.Popen(
            [sys.executable, "-c", DIES, str(folder), str(_committed(folder))], stdout=-1, env=ENVIRONMENT
        )
        assert process.stdout is not None
        more = chance.randrange(1, 12)
        for _ in range(more):
            if not process.stdout.readline():
                break
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        with a_store(folder / "store.sqlite") as database:
            archived = Archived(folder / "site", database)
            found = archived.found()
            assert archived.counted() == len(found) == len(set(found))
            taken = max(taken, len(found))
    assert taken, "the daemon got somewhere between the kills"


def _committed(folder: Path) -> int:
    """Tell how many lines the store has taken."""
    if not (folder / "store.sqlite").exists():
        return 0
    with a_store(folder / "store.sqlite") as database, database.reading() as connection:
        return progress.tallies_of(connection, f"{NOW:%Y-%m-%d}").get("lines", 0)
