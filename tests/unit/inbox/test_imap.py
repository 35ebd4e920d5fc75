"""IMAP servers that misbehave: whatever they say or do not say, the mailbox is lost with a reason, and in time."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from credwatch.inbox.imap.mailbox import ImapMailbox
from credwatch.inbox.interface import LoginRefused, MailboxLost
from credwatch.inbox.options import ImapOptions
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.secret import Secret

PASSWORD = "very secret"
LONGEST = 1000

GREETING = "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hello\r\n"
SELECTED = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] here\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] kept\r\n{tag} OK selected\r\n"
ANSWERS = {
    "CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK done\r\n",
    "AUTHENTICATE": "+ \r\n",
    "": "{tag} OK you are in\r\n",
    "SELECT": SELECTED,
    "NOOP": "{tag} OK done\r\n",
    "UID SEARCH": "* SEARCH 5\r\n{tag} OK done\r\n",
    "UID FETCH": "* 1 FETCH (UID 5 BODY[]<0> {{5}}\r\nhello)\r\n{tag} OK done\r\n",
    "UID STORE": "{tag} OK done\r\n",
}
"""What a server answers to the beginning of a command; to the line with the password, what stands under the tag."""


def serve(listener: socket.socket, greeting: str, answers: dict[str, str], drip: float) -> None:
    """Answer one connection after the other, until the listener is closed."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=converse, args=(connection, greeting, answers, drip), daemon=True).start()


def converse(connection: socket.socket, greeting: str, answers: dict[str, str], drip: float) -> None:
    tag = ""
    try:
        with connection, connection.makefile("rb") as lines:
            say(connection, greeting, drip)
            for line in lines:
                words = line.decode().split()
                tag = words[0] if len(words) > 1 else tag
                rest = " ".join(words[1:])
                beginning = next((name for name in answers if name and rest.startswith(name)), "")
                say(connection, answers[beginning].format(tag=tag), drip)
    except OSError:
        return


def say(connection: socket.socket, text: str, drip: float) -> None:
    if not drip:
        connection.sendall(text.encode())
    for sign in text if drip else "":
        time.sleep(drip)
        connection.sendall(sign.encode())


@contextmanager
def a_server(greeting: str = GREETING, drip: float = 0.0, **answers: str) -> Iterator[Callable[..., ImapMailbox]]:
    """Run a server that answers otherwise than a good one where the test says so; spaces of names are underscores."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = ANSWERS | {name.replace("_", " ").strip(): answer for name, answer in answers.items()}
        threading.Thread(target=serve, args=(listener, greeting, said, drip), daemon=True).start()

        def mailbox(**changes: Any) -> ImapMailbox:
            place = {"host": "127.0.0.1", "port": listener.getsockname()[1], "security": "none"}
            login = {"username": "lan", "password_file": Path("/nowhere"), "timeout_seconds": 30}
            return ImapMailbox(ImapOptions(**(place | login | changes)), lambda: Secret(PASSWORD), LONGEST)

        yield mailbox
        listener.shutdown(socket.SHUT_RDWR)


def test_a_good_server_is_read() -> None:
    """The server of these tests is one that the mailbox works with, where nothing is changed."""
    with a_server() as mailbox:
        box = mailbox()
        assert ["7/5"] == box.waiting()
        assert b"hello" == box.read("7/5")
        box.done("7/5")
        box.close()


BYE = "* BYE [UNAVAILABLE] going down\r\n"
LOST = {
    "a goodbye in place of a greeting": ({"greeting": BYE}, "going down"),
    "a goodbye in between": ({"UID_SEARCH": BYE}, "going down"),
    "a refusal for now": ({"UID_SEARCH": "{tag} NO [UNAVAILABLE] later\r\n"}, "later"),
    "a login refused for now": ({"_": "{tag} NO [UNAVAILABLE] later\r\n"}, "UNAVAILABLE"),
    "a folder that is not there": ({"SELECT": "{tag} NO [NONEXISTENT] no such folder\r\n"}, "no such folder"),
    "a folder without marks": ({"SELECT": SELECTED.replace("\\Seen \\*", "")}, "no mark"),
    "a folder to read only": ({"SELECT": SELECTED.replace("} OK", "} OK [READ-ONLY]")}, "be read"),
    "nonsense": ({"greeting": "\x00\x01 nonsense\r\n" * 3}, "connection failed"),
    "nonsense in between": ({"UID_SEARCH": "* SEARCH five\r\n{tag} OK done\r\n"}, "connection failed"),
    "an answer without an end": ({"UID_SEARCH": "* SEARCH " + "5 " * 600_000}, "connection failed"),
}


@pytest.mark.parametrize("trouble", LOST)
def test_a_server_that_does_not_serve_is_told(trouble: str) -> None:
    """With its place, and what it said where it said something."""
    changes, reason = LOST[trouble]
    with a_server(**changes) as mailbox, pytest.raises(MailboxLost, match=re.escape(reason)) as lost:
        mailbox().waiting()
    assert not isinstance(lost.value, LoginRefused)
    assert "127.0.0.1" in lost.value.where
    assert lost.value.hint


def test_a_refused_login_is_told_without_what_was_sent() -> None:
    """Only the code of the refusal is repeated: a server may say back what it got."""
    refusal = f"{{tag}} NO [AUTHENTICATIONFAILED] {PASSWORD} is wrong\r\n"
    with a_server(_=refusal) as mailbox, pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED") as lost:
        mailbox().waiting()
    assert PASSWORD not in str(lost.value)


def test_a_server_that_takes_no_password_here_gets_none() -> None:
    """LOGINDISABLED (RFC 3501, section 6.2.3) without AUTH=PLAIN."""
    can = "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\n{tag} OK done\r\n"
    with a_server(CAPABILITY=can) as mailbox, pytest.raises(LoginRefused, match="takes no password"):
        mailbox().waiting()


@pytest.mark.parametrize("drip", [0.3, 100.0])
def test_a_slow_server_is_left_in_time(drip: float) -> None:
    """Also one that says a sign now and then: the step as a whole has its time."""
    with a_server(drip=drip) as mailbox:
        began = time.monotonic()
        with pytest.raises(MailboxLost):
            mailbox(timeout_seconds=1).waiting()
        assert time.monotonic() - began < 60


def test_a_server_fills_no_memory() -> None:
    """A literal that is longer than what was asked for is not read."""
    with a_server(UID_FETCH="* 1 FETCH (UID 5 BODY[]<0> {{9999999999}}\r\n") as mailbox:
        box = mailbox()
        with pytest.raises(MailboxLost, match="9999999999"):
            box.read(box.waiting()[0])


def test_a_mail_that_somebody_took_away_is_told_alone() -> None:
    """The others can still be had over the same connection."""
    with a_server(UID_FETCH="{tag} OK nothing\r\n") as mailbox:
        box = mailbox()
        with pytest.raises(CredwatchError, match="is gone") as gone:
            box.read(box.waiting()[0])
        assert not isinstance(gone.value, MailboxLost)
        assert ["7/5"] == box.waiting()
        box.close()


@pytest.mark.parametrize(
    "changes", [{"host": "mail.example"}, {"folder": ""}, {"moved_to": "INBOX"}, {"folder": "Bảo mật"}]
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, str]) -> None:
    """A password in clear over a network, no folder, a move to the folder itself, letters that need a code."""
    values = {"host": "127.0.0.1", "security": "none", "username": "lan", "password_file": Path("p")} | changes
    with pytest.raises(ValueError):
        ImapOptions(**values)
