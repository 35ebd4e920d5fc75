"""Real journals, followed by the real journalctl: rotated, vacuumed, in every dress, and across SIGKILLs."""

from __future__ import annotations

import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.options import JournalSourceOptions
from credwatch.sources.replay import ReplaySource
from real.journals import REMOTE, Journals
from unit.sources.followed import NOW, Reader

PATIENCE = 60.0
KILLS = 10

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not Path(REMOTE).exists() or shutil.which("journalctl") is None,
        reason="needs the Debian packages systemd and systemd-journal-remote",
    ),
]

DRIVER = """
import sqlite3, sys, time
from datetime import UTC, datetime
from pathlib import Path
from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.options import JournalSourceOptions
import json
folder, path = sys.argv[1:]
store = sqlite3.connect(path)
store.execute("CREATE TABLE IF NOT EXISTS lines (line TEXT)")
store.execute("CREATE TABLE IF NOT EXISTS cursors (file TEXT PRIMARY KEY, cursor TEXT)")
cursors = {file: json.loads(cursor) for file, cursor in store.execute("SELECT file, cursor FROM cursors")}
options = JournalSourceOptions(id="auth", kind="journal", read_from="start", directory=Path(folder))
source = JournalSource(options, cursors, clock=lambda: datetime.now(UTC))
while True:
    chunk = source.read(2000)
    if chunk is None:
        time.sleep(0.01)
        continue
    with store:
        store.executemany("INSERT INTO lines VALUES (?)", [(line,) for line in chunk.data.decode().splitlines()])
        store.execute("REPLACE INTO cursors VALUES (?, ?)", (chunk.file, json.dumps(chunk.cursor)))
"""


@pytest.fixture
def journals(tmp_path: Path) -> Journals:
    return Journals(tmp_path)


def _messages(lines: list[bytes]) -> list[str]:
    return [line.decode().rpartition("] ")[2] for line in lines]


def _until(is_so: Callable[[], object], what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, what()
        time.sleep(0.01)


def _read(reader: Reader, count: int) -> None:
    """Read until so many lines are there in all."""

    def is_read() -> bool:
        reader.drain()
        return len(reader.lines) >= count

    _until(is_read, lambda: _messages(reader.lines))


def test_a_rotated_journal_is_followed(journals: Journals) -> None:
    """What is added to a file comes, and what is added to the next one; other facilities stay out."""
    expected = journals.write("first", 5)
    reader = Reader(journals.source())
    _read(reader, 5)
    expected += journals.write("first", 3)
    _read(reader, 8)
    journals.write("second", 2, SYSLOG_FACILITY="3")
    expected += journals.write("second", 4)
    _read(reader, 12)
    reader.source.close()
    assert expected == _messages(reader.lines)


def test_entries_of_earlier_boots_come_too(journals: Journals) -> None:
    """What was written before a reboot, and not read then, is read after it."""
    expected = journals.write("first", 3, _BOOT_ID="0123456789abcdef0123456789abcde0")
    expected += journals.write("first", 3, _BOOT_ID="0123456789abcdef0123456789abcde1")
    reader = Reader(journals.source())
    _read(reader, 6)
    reader.source.close()
    assert expected == _messages(reader.lines)


def test_a_vacuum_behind_us_is_counted_once(journals: Journals) -> None:
    """Where the file with our place is gone, what is there is read and the loss is counted; else nothing is."""
    journals.write("first", 5)
    reader = Reader(journals.source())
    _read(reader, 5)
    reader.source.close()
    later = journals.write("second", 5)
    whole = Reader(journals.source(reader.cursors))
    _read(whole, 5)
    whole.source.close()
    (journals.folder / "first.journal").unlink()
    vacuumed = Reader(journals.source(reader.cursors))
    _read(vacuumed, 5)
    vacuumed.source.close()
    assert [later, later] == [_messages(whole.lines), _messages(vacuumed.lines)]
    assert [0, 1] == [whole.source.tally.vacuumed, vacuumed.source.tally.vacuumed]


def test_a_cursor_that_is_none_leads_to_the_same_place(journals: Journals) -> None:
    """The real journalctl refuses it, and the time takes its place."""
    journals.write("first", 5)
    reader = Reader(journals.source())
    _read(reader, 5)
    reader.source.close()
    later = journals.write("first", 3)
    moment = [0.0]
    options = JournalSourceOptions(id="auth", kind="journal", read_from="start", directory=journals.folder)
    broken = {JOURNAL: reader.cursors[JOURNAL] | {"entry": "s=what;is=this"}}
    after = Reader(JournalSource(options, broken, clock=lambda: NOW, monotonic=lambda: moment[0]))

    def is_read() -> bool:
        moment[0] += 10
        try:
            after.drain()
        except Exception:  # noqa: BLE001  # journalctl has ended; it is started again
            return False
        return len(after.lines) >= 3

    _until(is_read, lambda: _messages(after.lines))
    after.source.close()
    assert later == _messages(after.lines)


@pytest.mark.parametrize("form", ["json", "json-pretty", "json-sse", "json-seq", "export"])
def test_a_file_in_any_form_is_replayed_alike(journals: Journals, tmp_path: Path, form: str) -> None:
    """Each form gives the lines that following the journal gives."""
    journals.write("first", 20, _EXE="/usr/sbin/sshd", _SYSTEMD_UNIT="ssh.service")
    followed = Reader(journals.source())
    _read(followed, 20)
    followed.source.close()
    path = tmp_path / "written"
    path.write_bytes(journals.shown(form))
    replayed = Reader(ReplaySource("auth", [str(path)], {}, clock=lambda: NOW))
    replayed.drain()
    replayed.source.close()
    assert followed.lines == replayed.lines


def test_every_entry_is_committed_once_across_kills(journals: Journals, tmp_path: Path) -> None:
    """A reader that is killed while entries come, and files are rotated, has each entry once and in order."""
    chance, store = random.Random(7), tmp_path / "store.sqlite"
    expected: list[str] = []
    for number in range(KILLS):
        driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(journals.folder), str(store)])
        for _ in range(4):
            expected += journals.write(f"file-{number // 3}", chance.randrange(1, 60))
        time.sleep(chance.random() * 0.5)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(journals.folder), str(store)])
    try:
        _until(lambda: len(_committed(store)) >= len(expected), lambda: len(_committed(store)))
    finally:
        driver.kill()
        driver.wait()
    assert expected == _messages([line.encode() for line in _committed(store)])


def _committed(store: Path) -> list[str]:
    connection = sqlite3.connect(store)
    try:
        return [line for (line,) in connection.execute("SELECT line FROM lines ORDER BY rowid")]
    except sqlite3.OperationalError:  # there is no table yet
        return []
    finally:
        connection.close()
