"""The store is swept in short turns, once a day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from builders_outbox import NOON
from credwatch.service.retention import Retention
from credwatch.store.options import RetentionOptions
from credwatch.store.state import progress
from credwatch.telemetry.metrics import Metrics
from scenarios.pipeline import a_store
from unparsed_lines import latest_unparsed

LINE = {"source": "auth", "file": "a", "position": 1, "received": 0, "reason": "unknown", "line": "x"}
LINES = 1200


class Steady:
    """A clock that goes on by a second whenever it is read, until it is told to stand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 1.0

    def __call__(self) -> float:
        """Read it."""
        self.now += self.step
        return self.now


def test_a_turn_is_bounded_and_the_next_goes_on(tmp_path: Path) -> None:
    """Where a batch takes a second, a turn is one batch; all is gone after as many as it needs, and then it rests."""
    steady, metrics = Steady(), Metrics()
    with a_store(tmp_path / "store.sqlite") as database:
        with database.writing() as connection:
            progress.add_unparsed(connection, [LINE] * LINES, most=LINES)
        sweeper = Retention(database, metrics, RetentionOptions(), lambda: NOON, steady)
        left = []
        for _ in range(4):
            sweeper.turn()
            with database.reading() as connection:
                left.append(len(latest_unparsed(connection, most=LINES)))
        assert left == [700, 200, 0, 0]
        sample = ("credwatch_store_rows_deleted_total", {"kind": "unparsed"})
        assert metrics.registry.get_sample_value(*sample) == LINES
        with database.writing() as connection:
            progress.add_unparsed(connection, [LINE], most=LINES)
        sweeper.turn()  # rests
        with database.reading() as connection:
            assert len(latest_unparsed(connection, most=LINES)) == 1
        steady.now += timedelta(days=1).total_seconds()
        sweeper.turn()
        with database.reading() as connection:
            assert latest_unparsed(connection, most=LINES) == []
