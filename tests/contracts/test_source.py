"""Holds every source to the contract in `sources/interface.py`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.interface import LINE_LIMIT, Cursor, Source
from credwatch.sources.received.intake import Intake
from credwatch.sources.received.parcel import Parcel
from credwatch.sources.received.source import ReceivedSource
from credwatch.sources.replay import ReplaySource
from credwatch.sources.shipped.batch import LogBatch, headers_of
from nats_server import NatsServerProcess
from rest_services import OktaServer, a_service, okta_event
from unit.sources.followed import NOW, Reader, a_file_source, append
from unit.sources.journal.written import Journal
from unit.sources.nats.following import StreamSource, options
from unit.sources.rest.presets_served import OKTA, a_rest_source, rest_options
from unit.sources.sql.tables import SqliteTable, a_sql_source, sql_options

Open = Callable[..., Source]
PATIENCE = 60.0


def _follow(*paths: Path, cursors: Mapping[str, Cursor] | None = None) -> Source:
    return a_file_source(*paths, cursors=cursors)


def _replay(*paths: Path, cursors: Mapping[str, Cursor] | None = None) -> Source:
    return ReplaySource("auth", [str(path) for path in paths], cursors or {}, clock=lambda: NOW)


class Origin(Protocol):
    """Where lines come from, whatever it is."""

    def write(self, *lines: str) -> None:
        """Add lines."""

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        """Open a source that begins with the first line, or at the cursors."""


class LogOrigin:
    """A file."""

    def __init__(self, folder: Path, opened: Open) -> None:
        self._path = folder / "auth.log"
        self._opened = opened

    def write(self, *lines: str) -> None:
        append(self._path, "".join(f"{line}\n" for line in lines))

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        return self._opened(self._path, cursors=cursors)


class JournalOrigin:
    """A journal."""

    def __init__(self, folder: Path) -> None:
        self._journal = Journal(folder)

    def write(self, *lines: str) -> None:
        self._journal.write(*lines)

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        return self._journal.source(cursors)


class PushedOrigin:
    """A shipper that sends each line in a request of its own, and again what is not committed when a source opens."""

    def __init__(self, _folder: Path) -> None:
        self._lines: list[str] = []

    def write(self, *lines: str) -> None:
        self._lines += lines

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        intake = Intake(1_000_000)
        for number, line in enumerate(self._lines):
            intake.offer(Parcel("192.0.2.7", f"{line}\n".encode(), f"digest {number}", NOW))
        return ReceivedSource("auth", intake, cursors or {}, clock=lambda: NOW)


class OneRequestOrigin(PushedOrigin):
    """A shipper that sends all lines in one request, and again where not all of them are committed."""

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        intake = Intake(1_000_000)
        data = "".join(f"{line}\n" for line in self._lines).encode()
        intake.offer(Parcel("192.0.2.7", data, "digest", NOW))
        return ReceivedSource("auth", intake, cursors or {}, clock=lambda: NOW)


class ServiceOrigin:
    """A service that is asked over HTTP, and gives a few items a page."""

    def __init__(self, folder: Path, server: OktaServer) -> None:
        self._server = server
        self._server.most = 7
        self._folder = folder
        self._begin = time.time() - 1000

    def write(self, *lines: str) -> None:
        for number, line in enumerate(lines, len(self._server.events)):
            self._server.add(okta_event(number, self._begin + number, message=f"] {line}"))

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        return a_rest_source(rest_options(OKTA, self._server, self._folder, read_from="start"), cursors)


class TableOrigin:
    """A table of a database."""

    def __init__(self, folder: Path) -> None:
        self._table = SqliteTable(folder)
        self._count = 0

    def write(self, *lines: str) -> None:
        for line in lines:
            self._count += 1
            self._table.run(f"INSERT INTO logins (id, name) VALUES ({self._count}, '] {line}')")

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        return a_sql_source(sql_options(self._table, batch_rows=7), cursors)


class StreamOrigin:
    """A stream of a real NATS server, with one batch of a collector's for each line."""

    def __init__(self, folder: Path) -> None:
        self.server = NatsServerProcess(folder / "nats")
        self._shipped = 0

    def write(self, *lines: str) -> None:
        if self.server.process is None:
            self.server.start()
            self.server.make_stream()
        batches = []
        for line in lines:
            batch = LogBatch(
                "web1", "/var/log/auth.log", "series-1", self._shipped, f"{line}\n".encode(), reference=NOW
            )
            batches.append(batch)
            self._shipped = batch.end
        self.server.publish(*(("lines.web1", batch.data, headers_of(batch)) for batch in batches))

    def open(self, cursors: Mapping[str, Cursor] | None = None) -> Source:
        return StreamSource(options(self.server.url), cursors or {})


class ForeignStreamOrigin(StreamOrigin):
    """The same with messages of anybody's, which say nothing of themselves."""

    def write(self, *lines: str) -> None:
        if self.server.process is None:
            self.server.start()
            self.server.make_stream()
        self.server.publish(*(("lines.web1", line.encode(), {}) for line in lines))


ORIGINS: dict[str, Callable[[Path], Origin]] = {
    "file": lambda folder: LogOrigin(folder, _follow),
    "replay": lambda folder: LogOrigin(folder, _replay),
    "journal": JournalOrigin,
    "pushed": PushedOrigin,
    "one request": OneRequestOrigin,
    "sql": TableOrigin,
    "stream": StreamOrigin,
    "foreign stream": ForeignStreamOrigin,
}


@pytest.fixture(params=[*ORIGINS, "rest"])
def origin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Origin]:
    if request.param != "rest":
        made = ORIGINS[request.param](tmp_path)
        yield made
        if isinstance(made, StreamOrigin):
            made.server.kill()
        return
    with a_service(OktaServer) as server:
        yield ServiceOrigin(tmp_path, server)


def _messages(lines: list[bytes]) -> list[str]:
    """Give what was written, without the header that a journal's entries get, and the JSON around that of a service."""
    return [line.decode().rpartition("] ")[2].rstrip('"}') for line in lines]


def _drained(source: Source, count: int, limit: int = 65536) -> Reader:
    """Commit chunks until so many lines have come and nothing waits; close the source."""
    reader = Reader(source)
    deadline = time.monotonic() + PATIENCE
    while len(reader.lines) < count or source.waiting():
        assert time.monotonic() < deadline, f"only {len(reader.lines)} of {count} lines have come"
        reader.drain(limit)
        time.sleep(0.002)
    source.close()
    return reader


@pytest.mark.parametrize("limit", [1, 64, 4096])
def test_lines_come_once_in_order(origin: Origin, limit: int) -> None:
    """What was written is what comes, whatever the limit; positions go on where the chunk before has ended."""
    lines = [f"line {number}" for number in range(40)]
    origin.write(*lines)
    reader = _drained(origin.open(), len(lines), limit)
    assert lines == _messages(reader.lines)
    ends = [chunk.first_position + len(chunk.data) for chunk in reader.chunks]
    assert [0, *ends[:-1]] == [chunk.first_position for chunk in reader.chunks]


def test_any_committed_cursor_leads_to_the_rest(origin: Origin) -> None:
    """A restart after any chunk gives the rest, nothing lost and nothing twice; a cursor survives the store's JSON."""
    lines = [f"line {number}" for number in range(12)]
    origin.write(*lines)
    committed = _drained(origin.open(), len(lines), 100).chunks
    for number, chunk in enumerate(committed[:-1], 1):
        stored = json.loads(json.dumps({chunk.file: chunk.cursor}))
        before = [line for done in committed[:number] for line in done.data.splitlines()]
        rest = _drained(origin.open(stored), len(lines) - len(before)).lines
        assert lines == _messages(before + rest)


def test_a_chunk_can_be_committed_up_to_any_line(origin: Origin) -> None:
    """From a cursor within a chunk a new source goes on with the next line."""
    lines = [f"line {number}" for number in range(5)]
    origin.write(*lines)
    reader = _drained(origin.open(), len(lines))
    chunk = next(chunk for chunk in reader.chunks if chunk.data)
    position = chunk.first_position
    for number, line in enumerate(chunk.data.splitlines(keepends=True)[:-1], 1):
        position += len(line)
        source = origin.open()
        cursor = json.loads(json.dumps(source.cursor_at(chunk, position)))
        source.close()
        rest = _drained(origin.open({chunk.file: cursor}), len(lines) - number)
        assert lines[number:] == _messages(rest.lines)


def test_acknowledging_changes_nothing_that_comes(origin: Origin) -> None:
    """Chunks may be acknowledged as they are committed, also beginnings of them."""
    lines = [f"line {number}" for number in range(6)]
    origin.write(*lines)
    source = origin.open()
    reader = Reader(source)
    deadline = time.monotonic() + PATIENCE
    while len(reader.lines) < len(lines):
        assert time.monotonic() < deadline
        if reader.step(100):
            source.acknowledge(reader.chunks[-1])
    source.close()
    assert lines == _messages(reader.lines)


def test_a_held_log_is_passed_over(origin: Origin) -> None:
    """Nothing is given of a log of which a chunk is held, until it is held no longer."""
    origin.write("line 0", "line 1")
    source = origin.open()
    reader = Reader(source)
    deadline = time.monotonic() + PATIENCE
    while not reader.lines:
        assert time.monotonic() < deadline
        reader.step(1)
    assert source.read(65536, [reader.chunks[-1].file]) is None
    assert ["line 1"] == _messages(_drained(source, 1).lines)


def test_nothing_lags_once_all_is_read(origin: Origin) -> None:
    """Lag falls to nothing as the lines are read, and closing twice does nothing."""
    origin.write("line 0", "line 1")
    source = origin.open()
    reader = Reader(source)
    deadline = time.monotonic() + PATIENCE
    while not reader.lines:
        assert time.monotonic() < deadline
        reader.step(1)
    assert source.lag() > 0
    while source.lag() or source.waiting():
        assert time.monotonic() < deadline
        reader.drain()
        time.sleep(0.002)
    assert (0, []) == (source.lag(), source.problems())
    source.close()
    source.close()


# What holds for logs alone.


@pytest.fixture(params=[_follow, _replay], ids=["file", "replay"])
def opened(request: pytest.FixtureRequest) -> Open:
    return request.param


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    append(path, "".join(f"line {number}\n" for number in range(100)))
    return path


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
