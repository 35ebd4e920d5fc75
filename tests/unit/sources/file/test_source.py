"""Holds the file source to what rotation, truncation and deletion do to a log."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.file import follow
from unit.sources.followed import Reader, Seconds, a_file_source, append


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    append(path, "one\n")
    return path


def _restarted(reader: Reader, *paths: Path | str) -> Reader:
    """Open the source again from what the reader has committed."""
    reader.source.close()
    return Reader(a_file_source(*paths, cursors=reader.cursors), cursors=dict(reader.cursors))


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _rotate(log: Path, *, keep: int = 5) -> None:
    """Rename as logrotate does: .1 is the youngest."""
    for number in range(keep, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}"))
    log.rename(log.with_name(f"{log.name}.1"))


def _copytruncate(log: Path) -> None:
    log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)


def test_a_first_start_at_the_end_passes_over_what_is_there(log: Path) -> None:
    """Only lines behind the first look come, and the line being written then is one of them."""
    append(log, "two, being wri")
    reader = Reader(a_file_source(log, start="end"))
    assert reader.drain() == []
    append(log, "tten\nthree\n")
    assert reader.drain() == [b"two, being written", b"three"]


def test_the_first_position_is_given_before_any_line(log: Path) -> None:
    """A crash before the first line does not move the start: the position was committed as an empty chunk."""
    reader = Reader(a_file_source(log, start="end"))
    reader.drain()
    append(log, "two\n")
    after = _restarted(reader, log)
    assert after.drain() == [b"two"]


def test_a_file_that_appears_later_is_read_from_its_start(tmp_path: Path) -> None:
    """A log that did not exist at the start has nothing that is too old."""
    log = tmp_path / "later.log"
    reader = Reader(a_file_source(log, start="end"))
    assert reader.drain() == []
    append(log, "one\n")
    assert reader.drain() == [b"one"]


def test_a_torn_line_waits_for_its_end(log: Path) -> None:
    """Half a line is no line."""
    reader = Reader(a_file_source(log))
    append(log, "tw")
    assert reader.drain() == [b"one"]
    append(log, "o\n")
    assert reader.drain() == [b"two"]


def test_rotation_by_rename_loses_nothing(log: Path) -> None:
    """The old file is read to its end before the new one is begun."""
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, "two\n")
    _rotate(log)
    append(log, "three\n")
    assert reader.drain() == [b"two", b"three"]
    assert reader.source.tally.rotations == 1


def test_lines_written_to_the_old_file_after_rotation_come_first(log: Path) -> None:
    """Until the grace time has passed without a line, the old file is not left."""
    seconds = Seconds()
    reader = Reader(a_file_source(log, grace=5, seconds=seconds))
    reader.drain()
    _rotate(log)
    append(log, "three\n")
    assert reader.drain() == []
    seconds.now += 4
    append(log.with_name("auth.log.1"), "two\n")
    assert reader.drain() == [b"two"]
    seconds.now += 4
    assert reader.drain() == []
    seconds.now += 6
    assert reader.drain() == [b"three"]


def test_a_successor_is_awaited_while_the_old_file_may_still_be_written(log: Path) -> None:
    """From the rotation on until the new file is begun; other logs' later lines wait so long, and no longer."""
    seconds = Seconds()
    reader = Reader(a_file_source(log, grace=5, seconds=seconds))
    reader.drain()
    assert not reader.source.awaited(), "it is at its end"
    _rotate(log)
    append(log, "three\n")
    reader.drain()
    assert {str(log)} == reader.source.awaited()
    seconds.now += 6
    reader.drain()
    assert not reader.source.awaited()


def test_an_empty_successor_is_not_awaited(log: Path) -> None:
    """A rotation at night holds nothing up until the next line comes."""
    reader = Reader(a_file_source(log, grace=5))
    reader.drain()
    _rotate(log)
    log.touch()
    reader.drain()
    assert not reader.source.awaited()


def test_a_generation_between_is_awaited_where_the_newest_is_empty(log: Path) -> None:
    """Two rotations behind each other hide the lines that wait from the log's own size."""
    reader = Reader(a_file_source(log, grace=5))
    reader.drain()
    _rotate(log)
    append(log, "two\n")
    _rotate(log)
    log.touch()
    reader.drain()
    assert {str(log)} == reader.source.awaited()
    assert 4 == reader.source.lag()


def test_what_never_comes_is_not_awaited_for_ever(log: Path) -> None:
    """A torn line whose writer may finish it is awaited for its time."""
    seconds = Seconds()
    reader = Reader(a_file_source(log, grace=1, seconds=seconds))
    append(log, "torn")
    reader.drain()
    _rotate(log)
    reader.drain()
    assert {str(log)} == reader.source.awaited()
    seconds.now += 7
    assert not reader.source.awaited()


def test_a_torn_line_of_a_rotated_file_is_given_in_the_end(log: Path) -> None:
    """Nobody will finish it, so it comes as it is, before the new file's lines."""
    reader = Reader(a_file_source(log))
    append(log, "torn")
    reader.drain()
    _rotate(log)
    append(log, "three\n")
    assert reader.drain() == [b"torn", b"three"]


def test_rotation_while_stopped(log: Path) -> None:
    """The old file is found under its new name."""
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, "two\n")
    _rotate(log)
    append(log, "three\n")
    assert _restarted(reader, log).drain() == [b"two", b"three"]


def test_several_rotations_while_stopped(log: Path) -> None:
    """Every file between the old one and the present one is read, in order."""
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, "two\n")
    for line in ("three\n", "four\n", "five\n"):
        _rotate(log)
        append(log, line)
    assert _restarted(reader, log).drain() == [b"two", b"three", b"four", b"five"]


@pytest.mark.parametrize("name", ["auth.log-2026030{}", "auth-2026030{}.log", "auth.log.2026030{}"])
def test_rotation_with_dates_while_stopped(log: Path, name: str) -> None:
    """Dated names are put in order as numbered ones are, and names older than the mark are not read."""
    append(log.with_name(name.format(0)), "ancient\n")
    reader = Reader(a_file_source(log))
    reader.drain()
    for day, line in ((1, "two\n"), (2, "three\n")):
        log.rename(log.with_name(name.format(day)))
        append(log, line)
    assert _restarted(reader, log).drain() == [b"two", b"three"]


def test_a_rotated_file_that_was_deleted_is_counted_and_the_later_ones_are_read(log: Path) -> None:
    """What cannot be found is said; what was written after it is not passed over."""
    reader = Reader(a_file_source(log))
    reader.drain()
    _rotate(log)
    old = log.with_name("auth.log.1")
    os.utime(old, ns=(0, old.stat().st_mtime_ns - 10**9))
    reader.cursors[str(log)]["modified"] -= 10**9
    append(log, "two\n")
    _rotate(log)
    append(log, "three\n")
    log.with_name("auth.log.2").rename(log.parent.parent / f"{log.parent.name}-gone")
    after = _restarted(reader, log)
    assert after.drain() == [b"two", b"three"]
    assert after.source.tally.vanished == 1


def test_copytruncate_starts_over(log: Path) -> None:
    """A file that shrank is read from its start again, and counted."""
    reader = Reader(a_file_source(log))
    reader.drain()
    _copytruncate(log)
    append(log, "2\n")
    assert reader.drain() == [b"2"]
    assert reader.source.tally.truncations == 1


def test_copytruncate_saves_what_was_not_read_yet(log: Path) -> None:
    """The copy is known by its content, and its unread lines come before the new ones."""
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, "two\n")
    _copytruncate(log)
    append(log, "three\n")
    assert reader.drain() == [b"two", b"three"]
    assert reader.source.tally.truncations == 1


def test_copytruncate_while_stopped_saves_what_was_not_read_yet(log: Path) -> None:
    """The same after a restart."""
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, "two\n")
    _copytruncate(log)
    append(log, "3\n")
    assert _restarted(reader, log).drain() == [b"two", b"3"]


def test_a_truncation_is_seen_even_where_the_file_has_grown_past_the_mark(log: Path) -> None:
    """The fingerprint tells new content from the old."""
    reader = Reader(a_file_source(log))
    reader.drain()
    log.write_bytes(b"something quite different\n")
    assert reader.drain() == [b"something quite different"]
    assert reader.source.tally.truncations == 1


def test_a_truncation_while_stopped_starts_over(log: Path) -> None:
    """The same inode with other content is another file."""
    reader = Reader(a_file_source(log))
    reader.drain()
    log.write_bytes(b"something quite different\n")
    after = _restarted(reader, log)
    assert after.drain() == [b"something quite different"]
    assert after.source.tally.truncations == 1


def test_a_symlink_that_is_swapped_is_followed(tmp_path: Path) -> None:
    """The old target is read to its end, then the new one."""
    first, second, link = tmp_path / "a.txt", tmp_path / "b.txt", tmp_path / "current.log"
    append(first, "one\n")
    link.symlink_to(first)
    reader = Reader(a_file_source(link))
    reader.drain()
    append(first, "two\n")
    append(second, "three\n")
    link.unlink()
    link.symlink_to(second)
    assert reader.drain() == [b"two", b"three"]


def test_a_deleted_file_may_come_back(log: Path) -> None:
    """Deletion ends nothing; the file that is made anew is read from its start."""
    reader = Reader(a_file_source(log))
    reader.drain()
    log.unlink()
    assert reader.drain() == []
    append(log, "two\n")
    assert reader.drain() == [b"two"]


def test_a_deleted_file_keeps_no_descriptor(tmp_path: Path) -> None:
    """Space that an operator frees is freed."""
    paths = [tmp_path / f"app-{number}.log" for number in range(4)]
    reader = Reader(a_file_source(tmp_path / "*.log"))
    before = _descriptors()
    for path in paths:
        append(path, "one\n")
    reader.drain()
    assert _descriptors() == before + len(paths)
    for path in paths:
        path.unlink()
    reader.drain()
    assert _descriptors() == before
    assert len(reader.lines) == 4


def test_a_glob_finds_files_that_appear(tmp_path: Path) -> None:
    """New matches join; rotated and compressed ones do not."""
    append(tmp_path / "a.log", "a1\n")
    reader = Reader(a_file_source(tmp_path / "*"))
    assert reader.drain() == [b"a1"]
    append(tmp_path / "b.log", "b1\n")
    append(tmp_path / "a.log.1", "old\n")
    append(tmp_path / "a.log.2.gz", "old\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.log").symlink_to(tmp_path / "a.log")
    assert reader.drain() == [b"b1"]


def test_a_restart_between_rename_and_create_does_not_take_the_rotated_file_for_a_new_one(log: Path) -> None:
    """The stored cursors tell which names are rotated ones."""
    pattern = log.with_name("auth*")
    reader = Reader(a_file_source(pattern))
    reader.drain()
    _rotate(log)
    after = _restarted(reader, pattern)
    assert after.drain() == []
    append(log, "two\n")
    assert after.drain() == [b"two"]


def test_files_take_turns(tmp_path: Path) -> None:
    """A busy file does not starve a quiet one."""
    busy, quiet = tmp_path / "busy.log", tmp_path / "quiet.log"
    append(busy, "b\n" * 1000)
    append(quiet, "q\n")
    reader = Reader(a_file_source(busy, quiet))
    for _ in range(4):
        reader.step(10)
    assert b"q" in reader.lines


def test_an_unreadable_file_is_tried_again_after_a_while(tmp_path: Path) -> None:
    """It raises once, is left alone, and is read when it can be."""
    seconds = Seconds()
    log = tmp_path / "auth.log"
    log.symlink_to(log)
    reader = Reader(a_file_source(log, seconds=seconds))
    with pytest.raises(SourceError):
        reader.drain()
    assert reader.drain() == []
    log.unlink()
    append(log, "one\n")
    assert reader.drain() == []
    seconds.now += 10
    assert reader.drain() == [b"one"]


def test_a_cursor_of_another_kind_is_refused(log: Path) -> None:
    """A source renamed onto another's cursors says so, each time it is asked, and reads nothing."""
    reader = Reader(a_file_source(log, cursors={str(log): {"since": "s=1"}}))
    for _ in range(2):
        with pytest.raises(SourceError, match="not that of a followed file"):
            reader.drain()


def test_a_copy_from_a_backup_is_known_by_its_content(log: Path) -> None:
    """Another inode with the same beginning, at least as long, is gone on with."""
    reader = Reader(a_file_source(log))
    reader.drain()
    content = log.read_bytes()
    log.rename(log.parent.parent / f"{log.parent.name}-moved")
    log.write_bytes(content + b"two\n")
    assert _restarted(reader, log).drain() == [b"two"]


def test_lag_counts_the_file_that_took_the_place(log: Path) -> None:
    """After a rotation both the rest of the old file and the new one wait."""
    reader = Reader(a_file_source(log, grace=60))
    reader.drain()
    append(log, "22\n")
    _rotate(log)
    append(log, "333\n")
    assert reader.source.lag() == 7


def test_a_late_writer_loses_nothing_while_the_new_file_is_empty(log: Path) -> None:
    """An empty successor is no reason to leave: the old file is read until the writer has turned to the new one."""
    seconds = Seconds()
    reader = Reader(a_file_source(log, grace=1, seconds=seconds))
    reader.drain()
    _rotate(log)
    log.touch()
    for _ in range(20):
        seconds.now += 1
        reader.drain()
    append(log.with_name("auth.log.1"), "late\n")
    append(log, "new\n")
    for _ in range(3):
        seconds.now += 1
        reader.drain()
    assert reader.lines == [b"one", b"late", b"new"]


@pytest.mark.parametrize("away", [Path.unlink, _rotate], ids=["deleted", "renamed"])
def test_a_torn_line_without_a_successor_is_given_after_a_while(log: Path, away: Callable[[Path], None]) -> None:
    """Its writer has five grace times to finish it; then it comes as it is."""
    seconds = Seconds()
    reader = Reader(a_file_source(log, grace=1, seconds=seconds))
    append(log, "torn")
    reader.drain()
    away(log)
    reader.drain()
    seconds.now += 4
    assert reader.drain() == []
    seconds.now += 2
    assert reader.drain() == [b"torn"]


def test_several_copytruncates_while_stopped(log: Path) -> None:
    """The copies are read in order, the first from where the mark was."""
    append(log, b"x" * 300 + b"\n")
    reader = Reader(a_file_source(log))
    reader.drain()
    for line in ("two\n", "three\n", "four\n"):
        append(log, line)
        _rotate(log)
        log.with_name("auth.log.1").rename(log)
        _copytruncate(log)
    append(log, "five\n")
    assert _restarted(reader, log).drain() == [b"two", b"three", b"four", b"five"]


def test_unreadable_files_do_not_hold_up_the_others(tmp_path: Path) -> None:
    """Each is an error once, is tried again in silence, and stays among the problems until it is mended."""
    seconds = Seconds()
    loops = [tmp_path / f"loop-{number}.log" for number in range(3)]
    for loop in loops:
        loop.symlink_to(loop)
    log = tmp_path / "auth.log"
    append(log, "one\n")
    reader = Reader(a_file_source(*loops, log, seconds=seconds))
    for _ in loops:
        with pytest.raises(SourceError):
            reader.drain()
    assert reader.drain() == [b"one"]
    seconds.now += 10
    append(log, "two\n")
    assert reader.drain() == [b"two"]
    assert {str(loop) for loop in loops} == {problem.where for problem in reader.source.problems()}
    for loop in loops:
        loop.unlink()
    seconds.now += 10
    reader.drain()
    assert reader.source.problems() == []


def test_a_forbidden_file_says_whom_to_let_in(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint names the group that may read logs."""

    def forbidden(path: Path) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(follow, "open_regular", forbidden)
    with pytest.raises(SourceError, match=r"Permission denied \(let the daemon's user read it.* adm\)"):
        Reader(a_file_source(log)).drain()


def test_one_file_by_two_names_is_read_once(tmp_path: Path) -> None:
    """Hard links among the matches of a glob are one file, whichever was there first."""
    log = tmp_path / "b.log"
    append(log, "one\n")
    (tmp_path / "c.log").hardlink_to(log)
    reader = Reader(a_file_source(tmp_path / "*.log"))
    assert [b"one"] == reader.drain()
    (tmp_path / "a.log").hardlink_to(log)
    append(log, "two\n")
    assert [b"two"] == reader.drain()
    reader.source.close()
