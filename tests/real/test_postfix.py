"""Delivery to a real Postfix, from the command to the message in the mailbox behind it."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import smtplib
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from msgspec.structs import replace

from builders_outbox import TEMPLATES, a_channel, a_command, a_renderer, by
from credwatch.inbox.mail import Delivery, MailKind
from credwatch.inbox.maildir import Maildir
from credwatch.inbox.reading import read_mail
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import StoreError
from credwatch.kernel.receipt import Delivered, Refused
from credwatch.kernel.return_path import ReturnPath
from credwatch.kernel.secret import Secret
from credwatch.outbox.dispatcher import Dispatcher
from credwatch.outbox.email.channel import EmailChannel
from credwatch.outbox.email.probe import probe
from credwatch.outbox.options import EmailOptions
from credwatch.outbox.outage import Outage
from credwatch.outbox.words.examples import example
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, queue
from lmtp_site import Taken, a_listener
from postfix_server import POSTFIX, a_postfix, wait_for

DOCS = Path(__file__).resolve().parents[2] / "docs" / "mail.md"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(POSTFIX is None, reason="needs the Debian package postfix"),
    pytest.mark.skipif(os.geteuid() != 0, reason="postfix starts its daemons as root"),
]


@pytest.fixture(scope="module")
def postfix() -> Iterator[tuple[int, Path]]:
    """Run one for all tests."""
    with a_postfix(lambda _root: "") as (port, root):
        yield port, root


async def test_postfix_accepts_a_notice_and_delivers_it_whole(postfix: tuple[int, Path]) -> None:
    """The receipt holds the queue id, and the mailbox holds the notice with its letters and its Message-ID."""
    port, root = postfix
    command = example("customer_notice")
    receipt = await a_channel(port).deliver(command)
    assert isinstance(receipt, Delivered)
    assert receipt.reply.startswith("250 2.0.0 Ok: queued as ")

    inbox = root / "mail" / "it" / "new"
    wait_for(lambda: inbox.is_dir() and list(inbox.iterdir()), root)
    (path,) = inbox.iterdir()
    message = message_from_bytes(path.read_bytes(), policy=SMTP)
    words = TEMPLATES.render(command)
    assert f"<{command.id}@modoro.example>" == message["Message-ID"]
    assert words.subject == message["Subject"]
    assert words.text.strip() == message.get_body(("plain",)).get_content().replace("\r\n", "\n").strip()


async def test_what_postfix_cannot_deliver_comes_back_with_our_proof(postfix: tuple[int, Path]) -> None:
    """It takes a message for a mailbox that is not there, and its own report names the message in address and ENVID."""
    port, root = postfix
    path = ReturnPath("bounces@tanphat.example", Secret("notice key"))
    options = EmailOptions(host="127.0.0.1", port=port, security="none", sender="info@modoro.example")
    channel = EmailChannel(options, a_renderer(), system_clock, return_path=path)
    command = replace(a_command(recipient="nobody@tanphat.example"), id="cw-abcdefghijklmn27")
    assert isinstance(await channel.deliver(command), Delivered)

    inbox = root / "mail" / "bounces" / "new"
    await _awaited(lambda: inbox.is_dir() and list(inbox.iterdir()), root)
    (arrived,) = Maildir(inbox.parent, 1_000_000).waiting()
    mail = read_mail((inbox / arrived).read_bytes(), "mail.modoro.example", 1_000_000)
    assert mail.status is not None
    assert (MailKind.STATUS, Delivery.FAILED, "5.1.1") == (mail.kind, mail.status.delivery, mail.status.code)
    assert {command.id} == {path.message_of(name) for name in (mail.recipients[0], mail.status.envelope_id)}


def _as_documented(root: Path) -> str:
    """Take the lines for Postfix from docs/mail.md; only the folder, and the numbers of the user, are the test's."""
    page, user = DOCS.read_text(encoding="utf-8"), pwd.getpwnam("postfix")
    main, _ = re.findall(r"(?m)^    recipient_delimiter = .*\n(?:    .*\n)+", page)
    (check,) = re.findall(r"(?m)^    (/\^Authentication-Results:/ .*)$", page)
    (root / "config" / "header_checks").write_text(f"{check}\n", encoding="utf-8")
    own = {"/var/lib": f"{root}/mail", "virtual_uid_maps = static:990": f"virtual_uid_maps = static:{user.pw_uid}"}
    own["virtual_gid_maps = static:990"] = f"virtual_gid_maps = static:{user.pw_gid}"
    for said, here in own.items():
        assert said in main
        main = main.replace(said, here)
    lines = "".join(f"{line.strip()}\n" for line in main.splitlines())
    return f"{lines}header_checks = regexp:{root}/config/header_checks\n"


def test_the_set_up_of_the_documentation_brings_mail_in() -> None:
    """Bounces with their proof and answers come to one maildir, without what they say of their own sender."""
    path = ReturnPath("bounces@modoro.com.vn", Secret("notice key"))
    proof = path.of("cw-abcdefghijklmn27")
    forged = "Authentication-Results: mail.modoro.com.vn; dkim=pass header.d=haiau.example"
    with a_postfix(_as_documented) as (port, root), smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
        for recipient in (proof, "security@modoro.com.vn"):
            words = f"{forged}\r\nFrom: lan@haiau.example\r\nTo: {recipient}\r\nSubject: hello\r\n\r\nhello\r\n"
            client.sendmail("lan@haiau.example", [recipient], words)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("lan@haiau.example", ["lan@elsewhere.example"], "Subject: a relay\r\n\r\n")
        folder = root / "mail" / "credwatch-mail"
        wait_for(lambda: (folder / "new").is_dir() and len([*(folder / "new").iterdir()]) == len((proof, "it")), root)
        maildir = Maildir(folder, 1_000_000)
        waiting = maildir.waiting()
        mails = [read_mail(maildir.read(one), "mail.modoro.com.vn", 1_000_000) for one in waiting]
        for one in waiting:
            maildir.done(one)
        assert [] == maildir.waiting()
    assert {proof, "security@modoro.com.vn"} == {mail.recipients[0] for mail in mails}
    assert "cw-abcdefghijklmn27" in {path.message_of(mail.recipients[0]) for mail in mails}
    assert {("lan@haiau.example", False)} == {(mail.sender, mail.is_proven) for mail in mails}


def _handing_over(socket: Path) -> Callable[[Path], str]:
    """Take the lines for LMTP from docs/mail.md; only the place of the socket is the test's."""
    page = DOCS.read_text(encoding="utf-8").partition("### By LMTP")[2]
    (main,) = re.findall(r"(?m)^    recipient_delimiter = .*\n(?:    .*\n)+", page)
    (master,) = re.findall(r"(?m)^    (lmtp unix .*)$", page)
    said = "/run/credwatch/lmtp.sock"
    assert said in main
    lines = "".join(f"{line.strip()}\n" for line in main.replace(said, str(socket)).splitlines())

    def configured(root: Path) -> str:
        with (root / "config" / "master.cf").open("a") as services:
            services.write(f"{master}\n")
        impatient = "minimal_backoff_time = 1s\nmaximal_backoff_time = 1s\nqueue_run_delay = 1s\n"
        return f"{lines}relay_domains = tanphat.example\n{impatient}"

    return configured


async def test_the_set_up_of_the_documentation_hands_mail_over() -> None:
    """Answers, and a bounce that Postfix itself writes, come over LMTP; what the store cannot take now comes again."""
    taken, path = Taken(), ReturnPath("bounces@modoro.com.vn", Secret("notice key"))
    taken.errors = [StoreError("the store is locked")]
    command = replace(a_command(recipient="nobody@tanphat.example"), id="cw-abcdefghijklmn27")
    with TemporaryDirectory(prefix="credwatch-lmtp-") as folder:
        socket_path = Path(folder) / "lmtp.sock"
        os.chmod(folder, 0o755)  # noqa: PTH101  # Postfix reaches into it
        async with a_listener(socket_path, taken, 100_000, socket_group="postfix"):
            running = a_postfix(_handing_over(socket_path))
            port, root = await asyncio.to_thread(running.__enter__)
            try:
                options = EmailOptions(host="127.0.0.1", port=port, security="none", sender="info@modoro.example")
                channel = EmailChannel(options, a_renderer(), system_clock, return_path=path)
                assert isinstance(await channel.deliver(command), Delivered)
                words = "From: lan@haiau.example\r\nSubject: xin chào\r\n\r\nChúng tôi đã thấy.\r\n"
                await asyncio.to_thread(_send, port, ["security@modoro.com.vn", "bounces@modoro.com.vn"], words)
                await _awaited(lambda: {"status", "person"} <= {mail.kind.value for mail in taken.mails}, root)
            finally:
                await asyncio.to_thread(running.__exit__, None, None, None)
    bounces = [mail for mail in taken.mails if mail.kind is MailKind.STATUS]
    assert {command.id} == {path.message_of(mail.recipients[0]) for mail in bounces}
    assert {"Chúng tôi đã thấy."} == {mail.text for mail in taken.mails if mail.kind is MailKind.PERSON}
    assert [] == taken.errors


def _send(port: int, recipients: list[str], words: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
        client.sendmail("lan@haiau.example", recipients, words.encode(), mail_options=["BODY=8BITMIME"])


async def test_postfix_is_tried_out(postfix: tuple[int, Path]) -> None:
    """One that takes our sender has no problem; one that refuses it is named with Postfix's own words."""
    port, root = postfix
    _, hanging_up = map(int, (root / "ports").read_text().split())
    options = EmailOptions(host="127.0.0.1", port=port, security="none", sender="info@modoro.example")
    assert await probe(options, None, where="outbox.email", seconds=60) is None
    refusing = options.model_copy(update={"port": hanging_up})
    problem = await probe(refusing, None, where="outbox.email", seconds=60)
    assert problem is not None
    assert problem.message.startswith("sender failed: 554 5.7.1 ")


async def test_postfix_refuses_an_unknown_recipient(postfix: tuple[int, Path]) -> None:
    """A mailbox that is not there is a refusal with Postfix's own words."""
    port, _ = postfix
    receipt = await a_channel(port).deliver(example("escalation"))
    assert isinstance(receipt, Refused)
    assert receipt.reason.startswith("554 5.7.1 ")


@pytest.mark.parametrize("trouble", ["every recipient", "our sender"])
async def test_a_postfix_that_refuses_everybody_refuses_no_reader(
    trouble: str, postfix: tuple[int, Path], tmp_path: Path
) -> None:
    """Its 554 to all leaves every message waiting and is told of once; by a Postfix that takes them, all arrive."""
    port, root = postfix
    denying, hanging_up = map(int, (root / "ports").read_text().split())
    database = Database(tmp_path / "store.sqlite")
    database.migrate()
    recipients = ("it@tanphat.example", "kt@tanphat.example")
    with database.writing() as connection:
        queue(connection, [a_command(at, recipient=recipient) for at, recipient in enumerate(recipients)])
    turned: list[tuple[bool, str]] = []

    def on_outage(is_down: bool, reply: str, *_: object) -> tuple[()]:
        turned.append((is_down, reply))
        return ()

    for answering in (denying if trouble == "every recipient" else hanging_up, port):
        channel, outage = a_channel(answering), Outage(time.monotonic, 0.5)
        dispatcher = Dispatcher(
            OutboxStore(database), by(channel), system_clock, lambda *_: (), outage=outage, on_outage=on_outage
        )
        running = asyncio.create_task(dispatcher.run())
        states = {"queued"} if answering != port else {"delivered"}
        await _awaited(lambda states=states: _settled(database, states) and turned, root)
        dispatcher.stop()
        await running
        OutboxStore(database).retry(system_clock(), [a_command(at).id for at in range(2)])
    assert [True] == [is_down for is_down, _ in turned]
    assert "554 5.7.1" in turned[0][1]
    database.close()


def _settled(database: Database, states: set[str]) -> bool:
    every = OutboxStore(database).listed(("queued", "sending", "delivered", "refused"))
    return all(item.attempts for item in every) and states == {item.state for item in every}


async def _awaited(holds, root: Path) -> None:
    await asyncio.to_thread(wait_for, holds, root)
