"""The latest rehearsal that the timetable had, as one value of the engine."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.json import decode, encode
from sqlalchemy import Connection

from credwatch.store.state import progress

_LATEST = "rehearsal"


class RehearsalRun(Struct, frozen=True):
    """One rehearsal of the timetable."""

    scenario: str
    """What was played."""
    begun_at: datetime
    """When it began, UTC."""
    ended_at: datetime | None = None
    """When it ended; None while it runs, or where the daemon ended before it."""
    troubles: tuple[str, ...] = ()
    """What is wrong; empty where every clock was met and every document is complete."""

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and not well."""
        return self.ended_at is not None and bool(self.troubles)


def latest_run(connection: Connection) -> RehearsalRun | None:
    """Return the latest one; None before the first."""
    stored = progress.value(connection, _LATEST)
    return decode(stored, type=RehearsalRun) if stored else None


def save_run(connection: Connection, run: RehearsalRun) -> None:
    """Remember the latest one in place of the one before."""
    progress.save_value(connection, _LATEST, encode(run))
