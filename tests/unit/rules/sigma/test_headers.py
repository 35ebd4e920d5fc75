"""The head of a rule: what public rules say and pySigma would refuse is accepted, what matters is refused by key."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.kernel.detection import Level
from unit.rules.rule_files import a_correlation, a_filter, a_rule, only_event, only_problem, reading


@pytest.mark.parametrize(
    "more",
    [
        "status: ready",
        "date: 2026/13/45",
        "modified: 23.11.2026",
        "author: [Lan, Minh]",
        "references: https://example.org",
        "falsepositives: none known",
        "description: [a, b]",
        "fields: user.name",
        "related: {id: x}",
        "taxonomy: ''",
        "scope: server",
        "license: 3",
        "ours: {anything: [1, 2]}",
        "tags: attack.t1110",
        "level: HIGH",
    ],
)
def test_what_no_detection_depends_on_is_accepted(tmp_path: Path, more: str) -> None:
    """Words for readers may be of any shape, and so may keys of one's own."""
    assert "base" == only_event(tmp_path, a_rule(more=more)).name


def test_tags_without_a_namespace_are_left_out(tmp_path: Path) -> None:
    """The other tags of the rule are kept."""
    assert ("attack.t1110",) == only_event(tmp_path, a_rule(more="tags: [attack.t1110, brute, .x, 3]")).tags


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("rule-17", "rule-17"),
        ("17", "17"),
        ("8A4C1C52-6D3A-4F0E-9C57-1F2F0C5F7A10", "8a4c1c52-6d3a-4f0e-9c57-1f2f0c5f7a10"),
    ],
)
def test_ids_of_any_kind(tmp_path: Path, given: str, kept: str) -> None:
    """An id need not be a UUID; correlations and filters find its rule by it, in capitals too."""
    texts = (a_rule(more=f"id: {given}"), a_correlation(rules=f"['{given}']"), a_filter(rules=f"['{given}']"))
    rules, problems = reading(tmp_path, *texts)
    assert [] == problems
    assert (kept, "base") == (rules.events[0].id, rules.events[0].name)
    assert [kept] == [part.rule for part in rules.correlations[0].parts]


@pytest.mark.parametrize("level", list(Level))
def test_levels(tmp_path: Path, level: Level) -> None:
    """Each of Sigma's levels is known."""
    assert level is only_event(tmp_path, a_rule(more=f"level: {level.name.lower()}")).level


@pytest.mark.parametrize(
    ("text", "message", "key"),
    [
        (a_rule(more="level: hgh"), "unknown level 'hgh'", "level"),
        (a_rule(more="level: [high]"), "unknown level ['high']", "level"),
        (a_rule(more="id: [a]"), "the id is no text", "id"),
        (a_rule(more="action: global"), "collections with action: are not Sigma any more", "action"),
        (a_rule().replace("title: base", "title: 3"), "title must be a string", "title"),
        (a_rule().replace("title: base", f"title: {'x' * 300}"), "must not exceed 256", "title"),
        (a_rule().replace("name: base", "name: [a]"), "name must be a string", "title"),
        (a_rule().replace("{category: authentication}", "{}"), "log source can't be empty", "logsource"),
        (a_rule().replace("{category: authentication}", "[a]"), "logsource must be a valid YAML map", "logsource"),
        (a_rule().replace("{category: authentication}", "{category: [a]}"), "category must be string", "logsource"),
        ("title: x\ncorrelation: [a]", "correlation: is not a mapping", "correlation"),
    ],
)
def test_a_head_that_cannot_be_read(tmp_path: Path, text: str, message: str, key: str) -> None:
    """It is refused with its key and its line, and the other rules load."""
    problem = only_problem(tmp_path, text)
    assert message in problem.message
    assert problem.where.endswith(f": {key}")
    assert problem.where.startswith(f"{tmp_path / 'rules.yml'}:")


def test_two_rules_of_one_name(tmp_path: Path) -> None:
    """A name refers to one rule; the second one of that name is left out."""
    rules, (problem,) = reading(tmp_path, a_rule(more="id: a"), a_rule(more="id: b"))
    assert f"rule name base is already used by {tmp_path / 'rules.yml'}:2" in problem.message
    assert problem.where.endswith(": name")
    assert ["a"] == [rule.id for rule in rules.events]
