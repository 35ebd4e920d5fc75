"""The catalogue of detections is whole, true of the shipped rules, and says what is missing."""

from __future__ import annotations

from credwatch.kernel.resources import shipped
from credwatch.rules.sigma.sigma import read_rules
from gallery.catalogue import CATALOGUE


def test_each_number_is_there_once() -> None:
    """A hundred detections, in their order."""
    assert list(range(1, 101)) == [entry.number for entry in CATALOGUE]


def test_each_has_rules_or_says_why_not() -> None:
    """A detection has rules, a part of the daemon, or a reason; and only one of these."""
    assert [] == [entry for entry in CATALOGUE if sum(map(bool, (entry.rules, entry.daemon, entry.missing))) != 1]
    assert 95 <= sum(entry.is_there for entry in CATALOGUE)


def test_its_rules_are_shipped_and_raise_something() -> None:
    """Each rule that it names is there, opens an incident, and says what it rests on and where it errs."""
    rules, _ = read_rules([shipped("rules") / name for name in ("detections", "correlations")])
    by_name = {rule.name: rule for rule in rules.by_id().values()}
    for entry in CATALOGUE:
        for name in entry.rules:
            rule = by_name[name]
            assert rule.consequence.incident, name
            assert rule.consequence.clause, name
            assert any(tag.startswith("attack.t") for tag in rule.tags), name
            assert '"falsepositives"' in rules.documents[rule.id].text, name
