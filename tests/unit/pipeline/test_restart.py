"""A start takes up what is open, however much came before."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from credwatch.detect.engine import Engine
from credwatch.pipeline.commit import SETTLED
from credwatch.store.moments import to_micros
from credwatch.store.state import progress
from scenarios.pipeline import NOW, a_pipeline, a_store, the_knowledge

YEAR = timedelta(days=365)


def test_a_log_that_is_no_more_brings_back_no_old_episodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of closed episodes those within the reach of logs that speak are taken up, and open ones whatever their age."""
    taken: list[int] = []
    restore = Engine.restore

    def noted(engine: Engine, *, episodes: Iterable[tuple[str, tuple[int, ...]]], **state: Any) -> None:
        taken.extend(numbers[0] for _, numbers in episodes)
        restore(engine, episodes=[], **state)

    monkeypatch.setattr(Engine, "restore", noted)
    now, then = to_micros(NOW), to_micros(NOW - YEAR)
    with a_store(tmp_path / "store.sqlite") as database:
        with database.writing() as connection:
            progress.save_watermarks(connection, [("servers\t/gone.log", then), ("servers\t/auth.log", now)])
            progress.save_value(connection, SETTLED, str(now).encode())
            rows = [(1, then, then, 1), (2, then, then, 0), (3, now, now, 1)]
            connection.exec_driver_sql("INSERT INTO episodes VALUES (?, 'rule-1', 1, 1, ?, ?, 8, 0, 0, 0, ?)", rows)
        a_pipeline(the_knowledge(tmp_path), database)
    assert [2, 3] == sorted(taken)
