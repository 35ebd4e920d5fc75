"""What SQLite does for the outbox and for retention: indexes are used, and the file shrinks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, inspect

from builders_outbox import NOON, a_command
from credwatch.kernel.receipt import Delivered
from credwatch.store import retention
from credwatch.store.cases.legal_clocks import legal_clocks
from credwatch.store.commands import commands
from credwatch.store.database import Database
from credwatch.store.joined import joined, joint_series
from credwatch.store.outbox import OutboxStore, queue, queue_state
from credwatch.store.receipts import receipts
from credwatch.store.state import progress
from credwatch.store.state.tellings import tellings
from credwatch.store.turns import _next_of_each_lane, turns


@pytest.mark.parametrize(
    "table", [commands, receipts, turns, tellings, legal_clocks, joined, joint_series], ids=lambda table: table.name
)
def test_the_migration_makes_what_the_tables_say(database: Database, tmp_path: Path, table) -> None:
    """Columns and indexes of a migrated store equal those of the tables in code."""
    described = Database(tmp_path / "described.db")
    described.create()

    def shape(store: Database) -> object:
        seen = inspect(store.engine)
        columns = [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table.name)]
        indexes = [
            (index["name"], index["column_names"], str(index["dialect_options"].get("sqlite_where", "")))
            for index in seen.get_indexes(table.name)
        ]
        return columns, sorted(indexes)

    assert shape(described) == shape(database)
    described.close()


def test_the_choice_of_the_next_message_reads_an_index_alone(database: Database) -> None:
    """Thousands that wait are walked through without their texts."""
    with database.reading() as connection:
        statement = str(
            _next_of_each_lane(connection, NOON, ["a"]).select().compile(compile_kwargs={"literal_binds": True})
        )
        seen = [str(row[3]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert any("COVERING INDEX commands_waiting" in step for step in seen), seen


def test_settled_commands_cost_the_queue_state_nothing(database: Database) -> None:
    """Its statement goes to the commands that wait by an index, and never over the table."""
    plans: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            rows = watched.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(str(row[-1]) for row in rows)

    outbox = OutboxStore(database)
    with database.writing() as connection:
        queue(connection, [a_command(0)])
    outbox.begin(a_command(0).id, NOON)
    outbox.settle(a_command(0).id, Delivered(NOON, "250 ok"), NOON, None)
    with database.reading() as watched, database.reading() as connection:
        event.listen(connection, "before_cursor_execute", note)
        queue_state(connection)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
    assert [plan for plan in plans if plan.startswith("SEARCH commands USING COVERING INDEX")]


def test_the_file_shrinks(database: Database) -> None:
    """What was deleted is given back to the disk."""
    line = {"source": "auth", "file": "a", "position": 1, "received": 0, "reason": "unknown", "line": "x" * 4000}
    with database.writing() as connection:
        progress.add_unparsed(connection, [line] * 500, most=500)
    full = retention.size(database)
    assert 500 == retention.delete_batch(database, "unparsed", NOON + timedelta(days=1))
    database.give_back()
    assert retention.size(database) < full / 4
