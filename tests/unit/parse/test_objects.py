"""JSON packs reach into lists, know events by what is there, and leave out what would mislead."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from credwatch.kernel.pack import PackSet
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs import read_pack

PACK = read_pack(
    """
pack: demo
title: A demonstration
envelope: json
match: {kind: demo, at: "*"}
paths:
  at: "@timestamp"
  what: event.code
  result: event.outcome
  'who[0].name': user.name
  'touched[type=User].account.name': user.target.name
  'tags[1]': event.reason
patterns:
  - name: denied
    when: {event.code: deny}
    ignores: [event.outcome]
    constants: {event.action: mfa_push, event.outcome: failure}
    samples: [{line: '{}'}]
  - {name: other, constants: {event.action: other}, samples: [{line: '{}'}]}
""",
    where="demo.yml",
)


def read(given: dict[str, Any], head: str = "") -> Parsed:
    """Read one object that is an event by default."""
    line = json.dumps({"kind": "demo", "at": "2026-03-02T01:15:30Z", **given})
    lines = split_lines((head + line).encode(), 0)
    return parse(lines, packs=PackSet((PACK,)), source=SourceFormat("x"), reference=datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"who": [{"name": "lan"}, {"name": "minh"}]}, "user.name", "lan"),
        ({"who": []}, "user.name", None),
        ({"who": {"name": "lan"}}, "user.name", None),
        ({"who": "lan"}, "user.name", None),
        ({"touched": [{"type": "App"}, {"type": "User", "account": {"name": "an"}}]}, "user.target.name", "an"),
        ({"touched": [{"type": "App", "account": {"name": "an"}}]}, "user.target.name", None),
        ({"touched": [None, 1, {"account": 1}]}, "user.target.name", None),
        ({"tags": ["a", "b"]}, "event.reason", "b"),
        ({"tags": ["a"]}, "event.reason", None),
        ({"what": "deny", "result": "success"}, "event.outcome", "failure"),
        ({"what": "else", "result": "success"}, "event.outcome", "success"),
    ],
)
def test_fields(given: dict[str, Any], field: str, value: str | None) -> None:
    """Elements are picked by place or by a key; what has another shape is null; what is ignored leaves the constant."""
    (event,) = read(given).events.to_dicts()
    assert value == event.get(field)


@pytest.mark.parametrize("given", [{"kind": "other"}, {"at": None}, {"kind": ["demo"]}])
def test_other_objects(given: dict[str, Any]) -> None:
    """An object that lacks what the pack matches is not its event."""
    assert ["unknown_json"] == read(given).unparsed["reason"].to_list()


def test_where_the_object_is() -> None:
    """A plain line is the object itself; behind a syslog header it has a column of its own."""
    plain, wrapped = read({}).events, read({}, "Mar  2 01:15:30 h app[1]: ").events
    assert "credwatch.native" not in plain.columns
    assert plain["event.original"].to_list() == wrapped["credwatch.native"].to_list()
