"""What stands in an event is read, or said to be unread: no value is lost without a word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import load_packs

PACKS = load_packs([shipped("rules") / "packs"])


def read(*lines: str) -> Parsed:
    """Read lines with the shipped packs."""
    frame = split_lines("".join(f"{line}\n" for line in lines).encode(), 0)
    return parse(frame, packs=PACKS, source=SourceFormat("s"), reference=datetime(2026, 11, 21, tzinfo=UTC))


def an_event(field: str, value: Any) -> str:
    """Build a login with a value in one field."""
    event = {"schema": "credwatch-app/1", "@timestamp": "2026-11-20T08:00:00Z", "event.action": "login"}
    return json.dumps({**event, "event.outcome": "failure", "user.name": "lan", field: value})


@pytest.mark.parametrize(
    ("field", "value", "meant"),
    [
        ("source.port", "40112", 40112),
        ("source.port", 40112.0, 40112),
        ("credwatch.mfa.used", "true", True),
        ("credwatch.mfa.used", "False", False),
        ("credwatch.mfa.used", 1, True),
        ("user.name", 12345, "12345"),
        ("user.name", ["lan", "huong"], "lan"),
        ("source.ip", ["203.0.113.7", "10.0.0.1"], "203.0.113.7"),
        ("source.ip", "203.0.113.7:50000", "203.0.113.7"),
        ("source.ip", "[2001:db8::7]:50000", "2001:db8::7"),
        ("source.ip", "203.0.113.7, 10.0.0.1", "203.0.113.7"),
        ("source.ip", 'for="[2001:db8::7]:4711";proto=https', "2001:db8::7"),
        ("credwatch.export.records", "1200", 1200),
    ],
)
def test_a_value_is_read_however_it_is_written(field: str, value: Any, meant: Any) -> None:
    """What can only mean one thing is read, also among events in which everything is as it should be."""
    parsed = read(an_event("user.name", "an"), an_event(field, value), an_event("user.name", "an"))
    assert (meant, 0) == (parsed.events[field][1], parsed.unread.height)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("source.ip", "null", "placeholder"),
        ("source.ip", "UNKNOWN", "placeholder"),
        ("source.ip", ":0", "placeholder"),
        ("source.ip", "999.1.1.1", "no_address"),
        ("source.ip", "a b", "no_address"),
        ("source.ip", "1.2.3.4/24", "no_address"),
        ("source.ip", {"v4": "203.0.113.7"}, "wrong_type"),
        ("source.ip", [], "wrong_type"),
        ("source.port", "x", "no_number"),
        ("source.port", 70000, "out_of_range"),
        ("source.port", -1, "out_of_range"),
        ("source.port", 10**30, "no_number"),
        ("source.port", True, "wrong_type"),
        ("credwatch.mfa.used", "maybe", "wrong_type"),
        ("user.email", {"a": "b"}, "wrong_type"),
    ],
)
def test_a_value_that_cannot_be_read_is_told(field: str, value: Any, reason: str) -> None:
    """It is null in the event, and stands with its line, field and reason among what was not read."""
    parsed = read(an_event("user.name", "an"), an_event(field, value))
    assert [(parsed.events["position"][1], field, reason)] == parsed.unread.rows()
    assert field not in parsed.events.columns or parsed.events[field][1] is None


def test_a_port_that_no_host_has() -> None:
    """What sshd is made to say beyond a port's range is told too."""
    line = "2026-11-20T08:00:00Z web1 sshd[1]: Failed password for lan from 203.0.113.7 port 99999 ssh2"
    assert ("source.port", "out_of_range") == read(line).unread.rows()[0][1:]
