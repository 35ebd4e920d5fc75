"""Edits of configuration are noticed once, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from credwatch.service.watchfiles import ConfigurationWatch
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


@pytest.fixture
def swung(tmp_path: Path) -> Iterator[tuple[Path, Told, ConfigurationWatch]]:
    """Watch a folder as Kubernetes mounts a ConfigMap: files are links by way of one hidden link to a generation."""
    folder = tmp_path / "mounted"
    for name in ("..1", "..2"):
        (folder / name).mkdir(parents=True)
        (folder / name / "customers.toml").write_text(f"# {name}\n")
    (folder / "..data").symlink_to("..1")
    (folder / "customers.toml").symlink_to("..data/customers.toml")
    told = Told()
    watch = ConfigurationWatch([folder], told)
    watch.start()
    yield folder, told, watch
    watch.stop()


def test_a_link_that_is_swung_is_told_once(swung: tuple[Path, Told, ConfigurationWatch]) -> None:
    """A generation that is put in place by one rename is an edit, and after it all is quiet."""
    folder, told, watch = swung
    assert "" == watch.trouble()
    (folder / "..data_tmp").symlink_to("..2")
    (folder / "..data_tmp").rename(folder / "..data")
    await_(lambda: not watch.trouble() and told.times == 1, what="the swing is told", seconds=15)
    assert [""] * 3 == [watch.trouble() for _ in range(3)]
    assert 1 == told.times


def test_a_folder_that_is_replaced_is_watched_on(tmp_path: Path) -> None:
    """A link to the folder that is swung is an edit, and edits in the new folder are told after it."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    folder, told = tmp_path / "registers", Told()
    folder.symlink_to("first")
    watch = ConfigurationWatch([folder], told)
    watch.start()
    try:
        (tmp_path / "next").symlink_to("second")
        (tmp_path / "next").rename(folder)
        await_(lambda: not watch.trouble() and told.times == 1, what="the swing is told", seconds=15)
        (tmp_path / "second" / "customers.toml").write_text("")
        await_(lambda: not watch.trouble() and told.times == 2, what="the edit is told", seconds=15)
    finally:
        watch.stop()


def test_an_edit_behind_a_link_is_told(tmp_path: Path) -> None:
    """A register that is a link to a file elsewhere is edited where it lies; a link that comes later counts too."""
    folder, elsewhere, told = tmp_path / "registers", tmp_path / "elsewhere", Told()
    folder.mkdir()
    elsewhere.mkdir()
    (elsewhere / "customers.toml").write_text("")
    (folder / "customers.toml").symlink_to(elsewhere / "customers.toml")
    watch = ConfigurationWatch([folder], told)
    watch.start()
    try:
        (elsewhere / "customers.toml").write_text("# edited\n")
        await_(lambda: not watch.trouble() and told.times == 1, what="the edit is told", seconds=15)
        (folder / "rules").symlink_to(elsewhere)
        await_(lambda: not watch.trouble() and told.times == 2, what="the new link is told", seconds=15)
    finally:
        watch.stop()
