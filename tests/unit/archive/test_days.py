"""From segments to days: each event once, whatever dies in between."""

from __future__ import annotations

import stat
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from archived_events import BEGIN, an_event, fill, offsets, some_events
from credwatch.archive import days
from credwatch.archive.days import compact
from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.reading import ArchiveReader
from credwatch.archive.search import Search, Sought


@pytest.fixture
def folder(tmp_path: Path) -> ArchiveFolder:
    return ArchiveFolder(tmp_path / "archive")


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(days, "_GROUP", 8)
    monkeypatch.setattr(days, "_PIECE", 32)


def all_of(folder: ArchiveFolder) -> list[int]:
    return offsets(Search(ArchiveReader(folder), {}).latest(Sought(), 100_000))


def in_threes(events: list[dict[str, object]]) -> list[list[dict[str, object]]]:
    return [events[start : start + 3] for start in range(0, len(events), 3)]


def test_days_have_the_events_of_all_segments_once(folder: ArchiveFolder) -> None:
    """However often segments come, each day's file has its events once, and no segment is left."""
    events = some_events(400, seed=1)
    for part in range(4):
        fill(folder, in_threes(events[part * 100 : part * 100 + 100]), first=1 + part * 100)
        compact(folder)
    assert [] == folder.segments()
    assert list(range(400)) == sorted(all_of(folder))
    for day, file in folder.days().items():
        assert {day} == set(pl.read_parquet(file.path)["@timestamp"].dt.date())
    assert len(folder.days()) == len(folder.day_files())


def test_a_day_is_a_row_of_pieces_sorted_by_account(folder: ArchiveFolder) -> None:
    """Full pieces stay as they are when others join, so that a row group has few accounts."""
    events = [an_event(n, at=BEGIN + timedelta(seconds=n), user__name=f"user{n % 10}") for n in range(100)]
    for part in range(5):
        fill(folder, [events[part * 20 : part * 20 + 20]], first=1 + part)
        compact(folder)
    names = pl.read_parquet(folder.days()[date(2026, 3, 1)].path)["user.name"].to_list()
    for start in range(0, 100, 32):
        assert sorted(names[start : start + 32]) == names[start : start + 32]


@pytest.mark.parametrize("files_written", range(12))
def test_what_is_interrupted_is_done_again(
    folder: ArchiveFolder, monkeypatch: pytest.MonkeyPatch, files_written: int
) -> None:
    """A death behind any file that is written or deleted loses and doubles nothing, before and after the next start."""
    events = some_events(90, seed=2)
    fill(folder, in_threes(events[:45]))
    compact(folder)
    fill(folder, in_threes(events[45:]), first=100)
    expected = sorted(all_of(folder))
    left = files_written

    def dying(of: str) -> None:
        real = getattr(ArchiveFolder, of)

        def mortal(self: ArchiveFolder, *args: object) -> None:
            nonlocal left
            if left == 0:
                raise KeyboardInterrupt
            left -= 1
            real(self, *args)

        monkeypatch.setattr(ArchiveFolder, of, mortal)

    dying("put")
    dying("remove")
    with suppress(KeyboardInterrupt):
        compact(folder)
    monkeypatch.undo()
    assert expected == sorted(all_of(folder)) == list(range(90))
    folder.prepare()
    compact(folder)
    assert expected == sorted(all_of(folder))
    assert [] == [path for path in folder.path.rglob("*.new")]


def test_only_the_owner_reads_the_files(folder: ArchiveFolder) -> None:
    """Files are 0600 and folders 0700, whatever the umask is."""
    fill(folder, in_threes(some_events(9, seed=3)))
    modes = {stat.S_IMODE(segment.path.stat().st_mode) for segment in folder.segments()}
    compact(folder)
    modes |= {stat.S_IMODE(file.path.stat().st_mode) for file in folder.day_files()}
    assert {0o600} == modes
    assert 0o700 == stat.S_IMODE(folder.path.stat().st_mode)


def test_empty_folder_has_nothing(folder: ArchiveFolder) -> None:
    """An archive that is not there yet is empty, and asking it makes nothing."""
    assert [] == all_of(folder)
    assert 0 == folder.latest() == folder.size() == folder.rows()
    assert not folder.path.exists()
