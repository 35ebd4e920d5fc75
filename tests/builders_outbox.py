"""Detections, incidents, facts, commands and mail servers for the tests of workflows and outbox: valid by default."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import Struct, field
from msgspec.structs import asdict, replace

from credwatch.app.regimes import shipped_regimes
from credwatch.kernel.command import PAYLOADS, Command, CommandKind, Notify
from credwatch.kernel.detection import Consequence, Detection, Level
from credwatch.kernel.incident import ChangeKind, Incident, IncidentChange, Status
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.render import MailSender, Renderer
from credwatch.outbox.interface import Channel
from credwatch.outbox.options import EmailOptions
from credwatch.outbox.words.templates import Templates
from credwatch.workflows.facts import Contact, Facts, Ground, Operators, Recipients, Role, Vendor

CONTRACT = shipped_regimes()["contract-modoro-s8"]
NOON = datetime(2026, 11, 20, 5, 0, tzinfo=UTC)
VIETNAM = timezone(timedelta(hours=7))
TEMPLATES = Templates()


def an_incident(**changes: Any) -> Incident:
    """Build an incident of one customer, opened at noon."""
    incident = Incident(
        number="CW-2026-7KQ2M4",
        kind="account_takeover",
        organization="tanphat",
        subject="lan@tanphat.example",
        level=Level.HIGH,
        status=Status.NEW,
        title="Success after guessing",
        clause="8.2",
        occurred_first=NOON - timedelta(minutes=5),
        occurred_last=NOON,
        recorded_at=NOON,
        detected_at=NOON,
        recorded_last=NOON,
        detected_last=NOON,
        accounts=("lan@tanphat.example",),
        addresses=("203.0.113.7",),
        organizations=("tanphat",),
    )
    return replace(incident, **changes)


def a_detection(**changes: Any) -> Detection:
    """Build a detection of a takeover at one customer, completed at noon."""
    detection = Detection(
        id="d-1",
        rule_id="r-1",
        title="Success after guessing",
        level=Level.HIGH,
        consequence=Consequence("account_takeover", workflows=("customer_notice",), clause="8.2"),
        group=(("source.ip", "203.0.113.7"),),
        organization="tanphat",
        subject="lan@tanphat.example",
        occurred_first=NOON - timedelta(minutes=5),
        opened_at=NOON,
        count=8,
        accounts=("lan@tanphat.example",),
        addresses=("203.0.113.7",),
        organizations=("tanphat",),
        serial=1,
    )
    return replace(detection, **changes)


def a_change(*started: str, kind: ChangeKind = ChangeKind.OPENED, incident: Incident | None = None) -> IncidentChange:
    """Build the change that starts these workflows."""
    return IncidentChange(kind, incident or an_incident(), started)


def some_facts(**changes: Any) -> Facts:
    """Build the facts of a provider with a Vietnamese and an English-reading customer."""
    facts = Facts(
        role=Role.PROVIDER,
        sender=Contact("Công ty TNHH MODORO DIGITAL", "info@modoro.example", "+84 258 555 0100", "Nha Trang"),
        operators=Operators(("ops@modoro.example",)),
        notice_key=Secret("notice key"),
        contract=CONTRACT,
        recipients={
            "tanphat": Recipients("tanphat", "Công ty Tân Phát", "vi", ("it@tanphat.example", "kt@tanphat.example")),
            "acme": Recipients("acme", "Acme Ltd", "en", ("sec@acme.example", "it@acme.example")),
        },
        vendor=Vendor("Công ty TNHH MODORO DIGITAL", "security@modoro.example"),
        authorisations={"AUT-1": Ground("AUT-1", "court_order", "27/2026/QĐ-TA", "TAND tỉnh Khánh Hòa")},
        owner=lambda account: account.rpartition("@")[2].partition(".")[0],
    )
    return replace(facts, **changes)


def a_command(number: int = 1, **changes: Any) -> Command:
    """Build the shortest message, queued at noon, addressed to a customer; `changes` may name parts of the payload."""
    message = asdict(a_message()) | {
        name: changes.pop(name) for name in a_message().__struct_fields__ if name in changes
    }
    command = Command(
        id=f"cw-{number:016d}",
        payload=PAYLOADS[changes.pop("kind", CommandKind.NOTIFY)](**message),
        workflow="customer_notice",
        incident="CW-2026-7KQ2M4",
        organization="tanphat",
        created_at=NOON,
    )
    return replace(command, **changes)


def local_day(moment: datetime) -> str:
    """Name the day of a moment where the daemon counts days by default: in Vietnam."""
    return f"{moment.astimezone(ZoneInfo('Asia/Ho_Chi_Minh')):%Y-%m-%d}"


def by(channel: Channel) -> dict[CommandKind, Channel]:
    """Have one channel carry commands of every kind."""
    return dict.fromkeys(CommandKind, channel)


def with_context(command: Command, context: dict[str, object]) -> Command:
    """Give a command other values for its template."""
    return replace(command, payload=replace(command.payload, context=context))


def a_message() -> Notify:
    """Build what a_command carries."""
    return Notify(
        recipient="it@tanphat.example",
        languages=("vi", "en"),
        template="escalation",
        context={
            "reason": "not_delivered",
            "duty": "customer_notice",
            "number": "CW-2026-7KQ2M4",
            "organization": "Công ty Tân Phát",
            "started_at": "",
            "due_at": "",
            "recipient": "kt@tanphat.example",
            "reply": "550 no",
            "code": "AAAA-BBBB-CCCC-DDDD",
            "sender": {"name": "MODORO", "mailbox": "info@modoro.example", "phone": "", "address": ""},
            "zone": "Asia/Ho_Chi_Minh",
        },
    )


def a_renderer(**changes: Any) -> Renderer:
    """Build a renderer with the shipped templates."""
    sender = MailSender("info@modoro.example", "Công ty TNHH MODORO DIGITAL", "support@modoro.example")
    return Renderer(changes.get("templates", TEMPLATES), replace(sender, **changes.get("sender", {})))


def a_channel(port: int, *, password: Secret | None = None, **options: Any) -> EmailChannel:
    """Build an e-mail channel to a server on the loopback interface."""
    given = {"host": "127.0.0.1", "port": port, "security": "none", "timeout_seconds": 5.0} | options
    return EmailChannel(EmailOptions(**given), a_renderer(), lambda: NOON, password)


class Mailbox(Struct):
    """What a mail server received, and how it answers: the reply to RCPT and to the message."""

    rcpt: str = "250 ok"
    data: str = "250 2.0.0 Ok: queued as 4F00B4R"
    pause: float = 0.0
    messages: list[bytes] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer RCPT TO."""
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Answer the message, after the pause."""
        await asyncio.sleep(self.pause)
        self.messages.append(bytes(envelope.original_content or b""))
        self.recipients.append(list(envelope.rcpt_tos))
        return self.data


@asynccontextmanager
async def a_mail_server(mailbox: Mailbox, *, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """Run a mail server on loopback and give its port."""
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(mailbox, loop=loop, ident="test", **options)

    implicit = options.pop("implicit_tls", None)
    server = await loop.create_server(session, "127.0.0.1", port, ssl=implicit)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def accepting(user: str, password: str) -> Callable[..., AuthResult]:
    """Build an authenticator for one account."""

    def check(_server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: Any) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (user.encode(), password.encode())
        return AuthResult(success=right, handled=False)

    return check


def a_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1; give its PEM file and the server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "server.pem", folder / "server.key"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return chain, context
