"""The story of a working day: scenes, each with the lines it writes and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from credwatch.demo.cast import Cast
from credwatch.kernel.incident import Incident

SERVERS = "provider/logs/auth.log"
APPLICATION = "provider/logs/application.jsonl"
OFFICE = "customer/logs/auth.log"
LAN = "ngoc.lan@saomai.example"

LONGEST_SCENE = timedelta(seconds=8)
"""A scene is written at once, so what it tells of begins so far back: nothing is detected before it has happened."""

Line = tuple[str, str]
"""A log file, relative to the demonstration's folder, and a line for it."""


class Scene(Struct, frozen=True):
    """One thing that happens."""

    title: str
    """What the terminal says of it."""
    lines: Callable[[datetime], Iterator[Line]]
    """What it writes, given the moment at which it begins."""
    incident: str = ""
    """The kind of incident that must come of it; empty where all must stay quiet."""
    about: str = ""
    """The account that the incident is about; empty where its kind says enough."""
    workflow: str = ""
    """The workflow whose messages must be accepted; empty where nobody is written to."""
    measures: tuple[str, ...] = ()
    """What the application must have done about it; the customer is told so."""
    deed: Callable[[Cast], tuple[str, ...]] | None = None
    """What somebody does then, which gives the words for it; None where only programs write."""

    def is_about(self, incident: Incident) -> bool:
        """Say whether it is an incident that must come of the scene."""
        return incident.kind == self.incident and self.about in ("", incident.subject)


def scenes() -> tuple[Scene, ...]:
    """Return the scenes in their order."""
    return (
        Scene("A working morning: people of three customers log in and out.", _morning),
        Scene("Scanners knock on the SSH port with made-up names.", _scanners, "user_enumeration"),
        Scene("Somebody tries one password on many accounts of Sao Mai.", _spray, "password_spray"),
        Scene(
            "Somebody guesses the password of Hải Âu's accountant, gets in, and is stopped.",
            _brute_force,
            "account_takeover",
            workflow="customer_notice",
            measures=("end_sessions", "force_reset"),
        ),
        Scene(
            "Hải Âu's contact logs in to the pages and answers: that was not us.",
            _nothing,
            "account_takeover",
            workflow="escalation",
            deed=lambda cast: cast.disown("it@haiau.example", "account_takeover"),
        ),
        Scene(
            "The vendor's officer completes the authority's form, and hands it over.",
            _nothing,
            "account_takeover",
            deed=lambda cast: cast.report_to_authority("account_takeover"),
        ),
        Scene(
            "Sao Mai's director writes to the security mailbox, and has a receipt.",
            _nothing,
            "customer_report",
            workflow="portal_news",
            deed=_write_in,
        ),
        Scene(
            "A user of Blue Harbor is flooded with push requests until she accepts one.",
            _push_bombing,
            "mfa_fatigue",
            workflow="customer_notice",
        ),
        Scene(
            "A staff member opens a customer's account, for no reason that is on record.",
            _staff_without_reason,
            "unauthorised_staff_access",
            workflow="customer_notice",
        ),
        Scene(
            "Another staff member opens an account on a court's order.",
            _staff_with_order,
            "authorised_disclosure",
            workflow="disclosure_notice",
        ),
        Scene(
            "A staff member asks for access first: two colleagues and the customer agree.",
            _nothing,
            deed=lambda cast: cast.ask_for_access("minh", LAN, "sao-mai", "phap.che@saomai.example"),
        ),
        Scene(
            "It is used as it was agreed.",
            _staff_as_agreed,
            "authorised_disclosure",
            about=LAN,
            workflow="disclosure_notice",
        ),
        Scene(
            "And it is used on another account, which nobody has agreed to.",
            _staff_beyond_it,
            "unauthorised_staff_access",
            about="giam.doc@saomai.example",
            workflow="customer_notice",
        ),
        Scene(
            "At Hải Âu's office a guessed password opens a server; its daemon reports it.",
            _office,
            "account_takeover",
            workflow="breach_report",
        ),
    )


def _write_in(cast: Cast) -> tuple[str, ...]:
    text = "Có người gọi tới, tự nhận là nhân viên MODORO, và hỏi mã xác thực của chị Lan.\nNhờ các anh chị kiểm tra."
    return cast.write_in("quan.tri@saomai.example", "Có người hỏi mã xác thực", text)


def _nothing(_now: datetime) -> Iterator[Line]:
    yield from ()


def _morning(now: datetime) -> Iterator[Line]:
    people = (
        ("ke.toan@haiau.example", "hai-au", "198.51.100.20"),
        ("ngoc.lan@saomai.example", "sao-mai", "198.51.100.31"),
        ("mei.tan@blueharbor.example", "blue-harbor", "198.51.100.44"),
    )
    for number, (user, organization, address) in enumerate(people):
        at = now - timedelta(minutes=20 - number)
        yield _app(at, "login", "success", user, organization, address, **{"credwatch.mfa.used": True})
    for number, (user, organization, address) in enumerate(people):
        yield _app(now - timedelta(minutes=9 - number), "logout", "success", user, organization, address)
    yield (
        SERVERS,
        _syslog(
            now,
            "sshd[801]: Accepted publickey for deploy from 192.0.2.10 port 51022 ssh2: ED25519 SHA256:l0nGf1ngerpr1nt",
        ),
    )
    yield (
        SERVERS,
        _syslog(now, "sudo:   deploy : TTY=pts/0 ; PWD=/srv ; USER=root ; COMMAND=/usr/bin/systemctl restart shop"),
    )
    yield (
        OFFICE,
        _syslog(now, "sshd[611]: Accepted password for thuha from 192.0.2.77 port 40022 ssh2", host="may-chu-1"),
    )


def _scanners(now: datetime) -> Iterator[Line]:
    for number, name in enumerate(("admin", "oracle", "test", "ubuntu", "postgres", "pi", "guest", "ftpuser")):
        port = 42000 + number
        at = now + timedelta(seconds=number)
        yield SERVERS, _syslog(at, f"sshd[{900 + number}]: Invalid user {name} from 203.0.113.66 port {port}")
        yield (
            SERVERS,
            _syslog(
                at, f"sshd[{900 + number}]: Failed password for invalid user {name} from 203.0.113.66 port {port} ssh2"
            ),
        )


def _spray(now: datetime) -> Iterator[Line]:
    names = "an binh chi dung giang hanh khoa linh my nam oanh phuc quynh son thu uyen vy xuan".split()  # noqa: SIM905  # easier to read
    for number, name in enumerate(names):
        at = now + timedelta(seconds=number * 0.2)
        yield _app(at, "login", "failure", f"{name}@saomai.example", "sao-mai", "203.0.113.90")


def _brute_force(now: datetime) -> Iterator[Line]:
    user, organization, address = "ke.toan@haiau.example", "hai-au", "203.0.113.7"
    for number in range(12):
        yield _app(now + timedelta(seconds=number * 0.3), "login", "failure", user, organization, address)
    at = now + timedelta(seconds=5)
    yield _app(at, "login", "success", user, organization, address, **{"credwatch.mfa.used": True})


def _push_bombing(now: datetime) -> Iterator[Line]:
    user, organization, address = "mei.tan@blueharbor.example", "blue-harbor", "203.0.113.23"
    push = {"credwatch.mfa.factor": "push"}
    for number in range(7):
        at = now + timedelta(seconds=number * 0.5)
        yield _app(at, "mfa_push", "failure", user, organization, address, **push, **{"event.reason": "denied"})
    at = now + timedelta(seconds=5)
    yield _app(at, "mfa_push", "success", user, organization, address, **push)
    yield _app(at, "login", "success", user, organization, address, **{"credwatch.mfa.used": True})


def _staff_without_reason(now: datetime) -> Iterator[Line]:
    target = {"user.target.name": "ngoc.lan@saomai.example", "user.target.email": "ngoc.lan@saomai.example"}
    yield _app(now, "staff_access", "success", "minh.tran@modoro.example", "sao-mai", "192.0.2.15", **target)


def _staff_with_order(now: datetime) -> Iterator[Line]:
    target = {"user.target.name": "giam.doc@saomai.example", "user.target.email": "giam.doc@saomai.example"}
    reason = {"credwatch.support.reason": "Quyết định số 118/2026/QĐ-TA"}
    yield _app(now, "staff_access", "success", "thao.le@modoro.example", "sao-mai", "192.0.2.16", **target, **reason)


def _staff_as_agreed(now: datetime) -> Iterator[Line]:
    yield _touch(now + LONGEST_SCENE, LAN)  # at once: what was done before the last consent was not agreed to


def _staff_beyond_it(now: datetime) -> Iterator[Line]:
    yield _touch(now + LONGEST_SCENE, "giam.doc@saomai.example")


def _touch(at: datetime, account: str) -> Line:
    more = {"user.target.name": account, "user.target.email": account, "credwatch.support.reason": "phiếu 4711"}
    return _app(at, "staff_access", "success", "minh.tran@modoro.example", "sao-mai", "192.0.2.15", **more)


def _office(now: datetime) -> Iterator[Line]:
    for number in range(12):
        at = now + timedelta(seconds=number * 0.4)
        yield (
            OFFICE,
            _syslog(
                at,
                f"sshd[{700 + number}]: Failed password for quocbao from 203.0.113.140 port {53000 + number} ssh2",
                host="may-chu-1",
            ),
        )
    yield (
        OFFICE,
        _syslog(
            now + timedelta(seconds=6),
            "sshd[720]: Accepted password for quocbao from 203.0.113.140 port 53099 ssh2",
            host="may-chu-1",
        ),
    )


def _app(at: datetime, action: str, outcome: str, user: str, organization: str, address: str, **more: Any) -> Line:
    """Write an event as an application does (docs/application-events.md)."""
    event = {
        "schema": "credwatch-app/1",
        "@timestamp": at.isoformat(timespec="milliseconds"),
        "event.action": action,
        "event.outcome": outcome,
        "event.provider": "modoro-erp",
        "user.name": user,
        "organization.id": organization,
        "source.ip": address,
        **more,
    }
    return APPLICATION, json.dumps(event, ensure_ascii=False)


def _syslog(at: datetime, message: str, host: str = "srv1") -> str:
    return f"{at.isoformat(timespec='milliseconds')} {host} {message}"
