"""The e-mail channel's own part: protection of the connection, login, and how replies are read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from builders_outbox import Mailbox, a_certificate, a_channel, a_command, a_mail_server, accepting
from credwatch.kernel.errors import ConfigurationError
from credwatch.kernel.receipt import Delivered, Refused, Retry
from credwatch.kernel.secret import Secret
from credwatch.outbox.options import EmailOptions

PASSWORD = Secret("a good password")


async def test_starttls_and_login(tmp_path: Path) -> None:
    """With STARTTLS and the right password the message is accepted."""
    chain, context = a_certificate(tmp_path)
    server = a_mail_server(
        Mailbox(),
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=accepting("credwatch", "a good password"),
    )
    async with server as port:
        options = {"security": "starttls", "ca_file": chain, "username": "credwatch"}
        receipt = await a_channel(port, password=PASSWORD, **options).deliver(a_command())
    assert isinstance(receipt, Delivered)


async def test_implicit_tls(tmp_path: Path) -> None:
    """With TLS from the first byte the message is accepted."""
    chain, context = a_certificate(tmp_path)
    async with a_mail_server(Mailbox(), implicit_tls=context) as port:
        receipt = await a_channel(port, security="tls", ca_file=chain).deliver(a_command())
    assert isinstance(receipt, Delivered)


async def test_an_unknown_certificate_is_not_trusted(tmp_path: Path) -> None:
    """A server that cannot prove its name gets no message."""
    _, context = a_certificate(tmp_path)
    mailbox = Mailbox()
    async with a_mail_server(mailbox, tls_context=context) as port:
        receipt = await a_channel(port, security="starttls").deliver(a_command())
    assert isinstance(receipt, Retry)
    assert "certificate" in receipt.reason.lower()
    assert [] == mailbox.messages


async def test_a_server_without_starttls_gets_nothing() -> None:
    """Protection that was asked for is never left out."""
    mailbox = Mailbox()
    async with a_mail_server(mailbox) as port:
        receipt = await a_channel(port, security="starttls").deliver(a_command())
    assert isinstance(receipt, Retry)
    assert [] == mailbox.messages


async def test_a_refused_login_is_retried_without_the_password_in_the_reason(tmp_path: Path) -> None:
    """A wrong password is the operator's to mend; the message waits, and the password stays secret."""
    chain, context = a_certificate(tmp_path)
    server = a_mail_server(
        Mailbox(), tls_context=context, auth_required=True, authenticator=accepting("credwatch", "another")
    )
    async with server as port:
        options = {"security": "starttls", "ca_file": chain, "username": "credwatch"}
        receipt = await a_channel(port, password=PASSWORD, **options).deliver(a_command())
    assert Retry("the mail server refused the login: 535", of_the_way=True) == receipt


async def test_a_server_that_wants_a_login_is_retried() -> None:
    """530 before the message says something about us, not about the message."""
    async with a_mail_server(Mailbox(rcpt="530 5.7.0 Authentication required")) as port:
        assert isinstance(await a_channel(port).deliver(a_command()), Retry)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [("451 try later", Retry), ("452 disk full", Retry), ("552 too large", Refused), ("554 spam", Refused)],
)
async def test_replies_to_the_message(reply: str, expected: type) -> None:
    """4yz is tried again, 5yz is final."""
    async with a_mail_server(Mailbox(data=reply)) as port:
        receipt = await a_channel(port).deliver(a_command())
    assert expected is type(receipt)


@pytest.mark.parametrize("host", ["mail.example.com", "192.0.2.1"])
def test_no_clear_text_off_the_machine(host: str) -> None:
    """Only the loopback interface may go without TLS."""
    with pytest.raises(ValidationError, match="loopback"):
        EmailOptions(host=host, security="none")


def test_no_password_in_clear_text() -> None:
    """A user name asks for a protected connection."""
    with pytest.raises(ValidationError, match="clear text"):
        EmailOptions(host="127.0.0.1", security="none", username="credwatch")


def test_a_user_name_needs_a_password() -> None:
    """Half a login is found at the start."""
    with pytest.raises(ConfigurationError, match="needs a password"):
        a_channel(1, security="starttls", username="credwatch")


def test_an_unreadable_ca_file_is_named(tmp_path: Path) -> None:
    """A certificate file that is not there is found at the start."""
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        a_channel(1, security="starttls", ca_file=tmp_path / "missing.pem")
