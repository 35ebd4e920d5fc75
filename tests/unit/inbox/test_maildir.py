"""A maildir: what waits in it, what is read of it, and where it goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from credwatch.inbox.interface import MailboxLost
from credwatch.inbox.maildir import Maildir
from credwatch.kernel.errors import CredwatchError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make an empty maildir."""
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    return tmp_path


def test_mails_wait_in_the_order_of_their_delivery(folder: Path) -> None:
    """The oldest comes first; hidden files, and those that were set apart, do not count."""
    for at, name in enumerate(("c", "a", "b", ".hidden")):
        (folder / "new" / name).write_bytes(b"x")
        os.utime(folder / "new" / name, (1000 + at, 1000 + at))
    maildir = Maildir(folder, 10)
    assert ["c", "a", "b"] == maildir.waiting()
    assert ["c", "b"] == maildir.waiting({"a"})


def test_what_was_taken_in_is_kept_as_read(folder: Path) -> None:
    """It moves to cur, with the mark of a mail that was seen; one that another program moved is left alone."""
    (folder / "new" / "1").write_bytes(b"words")
    maildir = Maildir(folder, 10)
    (name,) = maildir.waiting()
    assert b"words" == maildir.read(name)
    maildir.done(name)
    assert ["1:2,S"] == [kept.name for kept in (folder / "cur").iterdir()]
    assert [] == maildir.waiting()


@pytest.mark.parametrize("kind", ["link", "folder", "pipe"])
def test_what_is_no_file_is_not_opened(kind: str, folder: Path) -> None:
    """A link out of the maildir would have a stranger's file read, and a pipe would never end."""
    path = folder / "new" / "1"
    {"link": lambda: path.symlink_to("/etc/passwd"), "folder": path.mkdir, "pipe": lambda: os.mkfifo(path)}[kind]()
    with pytest.raises(CredwatchError):
        Maildir(folder, 10).read("1")


def test_a_maildir_that_is_gone_is_told(tmp_path: Path) -> None:
    """With its place, and what to do."""
    with pytest.raises(MailboxLost, match="No such file") as problem:
        Maildir(tmp_path, 10).waiting()
    assert str(tmp_path / "new") == problem.value.where
