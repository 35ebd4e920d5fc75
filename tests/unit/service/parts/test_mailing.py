"""The inbox: a mail is committed first and moved then, and one that cannot be taken in holds up no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credwatch.casework.returned_mail import TooEarly
from credwatch.inbox.mail import Mail
from credwatch.inbox.maildir import Maildir
from credwatch.kernel.errors import CredwatchError
from credwatch.kernel.mail_outcome import MailOutcome
from credwatch.service.parts.mailing import Postbox
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
        def done(self, path: Path) -> None:
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
