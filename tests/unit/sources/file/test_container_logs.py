"""Holds the logs that container runtimes write, link and rotate to giving each line once and no forged one."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.parse.containers import lines_in
from credwatch.parse.pieces import HEADLESS
from unit.sources.followed import Reader, Seconds, a_file_source, append

STAMP = "2026-11-27T10:00:00.123456789Z"
ID = "0123456789abcdef" * 4


def cri(text: str, tag: str = "F") -> str:
    """Write a line as containerd does."""
    return f"{STAMP} stdout {tag} {text}\n"


def docker(text: str) -> str:
    """Write a line as Docker does."""
    return json.dumps({"log": f"{text}\n", "stream": "stdout", "time": STAMP}, separators=(",", ":")) + "\n"


def inner(reader: Reader) -> list[str | None]:
    """Give the texts of what was read, None for what no text may be taken from."""
    chunks = [chunk for chunk in reader.chunks if chunk.data]
    frames = [lines_in(chunk.before + chunk.data, -len(chunk.before)) for chunk in chunks]
    return [text for frame in frames for end, text in frame.select("position", "inner").rows() if end > 0]


def _linked(tmp_path: Path, real: Path) -> Path:
    """Link a log as kubelet does: from `containers` to `pods`, and with Docker on from there."""
    pod = tmp_path / "pods" / "ops_bastion-0_77" / "sshd"
    pod.mkdir(parents=True)
    (pod / "0.log").symlink_to(real)
    link = tmp_path / "containers" / f"bastion-0_ops_sshd-{ID}.log"
    link.parent.mkdir()
    link.symlink_to(pod / "0.log")
    return link


@pytest.mark.parametrize(("write", "ending"), [(cri, ".20261127-1000{:02}"), (docker, ".{}")], ids=["cri", "docker"])
def test_a_log_is_followed_through_links_and_rotations(
    tmp_path: Path, write: Callable[[str], str], ending: str
) -> None:
    """Two links lead to the log, what lies beside it was rotated away, also compressed and while nobody read."""
    real = tmp_path / "real" / ("0.log" if write is cri else f"{ID}-json.log")
    real.parent.mkdir()
    append(real, write("1"))
    link = _linked(tmp_path, real)
    reader = Reader(a_file_source(f"{link.parent}/*.log"))
    reader.drain()
    append(real, write("2"))
    rotated = [real.with_name(real.name + ending.format(number)) for number in (1, 2)]
    older, newer = rotated if write is cri else rotated[::-1]
    real.rename(older)
    append(real, write("3"))
    reader.source.close()
    real.rename(newer)
    older.with_name(f"{older.name}.gz").write_bytes(gzip.compress(older.read_bytes()))
    older.unlink()
    append(real, write("4"))
    reader.source = a_file_source(f"{link.parent}/*.log", cursors=reader.cursors)
    reader.drain()
    assert ["1", "2", "3", "4"] == inner(reader)
    assert {str(link)} == {chunk.file for chunk in reader.chunks}


def test_a_piece_waits_for_the_last_one(tmp_path: Path) -> None:
    """A line of which only a piece is written is like half a line; its restart goes on at its beginning."""
    log = tmp_path / "0.log"
    append(log, cri("a") + cri("b1 ", "P"))
    reader = Reader(a_file_source(log))
    reader.drain(100)
    assert ["a"] == inner(reader)
    append(log, cri("b2"))
    reader.source = a_file_source(log, cursors=reader.cursors)
    reader.drain(100)
    assert ["a", "b1 b2"] == inner(reader)


def test_a_line_that_a_rotation_parts_is_not_forged(tmp_path: Path) -> None:
    """What the next file begins with within a line is kept as it is; the beginning, and the next line, are lines."""
    log = tmp_path / "0.log"
    append(log, cri("a ", "P"))
    seconds = Seconds()
    reader = Reader(a_file_source(log, seconds=seconds))
    reader.drain()
    log.rename(tmp_path / "0.log.20261127-100000")
    append(log, cri("forged") + cri("b"))
    reader.drain()
    assert ["a ", None, "b"] == inner(reader)
    assert HEADLESS in [chunk.before for chunk in reader.chunks]


@pytest.mark.parametrize("limit", [5000, 4_000_000])
def test_an_endless_line_is_given_in_parts_of_which_one_is_a_line(tmp_path: Path, limit: int) -> None:
    """Beyond a mebibyte a line in pieces is not waited for; what comes of it later is kept, and no line."""
    log = tmp_path / "0.log"
    append(log, cri("x" * 16_384, "P") * 100)
    reader = Reader(a_file_source(log))
    reader.drain(limit)
    append(log, cri("forged", "P") + cri("forged") + cri("b"))
    reader.source.close()
    reader.source = a_file_source(log, cursors=reader.cursors)
    reader.drain(limit)
    texts = inner(reader)
    assert "x" * 65_536 == texts[0]
    assert {None} == set(texts[1:-1])
    assert "b" == texts[-1]
    written = log.read_bytes().splitlines()
    assert written == reader.lines, "nothing is dropped"
