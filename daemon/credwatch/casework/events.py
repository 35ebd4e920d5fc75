"""What people ask of the archive: events, how far a case reaches, and that a customer's key is erased."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from credwatch.app.archive import archive_folder, open_search
from credwatch.archive.form import SCHEMA
from credwatch.archive.search import ACCOUNTS, Condition, Search, Sought
from credwatch.casework.casebook import Casebook
from credwatch.incidents.lifecycle import IllegalTransition
from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError, nearest
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import archive_keys, audit
from credwatch.store.state import seeing

_TRUTHS = {"true": True, "false": False}


class NoArchive(ConfigurationError):
    """Events are not archived here, and never were."""


class ArchiveBook(Casebook):
    """Asks the archive of a daemon that may be running; use it in a `with` block."""

    def latest(self, wanted: Sought, limit: int) -> pl.DataFrame:
        """Return the latest events, `limit` at most, in the order of time; raises ArchiveError."""
        return self._search().latest(wanted, limit)

    def all(self, wanted: Sought) -> Iterator[pl.DataFrame]:
        """Give all events in the order of time, some at a time; raises ArchiveError."""
        return self._search().all(wanted)

    def not_archived(self, wanted: Sought) -> list[BlindInterval]:
        """Return the times in which events were seen that the archive lacks."""
        since = wanted.span.since or datetime.min.replace(year=1970, tzinfo=UTC)
        with self._database.reading() as connection:
            intervals = seeing.intervals_between(connection, since, wanted.span.until or system_clock())
        return [it for it in intervals if it.reason is Blindness.UNARCHIVED]

    def erase(self, customer: str, *, by: str, why: str, now: datetime) -> bool:
        """Erase the key of a customer's archived events; says whether there was one.

        Raises IllegalTransition where no reason is given.
        """
        if not why.strip():
            raise IllegalTransition("a reason is missing", where=customer, hint="say why: --why …")
        with self._database.writing() as connection:
            if not archive_keys.erase_key(connection, customer):
                return False
            act = Act(now, ActKind.ARCHIVE_KEY_ERASED, by, customers=(customer,), unshared={"words": why})
            audit.append(connection, act)
        # What was deleted must not lie about in pages that are free, or in the store's log.
        self._database.tidy()
        return True

    @property
    def zone(self) -> str:
        """The time zone of the readers (IANA name)."""
        return self._settings.daemon.time_zone

    def _search(self) -> Search:
        if not self._settings.archive.enabled and not archive_folder(self._settings).path.exists():
            hint = "set enabled = true under [archive], and restart the daemon"
            raise NoArchive("events are not archived", where="archive.enabled", hint=hint)
        return open_search(self._settings, self._database, system_clock)


def field_condition(written: str) -> Condition:
    """Read `FIELD=VALUE`; raises ConfigurationError where there is no such field, or it cannot have such a value."""
    name, is_there, value = written.partition("=")
    name = name.strip()
    if not is_there:
        raise ConfigurationError("expected FIELD=VALUE", where=written, hint="such as event.outcome=failure")
    if name not in SCHEMA:
        hint = nearest(name, SCHEMA) or "docs/events.md lists the fields"
        raise ConfigurationError("there is no such field", where=name, hint=hint)
    return Condition((name,), (_value(name, value.strip()),))


def account_condition(account: str) -> Condition:
    """Say that an account is named, in whatever role."""
    return Condition(ACCOUNTS, (account,))


def _value(name: str, text: str) -> Any:
    """Read a value as the type of its field has it."""
    dtype = SCHEMA[name]
    try:
        if isinstance(dtype, pl.Boolean):
            return _TRUTHS[text]
        if isinstance(dtype, pl.Datetime):
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return int(text) if isinstance(dtype, pl.Int64) else float(text) if isinstance(dtype, pl.Float64) else text
    except (ValueError, KeyError) as error:
        raise ConfigurationError(f"expected {_KINDS[type(dtype)]}", where=f"{name}={text}") from error


_KINDS: dict[type[pl.DataType], str] = {
    pl.Boolean: "true or false",
    pl.Datetime: "a moment such as 2026-03-02T09:00:00Z",
    pl.Int64: "a whole number",
    pl.Float64: "a number",
}


def column_names(written: Sequence[str]) -> list[str]:
    """Return the names of columns; raises ConfigurationError where there is no such one."""
    for name in written:
        if name not in SCHEMA:
            hint = nearest(name, SCHEMA) or "docs/events.md lists the fields"
            raise ConfigurationError("there is no such field", where=name, hint=hint)
    return [*written]
