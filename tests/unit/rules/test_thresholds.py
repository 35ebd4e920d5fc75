"""Thresholds of the settings take the place of the rules' own, each for whom it is set, and nothing else changes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credwatch.app.settings import Settings
from credwatch.kernel.options import read_toml
from credwatch.kernel.resources import shipped
from credwatch.kernel.thresholds import ThresholdOptions, Thresholds
from credwatch.rules.model import Bound, Limit, Operator, RuleSet
from credwatch.rules.sigma.sigma import read_rules
from credwatch.rules.thresholds import in_force, scoped, with_thresholds
from unit.detect.watched import FAILED, SUCCEEDED, a_correlation, rule_set

RULES = rule_set(
    FAILED,
    SUCCEEDED,
    a_correlation("burst", threshold=8),
    a_correlation("again", rules=("burst",), threshold=3),
    a_correlation("between", bounds=(Bound(Operator.GREATER, 2), Bound(Operator.LESS, 9))),
)


def _options(**raw: object) -> ThresholdOptions:
    """Read an entry as settings write it."""
    return ThresholdOptions.model_validate(raw)


def _problem(**settings: object) -> str:
    """Return the one problem of some thresholds."""
    rules, (problem,) = with_thresholds(RULES, Thresholds(**settings))  # type: ignore[arg-type]  # kinds of numbers
    assert rules == RULES, "what cannot be set is left as it is"
    return str(problem)


@pytest.fixture(scope="module")
def catalogue() -> RuleSet:
    """Read the shipped rules."""
    return read_rules([shipped("rules") / name for name in ("detections", "correlations")])[0]


def test_each_shipped_correlation_can_be_set(catalogue: RuleSet) -> None:
    """Every number and every time of the catalogue is a setting, and setting one changes that rule alone."""
    for rule in catalogue.correlations:
        number = rule.bounds[0].number + 1 if rule.bounds else None
        options = _options(at_least=number, within="7h")
        rules, problems = with_thresholds(catalogue, Thresholds({rule.name: options}))
        assert [] == problems
        changed = [
            (old, new) for old, new in zip(catalogue.correlations, rules.correlations, strict=True) if old != new
        ]
        ((_, new),) = changed
        assert (rule.id, 7 * 3600 * 1_000_000) == (new.id, new.timespan_us)
        assert [number] * len(rule.bounds) == [bound.number for bound in new.bounds]


def test_a_customer_goes_before_a_source() -> None:
    """The number in force is the customer's, else the source's, else the rule's."""
    limits = (Limit(20, customer="acme"), Limit(5, source="mail"))
    rule = a_correlation(threshold=8, limits=limits)
    numbers = {
        (customer, source): scoped(rule, customer, source).bounds[0].number
        for customer in ("acme", "")
        for source in ("mail", "")
    }
    assert {("acme", "mail"): 20, ("acme", ""): 20, ("", "mail"): 5, ("", ""): 8} == numbers


def test_what_is_in_force_is_said_in_words() -> None:
    """The tools name the rule, its number and time, and whom others are for."""
    thresholds = Thresholds(
        {"burst": _options(at_least=12, within="5m")},
        {"acme": {"burst": 20}},
        {"mail": {"burst": 9}},
    )
    rules, _ = with_thresholds(RULES, thresholds)
    assert ["burst: ≥ 12 within 5m, 20 at customer acme, 9 from source mail"] == list(in_force(rules.correlations))


def test_an_unknown_rule_is_named_with_the_nearest() -> None:
    """A misspelt name is an error that says what was most likely meant."""
    options = ThresholdOptions(at_least=3)
    expected = (
        "detection.thresholds.bursts: no rule 'bursts' is known that counts or waits\n    hint: did you mean 'burst'?"
    )
    assert expected == _problem(general={"bursts": options})
    assert _problem(customers={"acme": {"bursts": 3}}).startswith("customers.toml: customer 'acme': thresholds.bursts")


def test_a_rule_over_one_event_counts_nothing() -> None:
    """A rule that is no correlation has no number to set."""
    assert "counts nothing" in _problem(general={"failed": ThresholdOptions(at_least=3)})


@pytest.mark.parametrize("number", [0.5, 2.5, 100_001])
def test_counts_are_whole_and_bounded(number: float) -> None:
    """A count that no window can come to, or that is no number of things, is refused with the rule's own."""
    assert f"{number:g} is no whole number" in _problem(general={"burst": ThresholdOptions(at_least=number)})


def test_times_have_the_bounds_of_rules() -> None:
    """A timespan that no rule may have is refused."""
    assert "between 1s and 90d" in _problem(general={"burst": _options(within="91d")})


def test_a_rule_with_two_bounds_has_no_least_number() -> None:
    """Where a rule asks for a range, one number cannot take its place."""
    assert "asks for no least number" in _problem(general={"between": ThresholdOptions(at_least=3)})


def test_what_counts_detections_has_no_source() -> None:
    """A count of other rules' detections comes from no one source, and says what to set instead."""
    assert "set burst for the source" in _problem(sources={"mail": {"again": 3}})


def test_thresholds_make_a_version(tmp_path: Path) -> None:
    """A detection's rule can be shown as it was: the version changes with the number in force."""
    (tmp_path / "rules.yml").write_text(
        "title: failed\nname: failed\nlogsource: {category: authentication}\n"
        "detection: {s: {event.outcome: failure}, condition: s}\n---\n"
        "title: burst\nname: burst\ncorrelation: {type: event_count, rules: [failed], group-by: [source.ip],"
        " timespan: 5m, condition: {gte: 5}}\n"
    )
    own, adjusted = (
        read_rules([tmp_path], thresholds=thresholds)[0].correlations[0]
        for thresholds in (Thresholds(), Thresholds(customers={"acme": {"burst": 7}}))
    )
    assert own.version != adjusted.version


def test_the_page_of_rules_names_what_there_is(catalogue: RuleSet) -> None:
    """The example in docs/rules.md loads as settings, and its rules are shipped."""
    page = (Path(__file__).parents[3] / "docs" / "rules.md").read_text(encoding="utf-8")
    text = next(
        block for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL) if "[detection.thresholds]" in block
    )
    read = read_toml(text, Settings, where="docs/rules.md")
    numbers = Thresholds(read.detection.thresholds, sources={read.source[0].id: read.source[0].thresholds})
    assert [] == with_thresholds(catalogue, numbers)[1]
