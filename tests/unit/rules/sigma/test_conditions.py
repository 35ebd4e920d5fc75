"""Selections become the tests that the Sigma specification means, and what means nothing is refused where it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.rules.model import AllOf, AnyOf, Condition, NotThis, Operator, Test
from unit.rules.rule_files import a_rule, condition_of, only_problem


def name(operator: Operator, value: str, *, cased: bool = False) -> Test:
    """Test user.name."""
    return Test("user.name", operator, value, cased)


LAN, ROOT = name(Operator.EQUALS, "lan"), name(Operator.EQUALS, "root")


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("{user.name|cased|contains: L}", name(Operator.CONTAINS, "L", cased=True)),
        ("{user.name|contains: ''}", Test("user.name", Operator.EXISTS, True)),
        ("{user.name|startswith: 'l*'}", name(Operator.STARTS_WITH, "l")),
        ("{user.name|startswith: 7}", name(Operator.STARTS_WITH, "7")),
        ("{user.name: 2026-11-23}", name(Operator.EQUALS, "2026-11-23")),
        ("{user.name: '='}", name(Operator.EQUALS, "=")),
        ("{user.name|neq: lan}", NotThis(LAN)),
        ("{user.name|neq: [lan, root]}", NotThis(AnyOf((LAN, ROOT)))),
        ("{user.name|neq|all: [lan, root]}", NotThis(AllOf((LAN, ROOT)))),
        ("{user.name|all: [lan, root]}", AllOf((LAN, ROOT))),
        ("{user.name: [lan, null]}", AnyOf((LAN, Test("user.name", Operator.NULL, None)))),
        ("{user.name|re|startswith: 'a|b'}", name(Operator.REGEX, r"\A(?:a|b)", cased=True)),
        ("{user.name|re|endswith|i: 'a|b'}", name(Operator.REGEX, r"(?i)(?:a|b)\z", cased=True)),
        ("{user.name|re|contains: a}", name(Operator.REGEX, "a", cased=True)),
        ("{user.name|re|ignorecase|multiline|dotall: a}", name(Operator.REGEX, "(?ims)a", cased=True)),
        ("{user.name|fieldref|cased: user.id}", name(Operator.FIELD, "user.id", cased=True)),
        ("{user.name|fieldref|neq: user.id}", NotThis(name(Operator.FIELD, "user.id"))),
        ("{user.name|fieldref|startswith: user.id}", name(Operator.FIELD_STARTS_WITH, "user.id")),
        ("{user.name|fieldref|endswith: user.id}", name(Operator.FIELD_ENDS_WITH, "user.id")),
        ("{user.name|fieldref|contains: user.id}", name(Operator.FIELD_CONTAINS, "user.id")),
        ("{source.port: 443.0}", Test("source.port", Operator.EQUALS, 443)),
        ("{source.port|gt: '1.5'}", Test("source.port", Operator.GREATER, 1.5)),
        ("{source.port|lte: -9223372036854775808}", Test("source.port", Operator.LESS_EQUAL, -(2**63))),
        ("{source.ip|cidr: 192.0.2.7}", Test("source.ip", Operator.CIDR, "192.0.2.7/32")),
        ("{source.ip|cidr: '2001:db8::/32'}", Test("source.ip", Operator.CIDR, "2001:db8::/32")),
        ("{'@timestamp|hour|gte': 18}", Test("@timestamp", Operator.GREATER_EQUAL, 18, part="hour")),
        ("{'@timestamp|lt|hour': 6}", Test("@timestamp", Operator.LESS, 6, part="hour")),
        ("{'@timestamp|week': 53}", Test("@timestamp", Operator.EQUALS, 53, part="week")),
        ("[{user.name: lan}, {user.name: root}]", AnyOf((LAN, ROOT))),
        ("{'|all': [a, b]}", AllOf((Test("message", Operator.CONTAINS, "a"), Test("message", Operator.CONTAINS, "b")))),
        ("{'|startswith': a}", Test("message", Operator.STARTS_WITH, "a")),
        ("{'|cased': A}", Test("message", Operator.CONTAINS, "A", cased=True)),
        ("{'|re|i': '^a'}", Test("message", Operator.REGEX, "(?i)^a", cased=True)),
        ("{'|neq': a}", NotThis(Test("message", Operator.CONTAINS, "a"))),
        ("word", Test("message", Operator.CONTAINS, "word")),
    ],
)
def test_modifiers_and_their_combinations(tmp_path: Path, selection: str, expected: Condition) -> None:
    """Every modifier, alone and with those that it goes with, is the test that the specification means."""
    assert expected == condition_of(tmp_path, selection)


def test_placeholders(tmp_path: Path) -> None:
    """Each value of a placeholder is an alternative, with its wildcards; a pattern takes it literally."""
    expected = AnyOf((name(Operator.EQUALS, "root"), name(Operator.STARTS_WITH, "adm")))
    assert expected == condition_of(tmp_path, "{user.name|expand: '%admins%'}")
    joined = condition_of(tmp_path, r"{user.name|expand|contains: '\%a%hosts%'}")
    assert name(Operator.CONTAINS, "%aweb1") == joined
    pattern = condition_of(tmp_path, "{user.name|re|expand: '^%admins%$'}")
    assert AnyOf((name(Operator.REGEX, "^root$", cased=True), name(Operator.REGEX, r"^adm\*$", cased=True))) == pattern
    networks = condition_of(tmp_path, "{source.ip|cidr|expand: '%networks%'}")
    assert AnyOf(tuple(Test("source.ip", Operator.CIDR, each) for each in ("10.0.0.0/8", "192.0.2.0/24"))) == networks
    assert name(Operator.EQUALS, "%admins%") == condition_of(tmp_path, "{user.name: '%admins%'}")


@pytest.mark.parametrize(
    ("selection", "message", "hint"),
    [
        ("{user.name|contians: a}", "unknown modifier 'contians'", "did you mean 'contains'?"),
        ("{user.name|zzz: a}", "unknown modifier 'zzz'", "known modifiers: all, base64"),
        ("{user.name|all|all: a}", "the modifier 'all' stands twice", "take one"),
        ("{user.name|contains|startswith: a}", "'contains' and 'startswith' mean nothing together", "take one of them"),
        ("{user.name|re|cased: a}", "'re' and 'cased' mean nothing together", "re goes with all, contains"),
        ("{user.name|i: a}", "the modifier 'i' means nothing without 're'", "add |re"),
        ("{user.name|base64offset: abc}", "pieces that no value is as a whole", "add |contains"),
        ("{user.name|exists|neq: true}", "'exists' and 'neq' mean nothing together", "exists goes with nothing"),
        ("{source.port|gt|lt: 3}", "'gt' and 'lt' mean nothing together", "gt goes with"),
        ("{'@timestamp|hour|day': 3}", "'hour' and 'day' mean nothing together", "hour goes with"),
        ("{user.name|exists: 'yes'}", "'exists' asks for true or false", "write true or false"),
        ("{user.name|contains: true}", "a text is due here, not true or false", "put it in quotes"),
        ("{user.name|contains: null}", "a text is due here, not null", "put it in quotes"),
        ("{user.name|contains: 1.5}", "a text is due here, not a number", "put it in quotes"),
        ("{user.name: [[a]]}", "a text is due here, not a list", "put it in quotes"),
        ("{user.name: {a: b}}", "a text is due here, not a mapping", "put it in quotes"),
        ("{user.name: []}", "the list of values is empty", "or null"),
        ("{user.name|re: [a, null]}", "a text is due here, not null", "put it in quotes"),
        ("{source.port: 9223372036854775808}", "beyond 64 bits", "write one between"),
        ("{source.port: .inf}", "beyond 64 bits", "write one between"),
        ("{source.port|gt: high}", "a number is due here, not 'high'", "write a number"),
        ("{source.port|gt: true}", "a number is due here, not True", "write a number"),
        ("{'@timestamp|gt': 3}", "'@timestamp' is of type timestamp and cannot be compared", "such as |hour|gte"),
        ("{credwatch.masked|gt: 0}", "is of type boolean and cannot be compared", "compare it with true"),
        ("{'@timestamp|hour': 24}", "there is no hour 24", "from 0 to 23"),
        ("{'@timestamp|day': 1.5}", "there is no day 1.5", "from 1 to 31"),
        ("{source.port|hour: 3}", "'source.port' is of type integer and has no hour", "take @timestamp"),
        ("{source.ip|cidr: 10.1.0.0/8}", "'10.1.0.0/8' is no network", "did you mean 10.0.0.0/8?"),
        ("{source.ip|cidr: ten}", "'ten' is no network", "write it as 10.0.0.0/8"),
        ("{user.name|re: '" + "a" * 10_001 + "'}", "the regular expression has 10001 characters", "split it"),
        ("{user.name|re: '" + "(a" * 90 + "'}", "does not compile", "linear time"),
        ("{user.name|re: '((a{999}){999}){999}'}", "does not compile", "linear time"),
        ("{user.name|expand: '%adms%'}", "unknown placeholder %adms%", "did you mean 'admins'?"),
        ("{user.name|expand: '%zz%'}", "unknown placeholder %zz%", "the [placeholders] table"),
        ("{'|exists': true}", "'exists' needs a field", "write the field before"),
        ("{'|hour': 3}", "'hour' needs a field", "write the field before"),
        ("[null]", "the selection is empty", "write fields and values"),
        ("{'|all': [a, null]}", "null needs a field", "write the field before"),
        ("[true]", "a text is due here, not true or false", "put it in quotes"),
        ("{}", "the selection is empty", "write fields and values"),
        ("[]", "the selection is empty", "write fields and values"),
    ],
)
def test_what_means_nothing_is_refused_where_it_stands(tmp_path: Path, selection: str, message: str, hint: str) -> None:
    """The problem names file, line and key, and what would be right; the other rules load."""
    problem = only_problem(tmp_path, a_rule(selection))
    assert message in problem.message
    assert hint in problem.hint
    assert problem.where.startswith(f"{tmp_path / 'rules.yml'}:6: detection.s")


@pytest.mark.parametrize(
    ("section", "message", "key"),
    [
        ("detection: 3", "detection: is not a mapping", "detection"),
        ("detection: {condition: s}", "there is no selection", "detection"),
        ("detection: {s: a}", "the condition is missing, or no text", "detection.condition"),
        ("detection: {s: a, condition: []}", "the condition is missing, or no text", "detection.condition"),
        ("detection: {s: a, condition: [s, {a: b}]}", "the condition is missing, or no text", "detection.condition"),
        ("detection: {s: a, timeframe: 5m, condition: s}", "timeframe: is not Sigma any more", "detection.timeframe"),
        ("detections: {s: a, condition: s}", "must have a detection", "title"),
    ],
)
def test_a_section_that_is_none(tmp_path: Path, section: str, message: str, key: str) -> None:
    """A detection without selections, without a condition or with a stale key is refused by key."""
    problem = only_problem(tmp_path, f"title: x\nlogsource: {{category: a}}\n{section}\n")
    assert message in problem.message
    assert problem.where.endswith(f": {key}")
