"""Holds canaries to being one at a time, across restarts, and to being told once where one does not arrive."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec import Struct, field
from msgspec.json import decode
from msgspec.structs import replace
from sqlalchemy import func, select

from builders_outbox import NOON, an_incident, some_facts
from credwatch.kernel.canary import CANARY
from credwatch.kernel.receipt import Delivered, Retry
from credwatch.ledger.entry import ActKind
from credwatch.service.canaries import Canaries
from credwatch.store import canaries, outbox
from credwatch.store.audit import audit_entries
from credwatch.store.commands import commands
from credwatch.store.database import Database
from credwatch.store.receipts import receipts, settle
from credwatch.telemetry.metrics import Metrics
from credwatch.workflows.canary import canary_message
from scenarios.pipeline import a_store

EVERY, WITHIN = timedelta(minutes=5), timedelta(minutes=2)
FACTS = replace(some_facts(), canary="canary@ops.example")


class Aviary(Struct):
    """Canaries over a store, with a clock that a test moves, and what carries their lines on."""

    database: Database
    file: Path
    now: datetime = NOON
    metrics: Metrics = field(default_factory=Metrics)
    sender: Canaries | None = None

    def restart(self) -> None:
        """Begin anew, as after a kill."""
        self.metrics = Metrics()
        self.sender = Canaries(
            self.file, EVERY, WITHIN, self.database, self.metrics, lambda: self.now, lambda: FACTS, lambda: None
        )

    def turn(self, **later: float) -> None:
        """Let some time pass, and look."""
        self.now += timedelta(**later)
        assert self.sender is not None
        self.sender.turn()

    def lines(self) -> list[dict[str, str]]:
        """Return what was written."""
        return [decode(line) for line in self.file.read_bytes().splitlines()] if self.file.exists() else []

    def carry(self) -> None:
        """Do with each line what the pipeline does: queue the message that follows from it."""
        with self.database.writing() as connection:
            for line in self.lines():
                at = datetime.fromisoformat(line["@timestamp"])
                incident = replace(an_incident(), kind=CANARY, subject=line["user"]["name"], occurred_last=at)
                outbox.queue(connection, canary_message(incident, FACTS, self.now).commands)

    def answer(self, *, is_taken: bool) -> None:
        """Let the mail server take, or put off, the message that waits."""
        store = outbox.OutboxStore(self.database)
        for stored in store.due(self.now + timedelta(days=1), 9):
            if stored.command.workflow == CANARY:
                store.begin(stored.command.id, self.now)
                receipt = Delivered(self.now, "250 ok") if is_taken else Retry("451 later")
                with self.database.writing() as connection:
                    settle(connection, stored.command.id, receipt, self.now, self.now + timedelta(minutes=1))

    def count(self, table: object) -> int:
        """Count the rows of a table."""
        with self.database.reading() as connection:
            return int(connection.execute(select(func.count()).select_from(table)).scalar_one())

    def value(self, name: str) -> float | None:
        """Return the value of a series."""
        return self.metrics.registry.get_sample_value(name)


@pytest.fixture
def aviary(tmp_path: Path) -> Iterator[Aviary]:
    with a_store(tmp_path / "store.sqlite") as database:
        made = Aviary(database, tmp_path / "canary.jsonl")
        made.restart()
        yield made


def test_one_is_begun_at_its_interval_and_its_time_is_told(aviary: Aviary) -> None:
    """The next is begun an interval after the one that arrived, and the metric says how long that took."""
    aviary.turn()
    aviary.carry()
    aviary.now += timedelta(seconds=3)
    aviary.answer(is_taken=True)
    aviary.turn(seconds=5)
    assert 1 == len(aviary.lines())
    assert (1, 3) == tuple(aviary.value(f"credwatch_canary_duration_seconds_{it}") for it in ("count", "sum"))
    aviary.turn(seconds=240)
    assert 1 == len(aviary.lines())
    aviary.turn(seconds=60)
    assert ["canary-1", "canary-2"] == [line["user"]["name"] for line in aviary.lines()]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_restart_goes_on_with_the_same_one(aviary: Aviary, *, is_written: bool) -> None:
    """Killed before or behind the writing of its line, it has one line and one message."""
    aviary.turn()
    if not is_written:
        aviary.file.unlink()
    for _ in range(3):
        aviary.restart()
        aviary.turn(seconds=5)
        aviary.carry()
    assert 1 == len(aviary.lines())
    assert 1 == aviary.count(commands)


def test_one_that_is_late_is_told_once_and_counts_when_it_comes(aviary: Aviary) -> None:
    """The operators get one letter, the trail two entries, and no crowd of canaries waits for the mail server."""
    aviary.turn()
    aviary.carry()
    for _ in range(30):
        aviary.answer(is_taken=False)
        aviary.turn(minutes=5)
    assert 1 == len(aviary.lines())
    assert (1, 1) == (aviary.value("credwatch_canaries_lost_total"), aviary.value("credwatch_canary_overdue"))
    aviary.restart()
    aviary.turn(seconds=5)
    assert (0, 1) == (aviary.value("credwatch_canaries_lost_total"), aviary.value("credwatch_canary_overdue"))
    letters = [one.command for one in outbox.OutboxStore(aviary.database).listed()]
    assert ["canary_lost"] == [it.payload.context["reason"] for it in letters if it.workflow == "escalation"]
    aviary.answer(is_taken=True)
    aviary.turn(seconds=5)
    assert 0 == aviary.value("credwatch_canary_overdue")
    with aviary.database.reading() as connection:
        entries = [str(entry) for (entry,) in connection.execute(select(audit_entries.c.entry))]
    for kind in (ActKind.CANARY_LOST, ActKind.CANARY_BACK):
        assert 1 == sum(f'"{kind.value}"' in entry for entry in entries)


def test_a_line_that_is_never_read_is_lost_and_tried_again_after_an_hour(aviary: Aviary) -> None:
    """Where no message follows at all, a new one is made up each hour, and no more often."""
    aviary.turn()
    for _ in range(59):
        aviary.turn(minutes=2)
    assert 2 == len(aviary.lines())
    assert 2 == aviary.value("credwatch_canaries_lost_total")


def test_the_store_does_not_grow(aviary: Aviary) -> None:
    """After a hundred of them there are as many rows as after one, and the file has not grown without end."""
    sizes = set()
    for number in range(100):
        if number == 50:
            aviary.file.write_bytes(b" " * 70_000 + b"\n")
        aviary.turn(minutes=5)
        with aviary.database.writing() as connection:
            flight = canaries.flight(connection)
            assert flight is not None
            incident = replace(an_incident(), kind=CANARY, subject=flight.subject, occurred_last=flight.begun_at)
            outbox.queue(connection, canary_message(incident, FACTS, aviary.now).commands)
        aviary.answer(is_taken=True)
        aviary.turn(seconds=5)
        sizes.add((aviary.count(commands), aviary.count(receipts), aviary.count(audit_entries)))
    assert {(1, 1, 0)} == sizes
    assert aviary.file.stat().st_size < 70_000


def test_without_an_address_nothing_is_written() -> None:
    """A canary that is read after the settings gave up its address leads to nothing."""
    assert () == canary_message(an_incident(), some_facts(), NOON).commands
