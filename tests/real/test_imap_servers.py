"""Mail is read from a real Dovecot: over TLS that is checked, through restarts, and as docs/mail.md sets it up."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from certificates import Authority
from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.checks.inbox import imap_problems
from credwatch.inbox.imap import mailbox
from credwatch.inbox.imap.mailbox import ImapMailbox
from credwatch.inbox.interface import LoginRefused, MailboxLost
from credwatch.inbox.options import ImapOptions
from credwatch.kernel.errors import ConfigurationError, Severity
from dovecot_server import DOVECOT, USER, DovecotServer

DOCS = Path(__file__).resolve().parents[2] / "docs" / "mail.md"
MAIL = b"Subject: hello\r\n\r\nhello\r\n"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(DOVECOT is None, reason="needs the Debian package dovecot-imapd"),
]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[DovecotServer]:
    """Run one for all tests."""
    with TemporaryDirectory(prefix="credwatch-dovecot-") as folder:
        Path(folder).chmod(0o755)
        server = DovecotServer(Path(folder) / "server")
        server.start()
        yield server
        server.stop()


def options_of(server: DovecotServer, **changes: Any) -> ImapOptions:
    values = {"host": "localhost", "port": server.tls_port, "ca_file": server.authority.file, "username": USER}
    return ImapOptions(**(values | {"password_file": server.password_file} | changes))


def opened(server: DovecotServer, **changes: Any) -> ImapMailbox:
    options = options_of(server, **changes)
    return ImapMailbox(options, lambda: keys.imap_password(options), 1000)


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_certificate_is_checked(security: str, dovecot: DovecotServer, tmp_path: Path) -> None:
    """One of an authority that we trust, for the host that we name, and no other; the password goes to no other."""
    way = {"security": security, "port": dovecot.tls_port if security == "tls" else dovecot.port}
    good = opened(dovecot, **way)
    good.waiting()
    good.close()
    stranger = Authority(tmp_path, "a stranger")
    for trust in ({"ca_file": stranger.file}, {"ca_file": None}):
        with pytest.raises(MailboxLost, match="certificate verify failed"):
            opened(dovecot, **(way | trust)).waiting()
    with pytest.raises(MailboxLost, match="not valid for") as lost:
        opened(dovecot, **(way | {"host": "127.0.0.2"})).waiting()
    assert "certificate" in lost.value.hint


def test_the_other_kind_of_tls_is_named(dovecot: DovecotServer) -> None:
    """TLS at the port for STARTTLS is an error that says which ports are usual."""
    with pytest.raises(MailboxLost) as lost:
        opened(dovecot, port=dovecot.port).waiting()
    assert "993" in lost.value.hint


def test_a_wrong_password_is_told_without_it(dovecot: DovecotServer, tmp_path: Path) -> None:
    """The next login reads the file anew, so its correction needs no restart; a file that is not there is named."""
    password = tmp_path / "password"
    box = opened(dovecot, password_file=password)
    with pytest.raises(ConfigurationError, match="No such file"):
        box.waiting()
    password.write_text("a wrong one\n")
    with pytest.raises(LoginRefused, match="AUTHENTICATIONFAILED") as refused:
        box.waiting()
    assert "a wrong one" not in str(refused.value)
    password.write_bytes(dovecot.password_file.read_bytes())
    box.waiting()
    box.close()


def test_a_folder_that_was_made_anew_gives_its_mails_anew(dovecot: DovecotServer) -> None:
    """With another UIDVALIDITY the numbers mean other mails: a name of before reads and marks none of them."""
    dovecot.make("Reports")
    dovecot.deliver([MAIL], "Reports")
    box = opened(dovecot, folder="Reports")
    (before,) = box.waiting()
    box.close()
    with dovecot.client() as client:
        client.delete("Reports")
    dovecot.make("Reports")
    dovecot.deliver([MAIL.replace(b"hello", b"other")], "Reports")
    with pytest.raises(MailboxLost):
        box.done(before)
    (after,) = box.waiting()
    assert before != after
    for ask in (box.read, box.done):
        with pytest.raises(MailboxLost, match="opened anew"):
            ask(before)
    assert [after] == box.waiting()
    assert b"other" in box.read(after)
    box.close()


def test_a_large_folder_is_searched_piece_by_piece(dovecot: DovecotServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer grows with the folder: windows of two give what one search would, whatever was taken in before."""
    monkeypatch.setattr(mailbox, "_WINDOW", 2)
    dovecot.make("Large")
    dovecot.deliver([MAIL] * 5, "Large")
    box = opened(dovecot, folder="Large")
    names = box.waiting()
    assert [1, 2, 3, 4, 5] == [int(name.rpartition("/")[2]) for name in names]
    for name in (names[0], names[1], names[4]):
        box.done(name)
    assert names[2:4] == box.waiting()
    box.close()


def test_what_came_before_the_first_day_is_left_alone(dovecot: DovecotServer) -> None:
    """A mailbox with ten years of mail opens no ten years of cases."""
    dovecot.make("Old")
    with dovecot.client() as client:
        client.append("Old", "", '"01-Feb-2016 10:00:00 +0000"', MAIL)
    dovecot.deliver([MAIL], "Old")
    box = opened(dovecot, folder="Old", since="2020-01-01")
    assert 1 == len(box.waiting())
    box.close()
    box = opened(dovecot, folder="Old")
    assert 2 == len(box.waiting())
    box.close()


def test_the_set_up_of_the_documentation_reads_a_mailbox(dovecot: DovecotServer) -> None:
    """Its lines are taken as they stand; only the server, its authority and the account are the test's."""
    (block,) = re.findall(r"(?m)^    (\[inbox\.imap\]\n(?:    .+\n)+)", DOCS.read_text(encoding="utf-8"))
    table = tomllib.loads("\n".join(line.strip() for line in block.splitlines()))["inbox"]["imap"]
    ImapOptions(**table)
    place = {"host": "localhost", "port": dovecot.tls_port, "ca_file": dovecot.authority.file}
    login = {"username": USER, "password_file": dovecot.password_file}
    dovecot.deliver([MAIL])
    options = ImapOptions(**(table | place | login | {"since": "2020-01-01"}))
    box = ImapMailbox(options, lambda: keys.imap_password(options), 1000)
    (name,) = box.waiting()
    assert b"hello" in box.read(name)
    box.done(name)
    assert [] == box.waiting()
    assert [{"CredwatchTaken"}] == [flags - {"\\Recent"} for flags in dovecot.flags()]
    box.close()


def test_check_asks_the_server(dovecot: DovecotServer, tmp_path: Path) -> None:
    """A login that is refused is a fault, with which the daemon begins all the same; a good one is none."""
    good = options_of(dovecot)
    (tmp_path / "wrong").write_text("a wrong one\n")
    wrong = good.model_copy(update={"password_file": tmp_path / "wrong"})
    settings = Settings()
    assert [] == [*imap_problems(settings)]
    for options, count in ((good, 0), (wrong, 1)):
        inbox = settings.inbox.model_copy(update={"imap": options})
        problems = [*imap_problems(settings.model_copy(update={"inbox": inbox}))]
        assert [Severity.FAULT] * count == [problem.severity for problem in problems]
