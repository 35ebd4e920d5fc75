"""Filters narrow the rules they are for, and those that reach nothing are named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from credwatch.authoring.trial import EventTrial
from credwatch.kernel.errors import Severity
from credwatch.rules.model import AllOf, AnyOf, NotThis, Operator, Test
from credwatch.rules.sigma.filters import expired, muting
from unit.rules.rule_files import a_correlation, a_filter, a_rule, only_event, reading

LAN = Test("user.name", Operator.EQUALS, "lan")
OWN = Test("source.ip", Operator.CIDR, "10.0.0.0/8")
ID = "8A4C1C52-6D3A-4F0E-9C57-1F2F0C5F7A10"


@pytest.mark.parametrize(
    "text",
    [
        a_filter("[base]"),
        a_filter("base"),
        a_filter("any"),
        a_filter("ANY"),
        a_filter("[]"),
        a_filter(f"[{ID}]"),
        a_filter(f"[{ID.lower()}]"),
        a_filter("any", condition="not 1 of them"),
        a_filter("any", condition="NOT own"),
    ],
)
def test_a_filter_narrows_rules(tmp_path: Path, text: str) -> None:
    """Its condition holds besides the rule's own, whether it names the rule, its id or the whole log source."""
    assert AllOf((LAN, NotThis(OWN))) == only_event(tmp_path, a_rule(more=f"id: {ID}"), text).condition


def test_several_filters_and_conditions(tmp_path: Path) -> None:
    """Each filter narrows all conditions of a rule, and a filter's selections are its own."""
    other = a_filter(name="second", condition="own")
    rule = only_event(tmp_path, a_rule(condition="[s, not s]"), a_filter(), other)
    assert AllOf((AnyOf((LAN, NotThis(LAN))), NotThis(OWN), OWN)) == rule.condition


def test_a_filter_leaves_other_rules(tmp_path: Path) -> None:
    """Neither rules it does not name nor those of another log source change."""
    elsewhere = a_rule(name="elsewhere").replace("category: authentication", "category: iam")
    rules, problems = reading(tmp_path, a_rule(), a_rule(name="other"), elsewhere, a_filter(), a_filter("any", "all"))
    assert [] == problems
    narrowed = {rule.name: rule.condition for rule in rules.events}
    assert AllOf((LAN, NotThis(OWN), NotThis(OWN))) == narrowed["base"]
    assert (AllOf((LAN, NotThis(OWN))), LAN) == (narrowed["other"], narrowed["elsewhere"])


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        (a_filter("[base, bsae]"), "is for 'bsae', which is missing", "did you mean 'base'?"),
        (a_filter("[base, burst]"), "is for 'burst', which is a correlation", "name the rules that it refers to"),
        (
            a_filter("[base, other]"),
            "is for 'other', which has another log source",
            "give the filter the log source of the rule",
        ),
    ],
)
def test_a_target_that_is_not_reached_is_named(tmp_path: Path, text: str, message: str, hint: str) -> None:
    """The filter still narrows the rules that it reaches."""
    other = a_rule(name="other").replace("category: authentication", "product: okta")
    rules, (problem,) = reading(tmp_path, a_rule(), other, a_correlation(), text)
    assert message in problem.message
    assert hint in problem.hint
    assert problem.where.endswith(": filter.rules")
    assert AllOf((LAN, NotThis(OWN))) == next(rule.condition for rule in rules.events if rule.name == "base")


def test_a_log_source_that_fits_nothing_is_named(tmp_path: Path) -> None:
    """A filter for any rule of a log source that no rule has does nothing, and is told."""
    _, (problem,) = reading(tmp_path, a_rule(), a_filter("any", log_source="{product: okta}"))
    assert "is for any rule of its log source, and none has it" in problem.message


@pytest.mark.parametrize(
    ("text", "message", "key"),
    [
        (a_filter().replace("rules: [base]", "rule: base"), "must have a 'rules' field", "filter"),
        (a_filter("[[base]]"), "expected names or ids of rules", "filter.rules"),
        (a_filter("{a: b}"), "must be 'any', a rule ID/name, or a list", "filter"),
        (a_filter(condition="not mine"), "names 'mine', and no selection is called so", "filter.condition"),
        (a_filter().replace("logsource:", "source:"), "must have a log source", "logsource"),
        ("title: x\nlogsource: {category: a}\nfilter: 3\n", "filter: is not a mapping", "filter"),
    ],
)
def test_a_filter_that_cannot_be_read(tmp_path: Path, text: str, message: str, key: str) -> None:
    """It is named with its key, and the rules load without it."""
    rules, (problem,) = reading(tmp_path, a_rule(), text)
    assert message in problem.message
    assert key in problem.where
    assert [LAN] == [rule.condition for rule in rules.events]


GRAVE = "credwatch: {incident: account_takeover, subject: user.name}"


def test_a_filter_that_mutes_takeovers_is_named(tmp_path: Path) -> None:
    """A warning names the filter and the rules, also where they are correlations over correlations over its rule."""
    burst = a_correlation(more="generate: true")
    taken = a_correlation(rules="[burst]", name="taken", more=GRAVE)
    rules, _ = reading(tmp_path, a_rule(), burst, taken, a_filter())
    (problem,) = muting(rules)
    assert (Severity.WARNING, True) == (problem.severity, problem.where.startswith(str(tmp_path / "rules.yml")))
    assert "filter 'own network' mutes what others must be told of: taken" == problem.message


def test_a_filter_of_lesser_rules_is_not_named(tmp_path: Path) -> None:
    """Guessing alone may be filtered; so may rules that no filter for a takeover touches."""
    rules, _ = reading(tmp_path, a_rule(), a_rule(name="other", more=GRAVE), a_correlation(), a_filter())
    assert [] == list(muting(rules))


def _matching_days(folder: Path, key: str, *days: str) -> list[str]:
    """Return the days on which an event is found that the filter is about."""
    rules, problems = reading(folder, a_rule(), a_filter(more=key))
    assert [] == problems
    moments = [datetime.fromisoformat(day).replace(hour=0, tzinfo=UTC) for day in days]
    events = pl.DataFrame({"user.name": "lan", "source.ip": "10.1.2.3", "@timestamp": moments}).with_columns(
        pl.col("@timestamp").cast(pl.Datetime("us", "UTC"))
    )
    found = EventTrial(rules.events).masks(events).to_series().to_list()
    return [day for day, is_found in zip(days, found, strict=True) if is_found]


def test_a_filter_ends_on_its_day(tmp_path: Path) -> None:
    """By the time of the event it holds until the day before, and no more from the day on, over months and years."""
    key = "credwatch: {owner: Lan, expires: 2026-03-09}"
    days = ("2025-12-31", "2026-02-28", "2026-03-08", "2026-03-09", "2026-03-31", "2026-04-01", "2027-01-01")
    assert list(days[3:]) == _matching_days(tmp_path, key, *days)
    assert [] == _matching_days(tmp_path, "credwatch: {owner: Lan}", *days)


def test_who_owns_a_filter_is_asked_before_it_ends(tmp_path: Path) -> None:
    """A week ahead there is a warning, and another from the day on; before that there is none."""
    rules, _ = reading(tmp_path, a_rule(), a_filter(more="credwatch: {owner: Lan, expires: 2026-03-09}"))
    told = {day: [str(problem) for problem in expired(rules, date(2026, 3, day))] for day in (1, 2, 9)}
    assert [] == told[1]
    assert "ends on 2026-03-09" in told[2][0]
    assert "holds no more since 2026-03-09" in told[9][0]
    assert all("ask Lan" in problem for day in (2, 9) for problem in told[day])


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("credwatch: {expires: 2026-03-09}", "needs an owner"),
        ("credwatch: {owner: Lan, expires: soon}", "expires"),
        ("credwatch: {ownr: Lan}", "did you mean 'owner'?"),
        ("credwatch: yes", "must be a mapping"),
    ],
)
def test_what_a_filter_cannot_have_is_named(tmp_path: Path, key: str, said: str) -> None:
    """An end without an owner, a day that is none and an unknown key are errors with file and key."""
    _, problems = reading(tmp_path, a_rule(), a_filter(more=key))
    assert said in "\n".join(map(str, problems))
