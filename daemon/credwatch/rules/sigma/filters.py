"""Sigma filters: conditions that narrow rules which are left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLogSource, SigmaRule

from credwatch.kernel.errors import Problem, RuleError, Severity, nearest
from credwatch.kernel.options import Options, validated
from credwatch.rules.model import AllOf, AnyOf, Condition, Correlation, EventRule, Operator, RuleSet, Test
from credwatch.rules.sigma.conditions import read_condition
from credwatch.rules.sigma.headers import names_of, reference
from credwatch.rules.sigma.scope import Scope

_NAMED = 3
_SOON = timedelta(days=7)
"""So long before a filter ends its owner is asked."""


class Filter(Struct, frozen=True):
    """A condition that must hold besides those of the rules it is for."""

    title: str
    """Its title."""
    where: str
    """File, line and key of the list of rules, for errors."""
    log_source: SigmaLogSource
    """The log source of which the rules must be a part."""
    targets: tuple[str, ...]
    """The ids and names of the rules; empty where it is for all of the log source."""
    condition: Condition
    """What must hold too."""
    content: Any = None
    """Its document, as plain values."""
    owner: str = ""
    """Who answers for it."""
    expires: date | None = None
    """The day from whose beginning in UTC it holds no more; None: it stays."""

    def narrows(self, rule: SigmaRule) -> bool:
        """Say whether it is for a rule."""
        named = not self.targets or not names_of(rule).isdisjoint(self.targets)
        return named and rule.logsource in self.log_source


def read_filter(item: SigmaFilter, section: dict[str, Any], scope: Scope) -> Filter:
    """Read the `filter:` section; raises RuleError with file, line and key."""
    selections = {name: value for name, value in section.items() if name != "rules"}
    rules = item.filter.rules
    if not isinstance(rules, str) and not all(isinstance(target.reference, str) for target in rules):
        raise scope.at("rules").error(
            "expected names or ids of rules", "write them as [one, another], numbers in quotes"
        )
    return Filter(
        title=item.title,
        where=scope.at("rules").where,
        log_source=item.logsource,
        targets=() if isinstance(rules, str) else tuple(reference(target.reference) for target in rules),
        condition=read_condition(selections, scope),
    )


class _FilterKey(Options):
    """The `credwatch:` key of a filter: what Sigma has no word for."""

    owner: str = ""
    expires: date | None = None


def with_owner(filter_: Filter, raw: object, where: str) -> Filter:
    """Add who answers for a filter and when it ends, by its `credwatch:` key; raises RuleError and ProblemsFound.

    From that day on, by the time of an event, the filter lets it pass: so a replay of last month is narrowed as it was.
    """
    if not isinstance(raw, dict):
        raise RuleError("credwatch: must be a mapping", where=where, hint="owner and expires, see docs/rules.md")
    key = validated(raw, _FilterKey, where=f"{where}: credwatch")
    if key.expires is None:
        return replace(filter_, owner=key.owner)
    if not key.owner:
        hint = "add owner: whoever decides whether it is still needed"
        raise RuleError("a filter that expires needs an owner", where=where, hint=hint)
    condition = AnyOf((filter_.condition, _from(key.expires)))
    return replace(filter_, owner=key.owner, expires=key.expires, condition=condition)


def _from(day: date) -> Condition:
    """Say that an event is of a day or a later one, in UTC."""

    def part(name: str, operator: Operator, number: int) -> Test:
        return Test("@timestamp", operator, number, part=name)

    same_year, same_month = part("year", Operator.EQUALS, day.year), part("month", Operator.EQUALS, day.month)
    later_month = AllOf((same_year, part("month", Operator.GREATER, day.month)))
    later_day = AllOf((same_year, same_month, part("day", Operator.GREATER_EQUAL, day.day)))
    return AnyOf((part("year", Operator.GREATER, day.year), later_month, later_day))


def expired(rules: RuleSet, today: date) -> Iterator[Problem]:
    """Warn of filters that have ended, or end within a week, each once."""
    ends = {end for rule in rules.events for end in rule.filter_ends}
    for where, title, owner, day in sorted(ends):
        if day <= today:
            hint = f"ask {owner}, and renew it or take it out"
            yield Problem(where, f"filter {title!r} holds no more since {day}", hint, Severity.WARNING)
        elif day <= today + _SOON:
            yield Problem(
                where, f"filter {title!r} ends on {day}", f"ask {owner} whether it is needed", Severity.WARNING
            )


def ending(rule: SigmaRule, filters: Iterable[Filter]) -> tuple[tuple[str, str, str, date], ...]:
    """Tell of the filters that are for a rule and end: place, title, owner, and the day."""
    narrowing_ones = (filter_ for filter_ in filters if filter_.narrows(rule))
    return tuple((one.where, one.title, one.owner, one.expires) for one in narrowing_ones if one.expires is not None)


def narrowed(condition: Condition, rule: SigmaRule, filters: Iterable[Filter]) -> Condition:
    """Join to a rule's condition those of the filters that are for it."""
    besides = [filter_.condition for filter_ in filters if filter_.narrows(rule)]
    return AllOf((condition, *besides)) if besides else condition


def contents(rule: SigmaRule, filters: Iterable[Filter]) -> tuple[Any, ...]:
    """Give the documents of the filters that are for a rule."""
    return tuple(filter_.content for filter_ in filters if filter_.narrows(rule))


def narrowing(rule: SigmaRule, filters: Iterable[Filter]) -> tuple[tuple[str, str], ...]:
    """Name the filters that are for a rule: place and title of each."""
    return tuple((filter_.where, filter_.title) for filter_ in filters if filter_.narrows(rule))


def muting(rules: RuleSet) -> Iterator[Problem]:
    """Warn of filters that narrow what tells of takeovers and acts of staff, themselves or through correlations."""
    filters_of: dict[str, dict[tuple[str, str], None]] = {}
    muted: dict[tuple[str, str], list[str]] = {}
    for rule in rules.by_id().values():
        parts = (filters_of.get(part.rule, {}) for part in rule.parts) if isinstance(rule, Correlation) else ()
        own = dict.fromkeys(rule.filters) if isinstance(rule, EventRule) else {}
        filters_of[rule.id] = own | {key: None for part in parts for key in part}
        if rule.consequence.is_grave and not rule.shadow:
            for key in filters_of[rule.id]:
                muted.setdefault(key, []).append(rule.title)
    hint = "a silence ends, is counted and needs two people: `credwatch silence add`; or let it name other rules"
    for (where, title), titles in muted.items():
        more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
        message = f"filter {title!r} mutes what others must be told of: {', '.join(titles[:_NAMED])}{more}"
        yield Problem(where, message, hint, Severity.WARNING)


def idle(filter_: Filter, rules: Mapping[str, Any]) -> Iterator[Problem]:
    """Name what a filter is for and does not reach; `rules` are all that were read, by id and by name."""
    for target in filter_.targets:
        rule = rules.get(target)
        if rule is None:
            hint = nearest(target, rules) or "check the name, and that its file is loaded"
            yield Problem(filter_.where, f"filter {filter_.title!r} is for {target!r}, which is missing", hint)
        elif not isinstance(rule, SigmaRule):
            message = f"filter {filter_.title!r} is for {target!r}, which is a correlation"
            yield Problem(filter_.where, message, "name the rules that it refers to")
        elif rule.logsource not in filter_.log_source:
            message = f"filter {filter_.title!r} is for {target!r}, which has another log source"
            yield Problem(filter_.where, message, "give the filter the log source of the rule, or a part of it")
    if not filter_.targets and not any(
        isinstance(rule, SigmaRule) and filter_.narrows(rule) for rule in rules.values()
    ):
        message = f"filter {filter_.title!r} is for any rule of its log source, and none has it"
        yield Problem(filter_.where, message, "take the log source of a rule, or a part of it, such as its category")
