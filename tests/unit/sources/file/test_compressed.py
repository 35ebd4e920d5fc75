"""Holds compressed logs to being read as plain ones, within bounded memory, and damage to being told."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from credwatch.kernel.errors import SourceError
from credwatch.sources.file import unpacking
from credwatch.sources.file.opened import open_log
from credwatch.sources.interface import LINE_LIMIT
from credwatch.sources.replay import ReplaySource
from unit.sources.followed import NOW, Reader, Seconds, a_file_source, append

PACKERS = {
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
Pack = Callable[[bytes], bytes]
TEXT = b"".join(b"line %d %s\n" % (number, os.urandom(20).hex().encode()) for number in range(9000))


def _replayed(*paths: Path) -> Reader:
    return Reader(ReplaySource("auth", [str(path) for path in paths], {}, clock=lambda: NOW))


def _rotate(log: Path, pack: Pack, ending: str, *, numbers: int = 4) -> None:
    """Rotate as logrotate does with `compress`: every rotated file is compressed at once."""
    for number in range(numbers, 0, -1):
        older = log.with_name(f"{log.name}.{number}{ending}")
        if older.exists():
            older.rename(log.with_name(f"{log.name}.{number + 1}{ending}"))
    packed = log.with_name(f"{log.name}.1{ending}")
    packed.write_bytes(pack(log.read_bytes()))
    os.utime(packed, ns=(log.stat().st_atime_ns, log.stat().st_mtime_ns))
    log.unlink()
    log.touch()


@pytest.fixture(params=PACKERS, ids=[ending[1:] for ending in PACKERS])
def ending(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("limit", [100, 9000, 10_000_000])
def test_replay_reads_a_compressed_file_whatever_its_name(tmp_path: Path, ending: str, limit: int) -> None:
    """What a file begins with says how it is compressed; a second stream behind the first belongs to it."""
    path = tmp_path / "auth.log"
    path.write_bytes(PACKERS[ending](TEXT[:5000]) + PACKERS[ending](TEXT[5000:]))
    reader = _replayed(path)
    assert TEXT.splitlines() == reader.drain(limit)
    assert 0 == reader.chunks[-1].backlog or limit < len(TEXT)
    assert all(TEXT[chunk.first_position :].startswith(chunk.data) for chunk in reader.chunks)


def test_damage_is_told_after_the_lines_before_it(tmp_path: Path, ending: str) -> None:
    """An archive that breaks off is an error that names it and says how far it was read; other files go on."""
    path, other = tmp_path / f"auth.log{ending}", tmp_path / "other.log"
    packed = PACKERS[ending](TEXT)
    path.write_bytes(packed[: len(packed) * 9 // 10])
    other.write_bytes(b"after\n")
    reader = _replayed(path, other)
    with pytest.raises(SourceError, match=r"auth\.log.* is damaged: of its lines the first \d+ bytes were read"):
        reader.drain()
    if ending != ".bz2":  # whose blocks of 900 kB come whole or not at all
        assert reader.lines
        assert TEXT.startswith(b"\n".join(reader.lines))
    assert [b"after"] == reader.drain()


def test_a_log_that_was_compressed_before_it_was_read_is_gone_on_with(tmp_path: Path, ending: str) -> None:
    """Several rotations while stopped, each compressed: every line comes once, and nothing counts as vanished."""
    log = tmp_path / "auth.log"
    append(log, "one\n")
    reader = Reader(a_file_source(log))
    reader.drain()
    reader.source.close()
    for number in range(3):
        append(log, f"more {number}\n" * 2)
        _rotate(log, PACKERS[ending], ending)
    append(log, "last\n")
    after = Reader(a_file_source(log, cursors=reader.cursors))
    expected = [b"more 0", b"more 0", b"more 1", b"more 1", b"more 2", b"more 2", b"last"]
    assert expected == after.drain()
    assert (0, 0) == (after.source.tally.vanished, after.source.tally.damaged)
    after.source.close()


def test_a_restart_within_a_compressed_file_goes_on_there(tmp_path: Path, ending: str) -> None:
    """The stored position counts the bytes of the lines, not of the archive."""
    log = tmp_path / "auth.log"
    append(log, TEXT[:1000])
    reader = Reader(a_file_source(log))
    reader.drain()
    append(log, TEXT[1000:])
    _rotate(log, PACKERS[ending], ending)
    append(log, "last\n")
    while (lines := len(reader.lines)) <= 9000:
        reader.source.close()
        reader = Reader(a_file_source(log, cursors=reader.cursors), reader.lines, reader.cursors)
        reader.step(200_000)
        reader.step(200_000)
        assert reader.lines[:lines] == (TEXT + b"last\n").splitlines()[:lines]
    assert (TEXT + b"last\n").splitlines() == reader.lines
    reader.source.close()


def test_damage_of_a_rotated_file_is_counted_once_and_passed_over(tmp_path: Path, ending: str) -> None:
    """The lines before the damage come, it is told, and the log goes on behind it."""
    seconds = Seconds()
    log = tmp_path / "auth.log"
    append(log, "one\n")
    reader = Reader(a_file_source(log, seconds=seconds))
    reader.drain()
    reader.source.close()
    append(log, TEXT)
    _rotate(log, lambda text: PACKERS[ending](text)[:-9], ending)
    append(log, "last\n")
    after = Reader(a_file_source(log, cursors=reader.cursors, seconds=seconds))
    with pytest.raises(SourceError, match="is damaged"):
        after.drain()
    for _ in range(3):
        seconds.now += 10
        after.drain()
    assert b"last" == after.lines[-1]
    assert 1 == after.source.tally.damaged + after.source.tally.vanished
    after.source.close()


def test_an_archive_that_asks_for_too_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a header asks for is not given without bound."""
    monkeypatch.setattr(unpacking, "_MOST_MEMORY", 1024 * 1024)
    path = tmp_path / "auth.log.xz"
    path.write_bytes(lzma.compress(TEXT, preset=6))
    with pytest.raises(SourceError, match="is damaged"):
        _replayed(path).drain()


def test_a_hole_that_a_truncation_left_costs_nothing(tmp_path: Path) -> None:
    """A writer that goes on at its old position leaves a gigabyte of NULs: the line behind them is given."""
    log = tmp_path / "auth.log"
    append(log, "one\n")
    reader = Reader(a_file_source(log))
    reader.drain()
    os.truncate(log, 0)
    with log.open("r+b") as file:
        file.seek(1024**3 + 77)
        file.write(b"two\n")
    assert [b"two"] == reader.drain()
    assert 1 == reader.source.tally.holes
    assert sum(len(chunk.data) for chunk in reader.chunks) < LINE_LIMIT
    assert reader.chunks[-1].cursor["offset"] == log.stat().st_size
    append(log, "three\n")
    assert [b"three"] == reader.drain()
    reader.source.close()


@pytest.mark.parametrize("packed", [False, True])
def test_a_hole_within_a_line_ends_it(tmp_path: Path, packed: bool) -> None:
    """A line that was torn before a hole is given as it stands, the line behind it whole, and the hole is counted."""
    text = b"one\ntorn" + b"\0" * (3 * LINE_LIMIT) + b"two\nthree\n"
    log = tmp_path / ("auth.log.gz" if packed else "auth.log")
    log.write_bytes(gzip.compress(text) if packed else text)
    reader = _replayed(log)
    assert [b"one", b"torn", b"two", b"three"] == reader.drain()
    assert (1, 0) == (reader.source.tally.holes, reader.source.tally.cut_lines)
    reader.source.close()


def test_lz4_is_said_clearly(tmp_path: Path) -> None:
    """What nothing here unpacks is named with what to do, and not read as text."""
    log = tmp_path / "auth.log.lz4"
    log.write_bytes(b"\x04\x22\x4d\x18" + b"x" * 100)
    with pytest.raises(SourceError, match="lz4 -d"):
        _replayed(log).drain()


def test_a_short_run_of_nuls_is_passed_on(tmp_path: Path) -> None:
    """What to make of it is for whoever reads the line to say."""
    log = tmp_path / "auth.log"
    log.write_bytes(b"\0" * 500 + b"one\n")
    assert [b"\0" * 500 + b"one"] == Reader(a_file_source(log)).drain()


def test_an_archive_holds_one_descriptor(tmp_path: Path, ending: str) -> None:
    """It is given back when the log is closed."""
    path = tmp_path / "auth.log"
    path.write_bytes(PACKERS[ending](TEXT))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    log = open_log(path)
    assert TEXT[:10] == log.read_at(10, 0)
    log.close()
    log.close()
    assert before == len(os.listdir("/proc/self/fd"))  # noqa: PTH208
