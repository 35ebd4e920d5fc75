"""What the daemon could not see is kept, and a source that is too silent is told to the operators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, field

from builders_outbox import NOON, some_facts
from credwatch.kernel.blindness import BlindInterval, Blindness
from credwatch.kernel.errors import StoreError
from credwatch.service.lookout import Lookout
from credwatch.store import outbox
from credwatch.store.database import Database
from credwatch.store.state import seeing
from credwatch.workflows.rhythm import Rhythm
from scenarios.pipeline import a_store

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
BUSY = Rhythm({slot: (32.0, 32.0) for slot in range(7 * 24)})


class Tower(Struct):
    """A lookout over a store, with a clock that a test moves."""

    database: Database
    now: datetime = NOON
    wakes: list[datetime] = field(default_factory=list)

    def lookout(self, lossy: tuple[str, ...] = ()) -> Lookout:
        """Climb it: the daemon starts."""
        wake = lambda: self.wakes.append(self.now)  # noqa: E731
        return Lookout(self.database, ["vpn"], lambda: self.now, "UTC", some_facts, wake, lossy)

    def heard(self, at: datetime, happened: datetime | None = None, rhythm: Rhythm = BUSY) -> None:
        """Note that the source spoke, and its rhythm."""
        with self.database.writing() as connection:
            seeing.note_times(connection, [("vpn", at, happened)])
            seeing.save_rhythms(connection, [("vpn", rhythm)])

    def intervals(self) -> list[BlindInterval]:
        """Return all intervals."""
        with self.database.reading() as connection:
            return seeing.intervals_between(connection, NOON - 9999 * HOUR, NOON + 9999 * HOUR)

    def letters(self) -> list[str]:
        """Return of which sources letters tell."""
        return [str(stored.command.payload.context["source"]) for stored in outbox.OutboxStore(self.database).listed()]


@pytest.fixture
def tower(tmp_path: Path) -> Iterator[Tower]:
    """Make a store on which nothing has run."""
    with a_store(tmp_path / "store.sqlite") as database:
        yield Tower(database)


def test_a_source_that_is_too_silent_is_told_once(tower: Tower) -> None:
    """Each operator gets one letter, whatever many turns follow, and after a restart too; its next line ends it."""
    tower.heard(NOON)
    lookout = tower.lookout()
    tower.now = NOON + HOUR / 2
    lookout.turn()
    assert [] == tower.intervals()
    for minutes in (120, 121, 122):
        tower.now = NOON + minutes * MINUTE
        lookout.turn()
    tower.lookout().turn()
    operators = len(some_facts().operators.addresses)
    assert ["vpn"] * operators == tower.letters()
    assert [NOON + 120 * MINUTE] == tower.wakes
    assert [BlindInterval("vpn", Blindness.SILENT, NOON)] == tower.intervals()
    tower.heard(NOON + 130 * MINUTE)
    tower.now = NOON + 131 * MINUTE
    lookout.turn()
    assert [BlindInterval("vpn", Blindness.SILENT, NOON, NOON + 130 * MINUTE)] == tower.intervals()


def test_a_source_that_is_quiet_by_nature_is_not_told(tower: Tower) -> None:
    """Where its rhythm expects nothing, a day without a line is none that is missed."""
    tower.heard(NOON, rhythm=Rhythm({slot: (32.0, 0.0) for slot in range(7 * 24)}))
    lookout = tower.lookout()
    tower.now = NOON + 24 * HOUR
    lookout.turn()
    assert ([], []) == (tower.intervals(), tower.letters())


def test_a_source_that_cannot_be_read_is_blind_until_it_can(tower: Tower) -> None:
    """It is unreadable, and not silent besides: its writer may be well."""
    tower.heard(NOON)
    lookout = tower.lookout()
    lookout.notice("vpn", is_up=False, waiting=0)
    for hours in (5, 6):
        tower.now = NOON + hours * HOUR
        lookout.turn()
    lookout.notice("vpn", is_up=True, waiting=0)
    tower.heard(tower.now)
    tower.now = NOON + 6 * HOUR + MINUTE
    lookout.turn()
    assert [BlindInterval("vpn", Blindness.UNREADABLE, NOON + 5 * HOUR, tower.now)] == tower.intervals()
    assert [] == tower.letters()


def test_lines_that_wait_for_long_are_seen_late(tower: Tower) -> None:
    """A source lags while lines wait and those read last are old; an old line with nothing behind it is no lag."""
    lookout = tower.lookout()
    tower.heard(NOON, NOON - HOUR)
    lookout.turn()
    assert [] == tower.intervals()
    lookout.notice("vpn", is_up=True, waiting=4096)
    lookout.turn()
    lookout.notice("vpn", is_up=True, waiting=0)
    tower.now = NOON + MINUTE
    lookout.turn()
    assert [BlindInterval("vpn", Blindness.LAGGING, NOON, NOON + MINUTE)] == tower.intervals()


def test_lost_lines_and_full_windows_are_one_interval_while_they_go_on(tower: Tower) -> None:
    """They begin at the look before they were noticed, and end with the first look that finds no more."""
    lookout = tower.lookout()
    for minute in (1, 2):
        lookout.lost("vpn")
        lookout.capped()
        tower.now = NOON + minute * MINUTE
        lookout.turn()
    tower.now = NOON + 3 * MINUTE
    lookout.turn()
    assert {
        BlindInterval("", Blindness.CAPPED, NOON, NOON + 3 * MINUTE),
        BlindInterval("vpn", Blindness.DROPPING, NOON, NOON + 3 * MINUTE),
    } == {*tower.intervals()}


def test_the_time_in_which_no_daemon_ran_is_kept(tower: Tower) -> None:
    """It lasts from the last look before the end to the next start; a restart of a minute is none."""
    tower.lookout().turn()
    tower.now = NOON + MINUTE
    tower.lookout().turn()
    assert [] == tower.intervals()
    tower.now = NOON + HOUR
    tower.lookout().turn()
    assert [BlindInterval("", Blindness.DOWN, NOON + MINUTE, NOON + HOUR)] == tower.intervals()


def test_any_absence_of_one_who_loses_lines_is_kept(tower: Tower) -> None:
    """It lasts from the last look to the moment when lines are received again, across starts that came to nothing."""
    first = tower.lookout(("net",))
    first.begin()
    first.arrived()
    assert [] == tower.intervals()
    tower.now = NOON + MINUTE
    first.turn()
    tower.now = NOON + 1.5 * MINUTE
    tower.lookout(("net",)).begin()
    tower.now = NOON + 2 * MINUTE
    again = tower.lookout(("net",))
    again.begin()
    assert [BlindInterval("net", Blindness.DOWN, NOON + MINUTE)] == tower.intervals()
    again.arrived()
    again.turn()
    assert [BlindInterval("net", Blindness.DOWN, NOON + MINUTE, NOON + 2 * MINUTE)] == tower.intervals()


def test_who_dies_before_anything_was_looked_at_was_there(tower: Tower) -> None:
    """A first start that comes to nothing is where the absence begins."""
    tower.lookout(("net",)).begin()
    tower.now = NOON + MINUTE
    again = tower.lookout(("net",))
    again.begin()
    again.arrived()
    assert [BlindInterval("net", Blindness.DOWN, NOON, NOON + MINUTE)] == tower.intervals()


def test_a_loss_that_could_not_be_stored_is_stored_later(tower: Tower, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the store refuses, nothing that was noticed is forgotten."""
    lookout = tower.lookout()
    lookout.lost("vpn")

    def refuse(*_: object) -> None:
        raise StoreError("no", where="store", hint="")

    with monkeypatch.context() as patched:
        patched.setattr(seeing, "save_intervals", refuse)
        with pytest.raises(StoreError):
            lookout.turn()
    lookout.turn()
    assert [Blindness.DROPPING] == [interval.reason for interval in tower.intervals()]


def test_a_source_that_no_setting_names_is_looked_after_too(tower: Tower) -> None:
    """The gate's own events are followed beside the configured sources, and may be blind like them."""
    lookout = tower.lookout()
    lookout.notice("gate", is_up=False, waiting=0)
    lookout.turn()
    assert [BlindInterval("gate", Blindness.UNREADABLE, NOON)] == tower.intervals()
    lookout.notice("gate", is_up=True, waiting=0)
    lookout.turn()
    assert [] == [interval for interval in tower.intervals() if interval.ended_at is None]
