"""Puts the customers' pages together, as a part of the daemon."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette

from credwatch.app.keys import totp_key
from credwatch.app.settings import Settings
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.kernel.clock import Clock
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import Totp
from credwatch.service.parts.interface import LivingPart
from credwatch.service.parts.paging import portal_part
from credwatch.service.schedule import Every, Job
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows
from credwatch.telemetry.metrics import Metrics
from credwatch.web.portal.front_door import FrontDoor
from credwatch.web.portal.look import Look
from credwatch.web.portal.routes import portal_app
from credwatch.workflows.facts import Contact


class Portal:
    """The pages, and what is done for them by the clock."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        desk: CustomerDesk,
        clock: Clock,
        metrics: Metrics,
        on_changed: Callable[[], None],
    ) -> None:
        """Take what the pages work with; `on_changed` is told where a change of addresses holds from now on."""
        self._settings = settings
        self._database = database
        self._desk = desk
        self._clock = clock
        self._metrics = metrics
        self._on_changed = on_changed

    def parts(self) -> list[LivingPart]:
        """Make the part that serves the pages; none where they are switched off."""
        return [portal_part(self._app, self._settings.portal)] if self._settings.portal.enabled else []

    def jobs(self) -> list[Job]:
        """Name what is done by the clock."""
        return [Job("contacts", Every(60), self.take_up_changes)]

    def take_up_changes(self) -> None:
        """Have the changes of notice addresses hold whose time has come."""
        if self._desk.take_up_changes():
            self._on_changed()

    def _app(self) -> Starlette:
        return build_portal(self._settings, self._database, self._desk, self._clock, self._metrics.portal_answered)


def build_portal(
    settings: Settings,
    database: Database,
    desk: CustomerDesk,
    clock: Clock,
    on_visit: Callable[[str], None] = lambda _outcome: None,
) -> Starlette:
    """Make the application; raises ConfigurationError where words or templates are not there."""
    contact = settings.contact
    sender = Contact(contact.name, contact.mailbox, contact.phone, contact.address)
    look = Look(settings.daemon.time_zone, sender, desk.catalogue)
    rows = FactorRows(database, clock)
    totp = Totp(rows, Sealer(totp_key()), issuer=settings.gate.service)
    return portal_app(FrontDoor(settings.portal, desk, database, look, clock, on_visit), totp, rows)
