"""Holds a source of very many files to a cost that grows with what has changed, and to few descriptors."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.file import source as following
from credwatch.sources.file.follow import FollowedFile
from credwatch.sources.file.source import FileOptions, FileSource
from unit.sources.followed import NOW, Reader, Seconds, a_file_source, append

CALLS = ("open", "stat", "fstat", "lstat", "pread", "scandir", "close")


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Count system calls on files."""
    calls: Counter[str] = Counter()

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            calls[name] += 1
            return call(*args, **kwargs)

        return called

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, counting(name, getattr(os, name)))
        yield calls


def _logs(folder: Path, count: int, generations: int = 0) -> list[Path]:
    logs = [folder / f"host-{number}.log" for number in range(count)]
    for log in logs:
        append(log, "one\n")
        for generation in range(1, generations + 1):
            append(log.with_name(f"{log.name}.{generation}"), "old\n")
    return logs


def test_beginning_costs_a_few_calls_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice the files cost about twice the calls, with their rotated files beside them."""
    costs = []
    for count in (100, 200):
        folder = tmp_path / str(count)
        folder.mkdir()
        _logs(folder, count, generations=3)
        with counted(monkeypatch) as calls:
            reader = Reader(a_file_source(folder / "*"))
            assert [b"one"] * count == reader.drain()
        costs.append(calls.total())
        reader.source.close()
    assert costs[1] < 2.2 * costs[0]
    assert costs[1] < 60 * 200


def test_one_line_in_a_thousand_files_costs_what_one_file_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that nothing is told of are not touched; the one that was written is read at once."""
    logs = _logs(tmp_path, 300)
    woken = threading.Event()
    options = FileOptions("auth", (f"{tmp_path}/*",), "start")
    seconds = Seconds()
    reader = Reader(FileSource(options, {}, clock=lambda: NOW, wake=woken.set, monotonic=seconds))
    reader.drain()
    seconds.now += 2
    reader.drain()
    assert 0 == reader.source.waiting()
    woken.clear()
    append(logs[7], "two\n")
    assert woken.wait(5)
    with counted(monkeypatch) as calls:
        assert [b"two"] == reader.drain()
        reader.source.lag()
    assert calls.total() < 60
    reader.source.close()


def test_few_files_are_open_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is closed for others is found again: by appends, after a rotation, and when it was deleted."""
    monkeypatch.setattr(following, "_MOST_AT_REST", 3)
    logs = _logs(tmp_path, 10)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    reader = Reader(a_file_source(tmp_path / "*.log"))
    assert 10 == len(reader.drain())
    assert len(os.listdir("/proc/self/fd")) - before <= 3  # noqa: PTH208
    for log in logs:
        append(log, f"two {log.name}\n")
    for log in logs[:5]:
        log.rename(log.with_name(f"{log.name}.1"))
        append(log, f"three {log.name}\n")
    logs[9].unlink()
    expected = {f"two {log.name}".encode() for log in logs[:9]} | {f"three {log.name}".encode() for log in logs[:5]}
    assert sorted(expected) == sorted(set(reader.drain()) - {f"two {logs[9].name}".encode()})
    append(logs[9], "anew\n")
    assert [b"anew"] == reader.drain()
    reader.source.close()


def test_an_error_has_taken_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fails while a chunk is made, its lines come with the next one."""
    log = tmp_path / "auth.log"
    append(log, "one\n")
    seconds = Seconds()
    reader = Reader(a_file_source(log, seconds=seconds))
    reader.step()

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(FollowedFile, "_piece", failing)
        with pytest.raises(SourceError):
            reader.step()
    seconds.now += 10
    assert [b"one"] == reader.drain()
    reader.source.close()


def test_neighbours_that_are_no_logs_lose_no_line_of_others(tmp_path: Path) -> None:
    """A FIFO and a folder are told, links to nothing are waited for; every line of the log comes once."""
    append(tmp_path / "m.log", "".join(f"line {number}\n" for number in range(500)))
    os.mkfifo(tmp_path / "a.log")
    (tmp_path / "b.log").mkdir()
    (tmp_path / "n.log").symlink_to(tmp_path / "nothing")
    (tmp_path / "z.log").symlink_to(tmp_path / "z.log")
    reader = Reader(a_file_source(tmp_path / "*.log", tmp_path / "b.log"))
    failures = 0
    for _ in range(200):
        try:
            reader.step(100)
        except SourceError:
            failures += 1
    assert (2, 500) == (failures, len(reader.lines))
    reader.source.close()


@pytest.mark.slow
def test_ten_thousand_files_rest_on_four_descriptors(tmp_path: Path) -> None:
    """Of ten thousand files of one glob four are open once all was read; a rotation meanwhile loses nothing."""
    logs = _logs(tmp_path, 10_000)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    seconds = Seconds()
    reader = Reader(a_file_source(tmp_path / "*.log", seconds=seconds))
    assert 10_000 == len(reader.drain())
    assert len(os.listdir("/proc/self/fd")) - before <= 4  # noqa: PTH208
    append(logs[0], "two\n")
    logs[0].rename(tmp_path / f"{logs[0].name}.1")
    append(logs[0], "three\n")
    seconds.now += 60
    assert [b"two", b"three"] == reader.drain()
    assert len(os.listdir("/proc/self/fd")) - before <= 4  # noqa: PTH208
    reader.source.close()


def test_a_closed_file_that_is_written_and_deleted_is_told(tmp_path: Path) -> None:
    """What was written to a file that was closed, and is gone before it was opened again, is counted as vanished."""
    logs = _logs(tmp_path, 6)
    woken = threading.Event()
    options = FileOptions("auth", (f"{tmp_path}/*.log",), "start")
    source = FileSource(options, {}, clock=lambda: NOW, wake=woken.set)
    reader = Reader(source)
    while len(reader.lines) < 6:
        reader.drain()
    closed = [log for log in logs if not source._files[log].is_open]
    assert 2 == len(closed)
    woken.clear()
    append(closed[0], "two\n")
    for log in closed:
        log.unlink()
    while set(closed) & source._files.keys():
        woken.wait(1)
        reader.drain()
    assert 1 == source.tally.vanished
    assert 6 == len(reader.lines)
    source.close()
