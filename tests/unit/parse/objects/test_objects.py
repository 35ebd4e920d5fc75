"""JSON packs reach into lists, know events by what is there, and leave out what would mislead."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from credwatch.kernel.pack import PackSet
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import Parsed, SourceFormat, parse
from credwatch.rules.packs.packs import read_pack

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


OWN = read_pack(
    """
pack: own
title: A demonstration
envelope: json
match:
  - {verb: ["grant", "deny"], at: "*"}
  - {code: "/^T1[0-9]+$/"}
paths:
  at: "@timestamp"
  time: "@timestamp"
  status: event.outcome
  mail: user.name
  login: user.name
  'parts[0].pairs[key=ip].value': source.ip
values: {event.outcome: {"0": success, "*": failure}}
patterns:
  - name: granted
    when: {$.verb: grant, $.forced: true}
    fields: {by: user.name, mail: user.target.name}
    constants: {event.action: role_granted}
    samples: [{line: '{}'}]
  - {name: other, constants: {event.action: other}, samples: [{line: '{}'}]}
""",
    where="own.yml",
)


def read_own(given: dict[str, Any]) -> Parsed:
    """Read one object with the second demonstration pack."""
    lines = split_lines(json.dumps(given).encode(), 0)
    return parse(
        lines, packs=PackSet((PACK, OWN)), source=SourceFormat("x"), reference=datetime(2026, 3, 2, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("given", "gives"),
    [
        ({"verb": "deny", "mail": "lan"}, {"user.name": "lan", "event.action": "other"}),
        ({"verb": "deny", "login": "lan"}, {"user.name": "lan"}),
        ({"verb": "deny", "status": 0}, {"event.outcome": "success"}),
        ({"verb": "deny", "status": 50126}, {"event.outcome": "failure"}),
        ({"verb": "deny", "status": None}, {"event.outcome": None}),
        ({"verb": "grant", "forced": True, "by": "an", "mail": "lan"}, {"user.name": "an", "user.target.name": "lan"}),
        ({"verb": "grant", "forced": True, "mail": "lan"}, {"user.name": None, "user.target.name": "lan"}),
        ({"verb": "grant", "forced": "false", "by": "an"}, {"user.name": None, "event.action": "other"}),
        ({"code": "T1000"}, {"event.action": "other"}),
        ({"verb": "deny", "parts": [{"pairs": [{"key": "x"}, {"key": "ip", "value": "203.0.113.9"}]}]},
         {"source.ip": "203.0.113.9"}),
    ],
)  # fmt: skip
def test_own_fields(given: dict[str, Any], gives: dict[str, Any]) -> None:
    """A pattern may take fields from elsewhere; several paths may fill one; `*` stands for all other words."""
    (event,) = read_own({"at": 1772414130123, **given}).events.to_dicts()
    assert gives == {name: event.get(name) for name in gives}
    assert datetime(2026, 3, 2, 1, 15, 30, 123000, tzinfo=UTC) == event["@timestamp"]


@pytest.mark.parametrize("given", [{"verb": "look"}, {"verb": None}, {"code": "T2000"}, {"code": "xT1000"}])
def test_no_own_object(given: dict[str, Any]) -> None:
    """Of the values that a pack asks for, and of its expressions, one must hold."""
    assert ["unknown_json"] == read_own({"at": 1772414130123, **given}).unparsed["reason"].to_list()


TEXT = read_pack(
    r"""
pack: text
title: A demonstration
envelope: json
match: {"logger": demo}
paths: {t.$date: "@timestamp", by: user.name}
patterns:
  - name: failed
    texts: {msg: '^login of ''(?P<user>.*)'' failed$'}
    fields: {user: user.name, from: source.ip}
    constants: {event.action: login, event.outcome: failure}
    samples: [{line: '{}'}]
  - {name: other, constants: {event.action: other}, samples: [{line: '{}'}]}
""",
    where="text.yml",
)


@pytest.mark.parametrize(
    ("message", "name", "action"),
    [
        ("login of 'lan' failed", "lan", "login"),
        ("login of 'a' failed', 'b' failed", "a' failed', 'b", "login"),
        ("login of 'lan' failed again", "an", "other"),
        (7, "an", "other"),
        (None, "an", "other"),
    ],
)
def test_texts(message: Any, name: str, action: str) -> None:
    """A pattern may ask that a text matches an expression, and take fields from its groups; else it is not chosen."""
    given = {"logger": "demo", "t": {"$date": 1772414130123}, "msg": message, "by": "an", "from": "203.0.113.9"}
    lines = split_lines(json.dumps(given).encode(), 0)
    reference = datetime(2026, 3, 2, tzinfo=UTC)
    (event,) = parse(lines, packs=PackSet((TEXT,)), source=SourceFormat("x"), reference=reference).events.to_dicts()
    assert (name, action) == (event["user.name"], event["event.action"])
    assert ("203.0.113.9" if action == "login" else None) == event.get("source.ip")


def test_a_pack_that_takes_the_action_from_the_object() -> None:
    """A set of packs of which none sets an action of its own reads as any other."""
    pack = read_pack(
        """
pack: own
title: A demonstration
envelope: json
match: {kind: own}
paths: {at: "@timestamp", what: event.action}
patterns: [{name: all, when: {event.action: [login]}, samples: [{line: '{}'}]}]
""",
        where="own.yml",
    )
    lines = split_lines(b'{"kind":"own","at":"2026-03-02T01:15:30Z","what":"login"}', 0)
    reference = datetime(2026, 3, 2, tzinfo=UTC)
    events = parse(lines, packs=PackSet((pack,)), source=SourceFormat("x"), reference=reference).events
    assert ["login"] == events["event.action"].to_list()
