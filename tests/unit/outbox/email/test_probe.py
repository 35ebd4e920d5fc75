"""A mail server is tried out step by step, and the step that fails is named with what to do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from builders_outbox import Mailbox, a_certificate, a_mail_server, accepting
from credwatch.kernel.errors import Problem, Severity
from credwatch.kernel.secret import Secret
from credwatch.outbox.email.probe import probe
from credwatch.outbox.options import EmailOptions

PASSWORD = Secret("a good password")


async def _probed(
    port: int, *, seconds: float = 20.0, password: Secret | None = None, **options: Any
) -> Problem | None:
    given = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "info@modoro.example"} | options
    return await probe(EmailOptions(**given), password, where="outbox.email", seconds=seconds)


class Refusing(Mailbox):
    """A mail server that takes nothing from our From address."""

    async def handle_MAIL(self, *_: Any) -> str:
        """Answer MAIL FROM."""
        return "550 5.7.1 sender not owned by user"


@asynccontextmanager
async def a_silent_server(greeting: bytes = b"") -> AsyncIterator[int]:
    """Run a server that takes connections, says its greeting, and then nothing."""

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
async def test_a_good_server_has_no_problem_and_gets_no_message(security: str, tmp_path: Path) -> None:
    """Each protection is gone through, with a login where one may be sent, and no message is left behind."""
    chain, context = a_certificate(tmp_path)
    ways: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "none": ({}, {}),
        "starttls": (
            {"tls_context": context, "auth_required": True, "authenticator": accepting("credwatch", "a good password")},
            {"ca_file": chain, "username": "credwatch", "password": PASSWORD},
        ),
        "tls": ({"implicit_tls": context}, {"ca_file": chain}),
    }
    server, client = ways[security]
    mailbox = Mailbox()
    async with a_mail_server(mailbox, **server) as port:
        assert await _probed(port, security=security, **client) is None
    assert [] == mailbox.messages


async def test_a_dead_server_is_named_at_once() -> None:
    """Where nobody listens the connection is refused, and host and port are what to look at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        problem = await _probed(port)
    assert problem is not None
    assert (f"outbox.email: 127.0.0.1:{port}", Severity.FAULT) == (problem.where, problem.severity)
    assert problem.message.startswith("connection failed: ")
    assert "host and port" in problem.hint


@pytest.mark.parametrize(
    ("greeting", "step"), [(b"", "connection"), (b"220 mail.example\r\n", "sender"), (b"220-mail", "connection")]
)
async def test_a_server_that_stands_still_does_not_hang_it(greeting: bytes, step: str) -> None:
    """Whatever a server leaves unsaid, the answer comes when the time is over."""
    async with a_silent_server(greeting) as port:
        problem = await asyncio.wait_for(_probed(port, seconds=0.5), 60)
    assert problem is not None
    assert problem.message.startswith(f"{step} failed: ")


async def test_a_server_that_turns_everybody_away_is_quoted() -> None:
    """What it says in place of a greeting is told."""
    async with a_silent_server(b"554 5.7.1 no mail from here\r\n") as port:
        problem = await _probed(port)
    assert problem is not None
    assert "connection failed: 554 5.7.1 no mail from here" == problem.message


async def test_a_server_without_starttls_is_named() -> None:
    """Encryption that was asked for is not left out."""
    async with a_mail_server(Mailbox()) as port:
        problem = await _probed(port, security="starttls")
    assert problem is not None
    assert problem.message.startswith("STARTTLS failed: ")
    assert 'security = "tls"' in problem.hint


@pytest.mark.parametrize(("security", "step"), [("starttls", "STARTTLS"), ("tls", "connection")])
async def test_a_certificate_that_is_not_trusted_is_named(security: str, step: str, tmp_path: Path) -> None:
    """An unknown authority leads to ca_file."""
    _, context = a_certificate(tmp_path)
    server = {"tls_context": context} if security == "starttls" else {"implicit_tls": context}
    async with a_mail_server(Mailbox(), **server) as port:
        problem = await _probed(port, security=security)
    assert problem is not None
    assert problem.message.startswith(f"{step} failed: ")
    assert "ca_file" in problem.hint


async def test_a_refused_login_is_named_without_the_password(tmp_path: Path) -> None:
    """The code is told, and neither the password nor what the server says about it."""
    chain, context = a_certificate(tmp_path)
    server = a_mail_server(
        Mailbox(), tls_context=context, auth_required=True, authenticator=accepting("credwatch", "another")
    )
    async with server as port:
        problem = await _probed(port, security="starttls", ca_file=chain, username="credwatch", password=PASSWORD)
    assert problem is not None
    assert "login failed: 535" == problem.message
    assert "a good password" not in str(problem)


async def test_a_server_without_logins_is_named(tmp_path: Path) -> None:
    """A user name for a server that knows none is a mistake in the settings."""
    chain, context = a_certificate(tmp_path)
    async with a_mail_server(Mailbox(), tls_context=context, auth_exclude_mechanism=["LOGIN", "PLAIN"]) as port:
        problem = await _probed(port, security="starttls", ca_file=chain, username="credwatch", password=PASSWORD)
    assert problem is not None
    assert problem.message.startswith("login failed: ")
    assert "leave username out" in problem.hint


async def test_a_sender_that_is_refused_is_named() -> None:
    """A server that takes no mail from our address would take no notice."""
    async with a_mail_server(Refusing()) as port:
        problem = await _probed(port)
    assert problem is not None
    assert "sender failed: 550 5.7.1 sender not owned by user" == problem.message
    assert "sender" in problem.hint
