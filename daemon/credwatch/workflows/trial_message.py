"""The message that `credwatch check --send` sends: it tells its reader that mail arrives, and that nothing happened."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import asdict

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, Escalate
from credwatch.kernel.ids import stable_id
from credwatch.workflows.facts import Contact


def trial_message(recipient: str, language: str, server: str, sender: Contact, zone: str, now: datetime) -> Command:
    """Make a test message; each moment gives another one. It is in no store, so it has no verification code."""
    languages = ("vi", "en") if language == "vi" else ("en", "vi")
    context: dict[str, object] = {
        "sent_at": rfc3339(now),
        "server": server,
        "sender": asdict(sender),
        "zone": zone,
    }
    return Command(
        id=stable_id("cw", "trial_message", recipient, now.isoformat()),
        payload=Escalate(recipient, languages, "trial_message", context),
        workflow="trial_message",
        incident="",
        organization="",
        created_at=now,
    )
