"""Open incidents that nobody has worked on are found, and no others."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from builders_outbox import NOON, an_incident
from credwatch.incidents.lifecycle import moved, revived
from credwatch.kernel.case_entry import CaseEntry, EntryKind
from credwatch.kernel.incident import Status
from credwatch.store.cases.case_entries import add_entry
from credwatch.store.cases.forgotten import count_forgotten, forgotten
from credwatch.store.cases.incidents import save_incidents
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from credwatch.store.pages import Page
from unit.store.test_migrations import an_old_store

HOUR = timedelta(hours=1)


def test_work_of_people_is_what_counts(database: Database) -> None:
    """A note and a change by a person keep a case from being forgotten; a reminder and a rule's change do not."""
    noted, taken, reminded, revived_one, closed = (
        an_incident(number=f"CW-{name}", subject=name, rules=("r-1",))
        for name in ("noted", "taken", "reminded", "revived", "closed")
    )
    later = NOON + HOUR
    with database.writing() as connection:
        save_incidents(connection, [noted, taken, reminded, revived_one, closed])
        add_entry(connection, CaseEntry(noted.number, later, EntryKind.NOTED, "lan", "I look"))
        add_entry(connection, CaseEntry(reminded.number, later, EntryKind.REMINDED, "credwatch"))
        save_incidents(connection, [noted, moved(taken, Status.IN_PROGRESS, at=later, by="lan", why="mine")])
        save_incidents(connection, [revived(revived_one, at=later, by="r-1")])
        save_incidents(connection, [moved(closed, Status.CLOSED, at=NOON, by="lan", why="done")])
        assert ["CW-reminded", "CW-revived"] == [case.number for case in forgotten(connection, later)]
        assert (2, 4) == (count_forgotten(connection, later), count_forgotten(connection, later + HOUR))
        assert [] == forgotten(connection, NOON)
        first, second = Page(1), Page(1, "CW-reminded")
        assert ["CW-reminded"] == [case.number for case in forgotten(connection, later, first)]
        assert ["CW-revived"] == [case.number for case in forgotten(connection, later, second)]


def test_the_index_is_used(database: Database) -> None:
    """However many cases are closed, the count looks at open ones alone."""
    with database.reading() as connection:
        query = "EXPLAIN QUERY PLAN SELECT count(*) FROM incidents WHERE status != 'closed' AND touched < 5"
        assert "incidents_untouched" in str(connection.exec_driver_sql(query).all())


def test_a_store_of_before_knows_who_worked(tmp_path: Path) -> None:
    """After the upgrade a case that somebody took over or noted is no more forgotten than it was."""
    at, later = to_micros(NOON), to_micros(NOON + HOUR)
    step = {"at": "2026-11-20T06:00:00Z", "status": "in_progress", "by": "lan", "why": "mine"}
    document = json.dumps({"rules": ["r-1"], "transitions": [step]})
    database = an_old_store(tmp_path / "old.sqlite", "0016")
    with database.writing() as connection:
        for number, status in (("CW-noted", "new"), ("CW-taken", "in_progress"), ("CW-left", "new")):
            connection.exec_driver_sql(
                "INSERT INTO incidents (number, kind, organization, subject, status, level, detected, document)"
                " VALUES (?, '', '', '', ?, 4, ?, ?)",
                (number, status, at, document if status != "new" else "{}"),
            )
        connection.exec_driver_sql(
            "INSERT INTO case_entries (incident, at, kind, document) VALUES ('CW-noted', ?, 'noted', '{}')", (later,)
        )
    database.migrate()
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT number FROM incidents WHERE touched < ?", (later,))
        assert ["CW-left"] == list(rows.scalars())
    database.close()
