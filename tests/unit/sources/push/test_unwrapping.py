"""The line in a shipper's document, and documents that are no wrapping."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credwatch.sources.push.unwrapping import line_of

OLD = "Mar  1 11:00:00 srv1 sshd[7]: Failed password for root from 203.0.113.7 port 40022 ssh2"
BARE = "Failed password for root from 203.0.113.7 port 40022 ssh2"
HEADED = f"<13>1 2026-03-01T11:00:00Z srv1 sshd 7 - - {BARE}"


def _line(document: dict[str, Any], *, json_only: bool = False) -> str:
    raw = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return line_of(document, raw, json_only=json_only).decode()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"message": OLD, "host": "srv1", "timestamp": "2026-03-01T11:00:01Z", "file": "/var/log/auth.log"}, OLD),
        ({"@timestamp": "x", "message": OLD, "log": {"offset": 7}, "agent": {}, "event": {"dataset": "x"}}, OLD),
        ({"date": 1772362800.0, "log": "no header", "stream": "stderr", "_p": "F"}, "no header"),
        ({"message": "shortened", "event": {"original": OLD}, "user": {"name": "root"}}, OLD),
        (
            {"message": BARE, "appname": "sshd", "procid": 7, "hostname": "srv1", "timestamp": "2026-03-01T11:00:00Z"},
            HEADED,
        ),
        ({"time": "2026-03-01 11:00:00", "host": "srv1", "ident": "sshd", "pid": "7", "message": BARE}, HEADED),
        (
            {"@timestamp": "2026-03-01T11:00:00Z", "process": {"name": "sshd", "pid": 7}, "host": {"name": "srv1"}}
            | {"message": BARE},
            HEADED,
        ),
        (
            {"appname": "sshd", "host": "srv1", "time": "2026-03-01T11:00:00Z", "pid": 7, "message": f"{BARE}\nforged"},
            f"{HEADED}#012forged",
        ),
    ],
)  # fmt: skip
def test_a_wrapped_line_is_taken_out(document: dict[str, Any], expected: str) -> None:
    """With its header where it has one, else with one that is made of what the document tells."""
    assert expected == _line(document)


@pytest.mark.parametrize(
    "document",
    [
        {"message": "login failed", "user": "root", "time": "2026-03-01T11:00:00Z"},
        {"message": OLD, "user.name": "root"},
        {"message": "login failed", "level": "info", "time": "2026-03-01T11:00:00Z"},
        {"message": OLD, "event": {"action": "login"}},
        {"a": 1},
    ],
)
def test_a_document_that_tells_something_itself_stays_whole(document: dict[str, Any]) -> None:
    """What an application writes is for the JSON packs, whatever keys it shares with shippers."""
    assert document == json.loads(_line(document))


def test_where_only_objects_are_wanted_only_those_are_taken_out() -> None:
    """A source of JSON gets the object in a wrapping, and never a plain line."""
    assert '{"a":1}' == _line({"log": '{"a":1}', "stream": "stdout"}, json_only=True)
    assert {"log": "plain", "stream": "stdout"} == json.loads(
        _line({"log": "plain", "stream": "stdout"}, json_only=True)
    )


def test_an_entry_of_the_journal_cannot_take_a_name_that_is_not_its_own() -> None:
    """A plain user's program that calls itself sshd is named as what it is, as the journal source does."""
    fields = {"MESSAGE": OLD, "SYSLOG_IDENTIFIER": "sshd", "_UID": "1000", "_EXE": "/usr/bin/logger", "_BOOT_ID": "1"}
    assert "[as sshd]" in _line(fields)
    assert " sshd " in _line(fields | {"_UID": "0"})
    assert _line({"MESSAGE": OLD, "_BOOT_ID": "1", "__REALTIME_TIMESTAMP": [1, 2]})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ("message", "log", "MESSAGE", "event", "host", "time", "@timestamp", "pid", "appname", "_BOOT_ID", "process", "x")
)


@given(st.dictionaries(KEYS, VALUES, max_size=6), st.booleans())
def test_any_document_is_one_line(document: dict[str, Any], json_only: bool) -> None:
    """Whatever stands in a document, it comes to one line, which can forge no other."""
    line = line_of(document, json.dumps(document).encode(), json_only=json_only)
    assert b"\n" not in line
    assert b"\r" not in line
