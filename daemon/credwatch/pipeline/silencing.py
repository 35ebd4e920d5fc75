"""Silences at work: hiding what they mean, and telling that they are over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.incidents.grouping import GroupKey, key_of
from credwatch.incidents.silencing import hiding
from credwatch.kernel.detection import Detection
from credwatch.kernel.incident import Incident
from credwatch.kernel.silence import Silence
from credwatch.store import outbox
from credwatch.store.cases import silences
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Facts


def silenced(
    connection: Connection, detections: tuple[Detection, ...], cases: Mapping[GroupKey, Incident], now: datetime
) -> tuple[Detection, ...]:
    """Mark the detections that a running silence hides, and note them.

    Evidence of an open case that others must be told of is never hidden: their clocks run, and they hear the news.
    """
    running = silences.running_silences(connection, now) if detections else []
    if not running:
        return detections
    marked = tuple(replace(detection, silence=_hidden_by(detection, running, cases)) for detection in detections)
    silences.add_silenced(
        connection, ((detection.serial, detection.silence) for detection in marked if detection.silence)
    )
    return marked


def _hidden_by(detection: Detection, running: Iterable[Silence], cases: Mapping[GroupKey, Incident]) -> str:
    case = cases.get(key_of(detection))
    return "" if case is not None and case.workflows else hiding(running, detection)


def tell_of_ended(connection: Connection, facts: Facts, now: datetime) -> int:
    """Tell the operators, once each, of silences that are over, with what they hid; return how many letters that is."""
    over = silences.ended_untold(connection, now)
    counts = silences.hidden_by(connection) if over else {}
    letters = [
        letter
        for silence in over
        for letter in escalate(
            facts, now, EscalationReason.SILENCE_OVER, duty="", incident="",
            organization=silence.customer, phase=silence.id,
            silence=silence.id, hidden=str(counts.get(silence.id, 0)),
        )
    ]  # fmt: skip
    silences.note_told(connection, (silence.id for silence in over))
    return outbox.queue(connection, letters)
