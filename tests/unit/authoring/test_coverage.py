"""What is covered follows from rules, packs and what the sources can hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.authoring.coverage import Covered, SourceLines, coverage
from credwatch.kernel.resources import shipped
from credwatch.rules.logsource import shipped_logsources
from credwatch.rules.packs.packs import load_packs
from credwatch.rules.sigma.sigma import read_rules

PACKS = load_packs(shipped("rules") / "packs")
RULES = """
title: sshd began to listen
name: server_began
logsource: {category: authentication}
tags: [attack.initial-access, attack.t1078.003]
detection:
  s: {event.action: server_start}
  condition: s
level: high
credwatch: {incident: policy_violation, clause: "8.1"}
---
title: Okta token
name: okta_token
logsource: {product: okta, service: okta}
tags: [attack.t1098.001]
detection:
  s: {eventType: system.api_token.create}
  condition: s
level: high
credwatch: {incident: policy_violation, clause: "8.2"}
---
title: Okta token, then a server
name: token_then_server
tags: [attack.t1078.003]
correlation:
  type: temporal_ordered
  rules: [okta_token, server_began]
  group-by: [user.name]
  timespan: 1h
level: high
credwatch: {incident: policy_violation, clause: "8.2"}
"""
JOURNAL = SourceLines("journal", objects=False, lines=True)
OKTA = SourceLines("okta", objects=True, lines=False)


def covered(folder: Path, *feeds: SourceLines) -> dict[str, Covered]:
    """Find what is covered, by kind and name; the two rules count alone, as operators' own would."""
    (folder / "rules.yml").write_text(RULES, encoding="utf-8")
    rules, problems = read_rules([folder], {}, shipped_logsources())
    assert [] == problems
    return {f"{subject.kind} {subject.name}": subject for subject in coverage(rules, PACKS, feeds)}


def test_a_journal_feeds_no_rule_on_a_products_own_words(tmp_path: Path) -> None:
    """Its clause and technique are gaps, and so is what builds upon it."""
    found = covered(tmp_path, JOURNAL)
    assert [("server_began",), ("journal",)] == [found["clause 8.1"].rules, found["clause 8.1"].sources]
    assert ["clause 8.2", "technique T1098.001"] == sorted(name for name, subject in found.items() if subject.is_gap)
    assert ("okta_token", "token_then_server") == found["clause 8.2"].unfed


def test_a_correlation_in_time_needs_all_its_parts(tmp_path: Path) -> None:
    """With both sources nothing is missing; with one of them the correlation is."""
    both = covered(tmp_path, JOURNAL, OKTA)
    assert [] == [name for name, subject in both.items() if subject.is_gap or subject.unfed]
    assert ("server_began", "token_then_server") == both["technique T1078.003"].rules
    assert ("okta_token",) == covered(tmp_path, OKTA)["clause 8.2"].rules


@pytest.mark.parametrize("feeds", [(), (SourceLines("empty", objects=False, lines=False),)])
def test_without_sources_everything_is_a_gap(tmp_path: Path, feeds: tuple[SourceLines, ...]) -> None:
    """Rules that nothing can feed keep watch over nothing."""
    assert all(subject.is_gap for subject in covered(tmp_path, *feeds).values())
