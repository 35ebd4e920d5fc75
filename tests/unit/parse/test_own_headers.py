"""Programs that keep a log of their own are read by the headers their packs tell of."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from credwatch.kernel.pack import PackSet
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import read_pack

PACK = read_pack(
    r"""
pack: gated
title: A demonstration
envelope: syslog
programs: [gated]
headers:
  - having: ["] gate: "]
    line: '^(?P<host>\S+) \[(?P<stamp>[^\]]*)\] gate: (?P<message>.*)$'
  - having: ["gate at "]
    line: '^gate at (?P<stamp>\d+\.\d+): .*$'
patterns:
  - name: opened
    pattern: '^opened for (?P<user>.*)$'
    fields: {user: user.name}
    constants: {event.action: login, event.outcome: success}
    samples: [{line: 'gw1 [2026/03/02 01:15:30] gate: opened for lan'}]
  - name: whole
    pattern: '^gate at \S+: shut for (?P<user>.*)$'
    fields: {user: user.name}
    constants: {event.action: login, event.outcome: failure}
    samples: [{line: 'gate at 1772414130.123: shut for lan'}]
  - name: encoded
    pattern: '^code (?:"(?P<user>[^"]*)"|(?P<code>[0-9A-F]*))$'
    fields: {user: user.name, code: user.name}
    hex: [code]
    constants: {event.action: login, event.outcome: failure}
    samples: [{line: 'gw1 [2026/03/02 01:15:30] gate: code "lan"'}]
""",
    where="gated.yml",
)


def read(line: str) -> Parsed:
    """Read one line with the demonstration pack."""
    reference = datetime(2026, 3, 3, tzinfo=UTC)
    return parse(split_lines(line.encode(), 0), packs=PackSet((PACK,)), source=SourceFormat("x"), reference=reference)


@pytest.mark.parametrize(
    ("line", "outcome", "host"),
    [
        ("gw1 [2026/03/02 01:15:30] gate: opened for lan", "success", "gw1"),
        ("gate at 1772414130: shut for lan", None, None),
        ("gate at 1772414130.0: shut for lan", "failure", None),
        ("Mar  2 01:15:30 gw2 gated[7]: opened for lan", "success", "gw2"),
        ("Mar  2 01:15:30 gw2 gated[7]: gw1 [2020/01/01 00:00:00] gate: opened for lan", "success", "gw2"),
        ("Mar  2 01:15:30 gw2 docker[7]: gate at 1577836800.0: shut for lan", "failure", "gw2"),
        ("Mar  2 01:15:30 gw2 docker[7]: opened for lan", None, None),
    ],
)
def test_lines(line: str, outcome: str | None, host: str | None) -> None:
    """A line is read bare, behind syslog's header, and whole in a syslog message, whose time then counts."""
    events = read(line).events
    if outcome is None:
        assert events.is_empty()
        return
    (event,) = events.to_dicts()
    assert (outcome, host, "lan") == (event["event.outcome"], event.get("host.name"), event["user.name"])
    assert datetime(2026, 3, 2, 1, 15, 30, tzinfo=UTC) == event["@timestamp"]


def test_a_header_alone() -> None:
    """A line whose header is known and whose message is not says so."""
    assert ["unknown_message"] == read("gw1 [2026/03/02 01:15:30] gate: fell off").unparsed["reason"].to_list()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ('"lan"', "lan"),
        ("6CC3A26E", "lân"),
        ("6C1B6E", "l\ufffdn"),
        ("6CFF", "l\ufffd"),
        ("6C6", None),
    ],
)
def test_hexadecimal(code: str, name: str | None) -> None:
    """Names in hexadecimal are decoded; what is no text gives none, and control characters are never passed on."""
    (event,) = read(f"gw1 [2026/03/02 01:15:30] gate: code {code}").events.to_dicts()
    assert name == event.get("user.name")
