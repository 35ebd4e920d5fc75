"""Sigma rule files become rules, and what cannot be evaluated is refused by name with what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.detection import Level
from credwatch.kernel.errors import ProblemsFound
from credwatch.rules.model import (
    AllOf,
    AnyOf,
    Bound,
    Condition,
    Correlation,
    CorrelationType,
    NotThis,
    Operator,
    PartsAll,
    PartsNot,
    PartThere,
    Test,
)
from credwatch.rules.sigma.sigma import read_rules
from unit.rules.rule_files import a_correlation, a_filter, a_rule, load_rules, only_event, reading


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("{user.name: lan}", Test("user.name", Operator.EQUALS, "lan")),
        ("{user.name: ''}", Test("user.name", Operator.EQUALS, "")),
        (r"{user.name: '\*\*\*'}", Test("user.name", Operator.EQUALS, "***")),
        ("{user.name|cased: Lan}", Test("user.name", Operator.EQUALS, "Lan", cased=True)),
        ("{user.name: 'l*'}", Test("user.name", Operator.STARTS_WITH, "l")),
        ("{user.name|endswith: n}", Test("user.name", Operator.ENDS_WITH, "n")),
        ("{user.name|contains: a}", Test("user.name", Operator.CONTAINS, "a")),
        ("{user.name: '*'}", Test("user.name", Operator.EXISTS, True)),
        ("{user.name: 'l*n?.x'}", Test("user.name", Operator.REGEX, r"(?si)^l.*n.\.x$", cased=True)),
        ("{user.name|cased: 'L*n?'}", Test("user.name", Operator.REGEX, "(?s)^L.*n.$", cased=True)),
        ("{user.name|re: '^l.n$'}", Test("user.name", Operator.REGEX, "^l.n$", cased=True)),
        ("{user.name|re|i|m|s: 'l.n'}", Test("user.name", Operator.REGEX, "(?ims)l.n", cased=True)),
        ("{user.name: null}", Test("user.name", Operator.NULL, None)),
        ("{user.name|exists: false}", Test("user.name", Operator.EXISTS, False)),
        ("{credwatch.masked: true}", Test("credwatch.masked", Operator.EQUALS, True)),
        ("{source.port: 22}", Test("source.port", Operator.EQUALS, 22)),
        ("{source.port|gte: 1024}", Test("source.port", Operator.GREATER_EQUAL, 1024)),
        ("{source.ip|cidr: 10.0.0.0/8}", Test("source.ip", Operator.CIDR, "10.0.0.0/8")),
        ("{user.name|fieldref: user.target.name}", Test("user.name", Operator.FIELD, "user.target.name")),
        ("{'@timestamp|hour': 3}", Test("@timestamp", Operator.EQUALS, 3, part="hour")),
        ("{source.port|neq: 22}", NotThis(Test("source.port", Operator.EQUALS, 22))),
    ],
)
def test_a_selection_becomes_a_test(tmp_path: Path, selection: str, expected: Condition) -> None:
    """Each kind of value and modifier becomes the cheapest test that says the same."""
    assert expected == only_event(tmp_path, a_rule(selection)).condition


def test_several_values_and_fields(tmp_path: Path) -> None:
    """Values of a field are alternatives, fields hold together, and encodings spread to alternatives."""
    lan, minh = (Test("user.name", Operator.EQUALS, name) for name in ("lan", "minh"))
    port = Test("source.port", Operator.EQUALS, 22)
    rule = only_event(tmp_path, a_rule("{user.name: [lan, minh], source.port: 22}"))
    assert AllOf((AnyOf((lan, minh)), port)) == rule.condition
    encoded = only_event(tmp_path, a_rule("{message|base64offset|contains: foo}")).condition
    assert AnyOf(tuple(Test("message", Operator.CONTAINS, part) for part in ("Zm9v", "Zvb", "mb2"))) == encoded


def test_keywords_are_searched_in_the_message(tmp_path: Path) -> None:
    """A word without a field may stand anywhere in the message, with wildcards and numbers too."""
    expected = AnyOf(
        (
            Test("message", Operator.CONTAINS, "refused"),
            Test("message", Operator.REGEX, "(?si)^.*a.*b.*$", cased=True),
            Test("message", Operator.CONTAINS, "5"),
            Test("message", Operator.CONTAINS, "x"),
            Test("message", Operator.REGEX, "^y$", cased=True),
        )
    )
    assert expected == only_event(tmp_path, a_rule("[refused, 'a*b', 5, '*x*', {'|re': '^y$'}]")).condition


def test_several_conditions_are_alternatives(tmp_path: Path) -> None:
    """A list of conditions matches where one of them does."""
    lan = Test("user.name", Operator.EQUALS, "lan")
    assert AnyOf((lan, NotThis(lan))) == only_event(tmp_path, a_rule(condition="[s, not s]")).condition


def test_what_a_rule_says_beside_its_condition(tmp_path: Path) -> None:
    """Level, tags and the credwatch key are kept; what is not said has its default."""
    more = """
id: 2f1c9d3e-6a51-4d7a-9b38-d5e7c1a4f001
level: high
tags: [attack.t1110]
credwatch:
  {incident: brute_force, subject: source.ip, workflows: [breach_report], clause: "8.2", quiet: 2d, shadow: true}
"""
    rule = only_event(tmp_path, a_rule(more=more))
    assert ("2f1c9d3e-6a51-4d7a-9b38-d5e7c1a4f001", "base") == (rule.id, rule.name)
    assert (Level.HIGH, ("attack.t1110",)) == (rule.level, rule.tags)
    assert ("organization.id", "source.ip") == rule.group_by
    assert (2 * 86_400_000_000, True) == (rule.quiet_us, rule.shadow)
    assert ("brute_force", ("breach_report",), "8.2") == (
        rule.consequence.incident,
        rule.consequence.workflows,
        rule.consequence.clause,
    )
    plain = only_event(tmp_path, a_rule(more="credwatch: {group-by: [host.name]}"))
    assert (Level.MEDIUM, ("host.name",), 3_600_000_000) == (plain.level, plain.group_by, plain.quiet_us)


@pytest.mark.parametrize(
    ("selection", "message", "hint"),
    [
        ("{user.nam: lan}", "unknown field 'user.nam'", "did you mean 'user.name'?"),
        ("{zzz: lan}", "unknown field 'zzz'", "the fields are listed in docs/events.md"),
        ("{user.name|fieldref: user.nme}", "unknown field 'user.nme'", "did you mean 'user.name'?"),
        ("{user.name|re: '(?=a)b'}", "the regular expression '(?=a)b' does not compile", "no look-around"),
        (r"{user.name|re: '(a)\1'}", "does not compile", "no back-references"),
        (r"{user.name|re: '\Qa.b\E'}", "does not compile", "linear time"),
    ],
)
def test_a_condition_that_cannot_be_evaluated(tmp_path: Path, selection: str, message: str, hint: str) -> None:
    """It is refused at load with what is wrong and what would be right; the other rules load."""
    rules, (problem,) = reading(tmp_path, a_rule(selection, name="bad"), a_rule())
    assert message in problem.message
    assert hint in problem.hint
    assert ["base"] == [rule.name for rule in rules.events]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "not valid YAML"),
        ("- a", "a rule is a mapping"),
        ("title: x", "must have a log source"),
        (a_rule(condition="s and other"), "the condition names 'other', and no selection is called so"),
        (a_rule(more="credwatch: 3"), "credwatch: must be a mapping"),
        (a_rule(more="credwatch: {quite: 3h}"), "unknown key 'quite'"),
        (a_rule(more="credwatch: {quiet: 0s}"), "timespan '0s' is not between 1s and 90d"),
        (a_rule(more="credwatch: {quiet: soon}"), "timespan 'soon' is not between 1s and 90d"),
        (a_rule(more="credwatch: {subject: usr.name}"), "unknown field 'usr.name'"),
    ],
)
def test_a_file_that_is_no_rule(tmp_path: Path, text: str, message: str) -> None:
    """Each fault names the file."""
    _, (problem,) = reading(tmp_path, text)
    assert message in problem.message
    assert problem.where.startswith(str(tmp_path / "rules.yml"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A folder named like a rule and bytes that are no text are problems, not crashes."""
    (tmp_path / "folder.yml").mkdir()
    (tmp_path / "latin.yml").write_bytes(b"title: \xe9")
    _, problems = read_rules([tmp_path])
    directory, latin = problems
    assert "cannot be read: Is a directory" == directory.message
    assert latin.message.startswith("not valid YAML")


def test_empty_documents_and_case_files_are_passed_over(tmp_path: Path) -> None:
    """Neither is a rule."""
    (tmp_path / "base.cases.yml").write_text("rule: base", encoding="utf-8")
    assert "base" == only_event(tmp_path, a_rule(), "").name


def test_load_rules_raises_every_problem(tmp_path: Path) -> None:
    """All faults of all files come at once; without one the rules are given."""
    (tmp_path / "a.yml").write_text("- a", encoding="utf-8")
    (tmp_path / "b.yml").write_text("- b", encoding="utf-8")
    with pytest.raises(ProblemsFound) as caught:
        load_rules([tmp_path])
    assert 2 == len(caught.value.problems)
    (tmp_path / "a.yml").write_text(a_rule(), encoding="utf-8")
    (tmp_path / "b.yml").unlink()
    assert ["base"] == [rule.name for rule in load_rules([tmp_path]).events]


def test_the_same_id_twice(tmp_path: Path) -> None:
    """The second one is named and left out."""
    rules, (problem,) = reading(tmp_path, a_rule(), a_rule())
    assert "rule id base is already used by" in problem.message
    assert 1 == len(rules.events)


def only_correlation(folder: Path, *documents: str) -> Correlation:
    """Read documents in which nothing is wrong, and give the only correlation."""
    rules, problems = reading(folder, *documents)
    assert [] == problems
    (rule,) = rules.correlations
    return rule


def test_a_correlation(tmp_path: Path) -> None:
    """Type, parts, group, timespan and threshold are kept, and its part alone gives no detections."""
    rules, problems = reading(tmp_path, a_rule(), a_correlation(condition="condition: {gt: 3}"))
    (rule,) = rules.correlations
    bounds = (Bound(Operator.GREATER, 3),)
    assert ([], CorrelationType.EVENT_COUNT, bounds, "") == (problems, rule.type, rule.bounds, rule.field)
    assert (("source.ip",), 300_000_000, True) == (rule.group_by, rule.timespan_us, rule.alone)
    assert [("base", ("source.ip",))] == [(part.rule, part.group_by) for part in rule.parts]
    assert [False] == [event.alone for event in rules.events]
    assert {"base", "burst"} == set(rules.by_id())


def test_a_count_of_values(tmp_path: Path) -> None:
    """It names the field whose values count."""
    text = a_correlation("value_count", condition="condition: {gte: 5, field: user.name}")
    rule = only_correlation(tmp_path, a_rule(), text)
    assert ("user.name", (Bound(Operator.GREATER_EQUAL, 5),)) == (rule.field, rule.bounds)


def test_a_range_has_two_bounds(tmp_path: Path) -> None:
    """A condition may say from where and to where, which pySigma alone would refuse."""
    rule = only_correlation(tmp_path, a_rule(), a_correlation(condition="condition: {gt: 3, lte: 9}"))
    assert {Bound(Operator.GREATER, 3), Bound(Operator.LESS_EQUAL, 9)} == set(rule.bounds)


def test_what_is_computed_of_values(tmp_path: Path) -> None:
    """Sums, means, percentiles and the median name their field and number, fractions too."""
    kinds = (("sum", "", 0), ("avg", "", 0), ("percentile", ", percentile: 95", 95), ("median", "", 50))
    for kind, percentile, wanted in kinds:
        text = a_correlation(f"value_{kind}", condition=f"condition: {{lt: 2.5, field: source.port{percentile}}}")
        rule = only_correlation(tmp_path, a_rule(), text)
        assert ("source.port", wanted, (Bound(Operator.LESS, 2.5),)) == (rule.field, rule.percentile, rule.bounds)


def test_a_condition_over_rules(tmp_path: Path) -> None:
    """What must and must not have matched is kept as a tree over the parts."""
    text = a_correlation("temporal", "[base, other]", condition="condition: base and not other")
    rules, problems = reading(tmp_path, a_rule(), a_rule(name="other"), text)
    assert [] == problems
    assert PartsAll((PartThere(0), PartsNot(PartThere(1)))) == rules.correlations[0].condition


def test_a_rule_with_an_incident_or_generate_speaks_alone(tmp_path: Path) -> None:
    """Its detections are given though a correlation refers to it."""
    texts = (a_rule(more="credwatch: {incident: x}"), a_correlation(name="one"))
    assert [True] == [rule.alone for rule in reading(tmp_path, *texts)[0].events]
    text = a_correlation(condition="condition: {gte: 3}\n  generate: true")
    assert [True] == [rule.alone for rule in reading(tmp_path, a_rule(), text)[0].events]


def test_aliases(tmp_path: Path) -> None:
    """A group may have another field in each part."""
    text = a_correlation(
        "temporal", "[base, other]", "[who]", condition="aliases: {who: {base: user.name, other: user.target.name}}"
    )
    rules, problems = reading(tmp_path, a_rule(), a_rule(name="other"), text)
    assert [] == problems
    assert [("user.name",), ("user.target.name",)] == [part.group_by for part in rules.correlations[0].parts]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (a_correlation(condition="condition: {lt: 1}"), "can never hold"),
        (a_correlation(condition="condition: {eq: 1.5}"), "can never hold"),
        (a_correlation(condition="condition: {gte: 1000001}"), "the number 1000001 cannot be reached"),
        (
            a_correlation("value_percentile", condition="condition: {gte: 3, field: source.port, percentile: 101}"),
            "percentile 101 is not between",
        ),
        (
            a_correlation("value_sum", condition="condition: {gte: 3, field: [source.port, user.id]}"),
            "over several fields",
        ),
        (a_correlation("value_count"), "without field reference"),
        (a_correlation(rules="[nothing]"), "refers to 'nothing', which is missing"),
        (a_correlation(group_by="[source.ipp]"), "unknown field 'source.ipp'"),
        (a_correlation(timespan="0m"), "must be greater than zero"),
        (a_correlation(timespan="1000d"), "is not between 1s and 90d"),
        (a_correlation("temporal", condition="condition: not base"), "only says what must not"),
        (a_correlation("temporal_ordered", condition="condition: base and not base"), "has no meaning"),
        (a_correlation("temporal", condition="condition: {gte: 2}"), "waits for all of its rules"),
        (
            a_correlation("temporal", group_by="[who]", condition="aliases: {who: {other: user.name}}"),
            "alias 'who' does not say what 'base' calls it",
        ),
        (a_filter(rules="[bse]"), "filter 'own network' is for 'bse', which is missing"),
    ],
)
def test_a_correlation_that_cannot_be_followed(tmp_path: Path, text: str, message: str) -> None:
    """It is refused at load by name; the rule it refers to loads."""
    rules, (problem,) = reading(tmp_path, a_rule(), text)
    assert message in problem.message
    assert (["base"], ()) == ([rule.name for rule in rules.events], rules.correlations)


def test_what_refers_to_a_refused_rule_is_left_out(tmp_path: Path) -> None:
    """A correlation over a broken rule goes, and the one over that correlation; one problem says why."""
    late = a_correlation("temporal", "[burst, fine]", name="late", condition="")
    rules, (problem,) = reading(tmp_path, a_rule("{user.nam: x}"), a_rule(name="fine"), a_correlation(), late)
    assert "unknown field 'user.nam'" == problem.message
    assert (["fine"], ()) == ([rule.name for rule in rules.events], rules.correlations)
    rules, problems = reading(tmp_path, a_rule(name="fine"), a_correlation(), late)
    assert ["'base'", "'burst'"] == [each.message.split()[4].rstrip(",") for each in problems]
    assert () == rules.correlations


def test_a_mistake_in_what_must_follow_has_its_line(tmp_path: Path) -> None:
    """The credwatch key of a rule, and of a correlation, is named with its line."""
    rule = a_rule(more="credwatch: {quite: 3h, subject: user.name}")
    correlation = a_correlation(more="credwatch: {subject: usr.name}")
    _, problems = reading(tmp_path, rule, a_rule(name="other"), correlation.replace("[base]", "[other]"))
    path = tmp_path / "rules.yml"
    assert [f"{path}:8: credwatch: quite", f"{path}:24: correlation"] == [problem.where for problem in problems]


def test_a_circle_is_named_and_leaves_the_others(tmp_path: Path) -> None:
    """Correlations that refer to each other, or to themselves, are refused once, and so is what refers to them."""
    circle = [a_correlation(rules=f"[{other}]", name=name) for name, other in (("a", "b"), ("b", "a"), ("c", "c"))]
    rules, problems = reading(
        tmp_path, a_rule(), *circle, a_correlation(rules="[a]", name="d"), a_correlation(name="e")
    )
    assert ["e"] == [rule.name for rule in rules.correlations]
    messages = [problem.message for problem in problems]
    assert 2 == sum("in a circle" in message for message in messages)
    assert 1 == sum("which is missing" in message for message in messages)
