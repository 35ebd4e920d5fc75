"""Packs are held to their samples."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from credwatch.kernel.pack import PackSet
from credwatch.kernel.resources import shipped
from credwatch.parse.samples import check_packs, sample_problems
from credwatch.rules.packs.packs import load_packs, read_pack

PACK = """
pack: demo
title: A demonstration
envelope: syslog
programs: [demo]
patterns:
  - name: hello
    pattern: '^hello (?P<user>\\S+)$'
    fields: {user: user.name}
    constants: {event.action: login}
    samples:
      - line: 'Nov 30 06:39:00 web1 demo[1]: %s'
        gives: {user.name: %s}
"""


def problems(line: str, name: str) -> list[str]:
    """Check the demonstration pack with one sample."""
    return [str(problem) for problem in check_packs(PackSet((read_pack(PACK % (line, name), where="demo.yml"),)))]


def test_shipped_packs_keep_their_samples() -> None:
    """Every sample of every shipped pack gives what it says."""
    assert check_packs(load_packs(shipped("rules") / "packs")) == []


def test_good_sample() -> None:
    """A sample that gives what it says is no problem."""
    assert problems("hello lan", "lan") == []


@pytest.mark.parametrize(
    ("line", "name", "told"),
    [
        ("hello lan", "huong", "user.name: expected 'huong', found 'lan'"),
        ("bye lan", "lan", "is read by no pattern: unknown_message"),
    ],
)
def test_failing_sample(line: str, name: str, told: str) -> None:
    """A sample that gives something else, or nothing, is named with file and pattern."""
    (problem,) = problems(line, name)
    assert told in problem
    assert "demo.yml: hello" in problem


def test_sample_that_another_pack_reads() -> None:
    """Where two packs could read a sample, both are named."""
    one = read_pack(PACK % ("hello lan", "lan"), where="one.yml")
    two = replace(read_pack(PACK % ("hello lan", "lan"), where="two.yml"), id="other")
    told = "\n".join(str(problem) for problem in check_packs(PackSet((one, two))))
    assert "is read by pack 'demo', not by 'other'" in told


def test_json_pack_of_an_operator() -> None:
    """A JSON pack matches by a nested path, with keys that hold hyphens, and translates the writer's words."""
    text = """
pack: idp
title: An identity provider
envelope: json
match: {meta.log-type: auth}
paths: {actor.user-name: user.name, result: event.outcome, at: "@timestamp"}
values: {event.outcome: {SUCCESS: success, DENY: failure}}
patterns:
  - name: login
    requires: [user.name]
    constants: {event.action: login}
    samples:
      - line: '{"meta":{"log-type":"auth"},"actor":{"user-name":"lan"},"result":"DENY","at":"2026-01-01T00:00:00Z"}'
        gives: {user.name: lan, event.outcome: failure}
"""
    assert check_packs(PackSet((read_pack(text, where="idp.yml"),))) == []


def test_a_line_that_two_packs_claim() -> None:
    """Where a second pack takes a sample for its own too, both are named, with the line."""
    text = """
pack: {name}
title: An identity provider
envelope: json
match: {match}
paths: {{at: "@timestamp"}}
patterns:
  - name: other
    constants: {{event.action: other}}
    samples: [{{line: '{{"kind":"a","shape":"b","at":"2026-01-01T00:00:00Z"}}'}}]
"""
    one = read_pack(text.format(name="one", match="{kind: a}"), where="one.yml")
    two = read_pack(text.format(name="two", match='{shape: "*"}'), where="two.yml")
    first = str(check_packs(PackSet((one, two)))[0])
    assert "two.yml" in first
    assert 'claims the same line as one.yml: \'{"kind":"a"' in first


def test_shipped_packs_alone_are_not_read_again() -> None:
    """Before a start samples are read where a pack of the operator's stands beside the shipped ones, and only there."""
    shipped_packs = load_packs(shipped("rules") / "packs")
    own = read_pack(PACK % ("hello lan", "huong"), where="demo.yml")
    assert [] == sample_problems(shipped_packs)
    (problem,) = sample_problems(PackSet((*shipped_packs.packs, own)))
    assert "expected 'huong', found 'lan'" in str(problem)
