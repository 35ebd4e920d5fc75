"""A correlation section of the wrong shape is refused by key before anything reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.rules.rule_files import a_correlation, a_rule, only_problem


@pytest.mark.parametrize(
    ("text", "key", "message", "hint"),
    [
        (a_correlation(rules="[[base]]"), "rules", "expected names", "write them as [one, another]"),
        (a_correlation(rules="[3]"), "rules", "expected names", "numbers in quotes"),
        (a_correlation(group_by="{a: b}"), "group-by", "expected names", "write them as [one, another]"),
        (a_correlation(kind="[event_count]"), "type", "expected a text", "put it in quotes"),
        (a_correlation(timespan="300"), "timespan", "expected a text", "put it in quotes"),
        (a_correlation(condition="condition: 3"), "condition", "expected a comparison or names of rules", "{gte: 10}"),
        (a_correlation(condition="condition: {gte: many}"), "gte", "expected a number", "write gte: 10"),
        (a_correlation(condition="condition: {gte: true}"), "gte", "expected a number", "write gte: 10"),
        (a_correlation(condition="condition: {gt: 1, lte: [9]}"), "lte", "expected a number", "write gte: 10"),
        (a_correlation(condition="condition: {gtee: 3}"), "gtee", "unknown key 'gtee'", "did you mean 'gte'?"),
        (a_correlation(condition="conditions: {gte: 3}"), "conditions", "unknown key", "did you mean 'condition'?"),
        (a_correlation(condition="aliases: {who: base}"), "aliases", "expected rules and their fields", "write who:"),
        (a_correlation(condition="aliases: {who: {base: 3}}"), "aliases", "expected rules and their fields", "who:"),
        (
            a_correlation("temporal", condition=f"condition: {'(' * 60}base{')' * 60}"),
            "condition",
            "at most 10000 characters and 50 brackets",
            "say it in fewer",
        ),
    ],
)
def test_a_correlation_of_the_wrong_shape(tmp_path: Path, text: str, key: str, message: str, hint: str) -> None:
    """The problem names file, line and key and what would be right; the other rules load."""
    problem = only_problem(tmp_path, a_rule(), text)
    assert message in problem.message
    assert hint in problem.hint
    assert problem.where.startswith(f"{tmp_path / 'rules.yml'}:14: correlation")
    assert problem.where.endswith(f": {key}")
