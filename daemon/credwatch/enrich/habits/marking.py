"""Marks events with what the events before them tell: one order of the steps, for the daemon and for every tool."""

from __future__ import annotations

from datetime import datetime

import polars as pl
from msgspec.structs import replace

from credwatch.enrich.habits.attempts import AttemptPairing, mark_attempts
from credwatch.enrich.habits.logins import logins_in
from credwatch.enrich.habits.novelty import mark_novelty
from credwatch.enrich.habits.pace import mark_pace
from credwatch.enrich.habits.profiles import Learning, ProfileDelta, Profiles
from credwatch.enrich.habits.usual import mark_usual


def mark(
    events: pl.DataFrame, pairing: AttemptPairing, profiles: Profiles, learning: Learning, received_at: datetime
) -> tuple[pl.DataFrame, AttemptPairing, ProfileDelta | None]:
    """Mark enriched events, in their order: attempts, their pace, where they come from, what is new about logins.

    Attempts come first, for the others look at attempts alone. Gives the events with the columns of all steps,
    the pairing to go on from, and what the profiles must remember (`Profiles.keep`), None where nothing changed.
    `pairing` and `profiles` stay as they are, so that a batch that cannot be stored has changed nothing.
    """
    if events.is_empty():
        return events, pairing, None
    events, pairing = mark_attempts(events, pairing)
    events, paces = mark_pace(events, pairing.paces)
    pairing = replace(pairing, paces=paces)
    events, addresses = mark_usual(events, profiles)
    logins = logins_in(events, profiles.seed, received_at)
    events, learnt = mark_novelty(events, logins, profiles, learning, received_at, addresses)
    return events, pairing, learnt
