"""A machine's logins are read from where it keeps them, and from one place only."""

from __future__ import annotations

from pathlib import Path

import pytest

from credwatch.sources.file.source import FileSource
from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.machine import machine_id, place_of, placed
from credwatch.sources.options import FileSourceOptions, JournalSourceOptions, MachineSourceOptions
from credwatch.sources.registry import open_source
from unit.sources.followed import NOW

AUTH, SECURE = "/var/log/auth.log", "/var/log/secure"
SOCKET, PERSISTENT, VOLATILE = "run/systemd/journal/socket", "var/log/journal/5eed", "run/log/journal/5eed"
MACHINE = MachineSourceOptions(
    id="machine", kind="machine", time_zone="Asia/Ho_Chi_Minh", read_from="start", lateness="3s"
)


def _made(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


PLACES = {
    "a persistent journal": ([SOCKET, f"{PERSISTENT}/system.journal"], "the systemd journal"),
    "one in memory": ([SOCKET, f"{VOLATILE}/system.journal"], "the systemd journal"),
    "a journal and files": ([SOCKET, f"{PERSISTENT}/system.journal", "var/log/auth.log"], "the systemd journal"),
    "journald that keeps nothing": ([SOCKET, "var/log/auth.log"], AUTH),
    "files of a journal that no journald writes": ([f"{PERSISTENT}/system.journal", "var/log/secure"], SECURE),
    "Debian's log": (["var/log/auth.log"], AUTH),
    "Red Hat's log": (["var/log/secure"], SECURE),
    "nothing yet": ([], f"{AUTH}, {SECURE}"),
}


@pytest.mark.parametrize("name", PLACES)
def test_one_place_is_read(tmp_path: Path, name: str) -> None:
    """The journal where journald keeps one, else the files that are there; where nothing is, what may come."""
    files, place = PLACES[name]
    assert place == place_of(placed(MACHINE, _made(tmp_path, *files)))


def test_what_the_settings_say_holds_for_either_place(tmp_path: Path) -> None:
    """Name, beginning, lateness and time zone go on to what is read."""
    same = {"id": "machine", "read_from": "start", "lateness": "3s"}
    files = placed(MACHINE, tmp_path)
    assert FileSourceOptions(paths=(AUTH, SECURE), time_zone="Asia/Ho_Chi_Minh", **same) == files
    journal = placed(MACHINE, _made(tmp_path, SOCKET, f"{VOLATILE}/system.journal"))
    assert JournalSourceOptions(kind="journal", **same) == journal


def test_other_sources_stay_where_they_are(tmp_path: Path) -> None:
    """Files and journals that are named are not looked for."""
    for source in (FileSourceOptions(id="a", paths=("/x",)), JournalSourceOptions(id="b", kind="journal")):
        assert source is placed(source, _made(tmp_path, "var/log/auth.log"))


def test_a_machine_that_changes_its_ways_begins_anew(tmp_path: Path) -> None:
    """Where files take the place of a journal, its cursor is no reason to read them from their beginning."""
    log = tmp_path / "auth.log"
    log.write_text("counted when the journal had it\n")
    options = FileSourceOptions(id="machine", paths=(str(log),))
    source = open_source(options, {JOURNAL: {"entry": "s=1;i=2"}}, clock=lambda: NOW, wake=lambda: None, intakes={})
    chunk = source.read(1000)
    source.close()
    assert isinstance(source, FileSource)
    assert chunk is None or not chunk.data


def test_the_machine_is_known_by_its_id(tmp_path: Path) -> None:
    """systemd's own file says it; a machine may have none."""
    assert "" == machine_id(tmp_path)
    _made(tmp_path, "etc/machine-id").joinpath("etc/machine-id").write_text("5eed\n")
    assert "5eed" == machine_id(tmp_path)


def test_a_journal_is_opened_as_one() -> None:
    """The registry gives each kind its own source."""
    options = JournalSourceOptions(id="machine", kind="journal", directory=Path("/nonexistent"))
    source = open_source(options, {}, clock=lambda: NOW, wake=lambda: None, intakes={})
    assert isinstance(source, JournalSource)
    source.close()
