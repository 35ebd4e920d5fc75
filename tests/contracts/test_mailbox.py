"""The contract of `IncomingMailbox`, held against every way that mails are kept: a maildir, a Dovecot in three ways."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import pytest

from credwatch.inbox.imap.mailbox import ImapMailbox
from credwatch.inbox.interface import AT_ONCE, IncomingMailbox, MailboxLost
from credwatch.inbox.maildir import Maildir
from credwatch.inbox.options import ImapOptions
from credwatch.kernel.secret import Secret
from dovecot_server import DOVECOT, PASSWORD, USER, DovecotServer

LONGEST = 200


class Keeper(Protocol):
    """Keeps mails, and gives them out as a mailbox."""

    def opened(self) -> IncomingMailbox:
        """Give the mailbox anew, as the next daemon has it."""

    def deliver(self, mails: Sequence[bytes]) -> None:
        """Bring mails."""

    def kept(self) -> int:
        """Count all mails that are there, done or not."""

    def take_away(self) -> None:
        """Let nobody reach the mails."""

    def bring_back(self) -> None:
        """Let them be reached again."""


class Folder:
    """A maildir on this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "mail"
        for name in ("new", "cur"):
            (self._folder / name).mkdir(parents=True)
        self._count = 0

    def opened(self) -> IncomingMailbox:
        return Maildir(self._folder, LONGEST)

    def deliver(self, mails: Sequence[bytes]) -> None:
        for mail in mails:
            self._count += 1
            (self._folder / "new" / f"{self._count:03}").write_bytes(mail)

    def kept(self) -> int:
        return sum(1 for name in ("new", "cur") for _ in (self._folder / name).iterdir())

    def take_away(self) -> None:
        self._folder.rename(self._folder.with_name("away"))

    def bring_back(self) -> None:
        self._folder.with_name("away").rename(self._folder)


class Server:
    """A folder at a Dovecot."""

    def __init__(self, server: DovecotServer, folder: str = "INBOX", **options: Any) -> None:
        self._server = server
        self._folder = folder
        self._options = {"folder": folder} | options
        self._open: list[IncomingMailbox] = []

    def opened(self) -> IncomingMailbox:
        options = ImapOptions(
            host="localhost",
            port=self._server.tls_port,
            ca_file=self._server.authority.file,
            username=USER,
            password_file=self._server.password_file,
            **self._options,
        )
        self._open.append(ImapMailbox(options, lambda: Secret(PASSWORD), LONGEST))
        return self._open[-1]

    def deliver(self, mails: Sequence[bytes]) -> None:
        self._server.deliver(mails, self._folder)

    def kept(self) -> int:
        folders = (self._folder, self._options.get("moved_to"))
        return sum(len(self._server.flags(folder)) for folder in folders if folder)

    def take_away(self) -> None:
        self._server.stop()

    def bring_back(self) -> None:
        self._server.start()

    def close(self) -> None:
        for mailbox in self._open:
            mailbox.close()


ACL = "mail_plugins = acl\nprotocol imap {\n  mail_plugins = acl\n}\nplugin {\n  acl = vfile\n}\n"
"""Rights of each folder, such as one in which no keyword may be set (RFC 4314)."""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    """Run one for all tests; each has folders of its own."""
    with TemporaryDirectory(prefix="credwatch-dovecot-") as folder:
        Path(folder).chmod(0o755)
        server = DovecotServer(Path(folder) / "server", ACL)
        server.start()
        yield server
        server.stop()


def made(server: DovecotServer, folder: str, **options: Any) -> Server:
    server.make(folder)
    return Server(server, folder, **options)


def without_keywords(server: DovecotServer, folder: str) -> Server:
    """Have a user that may mark mails as read, and nothing else: PERMANENTFLAGS is `\\Seen` then."""
    server.make(folder)
    rights = server.root / "mail" / f".{folder}" / "dovecot-acl"
    rights.write_text("owner lrsi\n", encoding="utf-8")
    shutil.chown(rights, rights.parent.owner())
    return Server(server, folder)


NUMBERS = count()
WAYS: dict[str, Callable[[DovecotServer, str], Server]] = {
    "keyword": made,
    "seen": without_keywords,
    "moved": lambda server, folder: made(server, folder, moved_to=f"{folder} taken in"),
}


@pytest.fixture(params=["maildir", *WAYS])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Keeper]:
    if request.param == "maildir":
        yield Folder(tmp_path)
        return
    if DOVECOT is None:
        pytest.skip("needs the Debian package dovecot-imapd")
    server = WAYS[request.param](request.getfixturevalue("dovecot"), f"Box {next(NUMBERS)}")
    yield server
    server.close()


def numbered(*numbers: int) -> list[bytes]:
    return [b"Subject: %d\r\n\r\nwords\r\n" % number for number in numbers]


def read_all(mailbox: IncomingMailbox) -> list[bytes]:
    return [mailbox.read(name) for name in mailbox.waiting()]


def test_a_mail_waits_until_it_is_done(keeper: Keeper) -> None:
    """Reading marks nothing: whoever died before the end is given it again; what is done waits for nobody any more."""
    keeper.deliver(numbered(1, 2, 3))
    mailbox = keeper.opened()
    first, *_ = mailbox.waiting()
    assert numbered(1, 2, 3) == read_all(mailbox)
    assert numbered(1, 2, 3) == read_all(keeper.opened())
    mailbox.done(first)
    assert numbered(2, 3) == read_all(mailbox)
    assert numbered(2, 3) == read_all(keeper.opened())


def test_mails_that_are_set_apart_hold_up_no_other(keeper: Keeper) -> None:
    """More of them than are named at once leave room for the next."""
    keeper.deliver(numbered(*range(AT_ONCE + 1)))
    mailbox = keeper.opened()
    apart = mailbox.waiting()
    assert AT_ONCE == len(apart)
    assert numbered(AT_ONCE) == [mailbox.read(name) for name in mailbox.waiting(apart)]


def test_a_mail_that_is_too_long_is_known_by_one_byte_more(keeper: Keeper) -> None:
    """And read no further, whatever its size."""
    keeper.deliver([b"Subject: long\r\n\r\n" + b"x" * 100_000])
    assert [LONGEST + 1] == [len(mail) for mail in read_all(keeper.opened())]


def test_nothing_is_deleted(keeper: Keeper) -> None:
    """What was taken in stays with whoever keeps it."""
    keeper.deliver(numbered(1, 2))
    mailbox = keeper.opened()
    for name in mailbox.waiting():
        mailbox.done(name)
    assert 2 == keeper.kept()


def test_done_twice_is_done(keeper: Keeper) -> None:
    """Also where another one was quicker."""
    keeper.deliver(numbered(1, 2))
    mailbox = keeper.opened()
    for name in mailbox.waiting():
        mailbox.done(name)
        mailbox.done(name)
    assert [] == mailbox.waiting()


def test_mail_comes_while_the_mailbox_is_open(keeper: Keeper) -> None:
    """It waits at the next look."""
    mailbox = keeper.opened()
    assert [] == mailbox.waiting()
    keeper.deliver(numbered(1))
    assert numbered(1) == read_all(mailbox)
    keeper.deliver(numbered(2))
    assert numbered(1, 2) == read_all(mailbox)


def test_a_mailbox_that_is_gone_is_told_and_comes_back(keeper: Keeper) -> None:
    """With its place and what to do; the same one goes on where it was."""
    keeper.deliver(numbered(1, 2))
    mailbox = keeper.opened()
    mailbox.done(mailbox.waiting()[0])
    keeper.take_away()
    try_lost(mailbox)
    keeper.bring_back()
    assert numbered(2) == read_all(mailbox)


def try_lost(mailbox: IncomingMailbox) -> None:
    with pytest.raises(MailboxLost) as lost:
        mailbox.waiting()
    assert lost.value.where
    assert lost.value.hint
