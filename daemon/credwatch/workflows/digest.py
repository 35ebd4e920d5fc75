"""The operators' daily digest: what was counted, what is open, what waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, CommandKind, LegalClock, Precedence
from credwatch.kernel.incident import Incident
from credwatch.workflows.facts import Facts
from credwatch.workflows.holding import Held, held_values
from credwatch.workflows.message import LISTED, Letter, compose, shown

COUNTS = ("lines", "events", "unparsed", "detections", "incidents", "delivered", "waiting", "held", "refused")
"""The counts a digest shows, in this order; one that is not given is shown as 0."""


def digest(
    day: date,
    counts: Mapping[str, int],
    incidents: Sequence[Incident],
    clocks: Sequence[LegalClock],
    held: Held,
    facts: Facts,
    now: datetime,
) -> tuple[Command, ...]:
    """Write the digest of one local day to every operator; a day has one digest however often asked for.

    `counts` holds the day's figures by the names in COUNTS, `incidents` the open ones, `clocks` the running, and
    `held` what waits for a person.
    """
    letter = Letter(
        kind=CommandKind.DIGEST,
        workflow="digest",
        language=facts.operators.language,
        values={
            "day": day.isoformat(),
            "counts": {name: counts.get(name, 0) for name in COUNTS},
            "incidents": [_incident(incident, facts) for incident in incidents[:LISTED]],
            "more_incidents": max(0, len(incidents) - LISTED),
            "held": held_values(held),
            "clocks": [_clock(clock) for clock in sorted(clocks, key=lambda clock: clock.due_at)[:LISTED]],
            "more_clocks": max(0, len(clocks) - LISTED),
        },
        phase=day.isoformat(),
        precedence=Precedence.DIGEST,
    )
    return compose(letter, facts.operators.addresses, facts, now)


def _incident(incident: Incident, facts: Facts) -> dict[str, object]:
    known = facts.recipients.get(incident.organization)
    return {
        "number": incident.number,
        "kind": incident.kind,
        "level": incident.level.name.lower(),
        "organization": known.name if known else shown(incident.organization),
        "occurred_last": rfc3339(incident.occurred_last),
        "detected_at": rfc3339(incident.detected_at),
        "history": incident.history,
    }


def _clock(clock: LegalClock) -> dict[str, object]:
    return {
        "workflow": clock.workflow,
        "incident": clock.incident,
        "due_at": rfc3339(clock.due_at),
        "late": clock.escalated_at is not None,
        "held": clock.held,
    }
