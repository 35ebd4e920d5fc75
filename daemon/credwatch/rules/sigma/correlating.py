"""The `correlation:` part of a rule as pySigma read it, turned into what our engine computes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from credwatch.kernel.errors import RuleError
from credwatch.rules.logsource import Route, joined_route
from credwatch.rules.model import (
    Bound,
    CorrelationType,
    Operator,
    Part,
    PartCondition,
    PartsAll,
    PartsAny,
    PartsNot,
    PartThere,
)

MORE_BOUNDS = "credwatch_more_bounds"
"""The attribute under which the second side of a range is kept: pySigma reads one comparison only."""

_MOST_COUNTED = 1_000_000
_LARGEST = 10**12
_MEDIAN = 50
_OPERATORS = {
    "lt": Operator.LESS,
    "lte": Operator.LESS_EQUAL,
    "gt": Operator.GREATER,
    "gte": Operator.GREATER_EQUAL,
    "eq": Operator.EQUALS,
    "neq": Operator.NOT_EQUAL,
}
_COUNTS = (CorrelationType.EVENT_COUNT, CorrelationType.VALUE_COUNT)


class Correlating(Struct, frozen=True):
    """What a correlation computes."""

    type: CorrelationType
    """Its type."""
    parts: tuple[Part, ...]
    """The rules it refers to, in order."""
    bounds: tuple[Bound, ...] = ()
    """What must hold of the number it computes."""
    field: str = ""
    """The field whose values it computes with."""
    percentile: int = 0
    """Which percentile."""
    condition: PartCondition | None = None
    """Which parts must and must not have matched."""


def key_of(rule: Any) -> str:
    """Return what a rule is known by: its id, else its name, else its title."""
    return str(rule.id or rule.name or rule.title)


def read_correlation(rule: SigmaCorrelationRule, routes: Mapping[str, Route], where: str) -> Correlating:
    """Read what a resolved correlation computes; raises RuleError for what has no meaning.

    `routes` says of each rule it refers to, by its key, what names of fields mean there.
    """
    parts = tuple(_part(rule, reference, routes, where) for reference in references_of(rule))
    if rule.type.name == "VALUE_MEDIAN":
        kind, percentile = CorrelationType.VALUE_PERCENTILE, _MEDIAN
    else:
        kind, percentile = CorrelationType(rule.type.name.lower()), _percentile(rule, where)
    if kind.in_time:
        return Correlating(kind, parts, condition=_condition(rule, kind, where))
    bounds = _bounds(rule, kind, where)
    field = _field(rule, kind, joined_route(routes.values()), where)
    return Correlating(kind, parts, bounds, field, percentile)


def references_of(rule: SigmaCorrelationRule) -> list[SigmaRuleReference]:
    """Return the references of a correlation: those it lists, or those in its condition."""
    return list(rule.rules or rule.referenced_rules)


def _bounds(rule: SigmaCorrelationRule, kind: CorrelationType, where: str) -> tuple[Bound, ...]:
    condition = rule.condition
    assert isinstance(condition, SigmaCorrelationCondition)
    more = rule.custom_attributes.get(MORE_BOUNDS, {})
    every = {condition.op.name.lower(): condition.count, **more}
    bounds = tuple(Bound(_OPERATORS[name], number) for name, number in every.items())
    limit = _MOST_COUNTED if kind in _COUNTS else _LARGEST
    for bound in bounds:
        if not isinstance(bound.number, int | float) or abs(bound.number) > limit:
            raise RuleError(
                f"the number {bound.number!r} cannot be reached or watched", where=where, hint=f"write up to {limit:,}"
            )
    if kind in _COUNTS and not any(_fulfils(count, bounds) for count in _probes(bounds)):
        raise RuleError(
            "the condition can never hold: a window has at least one event",
            where=where,
            hint="write gte with a whole number from 1",
        )
    return bounds


def _probes(bounds: tuple[Bound, ...]) -> set[int]:
    """Give counts of which one fulfils the bounds if any count does: their numbers and those beside them."""
    beside = (int(bound.number) + step for bound in bounds for step in (-1, 0, 1))
    return {1, *(count for count in beside if count >= 1)}


def _fulfils(count: int, bounds: tuple[Bound, ...]) -> bool:
    compared = {
        Operator.LESS: lambda number: count < number,
        Operator.LESS_EQUAL: lambda number: count <= number,
        Operator.GREATER: lambda number: count > number,
        Operator.GREATER_EQUAL: lambda number: count >= number,
        Operator.EQUALS: lambda number: count == number,
        Operator.NOT_EQUAL: lambda number: count != number,
    }
    return all(compared[bound.operator](bound.number) for bound in bounds)


def _field(rule: SigmaCorrelationRule, kind: CorrelationType, route: Route, where: str) -> str:
    if kind is CorrelationType.EVENT_COUNT:
        return ""
    assert isinstance(rule.condition, SigmaCorrelationCondition)
    field = rule.condition.fieldref
    if isinstance(field, list):
        raise RuleError(
            f"{kind} over several fields is not supported", where=where, hint="name one field, or group by the others"
        )
    return route.grouped(str(field), where)


def _percentile(rule: SigmaCorrelationRule, where: str) -> int:
    percentile = getattr(rule.condition, "percentile", None)
    if percentile is None:
        return 0
    if not 1 <= percentile <= 100:
        raise RuleError(f"percentile {percentile} is not between 1 and 100", where=where, hint="write percentile: 95")
    return int(percentile)


def _condition(rule: SigmaCorrelationRule, kind: CorrelationType, where: str) -> PartCondition | None:
    if not isinstance(rule.condition, SigmaExtendedCorrelationCondition):
        if rule.condition.op.name != "GTE" or rule.condition.count != len(rule.rules or ()):
            raise RuleError(
                "a temporal correlation waits for all of its rules", where=where, hint="leave condition: out"
            )
        return None
    if kind is CorrelationType.TEMPORAL_ORDERED:
        raise RuleError(
            "an order of rules that may or must not match has no meaning", where=where, hint="write type: temporal"
        )
    places = {reference.reference: at for at, reference in enumerate(references_of(rule))}
    condition = _tree(rule.condition.parsed, places)
    if not _asks(condition):
        raise RuleError(
            "the condition only says what must not match", where=where, hint="join a rule that must, with and"
        )
    return condition


def _tree(node: CorrelationConditionItem | SigmaRuleReference, places: dict[str, int]) -> PartCondition:
    if isinstance(node, SigmaRuleReference):
        return PartThere(places[node.reference])
    items = tuple(_tree(item, places) for item in node.args)
    if isinstance(node, CorrelationConditionNOT):
        return PartsNot(items[0])
    return PartsAll(items) if isinstance(node, CorrelationConditionAND) else PartsAny(items)


def _asks(condition: PartCondition) -> bool:
    """Say whether the condition can hold only where some part has matched."""
    match condition:
        case PartThere():
            return True
        case PartsAll(items):
            return any(_asks(item) for item in items)
        case PartsAny(items):
            return all(_asks(item) for item in items)
        case PartsNot():
            return False


def _part(rule: SigmaCorrelationRule, reference: Any, routes: Mapping[str, Route], where: str) -> Part:
    aliases = {alias.alias: alias.mapping for alias in rule.aliases}
    fields = []
    for name in rule.group_by or ():
        mapping = aliases.get(name)
        name_there = (
            next((field for ref, field in mapping.items() if ref.reference == reference.reference), None)
            if mapping
            else name
        )
        if name_there is None:
            raise RuleError(
                f"alias {name!r} does not say what {reference.reference!r} calls it",
                where=where,
                hint="add it under aliases",
            )
        fields.append(routes[key_of(reference.rule)].grouped(name_there, where))
    return Part(rule=key_of(reference.rule), group_by=tuple(fields))
