"""One rule as pySigma read it, turned into a rule of our own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from credwatch.kernel.detection import Consequence, Level
from credwatch.kernel.errors import RuleError
from credwatch.kernel.options import Options, validated
from credwatch.kernel.span import read_span
from credwatch.rules.logsource import LogSources, Route, joined_route
from credwatch.rules.model import Condition, Correlation, EventRule
from credwatch.rules.sigma.correlating import key_of, read_correlation, references_of

_SECOND = 1_000_000
_LONGEST = timedelta(days=90)
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


def event_rule(rule: SigmaRule, condition: Condition, route: Route, where: str) -> EventRule:
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
        condition=route.narrowed(condition),
        consequence=_consequence(ours, route, where),
        group_by=tuple(route.grouped(name, where) for name in group_by),
        quiet_us=_span(ours.quiet, where),
        logsource=route.log_source,
        packs=route.packs,
        shadow=ours.shadow,
    )


def correlation_rule(rule: SigmaCorrelationRule, logsources: LogSources, where: str) -> Correlation:
    """Turn a resolved correlation into one of our own; raises RuleError, or ProblemsFound for its `credwatch:` key."""
    ours = _own_key(rule, where)
    routes = {key_of(target.rule): route_of(target.rule, logsources) for target in references_of(rule)}
    read = read_correlation(rule, routes, where)
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
        consequence=_consequence(ours, joined_route(routes.values()), where),
        shadow=ours.shadow,
    )


def route_of(rule: SigmaRule | SigmaFilter | SigmaCorrelationRule, logsources: LogSources) -> Route:
    """Find where the events of a rule or filter come from; those of a correlation come from all that it is over."""
    if isinstance(rule, SigmaCorrelationRule):
        return joined_route(route_of(target.rule, logsources) for target in references_of(rule))
    source = rule.logsource
    return logsources.route({"product": source.product, "category": source.category, "service": source.service})


def _own_key(rule: Any, where: str) -> _CredwatchKey:
    raw = rule.custom_attributes.get("credwatch", {})
    if not isinstance(raw, dict):
        raise RuleError("credwatch: must be a mapping", where=where, hint="see docs/rules.md")
    cleaned = {
        str(key).replace("-", "_"): tuple(value) if isinstance(value, list) else value for key, value in raw.items()
    }
    return validated(cleaned, _CredwatchKey, where=f"{where}: credwatch")


def _consequence(ours: _CredwatchKey, route: Route, where: str) -> Consequence:
    subject = route.grouped(ours.subject, where)
    return Consequence(incident=ours.incident, subject=subject, workflows=ours.workflows, clause=ours.clause)


def _level(rule: Any) -> Level:
    return Level[rule.level.name] if rule.level else Level.MEDIUM


def _tags(rule: Any) -> tuple[str, ...]:
    return tuple(f"{tag.namespace}.{tag.name}" for tag in rule.tags)


def _span(text: str, where: str) -> int:
    """Read a timespan such as 10m into microseconds; between one second and 90 days."""
    span = read_span(text, units=("s", "m", "h", "d", "w"))
    if span is None or not timedelta(seconds=1) <= span <= _LONGEST:
        raise RuleError(
            f"timespan {text!r} is not between 1s and 90d",
            where=where,
            hint="write a number and s, m, h, d or w",
        )
    return span // timedelta(microseconds=1)
