"""The customers' pages of two customers, on a store of their own, with a clock that tests move: valid by default."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyotp
from httpx import ASGITransport, AsyncClient, Response
from msgspec.structs import replace
from starlette.applications import Starlette

from builders_outbox import an_incident
from credwatch.app.build import sound_facts
from credwatch.app.settings import Settings, load_settings
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.kernel.clock import system_clock
from credwatch.kernel.command import Command
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange
from credwatch.kernel.receipt import Delivered
from credwatch.kernel.secret import Secret
from credwatch.policy import totp
from credwatch.service import portal
from credwatch.service.portal import build_portal
from credwatch.store import outbox
from credwatch.store.cases import incidents, legal_clocks
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore
from credwatch.web.portal.server import serve_portal
from credwatch.workflows.decide import react
from scenarios.daemon import Site
from scenarios.site_files import SETTINGS

HAI_AU, BLUE_HARBOR = "hai-au", "blue-harbor"
CONTACT, OTHER = "it@haiau.example", "security@blueharbor.example"
SEALING_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


class PortalSite:
    """Settings, registers, store, desk and application of the pages."""

    def __init__(self, folder: Path, monkeypatch: Any, *, url: str = "http://localhost", options: str = "") -> None:
        pages = (
            f'[portal]\nenabled = true\npublic_url = "{url}"\nrequests_per_minute = 100000\ncpu_share = 4\n{options}'
        )
        Site(folder, port=25, settings=SETTINGS + pages).furnish()
        self.settings: Settings = load_settings(folder / "credwatch.toml")
        self.moved = timedelta()
        self.facts = replace(sound_facts(self.settings), notice_key=Secret("notice key"))
        self.database = Database(self.settings.daemon.store)
        self.database.migrate()
        self.desk = CustomerDesk(self.settings, self.database, lambda: self.facts, self.clock)
        monkeypatch.setattr(portal, "totp_key", lambda: Secret(SEALING_KEY))
        monkeypatch.setattr(totp, "digest_of", lambda code, salt: sha256((code.reveal() + salt).encode()).hexdigest())
        self.url = url
        self._runner = asyncio.Runner()

    def clock(self) -> datetime:
        """Tell the time, as far as the test has moved it."""
        return system_clock() + self.moved

    @cached_property
    def app(self) -> Starlette:
        """The application."""
        return build_portal(self.settings, self.database, self.desk, self.clock)

    def ask(self, client: AsyncClient, method: str, path: str, **more: Any) -> Response:
        """Ask the application, in the one event loop that it lives in."""
        return self._runner.run(client.request(method, path, **more))

    def close(self) -> None:
        """Let everything go."""
        self._runner.close()
        self.database.close()

    def tell(self, **changes: Any) -> Incident:
        """Open an incident and have its notices accepted."""
        now = self.clock()
        incident = an_incident(
            **{
                "number": "CW-2026-7KQ2M4AB",
                "organization": HAI_AU,
                "organizations": (HAI_AU,),
                "subject": "ke.toan@haiau.example",
                "accounts": ("ke.toan@haiau.example",),
                "workflows": ("customer_notice",),
                "occurred_first": now - timedelta(minutes=9),
                "occurred_last": now - timedelta(minutes=4),
                **{name: now for name in ("recorded_at", "detected_at", "recorded_last", "detected_last")},
                **changes,
            }
        )
        change = IncidentChange(ChangeKind.OPENED, incident, started=incident.workflows)
        reaction = react(change, self.facts, now)
        with self.database.writing() as connection:
            incidents.save_incidents(connection, [incident])
            outbox.queue(connection, reaction.commands)
            legal_clocks.save_clocks(connection, reaction.clocks)
        self.deliver()
        return incident

    def deliver(self) -> None:
        """Have a mail server accept everything that waits."""
        store, now = OutboxStore(self.database), self.clock()
        for stored in store.listed(("queued",)):
            store.begin(stored.command.id, now)
            store.settle(stored.command.id, Delivered(now, "250 accepted", content=b"as sent"), now, None)

    def letters(self, workflow: str, recipient: str = "") -> list[Command]:
        """Return the letters of a workflow, the oldest first."""
        every = [stored.command for stored in OutboxStore(self.database).listed(EVERY)]
        return [one for one in every if one.workflow == workflow and recipient in ("", one.recipient)]

    def incident(self, number: str) -> Incident:
        """Return an incident as it is now."""
        with self.database.reading() as connection:
            found = incidents.incident(connection, number)
        assert found is not None
        return found


class Browser:
    """A browser without a screen: it keeps cookies, sends what browsers send, and fills forms in."""

    def __init__(self, site: PortalSite) -> None:
        self.site = site
        self._client = AsyncClient(transport=ASGITransport(site.app), base_url=site.url.replace("http:", "https:"))
        self.secret = ""

    def get(self, path: str, **headers: str) -> Response:
        """Open a page."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, fields: dict[str, Any] | None = None, **more: Any) -> Response:
        """Send a form that one of our pages has shown."""
        headers = {"Origin": self.site.url, "Sec-Fetch-Site": "same-origin", **more.pop("headers", {})}
        return self.send("POST", path, data={"form": self.token(), **(fields or {})}, headers=headers, **more)

    def send(self, method: str, path: str, **more: Any) -> Response:
        """Send anything."""
        headers = {"Host": self.host, **more.pop("headers", {})}
        return self.site.ask(self._client, method, path, headers=headers, **more)

    @property
    def host(self) -> str:
        """The host that it asks."""
        return self.site.settings.portal.host

    @property
    def cookies(self) -> Any:
        """Its cookies."""
        return self._client.cookies

    def token(self) -> str:
        """Return the token of this browser's forms."""
        found = re.search(r'name="form" value="([^"]+)"', self.get("/check").text)
        assert found
        return found[1]

    def ask(self, address: str = CONTACT) -> str:
        """Ask for a link, and return the path in the letter."""
        before = len(self.site.letters("portal_link"))
        assert 200 == self.post("/login", {"address": address}).status_code
        letters = self.site.letters("portal_link")
        assert before < len(letters)
        return str(letters[-1].payload.context["url"]).removeprefix(self.site.url)

    def log_in(self, address: str = CONTACT) -> Browser:
        """Log in with an app, which is set up where there is none."""
        assert "/login/second" == self.post(self.ask(address)).headers["location"]
        if "/login/app" in self.get("/login/second").text:
            shown = re.search(r'id="secret">([A-Z2-7 ]+)<', self.post("/login/app").text)
            assert shown
            self.secret = shown[1].replace(" ", "")
            done = self.post("/login/app/confirm", {"code": self.code()})
            assert 200 == done.status_code, done.text
        else:
            assert 303 == self.post("/login/code", {"code": self.code()}).status_code
        return self

    def code(self) -> str:
        """Return what the app shows now."""
        return pyotp.TOTP(self.secret).at(self.site.clock())


@contextmanager
def served(site: PortalSite) -> Iterator[None]:
    """Serve the pages in a thread, until the block is left."""
    loop, stop, listening = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    serving = serve_portal(site.app, site.settings.portal, stop=stop, listening=lambda _place: listening.set())
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    try:
        assert listening.wait(60)
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
