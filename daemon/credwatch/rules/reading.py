"""One rule as pySigma read it, turned into a rule of our own."""

from __future__ import annotations

import re
from typing import Any

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.rule import SigmaRule

from credwatch.kernel.detection import Consequence, Level
from credwatch.kernel.errors import RuleError
from credwatch.kernel.options import Options, validated
from credwatch.rules.conditions import read_condition, require_field
from credwatch.rules.model import AnyOf, Correlation, CorrelationType, EventRule, Part, Rule

_SECOND = 1_000_000
_UNITS = {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86400 * _SECOND}
_LONGEST = 90 * 86400 * _SECOND
_HOUR = 3600 * _SECOND
_MOST_COUNTED = 1_000_000


class _CredwatchKey(Options):
    """The `credwatch:` key of a rule file: what Sigma has no word for."""

    incident: str = ""
    subject: str = "user.name"
    workflows: tuple[str, ...] = ()
    clause: str = ""
    group_by: tuple[str, ...] = ()
    quiet: str = "1h"
    shadow: bool = False


def key_of(rule: Any) -> str:
    """Return what a rule is known by: its id, else its name, else its title."""
    return str(rule.id or rule.name or rule.title)


def read_rule(rule: SigmaRule | SigmaCorrelationRule, where: str) -> Rule:
    """Turn a resolved pySigma rule into a Rule; raises RuleError, or ProblemsFound for its `credwatch:` key."""
    return _correlation(rule, where) if isinstance(rule, SigmaCorrelationRule) else _event_rule(rule, where)


def _event_rule(rule: SigmaRule, where: str) -> EventRule:
    ours = _own_key(rule, where)
    conditions = [read_condition(item.parsed, where) for item in rule.detection.parsed_condition]
    group_by = ours.group_by or ("organization.id", ours.subject)
    return EventRule(
        id=key_of(rule),
        name=rule.name or key_of(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        condition=conditions[0] if len(conditions) == 1 else AnyOf(tuple(conditions)),
        consequence=_consequence(ours, where),
        group_by=tuple(require_field(name, where) for name in group_by),
        quiet_us=_span(ours.quiet, where),
        shadow=ours.shadow,
    )


def _correlation(rule: SigmaCorrelationRule, where: str) -> Correlation:
    ours = _own_key(rule, where)
    kind = _type(rule, where)
    threshold, field = _threshold(rule, kind, where)
    parts = tuple(_part(rule, reference, where) for reference in rule.rules or ())
    return Correlation(
        id=key_of(rule),
        name=rule.name or key_of(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        type=kind,
        parts=parts,
        group_by=tuple(rule.group_by or ()),
        timespan_us=_span(rule.timespan.spec, where),
        threshold=threshold,
        field=field,
        consequence=_consequence(ours, where),
        shadow=ours.shadow,
    )


def _type(rule: SigmaCorrelationRule, where: str) -> CorrelationType:
    try:
        return CorrelationType(rule.type.name.lower())
    except ValueError as error:
        known = ", ".join(CorrelationType)
        raise RuleError(
            f"correlation type {rule.type.name.lower()!r} is not supported",
            where=where,
            hint=f"known types: {known}",
        ) from error


def _threshold(rule: SigmaCorrelationRule, kind: CorrelationType, where: str) -> tuple[int, str]:
    """Return how many events or values are asked for, and the field whose values count."""
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        raise RuleError(
            "conditions over rules are not supported", where=where, hint="write gte with a number, or leave it out"
        )
    if kind in (CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED):
        if condition.op.name != "GTE" or condition.count != len(rule.rules or ()):
            raise RuleError(
                "a temporal correlation waits for all of its rules", where=where, hint="leave condition: out"
            )
        return 1, ""
    operator, count = condition.op.name, condition.count
    if operator not in ("GTE", "GT") or not isinstance(count, int):
        raise RuleError(
            f"condition {operator.lower()}: {count} is not supported",
            where=where,
            hint="write gte or gt with a whole number",
        )
    threshold = count + 1 if operator == "GT" else count
    if not 1 <= threshold <= _MOST_COUNTED:
        raise RuleError(
            f"a count of {threshold} cannot be reached or watched",
            where=where,
            hint=f"write 1 to {_MOST_COUNTED}",
        )
    field = condition.fieldref
    return threshold, require_field(str(field), where) if kind is CorrelationType.VALUE_COUNT else ""


def _part(rule: SigmaCorrelationRule, reference: Any, where: str) -> Part:
    aliases = {alias.alias: alias.mapping for alias in rule.aliases}
    fields = []
    for name in rule.group_by or ():
        mapping = aliases.get(name)
        native = (
            next((field for ref, field in mapping.items() if ref.reference == reference.reference), None)
            if mapping
            else name
        )
        if native is None:
            raise RuleError(
                f"alias {name!r} does not say what {reference.reference!r} calls it",
                where=where,
                hint="add it under aliases",
            )
        fields.append(require_field(native, where))
    return Part(rule=key_of(reference.rule), group_by=tuple(fields))


def _own_key(rule: Any, where: str) -> _CredwatchKey:
    raw = rule.custom_attributes.get("credwatch", {})
    if not isinstance(raw, dict):
        raise RuleError("credwatch: must be a mapping", where=where, hint="see docs/rules.md")
    cleaned = {key.replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    return validated(cleaned, _CredwatchKey, where=f"{where}: credwatch")


def _consequence(ours: _CredwatchKey, where: str) -> Consequence:
    subject = require_field(ours.subject, where)
    return Consequence(incident=ours.incident, subject=subject, workflows=ours.workflows, clause=ours.clause)


def _level(rule: Any) -> Level:
    return Level[rule.level.name] if rule.level else Level.MEDIUM


def _tags(rule: Any) -> tuple[str, ...]:
    return tuple(f"{tag.namespace}.{tag.name}" for tag in rule.tags)


def _span(text: str, where: str) -> int:
    """Read a timespan such as 10m into microseconds; between one second and 90 days."""
    found = re.fullmatch(r"(\d{1,9})([smhd])", text.strip())
    span = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _SECOND <= span <= _LONGEST:
        raise RuleError(
            f"timespan {text!r} is not between 1s and 90d",
            where=where,
            hint="write a number and s, m, h or d",
        )
    return span
