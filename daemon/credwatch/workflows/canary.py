"""The message that a canary becomes: to one address, about nothing that happened."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import asdict

from credwatch.kernel.canary import CANARY, canary_id
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, Digest, Precedence
from credwatch.kernel.incident import Incident
from credwatch.workflows.facts import Facts, Reaction


def canary_message(incident: Incident, facts: Facts, now: datetime) -> Reaction:
    """Write what a canary's incident leads to; nothing where the settings have no address for it any more."""
    if not facts.canary:
        return Reaction()
    context: dict[str, object] = {
        "sent_at": rfc3339(incident.occurred_last),
        "server": "",
        "sender": asdict(facts.sender),
        "zone": facts.zone,
    }
    command = Command(
        id=canary_id(incident.subject, incident.occurred_last),
        payload=Digest(facts.canary, ("vi", "en"), CANARY, context),
        workflow=CANARY,
        incident="",
        organization="",
        created_at=now,
        precedence=Precedence.COURTESY,
    )
    return Reaction((command,))
