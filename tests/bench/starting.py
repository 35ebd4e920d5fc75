"""What a start costs on a store with a long history, beside one on an empty store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median

from bench.figures import Figure, at_most
from bench.programs import apart, talk
from credwatch.pipeline.commit import SETTLED
from credwatch.store.database import Database
from credwatch.store.moments import to_micros
from credwatch.store.state import progress
from scenarios.pipeline import NOW, a_pipeline, the_knowledge

_PAST = timedelta(days=390)
_A_CASE = 3
"""Detections in each closed incident."""
_NUMBERS = "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < :most)"
_HISTORY = (
    f"INSERT INTO episodes {_NUMBERS}"
    " SELECT i, 'rule-1', i, i, :from + i * :step, :from + i * :step, 8, 0, 0, 0, 1 FROM k",
    "INSERT INTO detections (serial, id, rule_id, incident, opened, recorded, detected, document)"
    " SELECT serial, 'd-' || serial, 'rule-1', 'CW-' || (serial / :case), opened, opened, opened, :document"
    " FROM episodes",
    "INSERT INTO incidents (number, kind, organization, subject, status, level, detected, document)"
    " SELECT 'CW-' || (serial / :case), 'brute_force', '', 's', 'closed', 3, opened, :document FROM episodes"
    " GROUP BY serial / :case",
)


def starting(folder: Path, detections: int, repeat: int) -> Iterator[Figure]:
    """Measure what it takes until a pipeline stands on a store of so many detections that are over."""
    talk(f"starting on a store of {detections:,} detections")
    empty, full = folder / "empty", folder / "full"
    mib = apart(_fill, full, detections)
    apart(_fill, empty, 0)
    long, short = (median(apart(_seconds, path) for _ in range(repeat)) for path in (full, empty))
    yield Figure("size of a store with a long history", mib, "MiB")
    yield at_most(2, "  CPU time of a start, beside an empty store", long / short, "times")


def _fill(folder: Path, detections: int) -> float:
    """Make a store of a year in which logs came and went; return its size in MiB."""
    folder.mkdir(parents=True)
    database = Database(folder / "store.sqlite")
    database.migrate()
    began, now = to_micros(NOW - _PAST), to_micros(NOW)
    filling = {"most": detections, "from": began, "step": (now - began) // max(detections, 1), "case": _A_CASE}
    with database.writing() as connection:
        progress.save_watermarks(connection, [("servers\t/gone.log", began), ("servers\t/auth.log", now)])
        progress.save_value(connection, SETTLED, str(now).encode())
        for statement in _HISTORY if detections else ():
            connection.exec_driver_sql(statement, filling | {"document": "x" * 900})
    database.tidy()
    database.close()
    return (folder / "store.sqlite").stat().st_size / (1 << 20)


def _seconds(folder: Path) -> float:
    """Return the CPU seconds until the pipeline stands: those of a busy machine are the same."""
    knowledge, database = the_knowledge(folder), Database(folder / "store.sqlite")
    began = time.process_time()
    a_pipeline(knowledge, database)
    seconds = time.process_time() - began
    database.close()
    return seconds
