"""Edits of configuration are noticed once, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from credwatch.app.watchfiles import ConfigurationWatch
from scenarios.daemon import await_


class Told:
    """Counts how often it was told."""

    def __init__(self) -> None:
        self.times = 0
        self.heard = Event()

    def __call__(self) -> None:
        self.times += 1
        self.heard.set()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    """Watch a folder, and one that is not there."""
    told = Told()
    watch = ConfigurationWatch([tmp_path, tmp_path / "none"], told)
    watch.start()
    yield told
    watch.stop()


def test_a_burst_of_edits_is_told_once(told: Told, tmp_path: Path) -> None:
    """Editors write in several steps; what they end with counts."""
    for number in range(5):
        (tmp_path / "customers.toml").write_text(f"# {number}\n")
    temporary = tmp_path / "rule.tmp"
    temporary.write_text("x")
    temporary.rename(tmp_path / "rule.yml")
    assert told.heard.wait(10)
    assert 1 == told.times


def test_each_later_edit_is_told_again(told: Told, tmp_path: Path) -> None:
    """A removed file is an edit too, and folders below are watched."""
    folder = tmp_path / "own"
    folder.mkdir()
    (tmp_path / "a.toml").write_text("")
    await_(lambda: told.times == 1, what="the first edit is told", seconds=15)
    (tmp_path / "a.toml").unlink()
    await_(lambda: told.times == 2, what="the removal is told", seconds=15)
    (folder / "rule.yml").write_text("")
    await_(lambda: told.times == 3, what="the edit below is told", seconds=15)


def test_other_files_are_passed_over(told: Told, tmp_path: Path) -> None:
    """The daemon's own files beside the configuration, and reading, cause no reload."""
    (tmp_path / "credwatch.sqlite-wal").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "notes.txt").read_text()
    assert not told.heard.wait(2)
