"""The journal is followed whatever becomes of it, of journalctl, and of our place in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from credwatch.kernel.errors import SourceError
from credwatch.sources.journal import process
from credwatch.sources.journal.source import JOURNAL, JournalSource
from credwatch.sources.options import JournalSourceOptions
from unit.sources.followed import NOW, Reader, Seconds
from unit.sources.journal.written import Journal, cursor_of

PATIENCE = 20.0


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


def _messages(reader: Reader) -> list[str]:
    return [line.decode().rpartition("] ")[2] for line in reader.lines]


def _until(is_so: Callable[[], object], reader: Reader) -> None:
    """Read until something is so; errors of the source are as the reader takes them."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, _messages(reader)
        try:
            reader.drain()
        except SourceError:
            continue
        time.sleep(0.002)


def _read(source: JournalSource, lines: int) -> Reader:
    reader = Reader(source)
    _until(lambda: len(reader.lines) >= lines and not source.lag(), reader)
    source.close()
    return reader


def _failure(source: JournalSource) -> SourceError:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            source.read(65536)
        except SourceError as error:
            return error
        time.sleep(0.002)
    raise AssertionError("it did not fail")


def test_what_is_written_later_comes_too(journal: Journal) -> None:
    """The journal is followed, and the caller is woken."""
    source = journal.source()
    reader = Reader(source)
    journal.write("one")
    _until(lambda: reader.lines, reader)
    journal.write("two", "three")
    _until(lambda: len(reader.lines) == 3, reader)
    source.close()
    assert ["one", "two", "three"] == _messages(reader)


def test_what_journalctl_still_reads_is_awaited(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other logs do not run ahead of the journal at a start; once it is in the present they wait for nothing."""
    monkeypatch.setattr(process, "_QUIET_SECONDS", PATIENCE)
    journal.write("of an hour ago", __REALTIME_TIMESTAMP=str(int(NOW.timestamp() * 1e6) - 3_600_000_000))
    source = journal.source()
    reader = Reader(source)
    _until(lambda: reader.lines, reader)
    assert {JOURNAL} == source.awaited()
    journal.write("of now", __REALTIME_TIMESTAMP=str(int(NOW.timestamp() * 1e6)))
    _until(lambda: len(reader.lines) == 2, reader)
    assert not source.awaited(), "though journalctl may be about to give more"
    source.close()


def test_a_journal_without_entries_is_not_awaited(journal: Journal) -> None:
    """Once journalctl has nothing more to give, nothing waits for it."""
    source = journal.source()
    reader = Reader(source)
    reader.step()
    _until(lambda: not source.lag(), reader)
    assert not source.awaited()
    source.close()


def test_the_caller_is_woken(journal: Journal) -> None:
    """Nobody has to ask again and again: the thread says that there is something."""
    woken: list[int] = []
    options = JournalSourceOptions(id="auth", kind="journal", read_from="start")
    command = (str(journal.folder / "journalctl"), str(journal.folder))
    source = JournalSource(options, {}, clock=lambda: NOW, wake=lambda: woken.append(1), command=command)
    journal.write("one")
    source.read(1)
    source.read(1)
    deadline = time.monotonic() + PATIENCE
    while not woken and time.monotonic() < deadline:
        time.sleep(0.002)
    source.close()
    assert woken


def test_a_first_start_at_the_end_is_remembered(journal: Journal) -> None:
    """What comes between the first start and the first entry is not lost by a restart in between."""
    journal.write("before")
    source = journal.source(read_from="end")
    reader = Reader(source)
    assert reader.step()
    source.close()
    began = reader.cursors[JOURNAL]["time"]
    assert (int(NOW.timestamp() * 1_000_000), []) == (began, reader.lines)
    journal.write("after", __REALTIME_TIMESTAMP=str(began))
    assert ["after"] == _messages(_read(journal.source(reader.cursors, read_from="end"), 1))


def test_the_entry_before_is_asked_for_and_not_given_again(journal: Journal) -> None:
    """The first entry that comes is the last one that was taken: nothing is missing between."""
    journal.write("one", "two")
    reader = _read(journal.source(), 2)
    journal.write("three")
    source = journal.source(reader.cursors)
    assert (["three"], 0) == (_messages(_read(source, 1)), source.tally.vacuumed)
    assert f"--cursor={cursor_of(1)}" in journal.commands()[-1]


def test_a_vacuum_behind_us_is_counted(journal: Journal) -> None:
    """Where the last entry is gone, others may be gone as well; what is there comes all the same."""
    journal.write("one", "two", "three", "four")
    reader = Reader(journal.source())
    _until(lambda: len(reader.lines) == 4, reader)
    first = reader.source.cursor_at(reader.chunks[1], len(reader.lines[0]) + 1)
    reader.source.close()
    journal.vacuum(2)
    source = journal.source({JOURNAL: first})
    assert (["three", "four"], 1) == (_messages(_read(source, 2)), source.tally.vacuumed)


def test_a_vacuum_of_what_was_read_is_no_loss(journal: Journal) -> None:
    """Where the journal goes on right behind the last entry, nothing is missing."""
    journal.write("one", "two")
    reader = _read(journal.source(), 2)
    journal.write("three")
    journal.vacuum(2)
    source = journal.source(reader.cursors)
    assert (["three"], 0) == (_messages(_read(source, 1)), source.tally.vacuumed)


def test_a_journal_that_was_moved_to_the_disk_is_the_same(journal: Journal) -> None:
    """The number of an entry changes when journald moves it; its boot, its time and its hash do not."""
    journal.write("one", "two")
    reader = _read(journal.source(), 2)
    moved = {JOURNAL: reader.cursors[JOURNAL] | {"entry": cursor_of(1).replace("s=5eed", "s=0dd")}}
    source = journal.source(moved)
    journal.write("three")
    assert (["three"], 0) == (_messages(_read(source, 1)), source.tally.vacuumed)


def test_other_matches_hide_no_loss(journal: Journal) -> None:
    """Under other matches the last entry may be hidden, so its absence says nothing: what follows it is asked for."""
    journal.write("one", "two")
    reader = _read(journal.source(), 2)
    journal.write("three")
    source = journal.source(reader.cursors, units=["ssh.service"])
    assert (["three"], 0) == (_messages(_read(source, 1)), source.tally.vacuumed)
    assert f"--after-cursor={cursor_of(1)}" in journal.commands()[-1]


def test_a_cursor_that_is_not_understood_is_replaced_by_the_time(journal: Journal) -> None:
    """The time of the last entry leads to the same place, and what was taken is not given again."""
    journal.write("one", "two")
    reader = _read(journal.source(), 2)
    journal.write("three")
    broken = {JOURNAL: reader.cursors[JOURNAL] | {"entry": "what is this"}}
    seconds = Seconds()
    source = journal.source(broken, seconds)
    assert "seek to cursor" in str(_failure(source))
    seconds.now += 60
    assert ["three"] == _messages(_read(source, 1))


def test_journalctl_that_ends_is_started_again(journal: Journal) -> None:
    """It goes on behind the last entry, says that it ended, and waits a moment before."""
    seconds = Seconds()
    source = journal.source(seconds=seconds)
    reader = Reader(source)
    journal.write("one")
    _until(lambda: reader.lines, reader)
    (journal.folder / "end").touch()
    assert "it has had enough" in str(_failure(source))
    assert (1, 1) == (len(source.problems()), source.tally.restarts)
    journal.write("two")
    assert (None, 1) == (source.read(65536), len(journal.commands()))
    seconds.now += 60
    _until(lambda: len(reader.lines) == 2, reader)
    assert ([], 0) == (source.problems(), source.tally.vacuumed)
    source.close()
    assert ["one", "two"] == _messages(reader)


def test_the_pause_grows_while_journalctl_fails(journal: Journal) -> None:
    """A journalctl that ends at once is not started in a loop."""
    journal.refuse("no")
    seconds = Seconds()
    source = journal.source(seconds=seconds)
    for pause in (1, 2, 4, 8):
        _failure(source)
        seconds.now += pause - 0.5
        assert source.read(65536) is None
        seconds.now += 1
    assert 4 == len(journal.commands())
    source.close()


def test_a_missing_journalctl_is_said(tmp_path: Path) -> None:
    """The error names the program and the other way."""
    options = JournalSourceOptions(id="auth", kind="journal", read_from="start")
    source = JournalSource(options, {}, clock=lambda: NOW, command=(str(tmp_path / "journalctl"),))
    source.read(1)
    with pytest.raises(SourceError, match=r"journalctl cannot be run: No such file.*kind = \"file\""):
        source.read(1)
    assert (1, None) == (len(source.problems()), source.read(1))
    source.close()


FORBIDDEN = "No journal files were opened due to insufficient permissions."


def test_a_journal_that_may_not_be_read_is_said(journal: Journal) -> None:
    """The error says which group may read it."""
    journal.refuse(FORBIDDEN)
    source = journal.source()
    assert "to the group systemd-journal" in _failure(source).hint
    source.close()


def test_what_journald_left_out_is_counted(journal: Journal) -> None:
    """journald drops what a service writes too fast, and says how much."""
    journal.write("Suppressed 7 messages", MESSAGE_ID="a596d6fe7bfa4994828e72309e95d61e", N_DROPPED="7")
    source = journal.source()
    _read(source, 1)
    assert 7 == source.tally.suppressed


def test_entries_wait_within_a_bound(journal: Journal) -> None:
    """A journal of any size takes little memory: journalctl waits for us."""
    journal.write(*(["x" * 1_000_000] * 12))
    source = journal.source()
    reader = Reader(source)
    _until(lambda: reader.lines or source.lag() > 1, reader)
    deadline = time.monotonic() + PATIENCE
    while source.lag() < 4_000_000:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert source.lag() < 6_000_000
    _until(lambda: 12 == len(reader.lines), reader)
    source.close()


OPTIONS = {
    "alone": ({}, ["SYSLOG_FACILITY=4", "SYSLOG_FACILITY=10"]),
    "unit": (
        {"units": ["web.service"], "identifiers": ["cron"]},
        ["SYSLOG_FACILITY=4", "SYSLOG_FACILITY=10", "+", "_SYSTEMD_UNIT=web.service", "+", "SYSLOG_IDENTIFIER=cron"],
    ),
    "transport": (
        {"facilities": ["local0"], "transports": ["syslog"]},
        ["SYSLOG_FACILITY=16", "_TRANSPORT=syslog"],
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_matches_are_alternatives_within_the_transports(name: str) -> None:
    """An entry is read that fits a facility, a unit or an identifier; that journald drops entries is always read."""
    fields, words = OPTIONS[name]
    options = JournalSourceOptions(id="auth", kind="journal", **fields)
    assert [*words, "+", "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e"] == options.matches()


def test_only_this_machines_entries_match() -> None:
    """The folder of journals may have those of containers and of other machines."""
    options = JournalSourceOptions(id="auth", kind="journal", facilities=["auth"])
    mine = "_MACHINE_ID=5eed"
    dropped = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e"
    assert ["SYSLOG_FACILITY=4", mine, "+", dropped, mine] == options.matches("5eed")


def test_everything_is_read_where_nothing_is_named() -> None:
    """Without facilities there is no match at all."""
    assert [] == JournalSourceOptions(id="auth", kind="journal", facilities=[]).matches()
