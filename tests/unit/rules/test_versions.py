"""The version of a rule changes with all that decides what it finds, and with nothing else."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from credwatch.rules.versions import behind
from unit.rules.rule_files import load_rules

RULE = """title: Failed login
id: 11111111-1111-4111-8111-111111111111
name: failed
logsource: {category: authentication}
detection:
  failed: {event.outcome: failure}
  condition: failed
"""
COUNT = """title: Guessing
id: 22222222-2222-4222-8222-222222222222
name: guessing
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 5m
  condition: {gte: 5}
"""
FILTER = """title: Not the scanner
logsource: {category: authentication}
filter:
  rules: [failed]
  scanner: {source.ip: 192.0.2.7}
  condition: not scanner
"""


def _versions(folder: Path, *documents: str) -> tuple[str, str]:
    """Return the versions of the rule and of the count over it."""
    (folder / "rules.yml").write_text("---\n".join(documents), encoding="utf-8")
    by_name = {rule.name: rule for rule in load_rules([folder]).by_id().values()}
    return by_name["failed"].version, by_name["guessing"].version


def test_layout_makes_no_version(tmp_path: Path) -> None:
    """Comments, blanks and the order of keys change nothing."""
    other = "# a comment\n" + "\n".join(reversed(RULE.replace("detection:\n", "").split("\n")[:4]))
    laid_out = f"{other}\ndetection:\n  condition:   failed\n  failed: {{event.outcome: failure}}\n"
    assert _versions(tmp_path, RULE, COUNT) == _versions(tmp_path, COUNT, laid_out)


def test_a_condition_makes_a_version_of_all_that_rests_on_it(tmp_path: Path) -> None:
    """Where a rule changes, the correlations over it find something else too."""
    before, after = _versions(tmp_path, RULE, COUNT), _versions(tmp_path, RULE.replace("failure", "unknown"), COUNT)
    assert [] == [version for version in before if version in after]


def test_a_correlation_changes_alone(tmp_path: Path) -> None:
    """A rule does not change with those that refer to it."""
    before, after = _versions(tmp_path, RULE, COUNT), _versions(tmp_path, RULE, COUNT.replace("gte: 5", "gte: 6"))
    assert before[0] == after[0]
    assert before[1] != after[1]


def test_a_filter_makes_a_version(tmp_path: Path) -> None:
    """What narrows a rule is a part of it."""
    before, after = _versions(tmp_path, RULE, COUNT), _versions(tmp_path, RULE, COUNT, FILTER)
    assert [] == [version for version in before if version in after]


def test_the_version_is_the_hash_of_the_document(tmp_path: Path) -> None:
    """Whoever has the documents can hold them against their hashes, from a correlation down to what it is over."""
    _versions(tmp_path, RULE, COUNT)
    documents = list(behind(load_rules([tmp_path]), "22222222-2222-4222-8222-222222222222"))
    assert ["guessing", "failed"] == [json.loads(document.text)["rule"]["name"] for document in documents]
    assert all(hashlib.sha256(each.text.encode()).hexdigest() == each.version for each in documents)
    assert [documents[1].version] == json.loads(documents[0].text)["refers_to"]
