"""Changes of what concerns staff, as one value of the engine: they are few, and the audit trail has each for good."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.json import decode, encode
from sqlalchemy import Connection

from credwatch.kernel.staff_change import FormerMember, StaffChange, StaffChangeState
from credwatch.store.state import progress

_CHANGES, _STAFF, _WATCHED = "staff_changes", "staff_before", "staff_watched"
_SETTLED = 200
"""So many of those that wait no longer are listed; the audit trail has the rest."""


class Watched(Struct, frozen=True):
    """What was watched over when files were looked at last."""

    files: tuple[str, ...]
    """The files that concern staff."""
    second_person: bool
    """Whether two people were asked for."""


def watched_before(connection: Connection) -> Watched | None:
    """Return what was watched over at the last look; None before the first."""
    stored = progress.value(connection, _WATCHED)
    return decode(stored, type=Watched) if stored is not None else None


def save_watched(connection: Connection, watched: Watched) -> None:
    """Note what is watched over from now on."""
    progress.save_value(connection, _WATCHED, encode(watched))


def all_changes(connection: Connection) -> list[StaffChange]:
    """Return them, the earliest first."""
    stored = progress.value(connection, _CHANGES)
    return decode(stored, type=list[StaffChange]) if stored else []


def is_waiting(connection: Connection, what: str) -> bool:
    """Say whether a change of this waits for people."""
    changes = all_changes(connection)
    return any(change.what == what and change.state is StaffChangeState.WAITING for change in changes)


def save_changes(connection: Connection, changes: Iterable[StaffChange]) -> None:
    """Keep changes, new ones and those that have gone on."""
    every = {change.id: change for change in (*all_changes(connection), *changes)}
    settled = [change.id for change in every.values() if change.state is not StaffChangeState.WAITING]
    for number in settled[:-_SETTLED]:
        del every[number]
    progress.save_value(connection, _CHANGES, encode([*every.values()]))


def staff_before(connection: Connection) -> tuple[FormerMember, ...] | None:
    """Return the staff when files were looked at last; None where nobody has noted them."""
    stored = progress.value(connection, _STAFF)
    return decode(stored, type=tuple[FormerMember, ...]) if stored is not None else None


def save_staff(connection: Connection, staff: tuple[FormerMember, ...]) -> None:
    """Note who the staff are."""
    progress.save_value(connection, _STAFF, encode(staff))
