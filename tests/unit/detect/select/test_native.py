"""Rules for a product run on its own fields, exactly, and cost nothing where none of its events is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credwatch.detect.engine import Engine
from credwatch.detect.plan import plan_for
from credwatch.detect.select.native import native_paths, with_native
from credwatch.kernel.detection import Detection
from credwatch.kernel.resources import shipped
from credwatch.parse.lines import split_lines
from credwatch.parse.parse import SourceFormat, parse
from credwatch.rules.packs.packs import load_packs
from unit.rules.rule_files import load_rules

PATHS = ["a", "a.b", "a.b.c", "b.a"]

RULES = """
title: Sign-on policy weakened
name: policy_weakened
logsource: {product: okta, service: okta}
detection:
  change:
    eventType: [policy.rule.update, policy.rule.deactivate]
    target.type: PolicyRule
  ours: {actor.alternateId|endswith: '@ops.example'}
  condition: change and not ours
level: high
credwatch: {incident: policy_violation, subject: actor.alternateId}
---
title: Sign-in through a proxy
name: proxy_login
logsource: {product: okta}
detection:
  login: {eventtype: user.session.start, securityContext.isProxy: true, securityContext.asNumber|gte: 64500}
  plain: {outcome.reason: null, client.ipAddress|cidr: 203.0.113.0/24, published|hour: 1}
  condition: login and plain
level: low
---
title: Many people behind one proxy
name: proxy_crowd
correlation:
  type: value_count
  rules: [proxy_login]
  group-by: [address]
  timespan: 10m
  condition: {gte: 2, field: actor.alternateId}
  aliases: {address: {proxy_login: client.ipAddress}}
level: high
---
title: Numbers of one proxy add up
name: proxy_sum
correlation:
  type: value_sum
  rules: [proxy_login]
  group-by: [client.ipAddress]
  timespan: 10m
  condition: {gte: 193500, field: securityContext.asNumber}
level: high
"""


def an_event(**changes: Any) -> str:
    """Write a sign-in through a proxy."""
    event: dict[str, Any] = {
        "uuid": "1",
        "version": "0",
        "published": "2026-03-02T01:15:30.000Z",
        "eventType": "user.session.start",
        "actor": {"alternateId": "lan@acme.example"},
        "client": {"ipAddress": "203.0.113.9"},
        "outcome": {"result": "SUCCESS", "reason": None},
        "securityContext": {"isProxy": True, "asNumber": 64500},
        "target": [{"type": "User"}],
    }
    return json.dumps({**event, **changes})


def a_policy_change(**changes: Any) -> str:
    """Write a change of a policy rule."""
    target = [{"type": "Policy", "id": "1"}, {"type": "PolicyRule", "id": "2"}]
    return an_event(**{"eventType": "policy.rule.update", "target": target, **changes})


def detected(folder: Path, *lines: str) -> list[Detection]:
    """Carry lines through packs and rules."""
    (folder / "okta.yml").write_text(RULES, encoding="utf-8")
    packs = load_packs(shipped("rules") / "packs")
    reference = datetime(2026, 3, 2, 2, tzinfo=UTC)
    parsed = parse(
        split_lines("\n".join(lines).encode(), 0), packs=packs, source=SourceFormat("x"), reference=reference
    )
    assert parsed.unparsed.is_empty()
    return list(Engine(plan_for(load_rules([folder])), seed=1).process(parsed.events).detections)


def told(detections: list[Detection]) -> set[tuple[str, tuple[str, ...]]]:
    """Tell the titles and groups."""
    return {(found.title, tuple(value for _, value in found.group)) for found in detections}


@pytest.mark.parametrize(
    "line",
    [
        a_policy_change(),
        "Mar  2 01:15:31 relay1 okta[1]: " + a_policy_change(),
        a_policy_change(target={"type": "policyrule"}),
        a_policy_change(debugContext={"x": "password=", "y": "'"}),
    ],
)
def test_a_rule_on_native_fields(line: str, tmp_path: Path) -> None:
    """It fires on a plain line and behind a syslog header, for any element of a list, and whatever was masked."""
    expected = {("Sign-on policy weakened", ("", "lan@acme.example"))}
    (found,) = detected(tmp_path, line)
    assert expected == told([found])
    assert ("actor.alternateId", "lan@acme.example") == (found.group[1][0], found.subject)


@pytest.mark.parametrize(
    "line",
    [
        a_policy_change(actor={"alternateId": "an@OPS.example"}),
        an_event(eventType="policy.rule.update", target=["PolicyRule"]),
        an_event(eventType="policy.rule.update", target='[{"type":"PolicyRule"}]'),
        an_event(eventType=["policy.rule.create"], target=[{"type": "PolicyRule"}]),
        "Mar  2 01:15:31 web1 sshd[1]: Failed password for policy.rule.update from 203.0.113.9 port 1 ssh2",
    ],
)
def test_what_is_not_meant(line: str, tmp_path: Path) -> None:
    """Texts that look like objects, other values and other logs' events match nothing."""
    assert not [found for found in detected(tmp_path, line) if found.title == "Sign-on policy weakened"]


def test_a_correlation_on_native_fields(tmp_path: Path) -> None:
    """Groups and counted values may be paths too, under an alias or not."""
    lines = [an_event(uuid=str(n), actor={"alternateId": f"u{n}@acme.example"}) for n in range(2)]
    assert ("Many people behind one proxy", ("203.0.113.9",)) in told(detected(tmp_path, *lines))
    assert not detected(tmp_path, an_event(), an_event(uuid="2"))


def test_a_sum_of_native_numbers(tmp_path: Path) -> None:
    """Numbers at a path are summed, and no event of another log among them."""
    lines = [an_event(uuid=str(n)) for n in range(3)]
    assert ("Numbers of one proxy add up", ("203.0.113.9",)) in told(detected(tmp_path, *lines))
    other = "Mar  2 01:15:31 web1 sshd[1]: Failed password for root from 203.0.113.9 port 1 ssh2"
    assert not detected(tmp_path, lines[0], lines[1], other)


def test_paths_by_pack(tmp_path: Path) -> None:
    """What rules read, group by and count is gathered for the packs of their log source, ours apart."""
    (tmp_path / "okta.yml").write_text(RULES, encoding="utf-8")
    expected = {
        "target.type", "actor.alternateId", "securityContext.isProxy", "securityContext.asNumber", "outcome.reason",
        "client.ipAddress", "published",
    }  # fmt: skip
    assert {"okta": expected} == native_paths(load_rules([tmp_path]))


def test_no_event_of_the_pack() -> None:
    """A batch without events of the packs is the same frame."""
    events = pl.DataFrame({"event.dataset": ["openssh"], "event.original": ['{"a":1}']})
    assert events is with_native(events, {"okta": frozenset({"a"})})
    assert events is with_native(events, {})


def values(texts: list[str], paths: list[str] | None = None) -> list[dict[str, list[str] | None]]:
    """Read paths of texts, between events of another pack."""
    rows = [("other", '{"a":"none"}'), *(("okta", text) for text in texts), ("other", "x")]
    frame = pl.DataFrame(rows, schema=["event.dataset", "event.original"], orient="row")
    read = with_native(frame, {"okta": frozenset(paths or PATHS)}).drop("event.dataset", "event.original")
    first, *found, last = read.rename(lambda name: name.removeprefix("native:")).to_dicts()
    assert not any(first.values())
    assert not any(last.values())
    return found


def meant(found: Any, keys: list[str]) -> Iterator[Any]:
    """Walk a path as the docs say: objects, and lists of objects, down to a value or the elements of a list."""
    if not keys:
        yield from (each for each in (found if isinstance(found, list) else [found]) if each is not None)
    elif isinstance(found, list):
        for each in found:
            yield from meant(each, keys) if isinstance(each, dict) else ()
    elif isinstance(found, dict) and keys[0] in found:
        yield from meant(found[keys[0]], keys[1:])


def as_json(value: Any) -> str:
    """Write values one way, texts that hold JSON like the JSON itself."""
    if isinstance(value, str):
        try:
            inner = json.loads(value)
        except ValueError:
            return value
        return as_json(inner) if isinstance(inner, dict | list) else value
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text("ab[]{}:,. é", max_size=6)
OBJECTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c", "a.b", "d"]), inner),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "a.b", "b.a"]), OBJECTS), min_size=1, max_size=4))
def test_values_are_those_of_the_object(objects: list[dict[str, Any]]) -> None:
    """Paths give what a walk through the object gives, whatever stands where."""
    for one, found in zip(objects, values([json.dumps(each) for each in objects]), strict=True):
        for path in PATHS:
            wanted = [*meant(one, path.split("."))] or ([*meant(one, [path])] if "." in path else [])
            assert sorted(map(as_json, wanted)) == sorted(map(as_json, found[path] or [])), path


@settings(max_examples=100)
@given(st.lists(st.text('{}[]":,ab01\\eu', max_size=12).map(lambda text: "{" + text), min_size=1, max_size=5))
def test_any_text(texts: list[str]) -> None:
    """What is no JSON gives nothing, and does not touch its neighbours."""
    found = values(['{"a":{"b":"sound"}}', *texts])
    assert ["sound"] == found[0]["a.b"]
    for text, each in zip(texts, found[1:], strict=True):
        try:
            json.loads(text)
        except ValueError:
            assert not any(each.values())
