"""Puts the numbers of the settings in the place of the rules' own, and says which are in force."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from credwatch.kernel.errors import Problem, nearest
from credwatch.kernel.span import write_span
from credwatch.kernel.thresholds import ThresholdOptions, Thresholds
from credwatch.rules.model import Bound, Correlation, CorrelationType, Limit, Operator, Part, Rule, RuleSet

_COUNTS = (CorrelationType.EVENT_COUNT, CorrelationType.VALUE_COUNT)
_MOST_COUNTED = 100_000
"""More rows than that a window could lose to its caps before they are enough."""
_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=90)
"""The bounds that a rule's own timespan has."""
_SIGNS = {Operator.GREATER_EQUAL: "≥", Operator.GREATER: ">"}


class _Entry(Struct, frozen=True):
    """One number or time that the settings give to a rule."""

    name: str
    """The rule's name or id, as it was written."""
    options: ThresholdOptions
    """What they say."""
    customer: str = ""
    source: str = ""

    @property
    def where(self) -> str:
        """Say where it stands."""
        if self.customer:
            return f"customers.toml: customer {self.customer!r}: thresholds.{self.name}"
        if self.source:
            return f"source {self.source!r}: thresholds.{self.name}"
        return f"detection.thresholds.{self.name}"


def with_thresholds(rules: RuleSet, thresholds: Thresholds) -> tuple[RuleSet, list[Problem]]:
    """Return the rules with the numbers of the settings; what cannot be set is named and left as it is."""
    correlations = {name: rule for rule in rules.correlations for name in (rule.id, rule.name)}
    by_name: dict[str, Rule] = {name: rule for rule in rules.by_id().values() for name in (rule.id, rule.name)}
    changed: dict[str, Correlation] = {}
    problems = []
    for entry in _entries(thresholds):
        rule = correlations.get(entry.name)
        if rule is None:
            problems.append(_unknown(entry, by_name, correlations))
            continue
        rule = changed.get(rule.id, rule)
        if problem := _refused(entry, rule, by_name):
            problems.append(problem)
        else:
            changed[rule.id] = _set(rule, entry)
    return replace(rules, correlations=tuple(changed.get(rule.id, rule) for rule in rules.correlations)), problems


def scoped(rule: Correlation, customer: str, source: str) -> Correlation:
    """Return a rule with the number that is in force for a customer and a source; empty names are nobody's."""
    of_source = [limit.number for limit in rule.limits if source and limit.source == source]
    of_customer = [limit.number for limit in rule.limits if customer and limit.customer == customer]
    for number in (of_customer or of_source)[:1]:
        return replace(rule, bounds=(Bound(rule.bounds[0].operator, number),))
    return rule


def in_force(rules: Iterable[Correlation]) -> Iterator[str]:
    """Say in words which numbers hold for the rules that settings speak of."""
    for rule in rules:
        if rule.is_adjusted:
            bounds = [f"{_SIGNS.get(bound.operator, bound.operator)} {bound.number:g}" for bound in rule.bounds]
            within = f"within {write_span(timedelta(microseconds=rule.timespan_us))}"
            yield ", ".join([f"{rule.name}: {' '.join([*bounds, within])}", *map(_at, rule.limits)])


def _at(limit: Limit) -> str:
    where = f"at customer {limit.customer}" if limit.customer else f"from source {limit.source}"
    return f"{limit.number:g} {where}"


def _entries(thresholds: Thresholds) -> Iterator[_Entry]:
    for name, options in thresholds.general.items():
        yield _Entry(name, options)
    for customer, numbers in thresholds.customers.items():
        for name, number in numbers.items():
            yield _Entry(name, ThresholdOptions(at_least=number), customer=customer)
    for source, numbers in thresholds.sources.items():
        for name, number in numbers.items():
            yield _Entry(name, ThresholdOptions(at_least=number), source=source)


def _unknown(entry: _Entry, by_name: dict[str, Rule], correlations: dict[str, Correlation]) -> Problem:
    if entry.name in by_name:
        message = f"the rule {entry.name!r} is about one event and counts nothing"
        return Problem(entry.where, message, "name a correlation, or quieten the rule with a filter")
    hint = nearest(entry.name, correlations) or "the names stand in docs/detections.md"
    return Problem(entry.where, f"no rule {entry.name!r} is known that counts or waits", hint)


def _refused(entry: _Entry, rule: Correlation, by_name: dict[str, Rule]) -> Problem | None:
    """Say why an entry cannot be followed, if so."""
    number, within = entry.options.at_least, entry.options.within
    if within is not None and not _SHORTEST <= within <= _LONGEST:
        return Problem(entry.where, "within must lie between 1s and 90d", 'write it as in "10m"')
    if number is None:
        return None
    if len(rule.bounds) != 1 or rule.bounds[0].operator not in _SIGNS:
        hint = "set `within`, or write a rule of your own"
        return Problem(entry.where, f"the rule {rule.name!r} asks for no least number", hint)
    if rule.type in _COUNTS and not (float(number).is_integer() and 1 <= number <= _MOST_COUNTED):
        message = f"the rule {rule.name!r} counts: {number:g} is no whole number from 1 to {_MOST_COUNTED}"
        return Problem(entry.where, message, f"its own is {rule.bounds[0].number:g}")
    if entry.source and any(isinstance(by_name[part.rule], Correlation) for part in rule.parts):
        message = f"the rule {rule.name!r} counts what other rules found, which comes from no one source"
        return Problem(entry.where, message, f"set {_names(rule.parts, by_name)} for the source")
    return None


def _names(parts: Iterable[Part], by_name: dict[str, Rule]) -> str:
    return " or ".join(by_name[part.rule].name for part in parts)


def _set(rule: Correlation, entry: _Entry) -> Correlation:
    number, within = entry.options.at_least, entry.options.within
    rule = replace(rule, is_adjusted=True)
    if within is not None:
        rule = replace(rule, timespan_us=within // timedelta(microseconds=1))
    if number is None:
        return rule
    if entry.customer or entry.source:
        return replace(rule, limits=(*rule.limits, Limit(number, entry.customer, entry.source)))
    return replace(rule, bounds=(Bound(rule.bounds[0].operator, number),))
