"""Holds every source to the contract in `sources/interface.py`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import LINE_LIMIT, Cursor, Source
from credwatch.sources.replay import ReplaySource
from unit.sources.followed import NOW, Reader, a_file_source, append

Open = Callable[..., Source]


def _follow(*paths: Path, cursors: Mapping[str, Cursor] | None = None) -> Source:
    return a_file_source(*paths, cursors=cursors)


def _replay(*paths: Path, cursors: Mapping[str, Cursor] | None = None) -> Source:
    return ReplaySource("auth", [str(path) for path in paths], cursors or {}, clock=lambda: NOW)


@pytest.fixture(params=[_follow, _replay], ids=["file", "replay"])
def opened(request: pytest.FixtureRequest) -> Open:
    return request.param


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    append(path, "".join(f"line {number}\n" for number in range(100)))
    return path


def test_gives_every_line_once_in_order(opened: Open, log: Path) -> None:
    """What was written is what comes, whatever the limit."""
    for limit in (1, 7, 64, 4096):
        reader = Reader(opened(log))
        assert reader.drain(limit) == log.read_bytes().splitlines()
        reader.source.close()


def test_chunks_say_where_they_are_from(opened: Open, log: Path) -> None:
    """Each chunk names its source and file, and its bytes stand at its position."""
    reader = Reader(opened(log))
    reader.drain(64)
    content = log.read_bytes()
    for chunk in reader.chunks:
        assert (chunk.source, chunk.file, chunk.received_at) == ("auth", str(log), NOW)
        assert content[chunk.first_position :].startswith(chunk.data)
        assert chunk.reference.timestamp() == pytest.approx(log.stat().st_mtime)
        assert chunk.backlog == len(content) - chunk.first_position - len(chunk.data)
    reader.source.close()


def test_goes_on_from_any_committed_cursor(opened: Open, log: Path) -> None:
    """A restart after any chunk gives the rest, nothing lost and nothing twice."""
    reader = Reader(opened(log))
    while reader.step(40):
        stored = json.loads(json.dumps(reader.cursors))
        after = Reader(opened(log, cursors=stored))
        assert reader.lines + after.drain() == log.read_bytes().splitlines()
        after.source.close()
    reader.source.close()


def test_a_line_longer_than_the_limit_is_given_whole(opened: Open, tmp_path: Path) -> None:
    """The limit bounds a chunk, not a line."""
    log = tmp_path / "auth.log"
    append(log, b"a" * 5000 + b"\nb\n")
    reader = Reader(opened(log))
    assert reader.drain(100) == [b"a" * 5000, b"b"]
    reader.source.close()


def test_an_endless_line_is_cut_and_counted(opened: Open, tmp_path: Path) -> None:
    """A line beyond the line limit stalls nothing; its rest is dropped, and the next line comes whole."""
    log = tmp_path / "auth.log"
    append(log, b"before\n" + b"a" * (2 * LINE_LIMIT) + b"\nafter\n")
    reader = Reader(opened(log))
    assert reader.drain(1000) == [b"before", b"a" * LINE_LIMIT, b"after"]
    assert reader.source.tally.cut_lines == 1
    assert reader.chunks[-1].first_position == len(b"before\n") + 2 * LINE_LIMIT + 1
    reader.source.close()


def test_a_restart_within_a_cut_line_still_drops_its_rest(opened: Open, tmp_path: Path) -> None:
    """The cursor remembers that a line is being skipped."""
    log = tmp_path / "auth.log"
    append(log, b"a" * (2 * LINE_LIMIT) + b"\nafter\n")
    reader = Reader(opened(log))
    while not reader.lines:
        reader.step()
    reader.source.close()
    after = Reader(opened(log, cursors=reader.cursors))
    assert after.drain() == [b"after"]
    after.source.close()


def test_an_unreadable_file_is_an_error_and_the_others_go_on(opened: Open, log: Path, tmp_path: Path) -> None:
    """The error names the file and says what to do; the source stays usable."""
    loop = tmp_path / "loop.log"
    loop.symlink_to(loop)
    reader = Reader(opened(loop, log))
    with pytest.raises(SourceError) as caught:
        reader.drain()
    assert caught.value.where == str(loop)
    assert reader.source.problems() == [caught.value]
    assert caught.value.hint
    assert reader.drain() == log.read_bytes().splitlines()
    reader.source.close()


def test_a_folder_is_not_a_log(opened: Open, tmp_path: Path) -> None:
    """A path that is not a regular file is refused with its reason."""
    with pytest.raises(SourceError, match="not a regular file"):
        Reader(opened(tmp_path)).drain()


def test_lag_is_what_waits(opened: Open, log: Path) -> None:
    """Lag falls to nothing as the lines are read."""
    reader = Reader(opened(log))
    reader.step(64)
    assert reader.source.lag() > 0
    reader.drain()
    assert reader.source.lag() == 0
    reader.source.close()


def test_close_may_be_called_twice(opened: Open, log: Path) -> None:
    """Closing a closed source does nothing."""
    source = opened(log)
    source.read(10)
    source.close()
    source.close()


def test_a_chunk_of_each_file_can_be_held(opened: Open, tmp_path: Path) -> None:
    """Files of which one is held are passed over, until it is given back by being left out."""
    paths = [tmp_path / f"{name}.log" for name in "abc"]
    for path in paths:
        append(path, f"{path.stem} 1\n{path.stem} 2\n")
    source = opened(*paths)
    held: list[str] = []
    first = []
    while len(held) < len(paths):
        chunk = source.read(4, held)
        assert chunk is not None
        if chunk.data:
            held.append(chunk.file)
            first.append(chunk.data.decode().strip())
    assert (None, ["a 1", "b 1", "c 1"]) == (source.read(4, held), sorted(first))
    assert source.waiting() >= len(paths)
    held.remove(str(paths[1]))
    again = source.read(4, held)
    assert again is not None
    assert b"b 2\n" == again.data


@pytest.mark.parametrize("width", [10, 400])
def test_the_first_lines_of_a_chunk_can_be_committed_alone(opened: Open, tmp_path: Path, width: int) -> None:
    """From the cursor within a chunk a new source goes on with the next line, also where the file has been rotated."""
    path = tmp_path / "auth.log"
    lines = [f"{number} {'x' * width}\n" for number in range(9)]
    append(path, "".join(lines))
    for number in range(1, 9):
        source = opened(path)
        chunk = next(chunk for chunk in iter(lambda source=source: source.read(100_000), None) if chunk.data)
        cursor = source.cursor_at(chunk, len("".join(lines[:number])))
        source.close()
        resumed = opened(path, cursors={str(path): cursor})
        rest = b"".join(chunk.data for chunk in iter(lambda resumed=resumed: resumed.read(100_000), None))
        resumed.close()
        assert "".join(lines[number:]).encode() == rest
