"""Changes of what concerns staff, as one value of the engine: they are few, and the audit trail has each for good."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.json import decode, encode
from sqlalchemy import Connection

from credwatch.kernel.staff_change import FormerMember, StaffChange, StaffChangeState
from credwatch.store.state import progress

_CHANGES, _STAFF = "staff_changes", "staff_before"
_SETTLED = 200
"""So many of those that wait no longer are listed; the audit trail has the rest."""


def all_changes(connection: Connection) -> list[StaffChange]:
    """Return them, the earliest first."""
    stored = progress.value(connection, _CHANGES)
    return decode(stored, type=list[StaffChange]) if stored else []


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
