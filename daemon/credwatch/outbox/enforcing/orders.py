"""What a channel is told of a measure: one event in JSON (CloudEvents 1.0, structured mode), alike at each attempt."""

from __future__ import annotations

import json
from ipaddress import ip_network

from msgspec import Struct

from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command
from credwatch.kernel.measure import MeasureAction

CONTENT_TYPE = "application/cloudevents+json"
"""RFC 6838 type of an event in structured mode (CloudEvents HTTP binding, section 3.2)."""
_TYPE = "vn.modoro.credwatch"
_SOURCE = "urn:credwatch"


class Order(Struct, frozen=True):
    """A measure, or its undoing, as channels need it."""

    id: str
    """The idempotency key."""
    action: MeasureAction
    """What is done, or undone."""
    target: str
    """The account, address or block."""
    undo: bool
    """Whether it is to be undone."""
    lasts_seconds: int
    """How long it lasts; 0 for what is done in a moment."""
    before: str = ""
    """Of an undoing: what stood where the measure has put something else."""

    @classmethod
    def of(cls, command: Command) -> Order:
        """Read a command; raises KeyError, TypeError or ValueError where it is none of enforcement."""
        facts = command.payload.context
        return cls(
            command.id,
            MeasureAction(command.payload.template),
            str(facts["target"]),
            bool(facts["undo"]),
            int(str(facts["lasts_seconds"])),
            str(facts.get("before", "")),
        )

    @property
    def block(self) -> str:
        """The target as a block in CIDR; raises ValueError where it is no address."""
        return str(ip_network(self.target))


def event_of(command: Command) -> bytes:
    """Write what is to be done as an event; the same command gives the same bytes."""
    facts = command.payload.context
    verb = "undo" if facts["undo"] else "do"
    event = {
        "specversion": "1.0",
        "id": command.id,
        "source": _SOURCE,
        "type": f"{_TYPE}.{command.payload.template}.{verb}",
        "subject": facts["target"],
        "time": rfc3339(command.created_at),
        "datacontenttype": "application/json",
        "data": {"action": command.payload.template, **facts},
    }
    return json.dumps(event, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
