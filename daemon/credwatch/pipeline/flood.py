"""Looks how many incidents were opened, and tells the operators of a flood."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.json import decode, encode
from sqlalchemy import Connection

from credwatch.store import outbox
from credwatch.store.state import progress
from credwatch.workflows.facts import Facts
from credwatch.workflows.flood import Flood, on_opened

TALLY = "incidents_now"
"""The count of a day's incidents that tell of the present: what is history has a letter of its own."""
_SEEN = "flood"


class _FloodState(Struct, frozen=True):
    flood: Flood
    day: str
    counted: int


def tell_of_flood(connection: Connection, facts: Facts, now: datetime) -> int:
    """Write to the operators of a flood that has come or is over; return how many letters were queued."""
    stored, today = progress.value(connection, _SEEN), f"{now.astimezone(ZoneInfo(facts.zone)):%Y-%m-%d}"
    before = decode(stored, type=_FloodState) if stored else _FloodState(Flood(), today, 0)
    counted = progress.tallies_of(connection, today).get(TALLY, 0)
    opened = counted - before.counted
    if before.day != today:
        opened = counted + progress.tallies_of(connection, before.day).get(TALLY, 0) - before.counted
    commands, flood = on_opened(max(0, opened), before.flood, facts, now)
    if (after := _FloodState(flood, today, counted)) != before:
        progress.save_value(connection, _SEEN, encode(after))
    return outbox.queue(connection, commands)
