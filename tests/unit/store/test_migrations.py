"""A store of an earlier version is brought to the present one with everything it holds."""

from __future__ import annotations

import json
from pathlib import Path

from alembic import command
from alembic.config import Config

import credwatch.store
from credwatch.kernel.account import Account
from credwatch.store import incidents
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows

MIGRATIONS = Path(credwatch.store.__path__[0]) / "migrations"
DOCUMENT = {
    "id": "d-1",
    "rule_id": "rule-1",
    "title": "Guessing",
    "level": 3,
    "consequence": {"incident": "brute_force", "subject": "user.name", "workflows": [], "clause": ""},
    "group": [["source.ip", "203.0.113.7"]],
    "organization": "",
    "subject": "203.0.113.7",
    "occurred_first": "2026-01-01T00:00:00Z",
    "opened_at": "2026-01-01T00:00:00Z",
    "count": 8,
    "group_key": -7,
    "sequence": 1,
}


def an_old_store(path: Path, revision: str) -> Database:
    """Make an empty store of an earlier version."""
    database = Database(path, durable=False)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    return database


def test_detections_of_before_the_episodes(tmp_path: Path) -> None:
    """Detections keep their incident, count and latest event, and open episodes go on, those that only serve too."""
    database = an_old_store(tmp_path / "old.sqlite", "0003")
    rows = [("d-1", "rule-1", "CW-1", -7, 1000, 1, 2000, 9, 0, json.dumps(DOCUMENT))]
    rows.append(("s-1", "rule-2", "", 8, 1000, 1, 2000, 3, 0, ""))
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO detections VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    assert not database.is_current()
    database.migrate()
    with database.reading() as connection:
        ((detection, count, last),) = incidents.detections_of(connection, "CW-1")
        assert ("d-1", 9, 2000) == (detection.id, count, last.microsecond)
        expected = [("rule-1", (1, -7, -7, 1000, 2000, 9, 0, 0, 0, False))]
        expected.append(("rule-2", (2, 8, 8, 1000, 2000, 3, 0, 0, 0, False)))
        assert expected == sorted(incidents.episodes_kept(connection, since_us=0))
        assert 3 == incidents.next_serial(connection)
    database.close()


def test_the_last_step_used_stays_used(tmp_path: Path) -> None:
    """A second factor of before remembers the step of its last code."""
    database = an_old_store(tmp_path / "old.sqlite", "0005")
    columns = "organization, user, revision, sealed, digits, step_seconds, enrolled_at, last_step, failures, forgiven"
    with database.writing() as connection:
        rows = [
            ("hoasen", "lan", 3, "v1.x.y", 6, 30, 1000, 59, 0, 0),
            ("hoasen", "mai", 1, "v1.x.y", 6, 30, 9, -1, 0, 0),
        ]
        connection.exec_driver_sql(f"INSERT INTO factors ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    database.migrate()
    kept = FactorRows(database)
    used = [kept.change(Account("hoasen", user), lambda factor: (factor, factor)).used_steps for user in ("lan", "mai")]
    assert [((59, 59),), ()] == used
    database.close()
