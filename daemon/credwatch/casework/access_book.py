"""The operators' view of access to customers' accounts, in a store that a daemon may be using."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from credwatch.app import keys
from credwatch.app.build import sound_facts
from credwatch.app.contact_changes import facts_after
from credwatch.casework.access_desk import AccessDesk
from credwatch.casework.casebook import Casebook
from credwatch.kernel.access import AccessUse
from credwatch.kernel.clock import system_clock
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.store.portal.changes import ChangeState, changes_in
from credwatch.world.access import awaits_customer, review_due


class AccessBook(Casebook):
    """Gives the desk at which access is asked for and decided; use it in a `with` block."""

    def desk(self) -> AccessDesk:
        """Make the desk; raises ProblemsFound where registers cannot be read. The rules are not needed."""
        with self._database.reading() as connection:
            done = changes_in(connection, ChangeState.DONE)
        registered = facts_after(sound_facts(self._settings), done)
        facts = replace(registered, notice_key=keys.notice_key(self._settings))
        return AccessDesk(self._settings, self._database, lambda: facts, system_clock)


def told_of(stored: StoredAccess) -> dict[str, Any]:
    """Return a request as JSON values, with what it still waits for and how often it was used."""
    request, use = stored.request, stored.use
    values: dict[str, Any] = to_builtins(request)
    values |= {"state": request.state.value, "approvers": list(request.approvers)}
    values |= {"awaits_customer": awaits_customer(request), "use": to_builtins(use or AccessUse())}
    due = review_due(request)
    return values | {"review_by": to_builtins(due) if due else ""}
