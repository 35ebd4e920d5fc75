"""Holds the replay source to reading finished files and standard input once."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.replay import ReplaySource
from unit.sources.followed import NOW, Reader, append


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
