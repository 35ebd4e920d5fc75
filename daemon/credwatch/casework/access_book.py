"""The operators' view of access to customers' accounts, in a store that a daemon may be using."""

from __future__ import annotations

from msgspec.structs import replace

from credwatch.app import keys
from credwatch.app.build import sound_facts
from credwatch.app.contact_changes import facts_after
from credwatch.casework.access_desk import AccessDesk
from credwatch.casework.casebook import Casebook
from credwatch.casework.change_desk import ChangeDesk
from credwatch.kernel.clock import system_clock
from credwatch.store.portal.changes import ChangeState, changes_in
from credwatch.workflows.facts import Facts


class AccessBook(Casebook):
    """Gives the desk at which access is asked for and decided; use it in a `with` block."""

    def desk(self) -> AccessDesk:
        """Make the desk; raises ProblemsFound where registers cannot be read. The rules are not needed."""
        facts = self._signing_facts()
        return AccessDesk(self._settings, self._database, lambda: facts, system_clock)

    def change_desk(self) -> ChangeDesk:
        """Make the desk at which changes of what concerns staff are confirmed; as above."""
        facts = self._signing_facts()
        return ChangeDesk(self._settings, self._database, lambda: facts, system_clock)

    def _signing_facts(self) -> Facts:
        with self._database.reading() as connection:
            done = changes_in(connection, ChangeState.DONE)
        registered = facts_after(sound_facts(self._settings), done)
        return replace(registered, notice_key=keys.notice_key(self._settings))
