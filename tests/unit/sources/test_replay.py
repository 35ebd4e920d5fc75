"""Holds the replay source to reading finished files and standard input once."""

from __future__ import annotations

import gzip
import io
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from credwatch.kernel.errors import SourceError
from credwatch.parse.stamps.timestamps import moments
from credwatch.sources.replay import ReplaySource
from unit.sources.followed import NOW, Reader, append

DAYS = [NOW - timedelta(days=3) * count for count in reversed(range(260))]


def _replay(*files: Path | str) -> Reader:
    return Reader(ReplaySource("replay", [str(file) for file in files], {}, clock=lambda: NOW))


def test_files_come_in_the_order_given(tmp_path: Path) -> None:
    """One after the other, the last line with or without its newline."""
    first, second = tmp_path / "b.log", tmp_path / "a.log"
    append(first, "one\ntwo")
    append(second, "three\nfour\n")
    reader = _replay(first, second)
    assert not reader.source.finished
    assert reader.drain() == [b"one", b"two", b"three", b"four"]
    assert reader.source.finished


@pytest.mark.parametrize("limit", [1, 5, 4096])
def test_standard_input_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """A pipe is read like a file, with the moment of reading as its reference."""
    content = b"one\ntwo\n" + b"x" * 3000 + b"\nlast"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    reader = _replay("-")
    assert reader.drain(limit) == content.split(b"\n")
    assert {chunk.reference for chunk in reader.chunks} == {NOW}
    assert {chunk.backlog for chunk in reader.chunks} == {1}, "only its end would say that nothing more comes"


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_on_standard_input_is_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, packed: bool) -> None:
    """Its chunks are dated by what stands behind them, a compressed one is unpacked, and it can be read again."""
    content = "".join(f"{day:%b %e} 08:00:00 web1 x: y\n" for day in DAYS).encode()
    log = tmp_path / "two years.log"
    log.write_bytes(gzip.compress(content) if packed else content)
    os.utime(log, (NOW.timestamp(), NOW.timestamp()))
    with log.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        for _ in range(2):
            reader, named = _replay("-"), _replay(log)
            assert content.splitlines() == reader.drain(1000) == named.drain(1000)
            assert [chunk.reference for chunk in named.chunks] == [chunk.reference for chunk in reader.chunks]
            reader.source.close()
    assert packed or {2024, 2025, 2026} == {chunk.reference.year for chunk in reader.chunks}


def test_the_rest_of_a_file_on_standard_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where somebody has read its beginning, only what is left is read."""
    log = tmp_path / "a.log"
    append(log, "one\ntwo\nthree\n")
    with log.open() as stdin:
        os.lseek(stdin.fileno(), 4, os.SEEK_SET)
        monkeypatch.setattr(sys, "stdin", stdin)
        assert [b"two", b"three"] == _replay("-").drain()


def test_a_pipe_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last date of a chunk counts for the next one."""
    content = b"2023-12-31T08:00:00Z web1 x: y\nJan  1 08:00:00 web1 x: y\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    reader = _replay("-")
    reader.drain(35)
    assert ["2023-12-31", "2024-01-01"] == [str(chunk.reference.date()) for chunk in reader.chunks]


def test_lag_counts_the_files_to_come(tmp_path: Path) -> None:
    """A progress bar can be drawn from it."""
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    append(first, "one\n")
    append(second, "three\n")
    reader = _replay(first, second)
    assert reader.source.lag() == 10
    reader.step(4)
    assert reader.source.lag() == 6


def test_a_missing_file_is_an_error_and_the_next_is_read(tmp_path: Path) -> None:
    """The error names the file."""
    log = tmp_path / "a.log"
    append(log, "one\n")
    reader = _replay(tmp_path / "missing.log", log)
    with pytest.raises(SourceError, match=r"missing\.log: cannot be read"):
        reader.drain()
    assert reader.drain() == [b"one"]


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    """No lines, no chunk."""
    log = tmp_path / "a.log"
    log.touch()
    assert _replay(log).drain() == []


def test_chunks_of_a_file_over_years_say_near_which_moment_they_end(tmp_path: Path) -> None:
    """Where stamps tell no year, what follows in the file says of which one a chunk is."""
    months = ["Mar", "Sep", "Jan", "Jun", "Feb"]
    lines = [f"{month}  1 10:00:00 web1 sshd[1]: hello\n".encode() for month in months]
    path = tmp_path / "auth.log"
    path.write_bytes(b"".join(lines))
    os.utime(path, (1_772_700_000, 1_772_700_000))  # 5 March 2026
    source = ReplaySource("replay", [str(path)], {}, clock=lambda: datetime(2026, 11, 1, tzinfo=UTC))
    chunks = [chunk for line in lines if (chunk := source.read(len(line)))]
    stamps = [(pl.Series([chunk.data.decode()[:15]]), chunk.reference) for chunk in chunks]
    years = [moments(stamp, zone="UTC", reference=near)[0].year for stamp, near in stamps]
    assert [2024, 2024, 2025, 2025, 2026] == years
