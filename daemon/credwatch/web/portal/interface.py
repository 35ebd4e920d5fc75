"""What the pages ask of the casework, and the values that they show.

The pages know HTTP, forms and words; who implements `PortalDesk` knows cases. So the same answer, report or change can
come another way, such as by mail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from credwatch.kernel.access import AccessRequest
from credwatch.kernel.case_entry import Statement
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.report import CustomerReport, ReportWay
from credwatch.ledger.entry import ActKind
from credwatch.store.cases.access_requests import StoredAccess
from credwatch.store.portal.changes import ChangeOf, ContactChange
from credwatch.store.portal.sessions import AskedLink
from credwatch.web.portal.visit import Upload


class CustomerContact(Struct, frozen=True):
    """Somebody who speaks for a customer: one of its notice addresses."""

    customer: str
    """The customer's id."""
    name: str
    """The customer's name."""
    address: str
    """The address, as the register or a change has it."""
    language: str
    """The language it reads first: vi or en."""

    @property
    def actor(self) -> str:
        """By what name its acts stand in cases and in the audit trail."""
        return f"contact {self.address}"


class NoticeLine(Struct, frozen=True):
    """One incident of a customer, as a list shows it."""

    number: str
    """The incident's number."""
    title: Mapping[str, str]
    """What it is, by language."""
    told_at: datetime | None
    """When a mail server first took a notice of it; None while none has."""
    occurred_at: datetime
    """When it happened last, UTC."""
    is_open: bool
    """Whether it is being worked on."""
    is_disclosure: bool
    """Whether it tells of an act of the vendor's staff on request or order."""
    answer: Statement | None
    """What the customer said of it last."""
    needs_answer: bool
    """Whether an answer is awaited."""


class NoticeAnswer(Struct, frozen=True):
    """What the customer said of an incident, once."""

    at: datetime
    """When, UTC."""
    party: str
    """Who."""
    statement: Statement | None
    """What they say of the act."""
    accounts: tuple[str, ...]
    """Of which accounts; empty for all."""
    text: str
    """Their words."""


class NoticeView(Struct, frozen=True):
    """One incident as its customer may see it: its own accounts, and nothing of another's."""

    line: NoticeLine
    """What the list shows of it."""
    what: Mapping[str, str]
    """What happened, by language."""
    steps: Mapping[str, tuple[str, ...]]
    """What to do, by language."""
    accounts: tuple[str, ...]
    """The customer's accounts that it touches."""
    addresses: tuple[str, ...]
    """From which addresses."""
    occurred_first: datetime
    """When it began, UTC."""
    detected_at: datetime
    """When it was detected, UTC."""
    measures: tuple[Mapping[str, Any], ...]
    """What was done about the customer's accounts, or was ordered: action, stage, until, targets."""
    ground: Mapping[str, str]
    """On what ground staff acted: basis, document, issuer, authorisation, action, department; empty where none did."""
    messages: tuple[tuple[str, str, datetime | None], ...]
    """The messages about it to this customer: recipient, how each stands, when it was accepted."""
    answers: tuple[NoticeAnswer, ...]
    """What the customer said, in that order."""
    closed_as: str
    """What came of it; empty where it is open, or nobody said."""


class StaffTouch(Struct, frozen=True):
    """One act of the vendor's staff on the customer's accounts."""

    number: str
    """The number of the incident that tells of it."""
    at: datetime
    """When, UTC."""
    action: str
    """What was done."""
    accounts: tuple[str, ...]
    """On which accounts."""
    department: str
    """The department that did it."""
    basis: str
    """On what ground: customer_request, court_order, authority_request or emergency; empty where there is none."""
    document: str
    """The request or order."""
    issuer: str
    """Who gave it."""


class NewReport(Struct, frozen=True):
    """A report as it comes in, before it has a number."""

    way: ReportWay
    """How it came."""
    what: str
    """What happened, in the sender's words."""
    sending: str
    """What names this one sending of it: the same again brings no second case."""
    customer: str = ""
    """The customer that is proven to have sent it."""
    claimed: str = ""
    """Whose it says it is, where nothing proves it."""
    sender: str = ""
    """Who sent it."""
    phone: str = ""
    """Where to call back."""
    accounts: tuple[str, ...] = ()
    """The accounts concerned."""
    occurred_at: datetime | None = None
    """When it happened, UTC."""
    uploads: tuple[Upload, ...] = ()
    """What came with it."""
    reference: str = ""
    """The sender's own number for it."""
    doubts: tuple[str, ...] = ()
    """Why it may be no honest report."""


class ReportReceipt(Struct, frozen=True):
    """What the sender of a report has in hand."""

    report: CustomerReport
    """The report as it is kept."""
    code: str
    """With the number it proves whose report it is; who has both may see how it stands."""
    answer_by: datetime | None
    """Until when the vendor answers; None where nobody is proven to be a customer."""
    is_repeat: bool = False
    """Whether it had been received before."""


class ReportStanding(Struct, frozen=True):
    """How a report stands."""

    report: CustomerReport
    """The report."""
    is_open: bool
    """Whether it is being worked on."""
    answer_by: datetime | None
    """Until when the vendor answers."""
    answered_at: datetime | None
    """When it did."""


class ChangeRefused(CredwatchError):
    """A change that cannot be; the message is a word of the page: no_address, known, unknown, too_few, no_phone, …"""


class OtherReport(CredwatchError):
    """The same name of a sending came with another report."""


class PortalDesk(Protocol):
    """What is done for visitors. Methods may be called from several threads; each is one transaction at most.

    They raise CredwatchError where the store or a file refuses; then nothing of it is done.
    """

    def is_genuine(self, number: str, code: str) -> bool:
        """Say whether a letter or a receipt with this number has this code; takes as long either way."""
        ...

    def contacts_at(self, address: str) -> Sequence[CustomerContact]:
        """Return whom an address speaks for; empty where it is nobody's, or believed compromised."""
        ...

    def contact(self, customer: str, address: str) -> CustomerContact | None:
        """Return a contact while it is one."""
        ...

    def send_link(self, contact: CustomerContact, link: AskedLink, url: str, asked_from: str) -> None:
        """Keep a link to log in, and queue its letter."""
        ...

    def logged(self, contact: CustomerContact, what: ActKind, details: Mapping[str, object]) -> None:
        """Write what a contact did into the audit trail; a new factor is told to all of the customer's addresses."""
        ...

    def notices(self, customer: str) -> Sequence[NoticeLine]:
        """Return what a customer was told of, the latest first; what is held is not among it."""
        ...

    def notice(self, customer: str, number: str) -> NoticeView | None:
        """Return one of them; None where it is not this customer's, whatever it is."""
        ...

    def answer(
        self, contact: CustomerContact, number: str, said: Mapping[str, Statement], text: str, submission: str
    ) -> bool:
        """Take an answer for each account ("" for the whole), once a submission; False where it is not theirs."""
        ...

    def report(self, report: NewReport) -> ReportReceipt | None:
        """Take a report in; None where too many came from strangers today."""
        ...

    def reports(self, customer: str) -> Sequence[ReportStanding]:
        """Return a customer's reports, the latest first."""
        ...

    def report_with(self, number: str, code: str) -> ReportStanding | None:
        """Return a report to whoever has its number and code."""
        ...

    def touches(self, customer: str) -> Sequence[StaffTouch]:
        """Return each act of staff on a customer's accounts, the latest first."""
        ...

    def requests_of(self, customer: str) -> Sequence[StoredAccess]:
        """Return the access to the customer's accounts that is asked for, holds or is over, the latest first."""
        ...

    def decide_as_customer(
        self, contact: CustomerContact, number: str, agrees: bool, text: str, submission: str
    ) -> AccessRequest:
        """Have a contact agree or refuse, once a submission; raises AccessForbidden where it is late or not theirs."""
        ...

    def addresses(self, customer: str) -> tuple[tuple[str, ...], str, Sequence[ContactChange]]:
        """Return notice addresses and telephone number as they hold, and the changes, the latest first."""
        ...

    def change(self, contact: CustomerContact, kind: ChangeOf, value: str, submission: str) -> ContactChange | None:
        """Ask for a change; the addresses as they are now are told. None where it was asked for before."""
        ...

    def cancel_change(self, change: str, *, customer: str = "", code: str = "", by: str = "") -> bool:
        """Call a waiting change off: for a contact of the customer, or whoever has the code of a letter about it."""
        ...

    def evidence(self, contact: CustomerContact, number: str) -> Path | None:
        """Pack the evidence of a case for one customer into a file that the caller deletes; None as for `notice`."""
        ...

    def token_owner(self, token: str) -> str:
        """Return the customer whose token for reports this is; empty where it is nobody's."""
        ...
