"""What is over costs nothing: the store's functions take as many steps on a long history as on a short one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from builders_outbox import NOON, a_command, an_incident
from contracts.test_store_incidents import a_detection
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.command import CommandKind, LegalClock
from credwatch.kernel.incident import Status
from credwatch.kernel.receipt import Delivered
from credwatch.store import outbox, receipts
from credwatch.store.cases import case_entries, case_list, case_search, held, incidents, legal_clocks
from credwatch.store.commands import EVERY
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from credwatch.store.pages import WHOLE, Page
from credwatch.store.state import progress, tellings

SHORT, LONG = 50, 1000
"""Incidents that are over, in a short and in a long history."""
TEN = Page(limit=10)
OPEN = an_incident()
KEY = (OPEN.kind, OPEN.organization, OPEN.subject)


def a_history(connection: Connection, length: int) -> None:
    """Store incidents about one subject that are over, each with all that belongs to one, and an open one."""
    clocks, cases, messages, found = [], [], [], []
    for place in range(length):
        number, at = f"CW-{place}", NOON - timedelta(minutes=length - place)
        cases.append(an_incident(number=number, status=Status.CLOSED, detected_at=at))
        clocks.append(LegalClock(f"c-{place}", "customer_notice", number, "tanphat", at, at, met_at=at))
        messages.append(a_command(place + 10, incident=number, created_at=at))
        found.append((a_detection(id=f"d-{place}", serial=place + 1), number))
        case_entries.add_entry(connection, CaseEntry(number, at, EntryKind.ASSIGNED, "lan", owner="mai"))
    cases.append(OPEN)
    clocks.append(LegalClock("c-open", "customer_notice", OPEN.number, "tanphat", NOON, NOON))
    messages.append(a_command(1, incident=OPEN.number))
    incidents.save_incidents(connection, cases)
    legal_clocks.save_clocks(connection, clocks)
    incidents.add_detections(connection, found, NOON, NOON)
    rows = [(place + 1, to_micros(NOON), to_micros(NOON)) for place in range(length)]
    connection.exec_driver_sql("INSERT INTO episodes VALUES (?, 'r', 1, 1, ?, ?, 8, 0, 0, 0, 1)", rows)
    outbox.queue(connection, messages)
    for command in messages[:-1]:
        receipts.settle(connection, command.id, Delivered(command.created_at, "250 ok"), command.created_at, None)
    connection.exec_driver_sql(
        "INSERT INTO receipts (command, started_at, settled_at, result, reply)"
        " SELECT id, created_at, created_at, 'delivered', '' FROM commands WHERE state = 'delivered'"
    )


ASKED: dict[str, Callable[[Connection], object]] = {
    "open by kind": case_list.open_by_kind,
    "open, listed": lambda connection: case_list.list_incidents(connection, only_open=True, page=WHOLE),
    "a page": lambda connection: case_list.list_incidents(connection, page=TEN),
    "a later page": lambda connection: case_list.list_incidents(connection, page=Page(10, "CW-20")),
    "some": lambda connection: case_list.some_incidents(connection, ["CW-7"]),
    "a search": lambda connection: case_search.search(connection, case_search.Wanted(), TEN),
    "open of a key": lambda connection: incidents.open_incidents(connection, [KEY]),
    "former of a key": lambda connection: incidents.former_incidents(connection, [KEY]),
    "former of a new key": lambda connection: incidents.former_incidents(connection, [("brute_force", "", "mai")]),
    "any held": incidents.any_held,
    "of serials": lambda connection: incidents.incidents_of(connection, [1]),
    "held of serials": lambda connection: incidents.held_incidents_of(connection, [1]),
    "detections of": lambda connection: incidents.detections_of(connection, "CW-7"),
    "episodes kept": lambda connection: incidents.episodes_kept(connection, since_us=to_micros(NOON) + 1),
    "next serial": incidents.next_serial,
    "running clocks": legal_clocks.running_clocks,
    "clocks of": lambda connection: legal_clocks.clocks_of(connection, "CW-7"),
    "queue state": outbox.queue_state,
    "messages of": lambda connection: outbox.messages_of(connection, "CW-7"),
    "receipts of": lambda connection: receipts.receipts_of(connection, a_command(12).id),
    "delivered": lambda connection: outbox.delivered_between(connection, NOON - timedelta(minutes=5), NOON),
    "latest": lambda connection: outbox.latest(connection, "customer_notice"),
    "held now": held.held_now,
    "held numbers": held.held_numbers,
    "owners": lambda connection: case_entries.owners(connection, [OPEN.number]),
    "entries of": lambda connection: case_entries.entries_of(connection, "CW-7"),
    "tellings waiting": tellings.waiting_incidents,
    "tallies": lambda connection: progress.tallies_of(connection, "2026-11-20"),
}
"""What the daemon and the commands ask again and again."""

DONE: dict[str, Callable[[outbox.OutboxStore], object]] = {
    "recover": lambda store: store.recover(NOON),
    "due": lambda store: store.due(NOON, 10),
    "next at": lambda store: store.next_at(),
    "last delivered": lambda store: store.last_delivered(),
    "untold": lambda store: store.untold(CommandKind.ESCALATE, 10, waiting=True),
    "doubt": lambda store: store.doubt(NOON, lambda _: timedelta(1)),
    "waiting, listed": lambda store: store.listed(),
    "listed": lambda store: store.listed(EVERY, TEN),
    "retry": lambda store: store.retry(NOON),
    "begin and settle": lambda store: (
        store.begin(a_command(1).id, NOON),
        store.settle(a_command(1).id, Delivered(NOON, "250 ok"), NOON, None),
    ),
}
"""What the dispatcher does."""


class Counter:
    """Counts the steps of SQLite's machine, in tens, that are made on a store."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.steps = 0
        event.listen(database.engine, "checkout", self._watch)

    def _watch(self, connection: Any, *_: object) -> None:
        connection.set_progress_handler(self._note, 10)

    def _note(self) -> int:
        self.steps += 1
        return 0

    def asked(self, act: Callable[[Connection], object]) -> int:
        """Count the steps of an act in a transaction that reads."""
        with self.database.reading() as connection:
            return self.done(lambda: act(connection))

    def done(self, act: Callable[[], object]) -> int:
        """Count the steps of an act."""
        before = self.steps
        act()
        return self.steps - before


@pytest.fixture(scope="module")
def counters(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter, Counter]:
    """Count on a store with a short history, and on one with a long one."""
    made = []
    for length in (SHORT, LONG):
        database = Database(tmp_path_factory.mktemp("history") / "store.sqlite")
        database.migrate()
        with database.writing() as connection:
            a_history(connection, length)
        made.append(Counter(database))
    return made[0], made[1]


@pytest.mark.parametrize("asked", ASKED)
def test_asking_reads_nothing_that_is_over(counters: tuple[Counter, Counter], asked: str) -> None:
    """Twenty times the history, and not twice the steps."""
    short, long = (counter.asked(ASKED[asked]) for counter in counters)
    assert 0 < long <= 2 * short + 5


@pytest.mark.parametrize("done", DONE)
def test_delivery_reads_nothing_that_is_over(counters: tuple[Counter, Counter], done: str) -> None:
    """Twenty times the messages that arrived, and not twice the steps."""

    def cost(counter: Counter) -> int:
        store = outbox.OutboxStore(counter.database)
        return counter.done(lambda: DONE[done](store))

    short, long = map(cost, counters)
    assert 0 < long <= 2 * short + 5
