"""`[store]`: which database the store is on; `[retention]`: how long it keeps what is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import field_validator

from credwatch.kernel.duration import LongDuration
from credwatch.kernel.options import Options
from credwatch.store.place import checked_url

_FIVE_YEARS = timedelta(days=5 * 365 + 2)
_LEAST = {
    "notified_incidents": (_FIVE_YEARS, "the file of a breach is kept for five years (Decree 356/2025, article 29)"),
    "incidents": (timedelta(days=30), "a case may be asked about that long"),
    "detections": (timedelta(days=30), "rules count over so many days"),
    "messages": (timedelta(days=30), "an escalation may be asked about that long"),
    "silences": (timedelta(days=30), "what was hidden may be asked about that long"),
    "blind_intervals": (timedelta(days=30), "cases state what could not be seen"),
    "password_history": (timedelta(days=365), "passwords of the last year may not come back"),
}


class StoreOptions(Options):
    """`[store]`: which database the store is on."""

    url: str = ""
    """A PostgreSQL server, as in postgresql://credwatch@db.example/credwatch; empty: a file in the state directory."""
    password_file: Path | None = None
    """A file that has its password, and nothing else; the credential store-password goes before it."""

    @field_validator("url")
    @classmethod
    def _usable(cls, url: str) -> str:
        return checked_url(url) if url else url


class RetentionOptions(Options):
    """`[retention]`: how long the store keeps what is over; what is open, runs, waits or is held stays in any case."""

    notified_incidents: LongDuration = timedelta(days=3653)
    """Incidents of which a notice or report was owed, from their close, with all proof of delivery."""
    incidents: LongDuration = timedelta(days=731)
    """Other incidents, from their close."""
    detections: LongDuration = timedelta(days=731)
    """Detections that belong to no incident, from their latest event."""
    messages: LongDuration = timedelta(days=366)
    """Settled messages about no incident, such as digests, with their receipts."""
    unparsed: LongDuration = timedelta(days=90)
    """Lines that no pack knew."""
    counts: LongDuration = timedelta(days=731)
    """What was counted on each day."""
    silences: LongDuration = timedelta(days=731)
    """Silences that are over and told of, from their end, with the note of what each has hidden."""
    blind_intervals: LongDuration = timedelta(days=3653)
    """Times in which something was not seen, from their end: cases state them."""
    password_history: LongDuration = timedelta(days=1827)
    """Hashes of past passwords, from the day they were set."""

    @field_validator(*_LEAST)
    @classmethod
    def _long_enough(cls, kept: timedelta, info: object) -> timedelta:
        least, reason = _LEAST[str(getattr(info, "field_name", ""))]
        if kept < least:
            raise ValueError(f'must be "{least.days}d" at least: {reason}')
        return kept
