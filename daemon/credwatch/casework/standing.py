"""How things stand, on one screen: what is not seen, sources, clocks, messages, cases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.json import decode
from sqlalchemy import Connection

from credwatch.app.settings import Settings
from credwatch.casework.casebook import Casebook, interval_of
from credwatch.kernel.clock import rfc3339
from credwatch.store import canaries, outbox, rehearsals
from credwatch.store.cases import legal_clocks
from credwatch.store.cases.case_list import open_by_kind
from credwatch.store.state import progress, seeing
from credwatch.store.state.seeing import SourceTimes
from credwatch.workflows.rhythm import Rhythm

_LOOK_BACK = timedelta(days=7)


class StandingBook(Casebook):
    """Says how things stand in a store that a daemon may be using; use it in a `with` block."""

    def standing(self, now: datetime) -> dict[str, Any]:
        """Return how things stand as JSON values: blind intervals of a week, sources, clocks, messages, open cases."""
        with self._database.reading() as connection:
            alive, backed_up = (progress.value(connection, name) for name in (seeing.ALIVE, seeing.BACKED_UP))
            state = outbox.queue_state(connection)
            return {
                "time_zone": self._settings.daemon.time_zone,
                "alive_at": alive.decode() if alive else "",
                "backed_up_at": backed_up.decode() if backed_up else "",
                "blind": [interval_of(it) for it in seeing.intervals_between(connection, now - _LOOK_BACK, now)],
                "sources": _sources(connection, self._settings, now),
                "clocks": _clocks(connection, now),
                "messages": {"waiting": state.waiting, "refused": state.refused, "held": state.held},
                "incidents": dict(open_by_kind(connection)),
                "canary": _canary(connection, self._settings),
                "rehearsal": _rehearsal(connection, self._settings),
            }


def _sources(connection: Connection, settings: Settings, now: datetime) -> list[dict[str, Any]]:
    zone = settings.daemon.time_zone
    counts = progress.tallies_of(connection, now.astimezone(ZoneInfo(zone)).date().isoformat())
    times, rhythms = seeing.all_times(connection), seeing.all_rhythms(connection)
    return [
        {
            "id": source.id,
            **_delays(times.get(source.id)),
            "lines_today": counts.get(progress.LINES_OF + source.id, 0),
            "unparsed_today": counts.get(progress.UNPARSED_OF + source.id, 0),
            "usual": decode(rhythms[source.id], type=Rhythm).share(now, zone) if source.id in rhythms else None,
        }
        for source in settings.source
    ]


def _delays(times: SourceTimes | None) -> dict[str, Any]:
    """Say when a source spoke last, how long its latest event was on the way, and how far its clock is ahead."""
    if times is None:
        return {"heard_at": "", "happened_at": "", "lag_seconds": None, "skew_seconds": None}
    behind = (times.heard_at - times.happened_at).total_seconds() if times.happened_at else None
    return {
        "heard_at": rfc3339(times.heard_at),
        "happened_at": rfc3339(times.happened_at) if times.happened_at else "",
        "lag_seconds": None if behind is None else round(max(0.0, behind), 1),
        "skew_seconds": None if behind is None else round(max(0.0, -behind), 1),
    }


def _canary(connection: Connection, settings: Settings) -> dict[str, Any] | None:
    """Say how the latest canary stands; None where none is made up."""
    if not settings.canary.address:
        return None
    canary = canaries.flight(connection)
    return {
        "address": settings.canary.address,
        "begun_at": rfc3339(canary.begun_at) if canary else "",
        "arrived_at": rfc3339(canary.arrived_at) if canary and canary.arrived_at else "",
        "lost_at": rfc3339(canary.lost_at) if canary and canary.lost_at else "",
        "seconds": canary.seconds if canary else None,
    }


def _rehearsal(connection: Connection, settings: Settings) -> dict[str, Any] | None:
    """Say how the latest rehearsal of the timetable went; None where it has none."""
    if not settings.rehearsal.scenario:
        return None
    run = rehearsals.latest_run(connection)
    return {
        "scenario": run.scenario if run else settings.rehearsal.scenario,
        "begun_at": rfc3339(run.begun_at) if run else "",
        "ended_at": rfc3339(run.ended_at) if run and run.ended_at else "",
        "troubles": list(run.troubles) if run else [],
    }


def _clocks(connection: Connection, now: datetime) -> dict[str, Any]:
    running = legal_clocks.running_clocks(connection)
    due = min((clock.due_at for clock in running if not clock.held), default=None)
    overdue = sum(clock.due_at <= now for clock in running if not clock.held)
    return {"running": len(running), "overdue": overdue, "next_due_at": rfc3339(due) if due else ""}
