"""What journalctl has written into a file or a pipe is replayed as the lines of a log are."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from credwatch.cli.main import app
from credwatch.sources.journal.text import as_lines
from credwatch.sources.replay import ReplaySource
from unit.sources.followed import NOW, Reader
from unit.sources.journal.written import fields_of

GUESS = "Failed password for lan from 203.0.113.7 port 4711 ssh2"
ENTRIES = "".join(json.dumps(fields_of(number, f"{GUESS} {number}")) + "\n" for number in range(200)).encode()


def _replayed(path: Path, limit: int = 4096) -> Reader:
    reader = Reader(ReplaySource("replay", [str(path)], {}, clock=lambda: NOW))
    reader.drain(limit)
    reader.source.close()
    return reader


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_file_of_entries_is_replayed(tmp_path: Path, packed: bool) -> None:
    """Each entry is a line, in order, also where the file is compressed; a cursor leads to the rest."""
    path = tmp_path / "journal"
    path.write_bytes(gzip.compress(ENTRIES) if packed else ENTRIES)
    reader = _replayed(path)
    assert [f"{GUESS} {number}" for number in range(200)] == [
        line.decode().rpartition("] ")[2] for line in reader.lines
    ]
    chunk = reader.chunks[0]
    rest = Reader(ReplaySource("replay", [str(path)], {chunk.file: chunk.cursor}, clock=lambda: NOW))
    rest.drain()
    assert reader.lines == [*chunk.data.splitlines(), *rest.lines]


def test_other_files_stay_as_they_are(tmp_path: Path) -> None:
    """JSON lines that are no entries, and a log that names the field, are given byte for byte."""
    path = tmp_path / "log"
    path.write_bytes(b'{"event": "login"}\nx "__REALTIME_TIMESTAMP"\n')
    assert path.read_bytes().splitlines() == _replayed(path).lines


class _Pipe(io.BytesIO):
    """A pipe that gives a few bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        assert size
        return super().read1(min(size, 5))


@pytest.mark.parametrize(
    "text", [b"", b"{", b"d", b"data", b"Nov 30 06:39:00 web1 sshd[1]: x\n", b"__CURSOR", b"{\n\n"]
)
def test_a_slow_pipe_that_is_no_journal_loses_nothing(text: bytes) -> None:
    """What was read to tell what it is, is given all the same."""
    stream = as_lines(_Pipe(text))
    assert text == b"".join(iter(lambda: stream.read1(100), b""))


def test_a_slow_pipe_of_entries_is_known() -> None:
    """Its first line is waited for, however it comes."""
    stream = as_lines(_Pipe(ENTRIES))
    assert 200 == b"".join(iter(lambda: stream.read1(100), b"")).count(b"<38>1 ")


def test_parse_reads_entries_from_a_pipe() -> None:
    """`journalctl -o json | credwatch parse` answers each entry."""
    done = CliRunner().invoke(app, ["parse"], input=json.dumps(fields_of(0, GUESS)) + "\n")
    (answer,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert ("event", "openssh", "2026-02-02T02:40:00.000Z") == (
        answer["status"],
        answer["pack"],
        answer["event"]["@timestamp"],
    )


def test_parse_believes_no_forged_entries(tmp_path: Path) -> None:
    """What a plain user's logger says in sshd's name is no event, while sshd's own words are."""
    path, forged = tmp_path / "own", {"_UID": "1000", "_EXE": "/usr/bin/logger"}
    entries = [fields_of(0, GUESS), fields_of(1, GUESS, **forged)]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    done = CliRunner().invoke(app, ["parse", str(path)])
    assert ["event", "unparsed"] == [json.loads(line)["status"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        "-- Boot 0123456789abcdef0123456789abcdef --",
        "-- Journal begins at Mon 2026-03-02 10:00:00 UTC. --",
        "-- No entries --",
    ],
)
def test_what_journalctl_says_between_entries_is_no_line(line: str) -> None:
    """Boots and beginnings are passed over as empty lines are."""
    done = CliRunner().invoke(app, ["parse"], input=f"{line}\n")
    assert "skipped" == json.loads(done.stdout)["status"]
