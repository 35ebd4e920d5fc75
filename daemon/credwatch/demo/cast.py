"""What people do in the story, each by the way that a person has: the pages, a mail, a code, what commands call."""

from __future__ import annotations

import mailbox
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyotp

from credwatch.casework.access_book import AccessBook
from credwatch.casework.acts import Actor
from credwatch.casework.answering import Answering
from credwatch.casework.casebook import Casebook
from credwatch.casework.recording import Recorded, Recording
from credwatch.casework.writing import WRITERS
from credwatch.client.asking import ask
from credwatch.demo.visitor import Visitor
from credwatch.demo.world import SECURITY_MAILBOX, World
from credwatch.kernel.access import AccessGround, AccessRequest
from credwatch.kernel.account import Account
from credwatch.kernel.case_entry import AnswerState, FormAnswer
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.incident import Incident
from credwatch.kernel.moment import DutyPhase, Moment
from credwatch.kernel.secret import Secret
from credwatch.policy.totp import MfaOutcome

OFFICER = "yen.do"
FORM = "vn-form-08"
RECEIPT = "A05-2026-118"
DUTY = DutyPhase("vn-personal-data", "notification")
STATED: Mapping[str, str] = MappingProxyType(
    {
        "trading_address": "12 đường Yersin, Nha Trang, Khánh Hòa",
        "registration": "4201000000, Sở Tài chính tỉnh Khánh Hòa",
        "tax_code": "4201000000",
        "officer_name": "Đỗ Hải Yến",
        "officer_title": "Trưởng phòng Pháp chế",
        "officer_phone": "+84 258 5550 0101",
        "officer_mailbox": "yen.do@modoro.example",
        "place": "Trung tâm dữ liệu tại Nha Trang, Khánh Hòa",
        "data_kinds": "Họ tên, thư điện tử và số điện thoại của người liên hệ trong sổ kế toán",
        "records_number": "36",
        "consequences": "Người lạ có thể đã đọc sổ kế toán trong vài giây trước khi phiên bị ngắt",
        "measures": "Đã ngắt mọi phiên và buộc đổi mật khẩu; đã báo cho khách hàng",
        "record_number": "01/BB-2026",
    }
)
"""What the case cannot know by itself, and the officer states."""
NOT_APPLICABLE = ("biometric_location", "attachments")
APPROVERS = ("quang.pham@modoro.example", "yen.do@modoro.example")
_STEP = timedelta(seconds=30)
_GATE_SECONDS = 30


class Cast:
    """The people of the story: contacts of customers, and the vendor's officer."""

    def __init__(self, world: World, book: Casebook) -> None:
        """Take the running world, and the vendor's cases."""
        self._world = world
        self._book = book
        self._config = next(daemon.config for daemon in world.daemons if daemon.role == "provider")

    def disown(self, address: str, kind: str) -> tuple[str, ...]:
        """Have a contact answer on the pages that it was not them; raises CredwatchError where that fails."""
        number = self._latest(kind).number
        self._visitor(address).answer(address, number, "Không ai của chúng tôi đăng nhập lúc đó.")
        return (f"{number} {address}: not us, on the pages",)

    def report_to_authority(self, kind: str) -> tuple[str, ...]:
        """Complete the form from the case, write it as PDF, hand it over, and have its receipt meet the clock."""
        number, actor = self._latest(kind).number, Actor(OFFICER, system_clock())
        with Answering.at(self._config) as answering:
            for question, text in STATED.items():
                answering.state(number, actor, FormAnswer(question, text, f"stated by {OFFICER}", AnswerState.KNOWN))
            for question in NOT_APPLICABLE:
                stated = FormAnswer(question, "", f"stated by {OFFICER}", AnswerState.NOT_APPLICABLE)
                answering.state(number, actor, stated)
            filled = answering.fill(number, FORM, system_clock())
        if filled is None or filled.missing:
            raise CredwatchError(f"lacks {filled.missing if filled else 'its case'}", where=FORM)
        path = self._config.parent / f"{FORM}.pdf"
        path.touch(0o600)
        path.write_bytes(WRITERS[".pdf"](filled))
        self._hand_over(number)
        return (
            f"{OFFICER} completes {FORM}; it is in {path.parent.name}/{path.name}",
            f"the authority's receipt is {RECEIPT}: the {self._clock(number)}",
        )

    def write_in(self, address: str, subject: str, text: str) -> tuple[str, ...]:
        """Put a contact's mail into the security mailbox, as the mail server does that has proven its domain."""
        message = EmailMessage()
        message["Authentication-Results"] = f"mail.modoro.example; dkim=pass header.d={address.partition('@')[2]}"
        message["From"], message["To"], message["Subject"] = address, SECURITY_MAILBOX, subject
        message["Date"], message["Message-ID"] = format_datetime(datetime.now(UTC)), make_msgid(domain="example")
        message.set_content(text)
        mailbox.Maildir(self._world.security_mail, create=False).add(message)
        return (f"{address} writes: {subject}",)

    def ask_for_access(self, member: str, account: str, customer: str, contact: str) -> tuple[str, ...]:
        """Have a member of the staff ask, two approve with codes, and the customer agree; CredwatchError where not."""
        gate = _Gate(self._config.parent / "state" / "gate.sock")
        with AccessBook.at(self._config) as book:
            desk, now = book.desk(), system_clock()
            wanted = AccessRequest(
                id="",
                customer=customer,
                ground=AccessGround.CUSTOMER_REQUEST,
                reference="phiếu 4711",
                reason="Sổ kế toán không khóa được, chị Lan nhờ kiểm tra",
                asked_by="",
                asked_at=now,
                actors=(),
                accounts=(account,),
                actions=("staff_access",),
                starts_at=now,
                ends_at=now + timedelta(hours=2),
            )
            number = desk.ask(wanted, member)
            for approver in APPROVERS:
                desk.approve(number, approver, gate.code_of(approver), gate.check)
        self._visitor(contact).agree(contact, number)
        return (
            f"{member} asks for {account}, two hours",
            f"{' and '.join(name.partition('@')[0] for name in APPROVERS)} approve, each with a code",
            f"{contact} agrees, on the pages",
        )

    def _visitor(self, address: str) -> Visitor:
        return Visitor(self._world.pages, lambda: self._world.letters_to(address))

    def _latest(self, kind: str) -> Incident:
        theirs = [one for one in self._book.incidents(only_open=True) if one.kind == kind and one.organization]
        if not theirs:
            raise CredwatchError(f"no incident of the kind {kind} has come", where="the story")
        return theirs[-1]

    def _hand_over(self, number: str) -> None:
        now = system_clock()
        recorded = Recorded(Moment.SUBMITTED, now, "on the authority's portal", DUTY, reference=RECEIPT)
        with Recording.at(self._config) as recording:
            recording.record(number, Actor(OFFICER, now), recorded)

    def _clock(self, number: str) -> str:
        case = self._book.case(number) or {}
        clocks = [one for one in case.get("clocks", ()) if (one["regime"], one["phase"]) == (DUTY.regime, DUTY.phase)]
        is_kept = clocks and all(one["met_at"] and one["met_at"] <= one["due_at"] for one in clocks)
        return "72 hours are kept" if is_kept else "72 hours are not kept yet"


class _Gate:
    """The gate on its socket: gives the approvers a second factor, and looks at their codes."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def code_of(self, account: str) -> Secret:
        """Enrol an app for an account, and return the code that it shows now."""
        enrolled = self._asked("totp/enrol", account)
        if "secret" not in enrolled:
            raise CredwatchError(f"{account} can have no app: {enrolled.get('outcome', 'refused')}", where="the gate")
        secret = pyotp.TOTP(str(enrolled["secret"]))
        self._asked("totp/confirm", account, code=secret.at(datetime.now(UTC) - _STEP))
        return Secret(secret.now())

    def check(self, account: Account, code: Secret) -> MfaOutcome:
        """Look at a code; raises CredwatchError where the gate does not answer."""
        return MfaOutcome(self._asked("totp/verify", account.user, code=code)["outcome"])

    def _asked(self, place: str, user: str, **more: object) -> dict[str, Any]:
        return ask(self._socket, place, {"user": user, "organization": "", **more}, seconds=_GATE_SECONDS)
