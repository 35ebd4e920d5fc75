"""Names the rules that can never match: no source gives their events, or no pack fills the fields they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from credwatch.kernel.errors import Problem, Severity, nearest
from credwatch.kernel.fields import FIELDS, is_native
from credwatch.kernel.pack import EnvelopeKind, Pack, PackSet, Pattern
from credwatch.rules.logsource import LogSources
from credwatch.rules.model import AllOf, AnyOf, Condition, EventRule, NotThis, Operator, RuleSet, Test

_ENVELOPE = (
    *("@timestamp", "event.original", "event.provider", "message", "host.name", "process.name", "process.pid"),
    *("log.syslog.priority", "credwatch.repeat", "organization.id", "source.domain"),
)
"""What envelopes and enrichers fill, whatever the pack."""

_Given = Mapping[str, frozenset[str] | None]
"""The fields of an event, with the only values they may have; None for any."""

_ALWAYS: _Given = dict.fromkeys([*_ENVELOPE, *(field.name for field in FIELDS if field.enriched)])


def out_of_reach(rules: RuleSet, packs: PackSet, *, json_only: bool = False) -> list[Problem]:
    """Return a warning for each rule over one event that no event of the packs can match.

    With `json_only`, the sources hold nothing but JSON lines, and packs of other lines give no events. A rule on a
    product's own fields may name any path; for all others each pattern of each pack is held against the condition.
    """
    by_pack = {pack.id: list(_events(pack)) for pack in packs.packs if _is_read(pack, json_only=json_only)}
    problems = (_problem(rule, by_pack) for rule in rules.events)
    return [problem for problem in problems if problem is not None]


def within_reach(rules: RuleSet, packs: PackSet) -> frozenset[str]:
    """Return the ids of the rules over one event that some event of the packs may match."""
    by_pack = {pack.id: list(_events(pack)) for pack in packs.packs}
    return frozenset(rule.id for rule in rules.events if _problem(rule, by_pack) is None)


def unknown_packs(logsources: LogSources, packs: PackSet) -> list[Problem]:
    """Return a warning for each pack that a log source names and that is not there."""
    ids = [pack.id for pack in packs.packs]
    return [
        Problem(entry.where, f"there is no pack {name!r}", nearest(name, ids) or "take it out", Severity.WARNING)
        for entry in logsources.entries
        for name in sorted(entry.packs or ())
        if name not in ids
    ]


def _is_read(pack: Pack, *, json_only: bool) -> bool:
    return pack.kind is EnvelopeKind.JSON or not json_only


def _problem(rule: EventRule, by_pack: Mapping[str, list[_Given]]) -> Problem | None:
    in_reach = by_pack if rule.packs is None else {name: by_pack[name] for name in rule.packs if name in by_pack}
    if not in_reach:
        return _unprovided(rule)
    events = [event for name in in_reach for event in in_reach[name]]
    if any(_can_hold(rule.condition, event) for event in events):
        return None
    missing = sorted(_missing(rule.condition, events))
    why = f"no pack fills {', '.join(missing)}" if missing else "no pattern of a pack gives all that it asks for"
    message = f"rule {rule.title!r} can never match: {why}"
    return Problem(rule.where, message, "compare its fields and values with docs/events.md", Severity.WARNING)


def _unprovided(rule: EventRule) -> Problem:
    source = rule.logsource or "its log source"
    if rule.packs:
        message = f"rule {rule.title!r} can never match: no source is read for {', '.join(sorted(rule.packs))}"
        return Problem(rule.where, message, f"add a [[source]] that holds {source}", Severity.WARNING)
    message = f"rule {rule.title!r} can never match: no pack gives events of {source}"
    return Problem(rule.where, message, "name packs for it in a logsources.yml, or leave it out", Severity.WARNING)


def _events(pack: Pack) -> Iterator[_Given]:
    """Say for each pattern what its events have."""
    for pattern in pack.patterns:
        if not pattern.skip:
            yield {**_ALWAYS, "event.dataset": frozenset((pack.id,)), **_fields(pack, pattern)}


def _fields(pack: Pack, pattern: Pattern) -> _Given:
    captured = {*(pattern.groups or {}).values(), *(pack.paths or {}).values()} - set(pattern.ignores)
    fields: dict[str, frozenset[str] | None] = dict.fromkeys(captured)
    fields |= {name: _texts(values) for name, values in (pattern.when or {}).items() if name in captured}
    for name, value in (pattern.constants or {}).items():
        fields.setdefault(name, _texts([value]))
    return fields


def _texts(values: Iterable[object]) -> frozenset[str]:
    return frozenset(str(value).lower() for value in values)


def _can_hold(condition: Condition, event: _Given) -> bool:
    """Say whether such an event could pass; true wherever that is not sure."""
    match condition:
        case AllOf(items):
            return all(_can_hold(item, event) for item in items)
        case AnyOf(items):
            return any(_can_hold(item, event) for item in items)
        case NotThis():
            return True
        case Test(field) if is_native(field):
            return True
        case Test(field, operator, value) if field in event:
            values = event[field]
            return operator is not Operator.EQUALS or values is None or str(value).lower() in values
        case Test(_, operator, value):
            return operator is Operator.NULL or (operator is Operator.EXISTS and not value)
        case _:
            assert_never(condition)


def _missing(condition: Condition, events: list[_Given]) -> frozenset[str]:
    """Name the fields that a condition asks for and no event has."""
    match condition:
        case AllOf(items) | AnyOf(items):
            return frozenset().union(*(_missing(item, events) for item in items))
        case NotThis():
            return frozenset()
        case Test(field):
            return frozenset() if is_native(field) or any(field in event for event in events) else frozenset((field,))
        case _:
            assert_never(condition)
