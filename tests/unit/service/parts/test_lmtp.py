"""The listener for mail servers: 250 only after the commit, an answer for each recipient, and bounds on everything."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import stat
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.options import LmtpOptions
from credwatch.kernel.errors import ConfigurationError, StoreError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts import lmtp
from lmtp_site import Taken, a_client, a_listener

MAIL = "From: lan@haiau.example\r\nSubject: hello\r\n\r\nXin chào\r\n"
SENDER, READER = "lan@haiau.example", "security@modoro.com.vn"


async def asked(path: Path, talk: Callable[[smtplib.LMTP], Any]) -> Any:
    """Have a client talk in a thread of its own."""

    def run() -> Any:
        with a_client(path) as client:
            return talk(client)

    return await asyncio.to_thread(run)


def sent(client: smtplib.LMTP, mail: str = MAIL, to: tuple[str, ...] = (READER,)) -> Any:
    return client.sendmail(SENDER, [*to], mail.encode(), mail_options=["BODY=8BITMIME"])


def replies_after_data(client: smtplib.LMTP, recipients: list[str], mail: bytes) -> list[tuple[int, bytes]]:
    """Go through a transaction by hand, and return all replies to the data."""
    client.ehlo_or_helo_if_needed()
    client.mail(SENDER)
    for recipient in recipients:
        client.rcpt(recipient)
    client.putcmd("data")
    assert 354 == client.getreply()[0]
    client.send(mail + b"\r\n.\r\n")
    return [client.getreply() for _ in recipients]


async def test_a_mail_is_taken_with_its_envelope(tmp_path: Path) -> None:
    """What the mail server says of sender and recipient stands before what the mail says itself; bytes stay as sent."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    async with a_listener(path, taken):
        forged = "Return-Path: <>\r\nDelivered-To: other@modoro.com.vn\r\n"
        assert {} == await asked(path, lambda client: sent(client, forged + MAIL))
    (mail,) = taken.mails
    assert (READER, "Xin chào", SENDER) == (mail.recipients[0], mail.text, mail.sender)
    assert "person" == mail.kind.value
    assert [MailOutcome.REPORTED] == taken.outcomes
    assert not path.exists()


async def test_a_report_of_a_server_has_no_sender(tmp_path: Path) -> None:
    """MAIL FROM:<> is the empty return path by which a bounce of old is known."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    async with a_listener(path, taken):
        await asked(path, lambda client: client.sendmail("", [READER], MAIL.encode()))
    assert ["status"] == [mail.kind.value for mail in taken.mails]


async def test_what_it_can_do_is_said(tmp_path: Path) -> None:
    """RFC 2033, section 5, and SIZE; no EHLO, by which a mail server would think of SMTP."""
    path = tmp_path / "lmtp.sock"

    def talk(client: smtplib.LMTP) -> tuple[dict[str, str], int]:
        client.lhlo = client.ehlo()  # type: ignore[attr-defined]  # LHLO, by this class
        return client.esmtp_features, client.docmd("EHLO", "mail.example")[0]

    async with a_listener(path, Taken()):
        can, ehlo = await asked(path, talk)
    assert {"size": "10000", "8bitmime": "", "pipelining": "", "enhancedstatuscodes": ""} == can
    assert 500 == ehlo


async def test_each_recipient_has_an_answer(tmp_path: Path) -> None:
    """RFC 2033, section 4.2: also where the answer is no, or else the mail server waits for ever."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    three = [f"security+{at}@modoro.com.vn" for at in range(3)]
    async with a_listener(path, taken):
        good = await asked(path, lambda client: replies_after_data(client, three, MAIL.encode()))
        taken.errors = [StoreError("the store is locked")]
        busy = await asked(path, lambda client: replies_after_data(client, three, MAIL.encode()))
        long = await asked(path, lambda client: replies_after_data(client, three, b"x\r\n" * 5_000))
    assert [250] * 3 == [code for code, _ in good]
    assert [(451, b"4.3.0 try again later")] * 3 == busy
    assert [552] * 3 == [code for code, _ in long]
    assert [*three] == [*taken.mails[0].recipients[:3]]


async def test_a_busy_store_loses_nothing(tmp_path: Path) -> None:
    """The mail server is told to come again, and its next try is taken, over the same connection."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    taken.errors = [StoreError("locked"), ZeroDivisionError()]

    def talk(client: smtplib.LMTP) -> int:
        failures = 0
        while True:
            try:
                sent(client)
            except smtplib.SMTPDataError as error:
                failures += error.smtp_code == 451
            else:
                return failures

    async with a_listener(path, taken):
        assert 2 == await asked(path, talk)
    assert 1 == len(taken.mails)


async def test_a_report_that_comes_too_early_waits(tmp_path: Path) -> None:
    """A bounce may overtake the receipt for what it speaks of; the next try of a mail server is minutes away."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    taken.errors = [TooEarly("under way"), TooEarly("under way")]
    async with a_listener(path, taken):
        await asked(path, sent)
    assert 1 == len(taken.mails)


async def test_one_that_stays_too_early_is_to_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for ever."""
    monkeypatch.setattr(lmtp, "_EARLY_SECONDS", 0.1)
    taken, path = Taken(), tmp_path / "lmtp.sock"
    taken.errors = [TooEarly("under way")] * 9
    async with a_listener(path, taken):
        with pytest.raises(smtplib.SMTPDataError, match="451"):
            await asked(path, sent)


async def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """Nobody would keep it, so its sender must hear."""
    taken, path = Taken(), tmp_path / "lmtp.sock"
    async with a_listener(path, taken):
        with pytest.raises(smtplib.SMTPDataError, match="554"):
            await asked(path, lambda client: sent(client, "X-A: " + "boundary" * 300 + "\r\n" + MAIL))
        with pytest.raises(smtplib.SMTPSenderRefused, match="552"):
            await asked(path, lambda client: sent(client, MAIL + "x" * 20_000))
    assert [] == taken.mails


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """One more than may be is told to come later; who leaves makes room."""
    path = tmp_path / "lmtp.sock"

    def until_served() -> Any:
        while True:
            try:
                with a_client(path) as client:
                    return sent(client)
            except smtplib.SMTPConnectError:
                time.sleep(0.01)

    async with a_listener(path, Taken(), connections=2):
        idle = [await asyncio.to_thread(a_client, path) for _ in range(2)]
        with pytest.raises(smtplib.SMTPConnectError, match="421"):
            await asyncio.to_thread(a_client, path)
        for client in idle:
            client.close()
        assert {} == await asyncio.wait_for(asyncio.to_thread(until_served), 60)


async def test_who_says_nothing_is_left(tmp_path: Path) -> None:
    """A silent connection ends by itself, so that it keeps nobody's place."""
    path = tmp_path / "lmtp.sock"
    async with a_listener(path, Taken(), connections=1, timeout_seconds=1):
        client = await asyncio.to_thread(a_client, path)
        assert b"" == await asyncio.to_thread(client.sock.recv, 1)
        client.close()


async def test_what_one_sends_is_bounded(tmp_path: Path) -> None:
    """Whoever sends without an end, be it one line, is cut off before the memory is full."""
    path = tmp_path / "lmtp.sock"

    def pour(client: smtplib.LMTP) -> int:
        client.ehlo_or_helo_if_needed()
        client.mail(SENDER)
        client.rcpt(READER)
        client.putcmd("data")
        client.getreply()
        for block in range(1000):
            try:
                client.sock.sendall(b"x" * 10_000)
            except OSError:
                return block
        return 1000

    async with a_listener(path, Taken()):
        assert await asked(path, pour) < 1000
        assert {} == await asked(path, sent)


async def test_a_mail_under_way_is_answered_at_the_end(tmp_path: Path) -> None:
    """A part that stops takes what was handed over, and says so, before it hangs up."""
    begun, go_on, taken, path = threading.Event(), threading.Event(), Taken(), tmp_path / "lmtp.sock"

    class Slow(Taken):
        def __call__(self, mail: Any) -> MailOutcome:
            """Take it when the test says so."""
            begun.set()
            go_on.wait(60)
            return taken(mail)

    async with a_listener(path, Slow()) as part:
        sending = asyncio.create_task(asked(path, sent))
        await asyncio.to_thread(begun.wait, 60)
        stopping = asyncio.create_task(part.stop())
        await asyncio.sleep(0.1)
        assert not stopping.done()
        go_on.set()
        await stopping
        assert {} == await sending
    assert 1 == len(taken.mails)


async def test_a_locked_store_keeps_no_other_part_from_its_threads(tmp_path: Path) -> None:
    """Mails that wait for it wait in threads of their own, so that the one thread that others have is free."""
    begun, go_on, path = threading.Event(), threading.Event(), tmp_path / "lmtp.sock"

    class Slow(Taken):
        def __call__(self, mail: Any) -> MailOutcome:
            """Wait for the store."""
            begun.set()
            go_on.wait(60)
            return MailOutcome.REPORTED

    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))

    def send() -> None:
        with a_client(path) as client:
            sent(client)

    sender = threading.Thread(target=send)
    async with a_listener(path, Slow()):
        sender.start()
        async with asyncio.timeout(60):
            while not begun.is_set():  # noqa: ASYNC110  # another thread sets it
                await asyncio.sleep(0.01)
            assert 7 == await asyncio.to_thread(int, "7")
        go_on.set()
        while sender.is_alive():  # noqa: ASYNC110  # its answer comes by this loop
            await asyncio.sleep(0.01)


async def test_only_owner_and_group_may_hand_over(tmp_path: Path) -> None:
    """The socket has mode 0660; where somebody removes it, the part says so, and where something lies there too."""
    path = tmp_path / "lmtp.sock"
    async with a_listener(path, Taken()) as part:
        assert 0o660 == stat.S_IMODE(path.stat().st_mode)
        assert part.trouble() is None
        path.unlink()
        assert "removed" in part.trouble().reason
        path.write_text("something")
    assert path.exists()
    with pytest.raises(ConfigurationError, match=r"the inbox\.lmtp cannot listen"):
        async with a_listener(path, Taken()):
            pass


@pytest.mark.parametrize("options", [{}, {"socket": Path("/a"), "port": 24}])
def test_there_is_one_place(options: dict[str, Any]) -> None:
    """A socket or a port, not both and not neither."""
    with pytest.raises(ValueError, match="either socket or port"):
        LmtpOptions(**options)


async def test_a_port_of_loopback_is_listened_on(tmp_path: Path) -> None:
    """For a mail server that cannot reach a socket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    taken = Taken()
    async with a_listener(None, taken, port=port):  # type: ignore[arg-type]

        def talk() -> None:
            with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
                sent(client)

        await asyncio.to_thread(talk)
    assert 1 == len(taken.mails)
