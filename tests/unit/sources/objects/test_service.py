"""Objects of a bucket, as files that appear whole: each record comes once, whatever is in the way."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard
from pydantic import TypeAdapter

from credwatch.app.sources import format_of
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import parse
from credwatch.rules.packs.packs import load_packs
from credwatch.sources.interface import Cursor
from credwatch.sources.objects.options import ObjectSourceOptions
from credwatch.sources.objects.service import ObjectService
from credwatch.sources.pull.source import PulledSource
from unit.sources.followed import Reader
from unit.sources.rest.presets_served import INTERVAL, PATIENCE, drained, now, records, take


def _record(number: int) -> dict[str, Any]:
    return {"eventVersion": "1.08", "userIdentity": {"type": "IAMUser", "userName": f"lan{number}"},
            "eventTime": "2026-03-02T01:15:30Z", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin",
            "sourceIPAddress": "203.0.113.9", "responseElements": {"ConsoleLogin": "Failure"},
            "eventID": f"e-{number}"}  # fmt: skip


def _put(folder: Path, name: str, *numbers: int) -> Path:
    """Write an object as a synchroniser does: under another name first."""
    path = folder / "AWSLogs" / "1" / "CloudTrail" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".x1Y2")
    unfinished.write_bytes(gzip.compress(json.dumps({"Records": [_record(number) for number in numbers]}).encode()))
    unfinished.rename(path)
    return path


def _source(folder: Path, cursors: Mapping[str, Cursor] | None = None, **changes: Any) -> PulledSource:
    raw = {
        "id": "trail", "kind": "objects", "paths": [f"{folder}/AWSLogs/**/*.json.gz"], "records": "Records",
        "identity": ["eventID"], "read_from": "start", **changes,
    }  # fmt: skip
    options = TypeAdapter(ObjectSourceOptions).validate_python(raw).model_copy(update={"interval": INTERVAL})
    return PulledSource("trail", ObjectService(options, now), cursors or {}, clock=now)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files at once."""
    monkeypatch.setattr("credwatch.sources.objects.service._SETTLED_SECONDS", 0.0)


def _numbers(lines: list[bytes]) -> list[int]:
    return [int(record["eventID"].removeprefix("e-")) for record in records(lines)]


def test_records_of_objects_come_once_and_are_read_by_their_pack(tmp_path: Path) -> None:
    """Each record of CloudTrail's objects becomes an event; an object that comes again under another name, none."""
    _put(tmp_path, "a.json.gz", 1, 2, 3)
    source = _source(tmp_path)
    reader = drained(source, 3)
    _put(tmp_path, "b.json.gz", 4)
    _put(tmp_path, "copy.json.gz", 2, 3, 5)
    while len(reader.lines) < 5:
        take(reader)
    assert [1, 2, 3, 4, 5] == sorted(_numbers(reader.lines))
    source.close()
    options = ObjectSourceOptions(id="trail", kind="objects", paths=("/x",), records="Records")
    packs = load_packs([shipped("rules") / "packs"])
    frame = split_lines(b"\n".join(reader.lines) + b"\n", 0)
    parsed = parse(frame, packs=packs, source=format_of(options), reference=datetime.now(UTC))
    assert ["aws-cloudtrail"] * 5 == parsed.events["event.dataset"].to_list()


def test_every_committed_cursor_leads_to_the_rest(tmp_path: Path) -> None:
    """From the cursor of any chunk a new source gives what is left, also in the middle of an object."""
    for name in range(4):
        _put(tmp_path, f"{name}.json.gz", *range(name * 5, name * 5 + 5))
    source = _source(tmp_path)
    chunks = drained(source, 20, limit=700).chunks
    source.close()
    for at in range(0, len(chunks) - 1, 3):
        done = [line for chunk in chunks[: at + 1] for line in chunk.data.splitlines()]
        source = _source(tmp_path, {chunks[at].file: chunks[at].cursor})
        assert list(range(20)) == sorted(_numbers(done + drained(source, 20 - len(done)).lines))
        source.close()


def test_a_start_at_the_end_leaves_out_what_is_there(tmp_path: Path) -> None:
    """With read_from = "end" only objects that appear later are told."""
    _put(tmp_path, "a.json.gz", 1, 2)
    source = _source(tmp_path, read_from="end")
    reader = drained(source, 0)
    time.sleep(0.05)
    _put(tmp_path, "b.json.gz", 3)
    _take_until(reader, lambda: reader.lines, source)
    assert [3] == _numbers(reader.lines)
    source.close()


DAMAGED = {
    "cut off": gzip.compress(b'{"Records":[]}')[:-9],
    "no list": gzip.compress(b'{"Records":{}}'),
    "nothing in its place": gzip.compress(b'{"Records":null}'),
    "a text in its place": gzip.compress(b'{"Records":"[1]"}'),
    "a list outside": gzip.compress(b"[1]"),
    "another document": gzip.compress(b'{"other":[]}'),
    "no JSON": gzip.compress(b"<xml/>"),
    "empty": b"",
    "too long": gzip.compress(b" " * 10_000),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_object_holds_up_no_other(content: bytes, tmp_path: Path) -> None:
    """It is told with its path and tried again; once it is whole it is read, and the others are read meanwhile."""
    path = _put(tmp_path, "a.json.gz", 1)
    path.write_bytes(content)
    _put(tmp_path, "b.json.gz", 2)
    source = _source(tmp_path, object_bytes=5000)
    reader = drained_once(source, 1)
    assert [2] == _numbers(reader.lines)
    _take_until(reader, source.problems, source)
    assert str(path) in source.problems()[0].message
    _put(tmp_path, "a.json.gz", 1)
    _take_until(reader, lambda: len(reader.lines) >= 2, source)
    assert [2, 1] == _numbers(reader.lines)
    source.close()


def drained_once(source: PulledSource, count: int) -> Reader:
    """Commit until so many lines have come, whatever is told."""

    reader = Reader(source)
    _take_until(reader, lambda: len(reader.lines) >= count, source)
    return reader


def _take_until(reader: Reader, holds: Callable[[], object], source: PulledSource) -> None:
    """Commit what waits until something holds; fails after some time."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, source.problems()
        take(reader)


def test_an_object_that_stays_damaged_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while it is given up, and counted as damaged, once."""
    monkeypatch.setattr("credwatch.sources.objects.service._PATIENCE_SECONDS", 0.0)
    _put(tmp_path, "a.json.gz", 1).write_bytes(b"\x1f\x8b")
    _put(tmp_path, "b.json.gz", 2)
    source = _source(tmp_path)
    reader = drained(source, 1)
    for _ in range(20):
        take(reader)
    assert ([2], 1, []) == (_numbers(reader.lines), source.tally.damaged, source.problems())
    source.close()


def test_lines_are_records_where_no_list_is_named(tmp_path: Path) -> None:
    """Objects of JSON lines, however packed, give their lines."""
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(b'{"a":1}\n\n{"a":2}'))
    (tmp_path / "b.jsonl.zst").write_bytes(b'{"a":1}\n')
    os.utime(tmp_path / "a.jsonl.zst", (0, 0))
    source = _source(tmp_path, paths=[f"{tmp_path}/*.zst"], records="", identity=[])
    assert [1, 1, 2] == sorted(record["a"] for record in records(drained(source, 3).lines))
    source.close()


def test_an_object_over_many_lines_becomes_lines(tmp_path: Path) -> None:
    """A document that is written for people has its records on one line each."""
    (tmp_path / "a.json").write_text(json.dumps({"data": {"events": [_record(1), {"name": "ă"}]}}, indent=2))
    source = _source(tmp_path, paths=[f"{tmp_path}/*.json"], records="data.events")
    assert [_record(1), {"name": "ă"}] == records(drained(source, 2).lines)
    source.close()
