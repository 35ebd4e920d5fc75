"""The operators' daily digest: what was counted, what is open, what waits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, LegalClock, Precedence
from credwatch.kernel.incident import Incident
from credwatch.workflows.facts import Facts
from credwatch.workflows.holding import Held, held_values
from credwatch.workflows.message import LISTED, Letter, compose, shown
from credwatch.workflows.reminder import Unanswered, unanswered_values

COUNTS = ("lines", "events", "unparsed", "detections", "incidents", "delivered")
"""What a digest counts of its day, in this order; a count that is not given is shown as 0."""
STANDING = ("waiting", "held", "refused")
"""The messages it counts as they stand when it is written."""


class Standing(Struct, frozen=True):
    """What stands when a digest is written, and which sources its day did not hear of."""

    messages: Mapping[str, int]
    """How many messages there are, by the names in STANDING."""
    incidents: tuple[Incident, ...] = ()
    """The open incidents, those found last first."""
    clocks: tuple[LegalClock, ...] = ()
    """The clocks that run; one that has run out is overdue."""
    held: Held = Held(0, None)
    """What waits for a person."""
    unanswered: tuple[Unanswered, ...] = ()
    """The notices and reports that nobody has answered within their time."""
    silent: tuple[str, ...] = ()
    """The sources of which no line was read on the day."""


def digest(
    day: date, counts: Mapping[str, int], standing: Standing, facts: Facts, now: datetime
) -> tuple[Command, ...]:
    """Write the digest of one local day to every operator; a day has one digest however often asked for.

    `counts` holds the day's figures by the names in COUNTS.
    """
    incidents, clocks = standing.incidents, standing.clocks
    letter = Letter(
        kind=CommandKind.DIGEST,
        workflow="digest",
        language=facts.operators.language,
        values={
            "day": day.isoformat(),
            "counts": {name: counts.get(name, 0) for name in COUNTS},
            "standing": {name: standing.messages.get(name, 0) for name in STANDING}
            | {"overdue": sum(_is_late(clock, now) for clock in clocks)},
            "incidents": [_incident(incident, facts) for incident in incidents[:LISTED]],
            "more_incidents": max(0, len(incidents) - LISTED),
            "held": held_values(standing.held),
            "unanswered": unanswered_values(standing.unanswered, facts),
            "silent": [shown(source) for source in standing.silent[:LISTED]],
            "more_silent": max(0, len(standing.silent) - LISTED),
            "clocks": [_clock(clock, now) for clock in sorted(clocks, key=lambda clock: clock.due_at)[:LISTED]],
            "more_clocks": max(0, len(clocks) - LISTED),
        },
        phase=day.isoformat(),
        precedence=Precedence.DIGEST,
    )
    return compose(letter, facts.operators.addresses, facts, now)


def _incident(incident: Incident, facts: Facts) -> dict[str, object]:
    recipient = facts.recipients.get(incident.organization)
    return {
        "number": incident.number,
        "kind": incident.kind,
        "level": incident.level.name.lower(),
        "organization": recipient.name if recipient else shown(incident.organization),
        "occurred_last": rfc3339(incident.occurred_last),
        "detected_at": rfc3339(incident.detected_at),
        "history": incident.history,
    }


def _is_late(clock: LegalClock, now: datetime) -> bool:
    return clock.escalated_at is not None or clock.alarm_at <= now


def _clock(clock: LegalClock, now: datetime) -> dict[str, object]:
    return {
        "workflow": clock.workflow,
        "incident": clock.incident,
        "due_at": rfc3339(clock.due_at),
        "late": _is_late(clock, now),
        "held": clock.held,
    }
