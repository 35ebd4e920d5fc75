"""The inbox: a mail is committed first and moved then, and one that cannot be taken in holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.interface import LoginRefused, MailboxLost
from credwatch.inbox.mail import Mail
from credwatch.inbox.maildir import Maildir
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.interface import Pulse
from credwatch.service.parts.mailing import InboxPart, Postbox
from incoming_mail import LONGEST, SERVER, MailSite, a_dsn
from portal_site import CONTACT


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailSite]:
    """Make two customers, one with a notice, and a maildir."""
    for name in ("new", "cur"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    (tmp_path / "site").mkdir()
    site = MailSite(tmp_path / "site", monkeypatch)
    site.tell()
    yield site
    site.close()


class Times:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def lying(tmp_path: Path, folder: str) -> list[str]:
    """Name the mails in a folder of the maildir."""
    return sorted(path.name for path in (tmp_path / "mail" / folder).iterdir())


def test_a_kill_between_commit_and_move_doubles_nothing(site: MailSite, tmp_path: Path) -> None:
    """The next start takes the mail again, knows it by its digest, and moves it: one receipt, one call."""
    notice = site.letters("customer_notice", CONTACT)[0]
    (tmp_path / "mail" / "new" / "1").write_bytes(a_dsn(site.return_path(notice.id)))
    outcomes: list[MailOutcome] = []

    class Killed(Maildir):
        def done(self, name: str) -> None:
            """Die before the mail moves."""
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Postbox(Killed(tmp_path / "mail", LONGEST), SERVER, LONGEST, site.mail_desk.take, outcomes.append).turn()
    assert ["1"] == lying(tmp_path, "new")
    assert (
        1 == Postbox(Maildir(tmp_path / "mail", LONGEST), SERVER, LONGEST, site.mail_desk.take, outcomes.append).turn()
    )
    assert ([], ["1:2,S"]) == (lying(tmp_path, "new"), lying(tmp_path, "cur"))
    assert [MailOutcome.REPEATED] == outcomes
    assert 1 == len(site.letters("escalation"))


def test_a_kill_before_the_commit_loses_nothing(site: MailSite, tmp_path: Path) -> None:
    """What was parsed and not committed is taken in by the next start."""
    notice = site.letters("customer_notice", CONTACT)[0]
    (tmp_path / "mail" / "new" / "1").write_bytes(a_dsn(site.return_path(notice.id)))

    def killed(_mail: Mail) -> MailOutcome:
        raise KeyboardInterrupt

    maildir, outcomes = Maildir(tmp_path / "mail", LONGEST), list[MailOutcome]()
    with pytest.raises(KeyboardInterrupt):
        Postbox(maildir, SERVER, LONGEST, killed, outcomes.append).turn()
    assert [] == site.mails()
    Postbox(maildir, SERVER, LONGEST, site.mail_desk.take, outcomes.append).turn()
    assert [MailOutcome.BOUNCED] == outcomes


@pytest.mark.parametrize("error", [CredwatchError("no"), TooEarly("not yet"), ZeroDivisionError()])
def test_a_mail_that_fails_holds_up_no_other(error: Exception, tmp_path: Path) -> None:
    """It stays where it is, and is taken again after a while; the others are taken in."""
    for name in ("new", "cur"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    for name in ("1", "2"):
        (tmp_path / "mail" / "new" / name).write_bytes(f"From: a@b.example\n\n{name}".encode())
    times, fails = Times(), [True]

    def take(mail: Mail) -> MailOutcome:
        if mail.text == "1" and fails[0]:
            raise error
        return MailOutcome.MACHINE

    box = Postbox(Maildir(tmp_path / "mail", LONGEST), SERVER, LONGEST, take, lambda _outcome: None, times)
    assert 1 == box.turn()
    assert ["1"] == lying(tmp_path, "new")
    fails[0] = False
    assert 0 == box.turn()
    times.now = 301.0
    assert 1 == box.turn()
    assert [] == lying(tmp_path, "new")


class Unsteady(Maildir):
    """A mailbox that can be had when the test says so."""

    problem: CredwatchError | None = None
    looks = 0

    def waiting(self, apart: Collection[str] = ()) -> list[str]:
        """Fail as the test says."""
        self.looks += 1
        if self.problem is not None:
            raise self.problem
        return super().waiting(apart)


async def awaited(holds: Callable[[], bool]) -> None:
    """Wait for a state."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # a thread sets no event here
            await asyncio.sleep(0.01)


async def test_a_mailbox_that_cannot_be_had_is_told_and_tried_again(tmp_path: Path) -> None:
    """The part begins without it, says what is wrong for as long as it is, and needs no new start to go on."""
    for name in ("new", "cur"):
        (tmp_path / "mail" / name).mkdir(parents=True)
    (tmp_path / "mail" / "new" / "1").write_bytes(b"From: a@b.example\n\nhello")
    mailbox = Unsteady(tmp_path / "mail", LONGEST)
    mailbox.problem = MailboxLost("the server is gone")
    mailbox.problem.least_pause = 0.01
    outcomes: list[MailOutcome] = []
    postbox = Postbox(mailbox, SERVER, LONGEST, lambda _mail: MailOutcome.MACHINE, outcomes.append)
    part = InboxPart("inbox_imap", postbox, Pulse(), 0.01)
    await part.start()
    await awaited(lambda: part.trouble() is not None and mailbox.looks > 1)
    assert ("the server is gone", True) == ((trouble := part.trouble()).reason, trouble.comes_back)
    mailbox.problem = None
    await awaited(lambda: part.trouble() is None)
    await awaited(lambda: [MailOutcome.MACHINE] == outcomes)
    await part.stop()
    assert [] == lying(tmp_path, "new")


async def test_a_refused_login_is_not_repeated_at_once(tmp_path: Path) -> None:
    """Who asks again and again with a wrong password is locked out; the part ends at once all the same."""
    mailbox = Unsteady(tmp_path, LONGEST)
    mailbox.problem = LoginRefused("no")
    part = InboxPart("inbox_imap", Postbox(mailbox, SERVER, LONGEST, lambda _mail: MailOutcome.OWN, print), Pulse(), 0)
    await part.start()
    await awaited(lambda: part.trouble() is not None)
    await asyncio.sleep(0.2)
    assert 1 == mailbox.looks
    await asyncio.wait_for(part.stop(), 60)
