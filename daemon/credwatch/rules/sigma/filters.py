"""Sigma filters: conditions that narrow rules which are left as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from sigma.filters import SigmaFilter
from sigma.rule import SigmaLogSource, SigmaRule

from credwatch.kernel.errors import Problem, Severity, nearest
from credwatch.rules.model import AllOf, Condition, Correlation, EventRule, RuleSet
from credwatch.rules.sigma.conditions import read_condition
from credwatch.rules.sigma.headers import names_of, reference
from credwatch.rules.sigma.scope import Scope

_NAMED = 3


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
