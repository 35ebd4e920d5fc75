"""Detections built from the rows and events that completed them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from credwatch.detect.advance import Openings, Watch
from credwatch.detect.names import Names
from credwatch.detect.streams import Batch
from credwatch.detect.views import View
from credwatch.detect.windows import CARRIED
from credwatch.kernel.detection import Detection
from credwatch.kernel.fields import NATIVE
from credwatch.kernel.ids import stable_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DETAILS = (
    "event.action",
    "event.reason",
    "user.name",
    "user.email",
    "user.effective.name",
    "user.target.name",
    "user.target.email",
    "group.name",
    "host.name",
    "service.name",
    "source.ip",
    "process.command_line",
    "credwatch.mfa.factor",
    "credwatch.export.records",
    "credwatch.support.reason",
    "credwatch.actor.kind",
    "credwatch.actor.id",
    "credwatch.actor.department",
    "credwatch.authorisation.id",
    "credwatch.authorisation.basis",
    "credwatch.authorisation.reason",
)
"""The fields of the completing event that a detection carries on."""


def moment(microseconds: int) -> datetime:
    """Turn microseconds since the epoch into an aware UTC datetime."""
    return _EPOCH + timedelta(microseconds=int(microseconds))


def detections_of(watch: Watch, openings: Openings, batch: Batch, names: Names) -> list[Detection]:
    """Build the detection of each opening, in their order.

    A completing row of an earlier batch has no event there; then its detection tells what rows carry, and the group as
    another event of the batch tells it.
    """
    events = _events(watch, openings, batch)
    evidence = {name: _words(watch, openings, name, events, names) for name in CARRIED}
    begun = _begun(watch, openings)
    evidence_of = zip(*evidence.values(), strict=True)
    facts = zip(
        openings.episodes["serial"].tolist(),
        openings.episodes["opened"].tolist(),
        begun,
        (openings.hit - openings.begin + 1).tolist(),
        (openings.view.event[openings.hit] >= 0).tolist(),
        strict=True,
    )
    return [
        _detection(watch, _Facts(*each), event, dict(zip(CARRIED, words, strict=True)))
        for each, event, words in zip(facts, events, evidence_of, strict=True)
    ]


class _Facts(NamedTuple):
    """What is known of an opening without its event; times in microseconds UTC."""

    serial: int
    opened: int
    begun: int
    counted: int
    is_told: bool


def _events(watch: Watch, openings: Openings, batch: Batch) -> list[dict[str, Any]]:
    """Return what is known of each completing event: of its own, or of another event of its group."""
    view, hit = openings.view, openings.hit
    needed = {*DETAILS, *watch.fields, watch.rule.consequence.subject, "event.original", "organization.id"}
    frame = batch.events
    filled = [each for each in frame.columns if each in needed and frame.get_column(each).null_count() < frame.height]
    positions = view.event[hit]
    found: list[dict[str, Any]] = frame.select(filled)[np.maximum(positions, 0)].to_dicts()
    if not filled:
        found = [{} for _ in positions]
    for at in np.flatnonzero(positions < 0):
        found[at] = _stand_in(watch, view, int(hit[at]), batch)
    return found


def _stand_in(watch: Watch, view: View, hit: int, batch: Batch) -> dict[str, Any]:
    """Tell of a completing row of an earlier batch what a row of its group in this batch tells of the group."""
    group = view.event[view.span_of(view.keys[hit])]
    beside = group[group >= 0]
    if not len(beside):
        return {}
    told = batch.events.select(name for name in watch.fields if name in batch.events.columns)
    row: dict[str, Any] = told.row(int(beside[0]), named=True)
    return row


def _words(
    watch: Watch, openings: Openings, name: str, events: list[dict[str, Any]], names: Names
) -> list[tuple[str, ...]]:
    """Return the distinct values of a carried field in the rows of each opening, sorted."""
    if name in watch.fields:
        told = [event.get(name) for event in events]
        if None not in told:
            return [(str(value),) for value in told]
    lengths = openings.hit - openings.begin + 1
    owner = np.repeat(np.arange(len(lengths)), lengths)
    rows = np.arange(lengths.sum()) + np.repeat(openings.begin - np.cumsum(lengths) + lengths, lengths)
    values = openings.view.columns.column(CARRIED[name])[rows]
    owner, values = owner[values != 0], values[values != 0]
    order = np.lexsort((values, owner))
    owner, values = owner[order], values[order]
    fresh = np.append(True, (owner[1:] != owner[:-1]) | (values[1:] != values[:-1]))[: len(owner)]
    owner, values = owner[fresh], values[fresh]
    word_of = names.of(values)
    words = [word_of.get(value, "") for value in values.tolist()]
    ends = np.searchsorted(owner, np.arange(len(lengths)), side="right").tolist()
    return [tuple(sorted(filter(None, words[begin:end]))) for begin, end in zip([0, *ends], ends, strict=False)]


def _begun(watch: Watch, openings: Openings) -> list[int]:
    """Return when each began: with its first row, or with what a correlation before it saw."""
    first = openings.view.times[openings.begin]
    for each in watch.follows:
        table = each.episodes.table
        for at, episode in enumerate(openings.episodes):
            mine = table["opened"][each.episodes.of(episode["group"])]
            before = mine[mine <= episode["opened"]]
            first[at] = min(first[at], before[-1]) if len(before) else first[at]
    begun: list[int] = first.tolist()
    return begun


def _detection(watch: Watch, facts: _Facts, event: dict[str, Any], evidence: dict[str, tuple[str, ...]]) -> Detection:
    rule = watch.rule
    details = [name for name in DETAILS if name in event] if facts.is_told else []
    if not facts.is_told:
        event = {name: words[-1] for name, words in evidence.items() if len(words) == 1} | event
    group = tuple(
        (name.removeprefix(NATIVE), _text(event.get(field)))
        for name, field in zip(rule.group_by, watch.fields, strict=True)
    )
    opened_at = moment(facts.opened)
    line, subject = event.get("event.original"), _text(event.get(rule.consequence.subject))
    organization = _text(event.get("organization.id"))
    apart = (subject, organization) if watch.told_apart else ()
    return Detection(
        id=stable_id("detection", rule.id, *(value for pair in group for value in pair), *apart, opened_at.isoformat()),
        serial=facts.serial,
        rule_id=rule.id,
        title=rule.title,
        level=rule.level,
        consequence=rule.consequence,
        group=group,
        organization=organization,
        subject=subject,
        occurred_first=moment(facts.begun),
        opened_at=opened_at,
        count=facts.counted,
        accounts=evidence["user.name"],
        addresses=evidence["source.ip"],
        organizations=evidence["organization.id"],
        lines=(line,) if line else (),
        tags=rule.tags,
        details=tuple((name, _text(value)) for name in details if (value := event.get(name)) is not None),
        shadow=rule.shadow,
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(value) if isinstance(value, list) else str(value)
