"""A customer that runs credwatch itself: its reports to the vendor, as its own daemon writes and renders them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec.structs import replace

from builders_outbox import TEMPLATES, an_incident
from credwatch.kernel.command import Command
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Resolution, Status
from credwatch.outbox.email.render import MailSender, Renderer
from credwatch.outbox.words.examples import _facts
from credwatch.workflows.decide import react
from credwatch.workflows.facts import Contact, Facts, Role, Vendor
from credwatch.workflows.joint import SeriesState, joint_letters, matter_of, series_of
from portal_site import CONTACT, HAI_AU

SECURITY = "security@modoro.example"
NUMBER = "CW-2026-2A3B4C5D"
ACCOUNTS = ("ke.toan@haiau.example", "lan@haiau.example")
BEGAN = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)


def facts() -> Facts:
    """Return what the customer's daemon knows."""
    sender = Contact("Hải Âu", CONTACT, "+84 258 5550 0111", "Nha Trang")
    vendor = Vendor("MODORO", SECURITY, "en")
    return replace(_facts(Role.CUSTOMER, "en"), sender=sender, vendor=vendor, owner=lambda _account: HAI_AU)


def an_own_incident(**changes: Any) -> Incident:
    """Return an incident at the customer's, of two of its accounts."""
    values = {
        "number": NUMBER,
        "organization": HAI_AU,
        "organizations": (HAI_AU,),
        "subject": ACCOUNTS[0],
        "accounts": ACCOUNTS,
        "addresses": ("203.0.113.57",),
        "workflows": ("breach_report",),
        "occurred_first": BEGAN,
        "occurred_last": BEGAN + timedelta(minutes=9),
    }
    return an_incident(**(values | changes))


def a_report(**changes: Any) -> Command:
    """Return the report of an incident."""
    incident = an_own_incident(**changes)
    change = IncidentChange(ChangeKind.OPENED, incident, started=("breach_report",))
    return react(change, facts(), incident.detected_at).commands[0]


def a_closing(**changes: Any) -> Command:
    """Return what is told of the end."""
    incident = an_own_incident(status=Status.CLOSED, outcome=Resolution.CONFIRMED, **changes)
    change = IncidentChange(ChangeKind.CLOSED, incident, started=("breach_report",))
    return next(one for one in react(change, facts(), incident.detected_at).commands if "update" in one.workflow)


def a_joint(count: int) -> Command:
    """Return one letter of many reports."""
    letters = [a_report(number=f"CW-2026-{at:08}") for at in range(count)]
    series = series_of(letters[0])
    assert series is not None
    state = SeriesState(number=letters[0].incident, opened_by=letters[0].id)
    matters = [matter_of(one) for one in letters]
    ((command, _), *_), _ = joint_letters(series, state, matters, facts(), letters[0].created_at)
    return command


def rendered(command: Command, **headers: str) -> bytes:
    """Write the mail as it arrives, with fields that servers put before it."""
    mail = bytes(Renderer(TEMPLATES, MailSender(CONTACT, "Hải Âu")).render(command))
    return "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()).encode() + mail
