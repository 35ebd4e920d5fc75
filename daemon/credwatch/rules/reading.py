"""One rule as pySigma read it, turned into a rule of our own."""

from __future__ import annotations

import re
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

from credwatch.kernel.detection import Consequence, Level
from credwatch.kernel.errors import RuleError
from credwatch.kernel.options import Options, validated
from credwatch.rules.conditions import require_field
from credwatch.rules.correlating import key_of, read_correlation
from credwatch.rules.model import Condition, Correlation, EventRule

_SECOND = 1_000_000
_UNITS = {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86400 * _SECOND, "w": 604800 * _SECOND}
_LONGEST = 90 * 86400 * _SECOND
_HOUR = 3600 * _SECOND


class _CredwatchKey(Options):
    """The `credwatch:` key of a rule file: what Sigma has no word for."""

    incident: str = ""
    subject: str = "user.name"
    workflows: tuple[str, ...] = ()
    clause: str = ""
    group_by: tuple[str, ...] = ()
    quiet: str = "1h"
    shadow: bool = False


def event_rule(rule: SigmaRule, condition: Condition, where: str) -> EventRule:
    """Join what a rule says to its condition; raises RuleError, or ProblemsFound for its `credwatch:` key."""
    ours = _own_key(rule, where)
    group_by = ours.group_by or ("organization.id", ours.subject)
    return EventRule(
        id=key_of(rule),
        name=rule.name or key_of(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        condition=condition,
        consequence=_consequence(ours, where),
        group_by=tuple(require_field(name, where) for name in group_by),
        quiet_us=_span(ours.quiet, where),
        shadow=ours.shadow,
    )


def correlation_rule(rule: SigmaCorrelationRule, where: str) -> Correlation:
    """Turn a resolved correlation into one of our own; raises RuleError, or ProblemsFound for its `credwatch:` key."""
    ours = _own_key(rule, where)
    read = read_correlation(rule, where)
    return Correlation(
        id=key_of(rule),
        name=rule.name or key_of(rule),
        title=rule.title,
        level=_level(rule),
        tags=_tags(rule),
        where=where,
        type=read.type,
        parts=read.parts,
        group_by=tuple(rule.group_by or ()),
        timespan_us=_span(rule.timespan.spec, where),
        bounds=read.bounds,
        field=read.field,
        percentile=read.percentile,
        condition=read.condition,
        consequence=_consequence(ours, where),
        shadow=ours.shadow,
    )


def _own_key(rule: Any, where: str) -> _CredwatchKey:
    raw = rule.custom_attributes.get("credwatch", {})
    if not isinstance(raw, dict):
        raise RuleError("credwatch: must be a mapping", where=where, hint="see docs/rules.md")
    cleaned = {
        str(key).replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in raw.items()
    }
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
    found = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip())
    span = int(found[1]) * _UNITS[found[2]] if found else 0
    if not _SECOND <= span <= _LONGEST:
        raise RuleError(
            f"timespan {text!r} is not between 1s and 90d",
            where=where,
            hint="write a number and s, m, h, d or w",
        )
    return span
