"""A site whose staff ask for access and decide, whose pipeline reads lines, and whose clock tests move."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pyotp
from msgspec.structs import replace

from credwatch.app.build import build_knowledge, sound_facts
from credwatch.app.settings import load_settings
from credwatch.casework.customer_desk import CustomerDesk
from credwatch.kernel.access import AccessGround, AccessOrder, AccessRequest, AccessState
from credwatch.kernel.account import Account
from credwatch.kernel.incident import Incident
from credwatch.kernel.secret import Secret
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.policy.profile import MfaProfile
from credwatch.policy.sealing import Sealer
from credwatch.policy.totp import MfaOutcome, Totp
from credwatch.store import audit
from credwatch.store.audit import Chosen
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.store.cases.case_list import list_incidents
from credwatch.store.commands import EVERY, StoredCommand
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows
from credwatch.store.outbox import OutboxStore
from scenarios.daemon import Site
from scenarios.lines import BEGIN
from scenarios.pipeline import a_chunk, take
from scenarios.site_files import CUSTOMERS, STAFF
from unit.policy.gate_fakes import KEY

USER, CUSTOMER = "ke.toan@haiau.example", "hai-au"
HOUR = timedelta(hours=1)
_KNOWLEDGE: list[Knowledge] = []
"""What the shipped rules and the registers of every office tell, once it was read."""
ORDER = AccessOrder("VKSND tỉnh Khánh Hòa", "Điều 177", "a" * 64)


def a_request(**changes: Any) -> AccessRequest:
    """Build what minh asks for at `BEGIN`: two hours at one account, on the customer's request."""
    request = AccessRequest(
        id="",
        customer=CUSTOMER,
        ground=AccessGround.CUSTOMER_REQUEST,
        reference="ticket 4711",
        reason="the books do not close",
        asked_by="",
        asked_at=BEGIN,
        actors=(),
        accounts=(USER,),
        actions=("staff_access",),
        starts_at=BEGIN,
        ends_at=BEGIN + 2 * HOUR,
        data=("ledger",),
    )
    return replace(request, **changes)


def an_order(**changes: Any) -> AccessRequest:
    """Build the same on a court's order, which the customer need not approve."""
    return a_request(**{"ground": AccessGround.COURT_ORDER, "order": ORDER, **changes})


class AccessOffice:
    """Staff, customers and daemon, in one process."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder, port=25, registers={"customers": CUSTOMERS, "staff": STAFF}).furnish()
        self.site.rules.unlink()
        settings = load_settings(self.site.config)
        self.now = BEGIN
        self.database = Database(settings.daemon.store)
        self.database.migrate()
        self._facts = replace(sound_facts(settings), notice_key=Secret("key"))
        self.desk = CustomerDesk(settings, self.database, lambda: self._facts, self.clock)
        self._position = 0
        self.totp = Totp(FactorRows(self.database, self.clock), Sealer(KEY), issuer="test")
        self._secrets = {name: self._enrolled(f"{name}@vendor.example") for name in ("minh", "thao", "quang", "yen")}

    @cached_property
    def pipeline(self) -> Pipeline:
        """The pipeline, which takes longest to make."""
        if not _KNOWLEDGE:
            _KNOWLEDGE.append(build_knowledge(load_settings(self.site.config), notice_key=Secret("key")))
        return Pipeline(_KNOWLEDGE[0], self.database, self.clock)

    def clock(self) -> datetime:
        """Tell the time that the test has set."""
        return self.now

    def _enrolled(self, account: str) -> str:
        before = Account.of("", account)
        enrolment = self.totp.enrol(before, MfaProfile(), self.now)
        assert enrolment is not None
        secret = enrolment.secret.reveal()
        past = self.now - timedelta(minutes=5)
        assert self.totp.confirm(before, Secret(pyotp.TOTP(secret).at(past)), MfaProfile(), past).accepted
        return secret

    def code(self, name: str) -> Secret:
        """Return what the app of a member of the staff shows now."""
        return Secret(pyotp.TOTP(self._secrets[name]).at(self.now))

    def check(self, account: Account, code: Secret) -> MfaOutcome:
        """Look at a code as the gate does."""
        return self.totp.verify(account, code, MfaProfile(), self.now).outcome

    def ask(self, request: AccessRequest | None = None, by: str = "minh") -> str:
        """Ask for access, with a code."""
        return self.desk.ask(request or a_request(), by, self.code(by), self.check)

    def approve(self, number: str, by: str) -> AccessRequest:
        """Approve with the code that the app shows."""
        return self.desk.approve(number, f"{by}@vendor.example", self.code(by), self.check)

    def review(self, number: str, by: str, text: str) -> AccessRequest:
        """Say how it went, with the code that the app shows."""
        return self.desk.review(number, by, self.code(by), self.check, text)

    def contact(self, address: str = "it@haiau.example") -> Any:
        """Return a contact of the customer."""
        contact = self.desk.contact(CUSTOMER, address)
        assert contact is not None
        return contact

    def granted(self, request: AccessRequest | None = None) -> str:
        """Ask for access, on an order, and have two approve it."""
        number = self.ask(request or an_order())
        for name in ("quang", "yen"):
            assert self.approve(number, name).state in (AccessState.WAITING, AccessState.GRANTED)
        assert AccessState.GRANTED is self.stored(number).request.state
        return number

    def stored(self, number: str) -> StoredAccess:
        """Return a request as the store has it."""
        return self.desk.request(number)

    def read(self, *lines: str) -> None:
        """Have these lines read."""
        data = "".join(f"{line}\n" for line in lines).encode()
        take(self.pipeline, a_chunk(data, source="application", position=self._position))
        self._position += len(data)

    def incidents(self, kind: str) -> list[Incident]:
        """Return the incidents of a kind."""
        with self.database.reading() as connection:
            return [one for one in list_incidents(connection, only_open=False) if one.kind == kind]

    def letters(self, what: str = "") -> list[StoredCommand]:
        """Return the letters about the customer's access, of one kind where it is named."""
        every = [one for one in OutboxStore(self.database).listed(EVERY) if one.command.workflow == "portal_news"]
        return [one for one in every if what in ("", one.command.payload.context["what"])]

    def calls(self) -> list[str]:
        """Return why the operators were called."""
        every = OutboxStore(self.database).listed(EVERY)
        return [str(one.command.payload.context["reason"]) for one in every if one.command.workflow == "escalation"]

    def log(self, customer: str = "") -> list[dict[str, Any]]:
        """Return what the trail says of access, the oldest first: of all, or in the customer's own log."""
        with self.database.reading() as connection:
            rows = audit.listed(connection, Chosen(customer=customer), 1000)
        entries = [json.loads(row.entry) for row in rows[::-1]]
        return [entry for entry in entries if entry["kind"].startswith("access_")]
