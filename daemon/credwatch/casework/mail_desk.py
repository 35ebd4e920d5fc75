"""Takes in mail: bounces, answers and reports, each mail once, and each with what follows from it in one transaction.

Nobody is believed for what a mail says of itself. A report of a delivery counts with our own proof in its address, a
sender as somebody's contact where our own mail server found the sender's domain proven. Everything else is kept,
listed, and shown as what it is. A program's letter is never answered (RFC 3834, section 2).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
from msgspec.structs import replace
from sqlalchemy import Connection

from credwatch.casework.acts import answered
from credwatch.casework.mail_threads import Correspondent, Thread, sender_of, thread_of
from credwatch.casework.report_claims import ReportClaims, claims_of
from credwatch.casework.report_desk import ReportDesk
from credwatch.casework.returned_mail import TakenMail, take_report
from credwatch.inbox.mail import Mail, MailKind
from credwatch.inbox.reading import said_in
from credwatch.kernel.case_entry import Answer, CaseEntry, EntryKind, Way
from credwatch.kernel.legible import in_a_log
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.kernel.report import ReportFile, ReportWay
from credwatch.kernel.return_path import ReturnPath
from credwatch.parse.secrets.redact import redact_lines
from credwatch.store import mails, outbox
from credwatch.store.cases import case_entries, incidents
from credwatch.store.mails import StoredMail
from credwatch.store.portal import reports
from credwatch.web.portal.interface import NewReport, ReportReceipt
from credwatch.web.portal.visit import Upload
from credwatch.workflows.escalation import EscalationReason, escalate_about
from credwatch.workflows.mail_receipt import ReceiptFor, ReceivedMail, mail_receipt

_LONGEST_ENTRY = 8_000
_MOST_EARLIER = 500
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_NOBODY = frozenset({"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply", "bounce"})
"""Names of mailboxes that nobody reads."""


class MailDesk(ReportDesk):
    """Takes mails in on the daemon's own store and knowledge; use it from one thread."""

    def take(self, mail: Mail) -> MailOutcome:
        """Take a mail in; one that came before changes nothing. Raises TooEarly, StoreError, CredwatchError.

        After an exception nothing of it is done, and the mail is to be taken again.
        """
        files = self._files(mail)
        with self._database.writing() as connection:
            now = self._clock()
            if mails.came_before(connection, mail.digest):
                return MailOutcome.REPEATED
            taken = self._taken(connection, mail, files, now)
            mails.add_mail(connection, _stored(mail, taken, now))
        self._on_queued()
        return taken.outcome

    def _files(self, mail: Mail) -> tuple[ReportFile, ...]:
        """Keep what came with a person's mail, but not of more strangers than a day may bring."""
        if mail.kind not in (MailKind.PERSON, MailKind.REPORT):
            return ()
        with self._database.reading() as connection:
            is_somebody = sender_of(mail, self._facts()).is_somebody
            if not is_somebody and self._are_too_many(connection, self._clock()):
                return ()
        return tuple(
            self._kept(Upload(attachment.name, attachment.media_type, attachment.content))
            for attachment in mail.attachments[: self._settings.portal.attachments]
        )

    def _are_too_many(self, connection: Connection, now: datetime) -> bool:
        return mails.strangers_since(connection, now - _DAY) >= self._settings.portal.strangers_reports_per_day

    def _taken(self, connection: Connection, mail: Mail, files: tuple[ReportFile, ...], now: datetime) -> TakenMail:
        facts = self._facts()
        path = ReturnPath(self._settings.outbox.email.bounces, facts.notice_key)
        if mail.kind is MailKind.UNREADABLE:
            return TakenMail(MailOutcome.UNREADABLE)
        if mail.kind is MailKind.STATUS:
            return take_report(connection, mail, path, facts, now)
        thread = thread_of(connection, mail, path, facts)
        if thread.is_own:
            return TakenMail(MailOutcome.OWN, thread.message)
        if mail.kind not in (MailKind.PERSON, MailKind.REPORT):
            return self._noted(connection, mail, thread, (), now) if thread.incident else TakenMail(MailOutcome.MACHINE)
        if not thread.incident:
            return self._reported(connection, mail, files, now)
        if thread.sender.is_somebody:
            return self._answered(connection, mail, thread, files, now)
        if self._are_too_many(connection, now):
            return TakenMail(MailOutcome.SURPLUS)
        return self._noted(connection, mail, thread, files, now)

    def _answered(
        self, connection: Connection, mail: Mail, thread: Thread, files: tuple[ReportFile, ...], now: datetime
    ) -> TakenMail:
        """Put a contact's answer into its case, tell the operators, and send a receipt."""
        sender, facts = thread.sender, self._facts()
        incident = incidents.incident(connection, thread.incident)
        if incident is None:
            return self._reported(connection, mail, files, now)
        answer = Answer(party=sender.address, way=Way.MAIL)
        entry = CaseEntry(thread.incident, now, EntryKind.ANSWERED, sender.actor, _words(mail), answer=answer)
        answered(connection, incident, _of(entry, files, sender.customer), facts)
        reason = EscalationReason.MAIL_ANSWERED
        letters = escalate_about(incident, facts, now, reason, duty="", organization=sender.customer, phase=mail.digest)
        outbox.queue(connection, letters)
        to = self._send_receipt(connection, mail, ReceiptFor.ANSWER, thread.incident, sender.customer, now)
        return TakenMail(MailOutcome.ANSWERED, thread.message, thread.incident, sender.customer, to)

    def _noted(
        self, connection: Connection, mail: Mail, thread: Thread, files: tuple[ReportFile, ...], now: datetime
    ) -> TakenMail:
        """Keep a mail with its case that is nobody's answer; of one that seems a person's the operators hear."""
        incident = incidents.incident(connection, thread.incident)
        if incident is None:
            return TakenMail(MailOutcome.MACHINE, thread.message)
        by = "a stranger" if mail.kind is MailKind.PERSON else "a program"
        who = f"{mail.kind.value} mail, unproven, from {mail.sender or 'nobody'}"
        text = f"{who}: {_words(mail)}"[:_LONGEST_ENTRY]
        entry = CaseEntry(thread.incident, now, EntryKind.MAILED, by, text, files=files)
        case_entries.add_entry(connection, entry)
        if mail.kind is MailKind.PERSON:
            reason = EscalationReason.MAIL_ANSWERED
            outbox.queue(connection, escalate_about(incident, self._facts(), now, reason, duty="", phase=mail.digest))
        return TakenMail(MailOutcome.NOTED, thread.message, thread.incident)

    def _reported(self, connection: Connection, mail: Mail, files: tuple[ReportFile, ...], now: datetime) -> TakenMail:
        """Open a case for what somebody reports, as the customers' pages do; what follows a report joins its case."""
        sender = sender_of(mail, self._facts())
        claims = claims_of(mail, sender.customer, self._facts())
        if number := _case_of(connection, sender.customer, claims):
            return self._answered(connection, mail, Thread(sender, incident=number), files, now)
        report = self._report_of(mail, sender, claims)
        receipt = self._taken_in(connection, report, files, now)
        if receipt is None:
            return TakenMail(MailOutcome.SURPLUS)
        number = receipt.report.number
        to = "" if receipt.is_repeat else self._report_receipt(connection, mail, receipt, now)
        return TakenMail(MailOutcome.REPORTED, "", number, sender.customer, to)

    def _report_of(self, mail: Mail, sender: Correspondent, claims: ReportClaims) -> NewReport:
        note = f"[{claims.note}]\n\n" if claims.note else ""
        return NewReport(
            way=ReportWay.MAIL,
            what=f"{note}{mail.subject}\n\n{_words(mail)}".strip()[:_LONGEST_ENTRY],
            sending=f"mail {mail.digest}",
            customer=sender.customer,
            claimed=sender.claimed,
            sender=mail.sender,
            phone=claims.phone,
            accounts=claims.accounts,
            occurred_at=claims.occurred_at,
            reference=claims.reference,
            doubts=() if sender.customer else mail.doubts,
        )

    def _report_receipt(self, connection: Connection, mail: Mail, receipt: ReportReceipt, now: datetime) -> str:
        """Send the receipt for a report; a customer's addresses have theirs from the report itself."""
        if receipt.report.customer:
            return ""
        return self._send_receipt(connection, mail, ReceiptFor.REPORT, receipt.report.number, "", now)

    def _send_receipt(
        self, connection: Connection, mail: Mail, what: ReceiptFor, number: str, customer: str, now: datetime
    ) -> str:
        """Send a receipt to whom our mail server found proven, within bounds; return to whom, empty for nobody.

        Who is not proven gets none: the address may be an innocent third one's.
        """
        facts, address = self._facts(), mail.sender.casefold()
        if mail.kind is not MailKind.PERSON or not mail.is_proven or self._is_ours(address):
            return ""
        if mails.receipts_to(connection, address, now - _HOUR) >= self._settings.inbox.receipts_per_hour:
            return ""
        received = ReceivedMail(mail.digest, number, mail.message_id, now)
        outbox.queue(connection, mail_receipt(what, received, mail.sender, facts, customer))
        return address

    def _is_ours(self, address: str) -> bool:
        """Say whether an address is one of our own, or one that nobody reads."""
        email, facts = self._settings.outbox.email, self._facts()
        own = (email.sender, email.reply_to, email.bounces, facts.sender.mailbox)
        mailbox = address.partition("@")[0].partition("+")[0]
        return mailbox in _NOBODY or address in {one.casefold() for one in own}


def _case_of(connection: Connection, customer: str, claims: ReportClaims) -> str:
    """Find the case of the customer's earlier report that a later one speaks of; empty where it is a first one."""
    if not customer or claims.is_first:
        return ""
    earlier = reports.reports_of(connection, customer, _MOST_EARLIER)
    wanted = {*claims.numbers}
    return next((one.number for one in earlier if wanted & {*one.reference.split(", ")}), "")


def _of(entry: CaseEntry, files: tuple[ReportFile, ...], customer: str) -> CaseEntry:
    return replace(entry, files=files, customer=customer)


def _words(mail: Mail) -> str:
    """Return what a mail says, secrets masked as in log lines."""
    lines = pl.DataFrame({"line": said_in(mail)[:_LONGEST_ENTRY].split("\n")})
    return "\n".join(redact_lines(lines)["line"])


def _stored(mail: Mail, taken: TakenMail, now: datetime) -> StoredMail:
    return StoredMail(
        digest=mail.digest,
        received_at=now,
        kind=mail.kind.value,
        outcome=taken.outcome,
        sender=in_a_log(mail.sender),
        subject=mail.subject if mail.kind is not MailKind.UNREADABLE else in_a_log(mail.reason),
        message=taken.message,
        incident=taken.incident,
        customer=taken.customer,
        receipt_to=taken.receipt_to,
    )
