"""Rule files that tests write: each valid by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from credwatch.kernel.errors import Problem, ProblemsFound
from credwatch.rules.model import Condition, EventRule, RuleSet
from credwatch.rules.sigma.sigma import read_rules

PLACEHOLDERS = {"admins": ("root", "adm*"), "hosts": ("web1",), "networks": ("10.0.0.0/8", "192.0.2.0/24")}


def a_rule(selection: str = "{user.name: lan}", condition: str = "s", name: str = "base", more: str = "") -> str:
    """Write a detection."""
    return f"""
title: {name}
name: {name}
logsource: {{category: authentication}}
detection:
  s: {selection}
  condition: {condition}
{more}
"""


def a_correlation(
    kind: str = "event_count",
    rules: str = "[base]",
    group_by: str = "[source.ip]",
    timespan: str = "5m",
    condition: str = "condition: {gte: 3}",
    name: str = "burst",
    more: str = "",
) -> str:
    """Write a correlation over `base`."""
    return f"""
title: {name}
name: {name}
correlation:
  type: {kind}
  rules: {rules}
  group-by: {group_by}
  timespan: {timespan}
  {condition}
{more}
"""


def a_filter(
    rules: str = "[base]",
    name: str = "scanner",
    condition: str = "not own",
    log_source: str = "{category: authentication}",
    more: str = "",
) -> str:
    """Write a filter."""
    return f"""
title: own network
name: {name}
logsource: {log_source}
filter:
  rules: {rules}
  own: {{source.ip|cidr: 10.0.0.0/8}}
  condition: {condition}
{more}
"""


def reading(folder: Path, *documents: str) -> tuple[RuleSet, list[Problem]]:
    """Read documents of one file."""
    (folder / "rules.yml").write_text("\n---\n".join(documents), encoding="utf-8")
    return read_rules([folder], PLACEHOLDERS)


def only_event(folder: Path, *documents: str) -> EventRule:
    """Read documents in which nothing is wrong, and give the only detection."""
    rules, problems = reading(folder, *documents)
    assert [] == problems
    (rule,) = rules.events
    return rule


def condition_of(folder: Path, selection: str, condition: str = "s") -> Condition:
    """Read the condition of a detection with one selection."""
    return only_event(folder, a_rule(selection, condition)).condition


def only_problem(folder: Path, *documents: str) -> Problem:
    """Read documents of which one is refused, and the rule `fine` is not."""
    rules, (problem,) = reading(folder, *documents, a_rule(name="fine"))
    assert "fine" in [rule.name for rule in rules.events]
    return problem


def load_rules(folders: Sequence[Path], placeholders: Mapping[str, Sequence[str]] = PLACEHOLDERS) -> RuleSet:
    """Read the rules below the folders; raises ProblemsFound with every problem of every file."""
    rules, problems = read_rules(folders, placeholders)
    if problems:
        raise ProblemsFound(problems)
    return rules
