"""Tells in joint letters what came close together: with a batch, and by the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.store import joined, outbox
from credwatch.store.cases.secrecy_orders import secret_incidents
from credwatch.workflows.facts import Facts
from credwatch.workflows.joint import is_due, joint_letters

_REMEMBERED = timedelta(days=1)


def tell_joined(connection: Connection, facts: Facts, now: datetime) -> int:
    """Write the joint letters whose time has come; return how many were queued.

    A reader whose latest joint letter is still on its way gets no other behind it: what has come since is one letter
    then. Operators do, for other ways than mail tell them as well.
    """
    queued, secret = 0, secret_incidents(connection)
    for series, state in joined.waiting_series(connection):
        is_on_its_way = series.workflow != "escalation" and joined.is_under_way(connection, state.latest)
        if not is_due(series, state, facts.duties, now) or (is_on_its_way and not state.hurries):
            continue
        matters = joined.waiting_matters(connection, series, secret)
        if matters and state.number in secret:  # a letter names its series by an incident of which it may tell
            state = replace(state, number=matters[0].incident)
        letters, after = joint_letters(series, state, matters, facts, now)
        queued += outbox.queue(connection, (letter for letter, _ in letters))
        joined.note_told(connection, series, after, ((letter.id, some) for letter, some in letters), now)
    joined.forget_quiet(connection, now - _REMEMBERED)
    return queued
