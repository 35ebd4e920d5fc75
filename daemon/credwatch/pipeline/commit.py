"""The one transaction of a batch: everything it caused, or nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from time import thread_time
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl
from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.detect.episodes.conclusions import Conclusions
from credwatch.detect.windows.trail import MOST
from credwatch.enrich.habits.profiles import ProfileDelta
from credwatch.incidents.grouping import Ending, ended, gone_on, grouped, key_of
from credwatch.incidents.lifecycle import ENDS_BY_ITSELF
from credwatch.kernel.canary import CANARY
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.kernel.moment import Discovery
from credwatch.kernel.secrecy import SECRECY
from credwatch.pipeline.acts import incident_acts, release_act
from credwatch.pipeline.archiving import Packed
from credwatch.pipeline.flood import TALLY
from credwatch.pipeline.prepared import Prepared
from credwatch.pipeline.secrecy import withhold
from credwatch.pipeline.silencing import silenced
from credwatch.store import audit, outbox
from credwatch.store.cases import access_requests, evidence, held, incidents, legal_clocks
from credwatch.store.cases.access_requests import ActsUnder
from credwatch.store.moments import from_micros, to_micros
from credwatch.store.state import profiles, progress, seeing, trail, unarchived, unparsed
from credwatch.workflows.facts import Reaction

SETTLED = "settled"
PAIRING = "attempt_pairing"
_MOST_UNPARSED = 10_000

Enforce = Callable[[tuple[Detection, ...], tuple[IncidentChange, ...]], int]
"""Decides which measures follow, and returns how many commands and letters that is."""

React = Callable[[IncidentChange], Reaction]
"""Decides what follows from a change of an incident."""


class LogProgress(Struct, frozen=True, eq=False):
    """What is to be remembered of the lines of one log."""

    source: str
    """The source."""
    file: str
    """The file or stream within it."""
    cursor: Any
    """How far it has been read with these lines."""
    received_at: datetime
    """When they were read, UTC."""
    lines: int
    """How many they are."""
    unparsed: pl.DataFrame
    """`position`, `line` and `reason` of those that nothing read."""
    happened_at: datetime | None = None
    """The latest event time among them, UTC; None where none is an event."""

    @classmethod
    def of(cls, prepared: Prepared) -> LogProgress:
        """Say what is to be remembered of a chunk."""
        chunk, lines = prepared.chunk, len(prepared.positions)
        times = prepared.events["@timestamp"] if prepared.events.height else None
        happened_at = None if times is None else cast(datetime, times.max())
        return cls(chunk.source, chunk.file, chunk.cursor, chunk.received_at, lines, prepared.unparsed, happened_at)


class Batch(Struct, frozen=True, eq=False):
    """What lines led to, before it is stored."""

    logs: tuple[LogProgress, ...]
    """The lines, log by log."""
    received_at: datetime
    """When the latest of them were read, UTC."""
    conclusions: Conclusions = field(default_factory=Conclusions)
    """What the engine found, and what it must remember."""
    pairing: bytes = b""
    """What the pairing of login attempts must remember; empty where that did not change."""
    events: int = 0
    """How many events they gave."""
    profiles: ProfileDelta | None = None
    """What was learnt of accounts' habits; None where nothing was."""
    acts: tuple[ActsUnder, ...] = ()
    """The acts of staff that authorisations cover."""
    rows: pl.DataFrame | None = None
    """The events themselves, for the archive; None where there are none."""
    archived: Packed | None = None
    """The events as the archive takes them; None where it takes none."""
    read_again: tuple[int, ...] = ()
    """The numbers of kept lines that packs have read after all, and that need not be kept any more."""


class Consequences(Struct, frozen=True):
    """What a stored batch caused."""

    detections: tuple[Detection, ...]
    """What was found, each with the moments of its reading and its finding, and whether it is history."""
    changes: tuple[IncidentChange, ...]
    """What happened to incidents."""
    queued: int
    """How many messages were queued."""
    window_seconds: float
    """CPU time that storing windows took, and what else the engine must remember."""


def commit(
    connection: Connection,
    batch: Batch,
    react: React,
    discovery: Discovery,
    zone: str = "UTC",
    enforce: Enforce | None = None,
) -> Consequences:
    """Store a batch and everything that follows from it on a connection whose transaction the caller ends.

    `discovery` says when its lines were read and when the daemon has concluded what they mean: now. `zone` is that of
    the operators, whose day the counts of the digest belong to. `enforce` comes before the letters, which say of it.
    """
    began = thread_time()
    _remember(connection, batch)
    window_seconds = thread_time() - began
    dated = _dated(batch.conclusions, discovery)
    made_up = [detection for detection in dated if detection.consequence.incident == CANARY]
    dated = tuple(detection for detection in dated if detection.consequence.incident != CANARY)
    detections, changes = _incidents(connection, batch.conclusions, dated, discovery)
    reactions = [react(change) for change in changes]
    # Before anything tells of them: what an order forbids to tell enters no customer's log.
    withhold(connection, [order for reaction in reactions for order in reaction.secrecy], discovery.detected_at)
    audit.append(connection, *incident_acts(changes, discovery.detected_at))
    opened = sum(change.kind is ChangeKind.OPENED for change in changes)
    live = sum(change.kind is ChangeKind.OPENED and not change.incident.history for change in changes)
    detected = sum(not detection.shadow for detection in dated)
    counts = _tallies(batch) | {"detections": detected, "incidents": opened, TALLY: live}
    progress.add_tallies(connection, f"{batch.received_at.astimezone(ZoneInfo(zone)):%Y-%m-%d}", counts)
    # What was made up becomes messages by the same decisions, and is no incident: nothing of it is stored or counted.
    canaries = grouped(made_up, {}, discovery).changes
    queued = enforce(detections, changes) if enforce and changes else 0
    queued += _follow(connection, [*reactions, *map(react, canaries)])
    _let_go(connection, changes, discovery)
    return Consequences(detections, changes, queued, window_seconds)


def _follow(connection: Connection, reactions: list[Reaction]) -> int:
    """Queue what follows and start its clocks; of an incident that changed several times, letters say the latest."""
    commands = {command.id: command for reaction in reactions for command in reaction.commands}
    legal_clocks.save_clocks(connection, (clock for reaction in reactions for clock in reaction.clocks))
    return outbox.queue(connection, commands.values())


def _remember(connection: Connection, batch: Batch) -> None:
    """Store how far the batch came: cursor, unread lines, and the engine's delta."""
    delta = batch.conclusions.delta
    progress.save_cursors(connection, ((log.source, log.file, log.cursor) for log in batch.logs))
    progress.add_unparsed(connection, _unparsed_rows(batch), most=_MOST_UNPARSED)
    unparsed.forget_unparsed(connection, batch.read_again)
    if batch.archived is not None:
        unarchived.add(connection, batch.archived.events, batch.archived.packed)
    seeing.note_times(connection, _times(batch))
    progress.add_windows(connection, delta.windows)
    progress.forget_windows(connection, delta.forget)
    if delta.names is not None:
        progress.add_words(connection, *delta.names)
    trail.add_lines(connection, delta.trail, delta.trail_lines, most=MOST)
    if delta.watermarks:
        progress.save_watermarks(connection, delta.watermarks)
        progress.save_value(connection, SETTLED, str(delta.settled).encode())
    if batch.pairing:
        progress.save_value(connection, PAIRING, batch.pairing)
    access_requests.note_uses(connection, batch.acts)
    if batch.profiles is not None:
        profiles.add_profiles(connection, batch.profiles.parts(), instead=batch.profiles.whole)


def _incidents(
    connection: Connection, result: Conclusions, detections: tuple[Detection, ...], discovery: Discovery
) -> tuple[tuple[Detection, ...], tuple[IncidentChange, ...]]:
    """Group what was found: what ended first, then what opened, so that a new act is not added to an old one.

    The detections come back with the silence that hides each.
    """
    closed = ended(_endings(connection, result), discovery)
    incidents.save_incidents(connection, (change.incident for change in closed))
    going_on = gone_on(_going_on(connection, result, discovery), discovery)
    incidents.save_incidents(connection, (change.incident for change in going_on))
    keys = [key_of(detection) for detection in detections if detection.is_consequential]
    at_hand = incidents.open_incidents(connection, keys)
    detections = silenced(connection, detections, at_hand, discovery.detected_at)
    # An act that is over by itself is no matter that comes back.
    unknown = [key for key in keys if key not in at_hand and key[0] not in ENDS_BY_ITSELF]
    grouping = grouped(detections, at_hand, discovery, incidents.former_incidents(connection, unknown))
    stored = zip(detections, grouping.numbers, strict=True)
    incidents.add_detections(connection, stored, discovery.recorded_at, discovery.detected_at)
    serials = (detection.serial for detection in detections)
    evidence.add_lines(connection, zip(serials, grouping.numbers, grouping.evidence, strict=True))
    rules = (evidence.RuleAsItWas(document.rule, document.version, document.text) for document in result.documents)
    evidence.add_rules(connection, rules, discovery.detected_at)
    incidents.save_episodes(connection, result.episodes)
    incidents.save_incidents(connection, (change.incident for change in grouping.changes))
    return detections, (*closed, *going_on, *grouping.changes)


def _dated(result: Conclusions, discovery: Discovery) -> tuple[Detection, ...]:
    """Give detections their moments; history are those of which nothing happened within the time before the reading."""
    some = any(discovery.is_history(detection.opened_at) for detection in result.detections)
    latest = _latest(result) if some else {}
    return tuple(
        replace(
            detection,
            recorded_at=discovery.recorded_at,
            detected_at=discovery.detected_at,
            history=discovery.is_history(latest.get(detection.serial, detection.opened_at)),
        )
        for detection in result.detections
    )


def _latest(result: Conclusions) -> dict[int, datetime]:
    """Say of each detection that opened, by its number, when its latest event happened."""
    return {
        serial: from_micros(last)
        for episodic in result.episodes
        for serial, last in zip(episodic.opened["serial"].tolist(), episodic.opened["last"].tolist(), strict=True)
    }


def _going_on(connection: Connection, result: Conclusions, discovery: Discovery) -> list[Incident]:
    """Give the incidents of history whose episodes have gone on until now."""
    if not any(len(episodic.changed) for episodic in result.episodes) or not incidents.any_held(connection):
        return []
    since = to_micros(discovery.recorded_at - discovery.history_after)
    fresh = [episodic.changed[episodic.changed["last"] >= since] for episodic in result.episodes]
    return incidents.held_incidents_of(connection, [serial for table in fresh for serial in table["serial"].tolist()])


def _let_go(connection: Connection, changes: tuple[IncidentChange, ...], discovery: Discovery) -> None:
    """Let go what was held of incidents that live evidence has joined, and was not written again just now."""
    freed = sorted(
        {change.incident.number for change in changes if change.incident.released_at == discovery.detected_at}
    )
    if freed:
        messages = held.held_messages(connection, incidents=freed)
        waiting = [stored for stored in messages if stored.command.hold != SECRECY]
        held.let_go(connection, [stored.command.id for stored in waiting], discovery.detected_at)
        acts = (release_act([stored], discovery.detected_at) for stored in waiting)
        audit.append(connection, *acts)


def _endings(connection: Connection, result: Conclusions) -> Iterator[Ending]:
    """Give the episodes that ended, of the rules whose incidents end with them."""
    for rule, table in result.ended(ENDS_BY_ITSELF):
        incidents_by_serial = incidents.incidents_of(connection, table["serial"].tolist())
        for serial in table["serial"].tolist():
            if serial in incidents_by_serial:
                detection, incident = incidents_by_serial[serial]
                yield Ending(detection, rule.id, incident)


def _tallies(batch: Batch) -> dict[str, int]:
    """Count what the daily digest tells."""
    made_up = sum(log.lines for log in batch.logs if log.source == CANARY)
    return {
        "lines": sum(log.lines for log in batch.logs) - made_up,
        "events": max(batch.events - made_up, 0),
        "unparsed": sum(log.unparsed.height for log in batch.logs),
        **_by_source(batch),
    }


def _times(batch: Batch) -> Iterator[tuple[str, datetime, datetime | None]]:
    """Say of each source that has lines when they were read, and the time of its latest event."""
    for source in {log.source for log in batch.logs if log.lines}:
        logs = [log for log in batch.logs if log.source == source and log.lines]
        happened = [log.happened_at for log in logs if log.happened_at is not None]
        yield source, max(log.received_at for log in logs), max(happened, default=None)


def _by_source(batch: Batch) -> dict[str, int]:
    """Count the lines of each source, so that one that falls silent is told."""
    counts: Counter[str] = Counter()
    for log in (log for log in batch.logs if log.source != CANARY):
        counts[progress.LINES_OF + log.source] += log.lines
        if log.unparsed.height:
            counts[progress.UNPARSED_OF + log.source] += log.unparsed.height
    return counts


def _unparsed_rows(batch: Batch) -> list[dict[str, Any]]:
    return [row for log in batch.logs if log.unparsed.height for row in _rows_of(log)]


def _rows_of(log: LogProgress) -> list[dict[str, Any]]:
    about = {"source": log.source, "file": log.file, "received": to_micros(log.received_at)}
    return [about | row for row in log.unparsed.select("position", "line", "reason").to_dicts()]
