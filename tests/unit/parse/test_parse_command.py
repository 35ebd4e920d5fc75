"""`credwatch parse` answers each line, in order."""

from __future__ import annotations

import fcntl
import gzip
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from credwatch.cli.parse import parse, whole_lines

APP = typer.Typer()
APP.command()(parse)
FAILED = "Nov 30 06:39:00 web1 sshd[811]: Failed password for root from 203.0.113.9 port 1 ssh2"


def answers(*arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    """Run the command, which must succeed, and read its answers."""
    result = CliRunner().invoke(APP, [*arguments], input=stdin)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_answers() -> None:
    """Each line has one answer: an event with its fields, a skipped line, or the reason why it was not read."""
    found = answers("--now", "2026-01-01T00:00:00Z", stdin=f"{FAILED}\n\nnonsense\n")
    assert [answer["status"] for answer in found] == ["event", "skipped", "unparsed"]
    assert [answer["line"] for answer in found] == [1, 2, 3]
    assert found[0]["pack"] == "openssh"
    assert found[0]["event"]["@timestamp"] == "2025-11-30T06:39:00.000Z"
    assert found[2] == {"line": 3, "status": "unparsed", "pack": None, "reason": "no_envelope"}


def test_files(tmp_path: Path) -> None:
    """Lines of several files are numbered on, and the year comes from each file's time of change."""
    for name, year in (("one.log", 2021), ("two.log", 2023)):
        (tmp_path / name).write_text(FAILED + "\n")
        os.utime(tmp_path / name, (0, (year - 1970) * 365.25 * 86400))
    found = answers(str(tmp_path / "one.log"), str(tmp_path / "two.log"))
    assert [(answer["line"], answer["event"]["@timestamp"][:4]) for answer in found] == [(1, "2020"), (2, "2022")]


def test_years_follow_from_what_stands_behind(tmp_path: Path) -> None:
    """A log over three years that is read in pieces gives each line the year that it has in the whole."""
    months = [FAILED.replace("Nov 30", day) for day in ("Nov 30", "Feb  1", "Jun 15")]
    lines = [month for _ in range(3) for month in months for _ in range(2_000)]
    log = tmp_path / "auth.log"
    log.write_text("\n".join([*lines, ""]))
    os.utime(log, (0, datetime(2026, 7, 1, tzinfo=UTC).timestamp()))
    told = [answer["event"]["@timestamp"][:4] for answer in answers(str(log))]
    expected = ["2023", "2024", "2024", "2024", "2025", "2025", "2025", "2026", "2026"]
    assert [year for year in expected for _ in range(2_000)] == told
    assert {"2016"} == {
        answer["event"]["@timestamp"][:4] for answer in answers("--now", "2016-07-01", str(log))[-4000:]
    }


def test_compressed_files(tmp_path: Path) -> None:
    """A compressed file is read as its lines; of a damaged one the lines before the damage, then the file is named."""
    log = tmp_path / "auth.log.gz"
    log.write_bytes(gzip.compress(f"{FAILED}\n".encode() * 50))
    assert 50 == len(answers("--now", "2026-01-01", str(log)))
    log.write_bytes(gzip.compress(f"{FAILED}\n".encode() * 50)[:-8])
    result = CliRunner().invoke(APP, ["--now", "2026-01-01", str(log)])
    assert 2 == result.exit_code
    assert f"{log}: cannot be read" in result.stderr
    assert "other files" not in result.stderr
    assert 49 < len(result.stdout.splitlines())


def test_a_repeated_line_in_the_next_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a pipe gives in pieces is read as in one: the second line stands for the first."""
    monkeypatch.setattr("credwatch.cli.parse._CHUNK", 1)
    monkeypatch.setattr(whole_lines, "__defaults__", (1,))
    told = answers("--now", "2026-01-01", stdin=f"{FAILED}\nNov 30 06:39:09 web1 last message repeated 3 times\n")
    assert [(1, 1), (2, 3)] == [(answer["line"], answer["event"]["credwatch.repeat"]) for answer in told]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["/nonexistent/file.log"], "No such file"),
        (["/"], "Is a directory"),
        (["--zone", "Mars/Olympus"], "Mars/Olympus"),
        (["--now", "soon"], "--now"),
        (["--packs", "/nonexistent"], "no such folder"),
    ],
)
def test_what_cannot_be_used(arguments: list[str], told: str) -> None:
    """A file, folder or option that cannot be used is named, with exit code 2."""
    result = CliRunner().invoke(APP, arguments, input="")
    assert result.exit_code == 2
    assert told in result.output


def test_pieces_end_with_lines() -> None:
    """A stream is cut at lines, and a line longer than a piece keeps only its beginning."""
    assert list(whole_lines(io.BytesIO(b"aa\nbb\ncc"), 4)) == [b"aa\n", b"bb\n", b"cc"]
    (piece,) = whole_lines(io.BytesIO(b"x" * 900_000), 100_000)
    assert len(piece) <= 200_000


class Drops(io.FileIO):
    """A pipe of which each read gives a few bytes, however many are there."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Read four bytes at most."""
        return super().readinto(memoryview(buffer)[:4])


def test_what_a_pipe_has_is_one_piece() -> None:
    """Lines that wait in a pipe are taken together, and those there are do not wait for more to come."""
    end, begin = os.pipe()
    with Drops(end) as drops, Drops(begin, "wb") as writer:
        writer.write(b"aa\nbb\ncc\nd")
        pieces = whole_lines(io.BufferedReader(drops, 1), 100)
        assert b"aa\nbb\ncc\n" == next(pieces)
        writer.write(b"d\n")
        assert b"dd\n" == next(pieces)
        assert 1 << 20 == fcntl.fcntl(end, fcntl.F_GETPIPE_SZ)


def test_what_is_wrong_with_an_event() -> None:
    """A value that could not be read is named by field and reason, and a wrong event by the key that is wrong."""
    event = '{"schema":"credwatch-app/1","@timestamp":"2026-11-20T08:00:00Z","user.name":"lan","source.ip":"a b",'
    unread, wrong = answers(
        stdin=f'{event}"event.action":"login","event.outcome":"failure"}}\n{event}"event.action":"logn"}}\n'
    )
    assert [{"field": "source.ip", "reason": "no_address"}] == unread["unread"]
    assert "advice" not in unread
    assert ("unknown_event", ["event.action: 'logn' is not known; did you mean 'login'?"]) == (
        wrong["reason"],
        wrong["advice"],
    )
