"""Gathers what the operators' digest tells of a day, and queues it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from credwatch.app.settings import Settings
from credwatch.store import outbox
from credwatch.store.cases import held, legal_clocks
from credwatch.store.cases.answers import unanswered_since
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.pages import WHOLE
from credwatch.store.state import progress
from credwatch.workflows.digest import Standing, digest
from credwatch.workflows.facts import Facts


def queue_digest(connection: Connection, settings: Settings, facts: Facts, now: datetime) -> None:
    """Queue the digest of the day before `now` in `daemon.time_zone`, from midnight to midnight."""
    zone = ZoneInfo(settings.daemon.time_zone)
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    begin = datetime.combine(today.date() - timedelta(days=1), time(), zone)
    counts = progress.tallies_of(connection, begin.date().isoformat())
    counts["delivered"] = outbox.delivered_between(connection, begin, today)
    state = outbox.queue_state(connection)
    standing = Standing(
        messages={"waiting": state.waiting, "held": state.held, "refused": state.refused},
        incidents=tuple(list_incidents(connection, only_open=True, page=WHOLE)),
        clocks=tuple(legal_clocks.running_clocks(connection)),
        held=held.held_now(connection),
        unanswered=tuple(unanswered_since(connection, now - facts.duties.answer)),
        silent=silent_sources((source.id for source in settings.source), counts),
    )
    outbox.queue(connection, digest(begin.date(), counts, standing, facts, now))


def silent_sources(sources: Iterable[str], counts: Mapping[str, int]) -> tuple[str, ...]:
    """Name the sources of which no line was read on a day; none where its lines were not all counted by source.

    A version that counts them all together may have run for a part of the day.
    """
    by_source = {name: number for name, number in counts.items() if name.startswith(progress.LINES_OF)}
    if sum(by_source.values()) != counts.get("lines", 0):
        return ()
    return tuple(source for source in sources if not by_source.get(progress.LINES_OF + source))
