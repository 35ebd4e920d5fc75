"""`check` says why a journal cannot be read, and which logs repeat it."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.checks.journal import journal_problems
from credwatch.kernel.errors import Severity
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions

JOURNAL = JournalSourceOptions(id="logins", kind="journal")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a machine with a journal and a journalctl."""
    for name in ("bin/journalctl", "var/log/journal/5eed/system.journal"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def _told(root: Path, *others: FileSourceOptions) -> list[str]:
    return [problem.headline() for problem in journal_problems([JOURNAL, *others], root)]


def test_a_journal_that_can_be_read_is_fine(root: Path) -> None:
    """Beside logs of other things."""
    assert [] == _told(root, FileSourceOptions(id="web", paths=("/var/log/app/*.log",)))


def test_a_missing_journalctl_is_told(root: Path) -> None:
    """Without it nothing reads the journal."""
    (root / "bin/journalctl").unlink()
    (told,) = _told(root)
    assert "journalctl cannot be run" in told


def test_a_missing_journal_is_told(root: Path) -> None:
    """journald may keep none."""
    (root / "var/log/journal/5eed/system.journal").unlink()
    (told,) = _told(root)
    assert "there is no journal" in told


def test_a_journal_that_may_not_be_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group that may read it stands in the hint."""
    monkeypatch.setattr("os.access", lambda _path, _mode: False)
    monkeypatch.setattr("shutil.which", lambda name: name)
    (problem,) = journal_problems([JOURNAL], root)
    assert Severity.FAULT is problem.severity
    assert "may not be read" in problem.message
    assert "systemd-journal" in problem.hint


@pytest.mark.parametrize("path", ["/var/log/auth.log", "/var/log/secure", "/var/log/*.log", "/var/log/syslog"])
def test_a_log_that_repeats_the_journal_is_told(root: Path, path: str) -> None:
    """A syslog daemon writes what the journal has, and each line would count twice."""
    told = _told(root, FileSourceOptions(id="servers", paths=(path,)))
    assert told
    assert all("source servers: paths" in line and "would count twice" in line for line in told)


def test_a_journal_in_a_folder_is_another_machines(root: Path) -> None:
    """What was gathered from elsewhere stands in no log of this machine; its folder must have a journal."""
    options = JournalSourceOptions(id="remote", kind="journal", directory=root / "var/log/journal/5eed")
    log = FileSourceOptions(id="servers", paths=("/var/log/auth.log",))
    assert [] == list(journal_problems([options, log], root / "elsewhere"))
