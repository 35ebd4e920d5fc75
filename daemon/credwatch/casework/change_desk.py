"""Lets people confirm changes of what concerns staff, each with a code of their own."""

from __future__ import annotations

from credwatch.casework import change_keeping
from credwatch.casework.access_desk import AccessDesk
from credwatch.kernel.secret import Secret
from credwatch.kernel.staff_change import ChangeForbidden, StaffChange
from credwatch.policy.gate import CodeCheck
from credwatch.store import staff_changes
from credwatch.world.staff_changes import confirmed, confirmer


class ChangeDesk(AccessDesk):
    """Works on a store that a daemon may be using at the same time."""

    def changes(self) -> list[StaffChange]:
        """Return them, the earliest first."""
        with self._database.reading() as connection:
            return staff_changes.all_changes(connection)

    def confirm(self, number: str, by: str, code: Secret, check: CodeCheck, text: str) -> StaffChange:
        """Give a person's word for a change; the code is looked at only where it is theirs to give.

        Who they are is read from the staff as they were before the change. Raises ChangeForbidden and CodeRefused.
        """
        before = _numbered(self.changes(), number)
        member = confirmer(before, by)
        confirmed(before, member.id, self._clock(), text)
        self._prove(member, by, code, check)
        with self._database.writing() as connection:
            now = self._clock()
            change = confirmed(_numbered(staff_changes.all_changes(connection), number), member.id, now, text)
            change_keeping.keep(connection, change, now)
        return change


def _numbered(changes: list[StaffChange], number: str) -> StaffChange:
    for change in changes:
        if change.id == number:
            return change
    raise ChangeForbidden("there is no such change", where=number, hint="credwatch changes list")
