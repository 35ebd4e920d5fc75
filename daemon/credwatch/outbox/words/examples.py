"""Example messages, made by the real workflows from invented facts: for previews and for checking templates."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache

from msgspec.structs import replace

from credwatch.kernel.account_finding import AccountFinding, FindingKey
from credwatch.kernel.clock import rfc3339
from credwatch.kernel.command import Command, Payload
from credwatch.kernel.detection import Level
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, RuleFinding, Status
from credwatch.kernel.moment import DutyPhase
from credwatch.kernel.resources import shipped
from credwatch.kernel.secret import Secret
from credwatch.workflows.account_reminder import Rung, due_reminder, reminder_letters
from credwatch.workflows.clocks import start
from credwatch.workflows.decide import react
from credwatch.workflows.digest import Standing, digest
from credwatch.workflows.escalation import EscalationReason, escalate
from credwatch.workflows.facts import Contact, Facts, Ground, Operators, Recipients, Role, Vendor
from credwatch.workflows.holding import Held
from credwatch.workflows.joint import SeriesState, joint_letters, matter_of, series_of
from credwatch.workflows.mail_receipt import ReceiptFor, ReceivedMail, mail_receipt
from credwatch.workflows.news import duties_of, first_knowledge, on_news
from credwatch.workflows.persons_notice import PersonsLetter, persons_notice
from credwatch.workflows.portal_letters import PortalNews, login_link, portal_news
from credwatch.workflows.reminder import Unanswered
from credwatch.world.people import Person
from credwatch.world.regimes import Regime, read_regime

MOMENT = datetime(2026, 11, 20, 2, 5, 41, tzinfo=UTC)
"""When what the examples tell of happened last."""
_FOUND = MOMENT + timedelta(seconds=1)
_QUEUED = MOMENT + timedelta(seconds=2)
_CUSTOMER = "tanphat"
_TAKEOVER = "c20f0afa-8c8c-571b-82cc-6507772d8354"
_ACTS_OF_STAFF = ("authorised_disclosure", "unauthorised_staff_access", "unauthorised_staff_change")
_VENDOR = Contact(
    name="Công ty TNHH MODORO DIGITAL",
    mailbox="info@modoro.com.vn",
    phone="",
    address="Tầng 7, Tòa nhà VCN Vĩnh Điềm Trung, Nha Trang, Khánh Hòa",
)
_REPORTER = Contact("Công ty TNHH Thương mại Tân Phát", "it@tanphat.example", "+84 28 5550 0100")


Example = Callable[[str, str, timedelta], Command]
"""Makes a message from the kind of incident, the reader's language, and how long after the event it was found."""


def example(
    workflow: str, language: str = "vi", *, kind: str = "account_takeover", found_after: timedelta = timedelta()
) -> Command:
    """Make an example message of a workflow about a kind of incident; `language` is what its reader reads first.

    Where `found_after` is given, it tells of history that a person has let go: so long after, it was read and found.
    Raises KeyError where no such workflow exists; EXAMPLES names them all.
    """
    return EXAMPLES[workflow](kind, language, found_after)


def _incident(kind: str, workflow: str, found_after: timedelta) -> Incident:
    found_at = _FOUND + found_after
    return Incident(
        number="CW-2026-7KQ2M4",
        kind=kind,
        organization=_CUSTOMER,
        subject="lan.nguyen@tanphat.example",
        level=Level.HIGH,
        status=Status.NEW,
        title="Success after many failed logins",
        clause="8.2",
        occurred_first=MOMENT - timedelta(minutes=11),
        occurred_last=MOMENT,
        recorded_at=found_at,
        detected_at=found_at,
        recorded_last=found_at,
        detected_last=found_at,
        history=bool(found_after),
        released_at=found_at if found_after else None,
        workflows=(workflow,),
        accounts=("lan.nguyen@tanphat.example",),
        addresses=("203.0.113.57",),
        organizations=(_CUSTOMER,),
        rules=(_TAKEOVER,) if kind == "account_takeover" else (),
        detections=("detection-1",),
        kept=tuple(f"line-{number}" for number in range(12)),
        events=12,
        findings=(RuleFinding(_TAKEOVER, "", 11, MOMENT - timedelta(minutes=11), MOMENT),)
        if kind == "account_takeover"
        else (),
        lines=("Nov 20 09:05:41 web1 sshd[811]: Accepted password for lan.nguyen from 203.0.113.57 port 40112 ssh2",),
        details=_details(kind),
    )


def _details(kind: str) -> tuple[tuple[str, str], ...]:
    """Tell what the latest event says: a login, or what staff did."""
    if kind not in _ACTS_OF_STAFF:
        return (
            ("event.action", "login"),
            ("event.outcome", "success"),
            ("host.name", "web1"),
            ("service.name", "sshd"),
            ("source.ip", "203.0.113.57"),
            ("source.geo.country_iso_code", "NL"),
            ("source.as.organization.name", "Example Hosting BV"),
        )
    return (
        ("credwatch.actor.department", "support"),
        ("credwatch.authorisation.basis", "court_order"),
        ("credwatch.authorisation.id", "AUT-2026-014"),
        ("event.action", "staff_access"),
        ("user.target.name", "lan.nguyen@tanphat.example"),
    )


@cache
def _contract() -> Regime:
    path = shipped("config") / "regimes" / "contract-modoro-s8.toml"
    return read_regime(path.read_text("utf-8"), str(path))


def _facts(role: Role, language: str) -> Facts:
    order = Ground("AUT-2026-014", "court_order", "Quyết định số 27/2026/QĐ-TA", "Tòa án nhân dân tỉnh Khánh Hòa")
    customer = Recipients(_CUSTOMER, _REPORTER.name, language, ("it@tanphat.example", "ketoan@tanphat.example"))
    return Facts(
        role=role,
        sender=_VENDOR if role is Role.PROVIDER else _REPORTER,
        operators=Operators(("ops@modoro.example",), language),
        notice_key=Secret("an example key"),
        contract=_contract(),
        recipients={_CUSTOMER: customer},
        vendor=Vendor(_VENDOR.name, _VENDOR.mailbox, language),
        authorisations={order.id: order},
        owner=lambda _account: _CUSTOMER,
        person_of=lambda account: Person(account),
    )


def _reaction(role: Role, workflow: str, change: ChangeKind = ChangeKind.OPENED) -> Example:
    def make(kind: str, language: str, found_after: timedelta) -> Command:
        incident_change = IncidentChange(change, _incident(kind, workflow, found_after), (workflow,))
        return react(incident_change, _facts(role, language), _QUEUED + found_after).commands[0]

    return make


def _news(role: Role, workflow: str) -> Example:
    """Make what is told of an incident that went on from another address for an hour after its notice."""

    def make(kind: str, language: str, found_after: timedelta) -> Command:
        facts, now, hour = _facts(role, language), _QUEUED + found_after, timedelta(hours=1)
        first = _incident(kind, workflow, found_after)
        grown = replace(first, level=Level.CRITICAL, rules=("another",), addresses=(*first.addresses, "198.51.100.23"))
        (duty,) = duties_of(first, facts)
        reader = first_knowledge(duty, first, facts, now - hour)
        return on_news(duty, grown, reader, facts, now)[0][0]

    return make


def _disclosure(_kind: str, language: str, found_after: timedelta) -> Command:
    return _reaction(Role.PROVIDER, "disclosure_notice")("authorised_disclosure", language, found_after)


def _escalation(_kind: str, language: str, _found_after: timedelta) -> Command:
    return escalate(
        _facts(Role.PROVIDER, language),
        _QUEUED,
        EscalationReason.NOT_DELIVERED,
        duty="customer_notice",
        incident="CW-2026-7KQ2M4",
        organization=_CUSTOMER,
        recipient="ketoan@tanphat.example",
        reply="550 5.1.1 no such user",
    )[0]


def _digest(kind: str, language: str, found_after: timedelta) -> Command:
    counts = {
        "lines": 1_204_551,
        "events": 1_198_304,
        "unparsed": 12,
        "detections": 9,
        "incidents": 4,
        "delivered": 8,
    }
    held = Held(messages=4, since=_FOUND, incidents=2, oldest=("CW-2026-9TTP3A", "CW-2026-4WQ8ZD"))
    clock = start("customer_notice", "CW-2026-7KQ2M4", _CUSTOMER, _FOUND, timedelta(minutes=15))
    incident = _incident(kind, "customer_notice", found_after)
    late = replace(clock, incident="CW-2026-9TTP3A", escalated_at=MOMENT)
    facts = _facts(Role.PROVIDER, language)
    asked = Unanswered("customer_notice", "CW-2026-9TTP3A", _CUSTOMER, _FOUND - timedelta(days=1), "mai", reminders=1)
    standing = Standing({"held": 4}, (incident,), (clock, late), held, unanswered=(asked,), silent=("vpn",))
    return digest(date(2026, 11, 20), counts, standing, facts, _QUEUED)[0]


def _numbered(payload: Payload, number: str) -> Payload:
    return replace(payload, context=payload.context | {"number": number})


def _joint(workflow: str) -> Example:
    """Make the joint letter that tells in one what five letters of a workflow would have told."""

    def make(kind: str, language: str, found_after: timedelta) -> Command:
        one = EXAMPLES[workflow](kind, language, found_after)
        several = [
            replace(one, id=f"{one.id} {at}", payload=_numbered(one.payload, f"CW-2026-7KQ2M{at}"))
            for at in range(4, 9)
        ]
        series = series_of(several[0])
        assert series is not None, "every workflow that has a joint letter has incidents"
        state = SeriesState(number="CW-2026-7KQ2M4", opened_by=one.id, joined_at=_QUEUED)
        facts = _facts(Role.CUSTOMER if workflow.startswith("breach") else Role.PROVIDER, language)
        letters, _ = joint_letters(series, state, [*map(matter_of, several)], facts, _QUEUED + found_after)
        return letters[0][0]

    return make


def _portal_link(_kind: str, language: str, _found_after: timedelta) -> Command:
    values: dict[str, object] = {
        "url": "https://security.modoro.example/login/link/abc",
        "minutes": 10,
        "asked_from": "203.0.113.57",
        "ends_at": rfc3339(_QUEUED + timedelta(minutes=10)),
    }
    facts = _facts(Role.PROVIDER, language)
    return login_link(_CUSTOMER, "it@tanphat.example", "example", values, facts, _QUEUED)[0]


def _portal_news(_kind: str, language: str, _found_after: timedelta) -> Command:
    values: dict[str, object] = {
        "number": "CC-7KQ2M4AB",
        "change": "address_added",
        "value": "security@tanphat.example",
        "by": "it@tanphat.example",
        "at": rfc3339(_QUEUED),
        "due_at": rfc3339(_QUEUED + timedelta(days=3)),
    }
    facts, what = _facts(Role.PROVIDER, language), PortalNews.CHANGE_ASKED
    return portal_news(what, _CUSTOMER, ("it@tanphat.example",), "example", values, facts, _QUEUED)[0]


def _account_reminder(_kind: str, language: str, _found_after: timedelta) -> Command:
    key = FindingKey("idp", _CUSTOMER, "lan.nguyen@tanphat.example", "no_second_factor")
    finding = AccountFinding(key, "no second factor", MOMENT - timedelta(days=3), is_told=True)
    facts = _facts(Role.PROVIDER, language)
    reminder = due_reminder(finding, {Rung.USER: timedelta(days=3)}, {}, facts, _QUEUED)
    assert reminder is not None, "its time has come"
    (letter,) = reminder_letters([reminder], facts, _QUEUED, 1)
    return letter.command


def _mail_receipt(_kind: str, language: str, _found_after: timedelta) -> Command:
    mail = ReceivedMail("example", "CW-2026-7KQ2M4", "<1@tanphat.example>", _QUEUED)
    facts = _facts(Role.PROVIDER, language)
    return mail_receipt(ReceiptFor.ANSWER, mail, "it@tanphat.example", facts, _CUSTOMER)[0]


def _persons_notice(_kind: str, language: str, _found_after: timedelta) -> Command:
    notices: dict[str, dict[str, object]] = {
        "vi": {
            "title": ["Thông báo cho chủ thể dữ liệu"],
            "opening": "Kính gửi Anh/Chị.",
            "sections": [{"title": "1. Sự việc", "lines": [["Tài khoản của Anh/Chị", "lan.nguyen"]]}],
            "closing": "",
        },
        "en": {
            "title": ["Notice to data subjects"],
            "opening": "To whom it concerns.",
            "sections": [{"title": "1. What happened", "lines": [["Your account", "lan.nguyen"]]}],
            "closing": "",
        },
    }
    about = DutyPhase("vn-personal-data-subjects", "subjects")
    letter = PersonsLetter("CW-2026-7KQ2M4", _CUSTOMER, about, "lan.nguyen", "lan@tanphat.example", notices)
    return persons_notice(letter, language, _facts(Role.PROVIDER, language), _QUEUED)[0]


EXAMPLES: dict[str, Example] = {
    "customer_notice": _reaction(Role.PROVIDER, "customer_notice"),
    "customer_news": _news(Role.PROVIDER, "customer_notice"),
    "customer_update": _reaction(Role.PROVIDER, "customer_notice", ChangeKind.CLOSED),
    "owner_notice": _reaction(Role.PROVIDER, "owner_notice"),
    "disclosure_notice": _disclosure,
    "breach_report": _reaction(Role.CUSTOMER, "breach_report"),
    "breach_news": _news(Role.CUSTOMER, "breach_report"),
    "breach_update": _reaction(Role.CUSTOMER, "breach_report", ChangeKind.CLOSED),
    "escalation": _escalation,
    "customer_joint": _joint("customer_notice"),
    "disclosure_joint": _joint("disclosure_notice"),
    "breach_joint": _joint("breach_report"),
    "escalation_joint": _joint("escalation"),
    "digest": _digest,
    "portal_link": _portal_link,
    "portal_news": _portal_news,
    "mail_receipt": _mail_receipt,
    "persons_notice": _persons_notice,
    "account_reminder": _account_reminder,
}
"""Each template, and how its example is made."""
