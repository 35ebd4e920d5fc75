"""A store whose incidents know event time alone is brought to one that keeps the moments apart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from credwatch.kernel.moment import Moment
from credwatch.store.cases import incidents, legal_clocks
from credwatch.store.moments import to_micros
from unit.store.test_migrations import DOCUMENT, an_old_store

OPENED, LAST = "2026-01-01T00:00:00Z", "2026-01-01T00:05:00.5Z"
INCIDENT = {
    "number": "CW-1",
    "kind": "brute_force",
    "organization": "",
    "subject": "203.0.113.7",
    "level": 3,
    "status": "new",
    "title": "Dò mật khẩu",
    "clause": "",
    "occurred_first": OPENED,
    "occurred_last": LAST,
    "detected_at": OPENED,
}


def test_what_was_called_detected_is_marked_as_the_logs_time(tmp_path: Path) -> None:
    """All three moments are what the old column meant, say so, and nothing old is held."""
    opened, last = (datetime.fromisoformat(each).astimezone(UTC) for each in (OPENED, LAST))
    at = to_micros(opened)
    database = an_old_store(tmp_path / "old.sqlite", "0008")
    with database.writing() as connection:
        run = connection.exec_driver_sql
        run("INSERT INTO episodes VALUES (1, 'rule-1', 1, 1, ?, ?, 8, 0, 0, 0, 0)", (at, at))
        row = ("d-1", "rule-1", "CW-1", at, json.dumps(DOCUMENT | {"serial": 1}))
        run("INSERT INTO detections VALUES (1, ?, ?, ?, ?, ?)", row)
        row = ("CW-1", "brute_force", "", "203.0.113.7", "new", 3, at, json.dumps(INCIDENT, ensure_ascii=False))
        run("INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        for name in ("customer_notice", "customer_update"):
            clock = (name, name, "CW-1", "acme", at, at + 1, None, None)
            run("INSERT INTO legal_clocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", clock)
    database.migrate()
    with database.reading() as connection:
        incident = incidents.incident(connection, "CW-1")
        ((detection, _, _),) = incidents.detections_of(connection, "CW-1")
        clocks = legal_clocks.running_clocks(connection)
        columns = connection.exec_driver_sql("SELECT occurred, recorded, detected, held FROM incidents").one()
    database.close()
    assert incident is not None
    assert (opened, opened, last, last) == (
        incident.recorded_at,
        incident.detected_at,
        incident.recorded_last,
        incident.detected_last,
    )
    assert (True, False, "Dò mật khẩu") == (incident.timed_by_log, incident.is_held, incident.title)
    assert (True, opened, opened) == (detection.timed_by_log, detection.recorded_at, detection.detected_at)
    assert (at + 300_000_000, at, at, 0) == tuple(columns)
    assert {("customer_notice", Moment.OCCURRED), ("customer_update", Moment.SENT)} == {
        (clock.workflow, clock.starts) for clock in clocks
    }
