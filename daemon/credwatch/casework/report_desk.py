"""Takes in what customers report, whichever way it comes: a case, a receipt and a clock at once, and each report once.

A report is kept before its receipt is given: its files first, each under its SHA-256, then all the rest in one
transaction. A crash in between leaves a file that nothing names, and the sender without a receipt, who sends again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework.case_files import keep_in, reports_folder
from credwatch.casework.contact_desk import ContactDesk
from credwatch.kernel.account import compared
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import LegalClock
from credwatch.kernel.detection import Level
from credwatch.kernel.ids import incident_number
from credwatch.kernel.incident import Incident, Status
from credwatch.kernel.moment import Moment, NotedMoment
from credwatch.kernel.report import CustomerReport, ReportFile
from credwatch.ledger.entry import Act, ActKind
from credwatch.store import audit, outbox
from credwatch.store.cases import case_entries, incidents, legal_clocks
from credwatch.store.cases.case_search import Wanted, search
from credwatch.store.pages import Page
from credwatch.store.portal import reports
from credwatch.web.portal.interface import NewReport, OtherReport, ReportReceipt, ReportStanding
from credwatch.web.portal.visit import Upload
from credwatch.workflows.clocks import start
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.message import bounded, same_code, verification_code
from credwatch.workflows.portal_letters import PortalNews

KIND, DUTY = "customer_report", "report_answer"
_SAME_FOR = timedelta(days=1)
"""A report that says the same as one of this day is that one, sent again."""
_MOST_MATCHES, _MOST_SEARCHED, _MOST_LISTED = 20, 2_000, 200


class ReportDesk(ContactDesk):
    """Takes reports in, and says how they stand."""

    def report(self, report: NewReport) -> ReportReceipt | None:
        """Take a report in; None where too many came from strangers today. Raises OtherReport, StoreError."""
        files = tuple(self._kept(upload) for upload in report.uploads)
        with self._database.writing() as connection:
            receipt = self._taken_in(connection, report, files, self._clock())
        if receipt is not None and not receipt.is_repeat:
            self._on_queued()
        return receipt

    def _taken_in(
        self, connection: Connection, report: NewReport, files: tuple[ReportFile, ...], now: datetime
    ) -> ReportReceipt | None:
        """Take a report in within a transaction; its files are kept already."""
        digest = _digest(report, files)
        earlier = self._known_already(connection, report, digest, now)
        if earlier is not None:
            return self._receipt(connection, earlier, is_repeat=True)
        if self._is_too_much(connection, report, now):
            return None
        taken = self._opened(connection, report, files, now)
        reports.add_report(connection, taken, report.sending, digest)
        return self._receipt(connection, taken)

    def _known_already(
        self, connection: Connection, report: NewReport, digest: str, now: datetime
    ) -> CustomerReport | None:
        """Find the report that this one is, where it was sent before; it is counted with it."""
        before = reports.report_sent_as(connection, report.sending)
        if before is not None and before[1] != digest:
            hint = "give each report a key of its own"
            raise OtherReport("this key came with another report", where=before[0].number, hint=hint)
        same = before[0] if before else reports.report_saying(connection, report.customer, digest, now - _SAME_FOR)
        if same is not None:
            reports.count_repeat(connection, same.number)
        return same

    def _is_too_much(self, connection: Connection, report: NewReport, now: datetime) -> bool:
        """Say whether strangers have sent as much today as is taken; customers are not bound."""
        most = self._settings.portal.strangers_reports_per_day
        return not report.customer and reports.reports_since(connection, "", now - timedelta(days=1)) >= most

    def _opened(
        self, connection: Connection, new: NewReport, files: tuple[ReportFile, ...], now: datetime
    ) -> CustomerReport:
        """Open the case of a report, start the clock of its answer, and tell operators and customer."""
        number = incident_number(KIND, new.customer, new.sending, now.isoformat(), at=now)
        report = CustomerReport(
            number=number,
            received_at=now,
            way=new.way,
            what=new.what,
            customer=new.customer,
            claimed=new.claimed,
            sender=new.sender,
            phone=new.phone,
            accounts=new.accounts,
            occurred_at=min(new.occurred_at, now) if new.occurred_at else None,
            files=files,
            reference=new.reference,
            doubts=new.doubts,
            matches=_matches(connection, new),
        )
        incident = _incident(report)
        incidents.save_incidents(connection, [incident])
        entry = CaseEntry(number, now, EntryKind.REPORTED, _actor(report), report=report, customer=report.customer)
        case_entries.add_entry(connection, entry)
        self._audit(connection, report)
        if report.customer:
            legal_clocks.save_clocks(connection, [self._answer_clock(report)])
        self._tell_of(connection, incident, report)
        return report

    def _answer_clock(self, report: CustomerReport) -> LegalClock:
        facts = self._facts()
        limit = facts.duties.report_answer
        return start(DUTY, report.number, report.customer, report.received_at, limit, contract=facts.contract)

    def _audit(self, connection: Connection, report: CustomerReport) -> None:
        files = [file.sha256 for file in report.files]
        details: dict[str, object] = {"way": report.way.value, "files": files}
        customers = (report.customer,) if report.customer else ()
        act = Act(report.received_at, ActKind.REPORT_RECEIVED, _actor(report), report.number, customers, details)
        audit.append(connection, act)

    def _tell_of(self, connection: Connection, incident: Incident, report: CustomerReport) -> None:
        """Tell the operators, unless it looks like spam, and the addresses of a customer that is proven."""
        facts, now = self._facts(), report.received_at
        if not report.doubts:
            reason = EscalationReason.CUSTOMER_REPORTED
            letters = escalate_about(incident, facts, now, reason, duty=DUTY, organization=report.customer)
            outbox.queue(connection, letters)
        if report.customer:
            values = {
                "number": report.number,
                "by": report.sender,
                "at": rfc3339(now),
                "accounts": bounded(report.accounts),
                "answer_by": rfc3339(self._answer_clock(report).due_at),
            }
            what = PortalNews.REPORT_RECEIVED
            self._tell(connection, what, report.customer, report.number, values, now, incident=report.number)

    def reports(self, customer: str) -> Sequence[ReportStanding]:
        """Return a customer's reports, the latest first."""
        with self._database.reading() as connection:
            return [self._standing(connection, one) for one in reports.reports_of(connection, customer, _MOST_LISTED)]

    def report_with(self, number: str, code: str) -> ReportStanding | None:
        """Return a report to whoever has its number and code."""
        is_right = same_code(code, self._code(number))
        with self._database.reading() as connection:
            report = reports.report_numbered(connection, number)
            return self._standing(connection, report) if report is not None and is_right else None

    def _receipt(self, connection: Connection, report: CustomerReport, *, is_repeat: bool = False) -> ReportReceipt:
        clock = _clock_of(connection, report.number)
        return ReportReceipt(report, self._code(report.number), clock.due_at if clock else None, is_repeat)

    def _standing(self, connection: Connection, report: CustomerReport) -> ReportStanding:
        incident, clock = incidents.incident(connection, report.number), _clock_of(connection, report.number)
        is_open = incident is not None and incident.status is not Status.CLOSED
        return ReportStanding(report, is_open, clock.due_at if clock else None, clock.met_at if clock else None)

    def _code(self, number: str) -> str:
        return verification_code(self._facts().notice_key, f"report {number}")

    def _kept(self, upload: Upload) -> ReportFile:
        """Keep a file under its SHA-256, readable by the daemon's user alone; CredwatchError where it cannot be."""
        return keep_in(reports_folder(self._settings), upload.name, upload.media_type, upload.content)


def _digest(report: NewReport, files: Sequence[ReportFile]) -> str:
    said = [report.customer, report.claimed, report.sender, report.what, report.reference, sorted(report.accounts)]
    moment = report.occurred_at.isoformat() if report.occurred_at else ""
    text = json.dumps([*said, moment, [file.sha256 for file in files]])
    return hashlib.sha256(text.encode()).hexdigest()


def _actor(report: CustomerReport) -> str:
    return f"contact {report.sender}" if report.customer else "a stranger"


def _incident(report: CustomerReport) -> Incident:
    """Open the incident of a report; its subject is its number, so that none joins another one."""
    now, customer, number = report.received_at, report.customer, report.number
    aware = NotedMoment(Moment.AWARE, now, _actor(report), now, organization=customer)
    level = Level.HIGH if customer else Level.MEDIUM
    incident = Incident(
        number=number,
        kind=KIND,
        organization=customer,
        subject=number,
        level=Level.LOW if report.doubts else level,
        status=Status.NEW,
        title="A customer reports a breach" if customer else "A stranger reports a breach",
        clause="8.2",
        occurred_first=report.occurred_at or now,
        occurred_last=report.occurred_at or now,
        recorded_at=now,
        detected_at=now,
        recorded_last=now,
        detected_last=now,
    )
    organizations = (customer,) if customer else ()
    return replace(incident, accounts=report.accounts, organizations=organizations, moments=(aware,))


def _matches(connection: Connection, new: NewReport) -> tuple[str, ...]:
    """Name the customer's incidents about the accounts of a report; none, where nothing proves whose it is."""
    if not new.customer or not new.accounts:
        return ()
    wanted = {compared(account) for account in new.accounts}
    page = Page(_MOST_LISTED)
    matches = search(connection, Wanted(customer=new.customer), page, _MOST_SEARCHED).incidents
    about = (one for one in matches if wanted & {compared(name) for name in (one.subject, *one.accounts)})
    return tuple(one.number for one in about if one.kind != KIND)[:_MOST_MATCHES]


def _clock_of(connection: Connection, number: str) -> LegalClock | None:
    return next((clock for clock in legal_clocks.clocks_of(connection, number) if clock.workflow == DUTY), None)
