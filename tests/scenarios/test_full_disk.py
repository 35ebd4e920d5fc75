"""A store that cannot be written: the batch is kept back, and nothing is lost or counted twice once it can be again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from msgspec.structs import fields
from sqlalchemy import event

from credwatch.pipeline.pipeline import Knowledge
from credwatch.service.reader import Reader
from credwatch.sources.file.source import FileOptions, FileSource
from credwatch.sources.interface import Cursor, Source
from credwatch.store.database import Database
from scenarios.daemon import append, await_
from scenarios.lines import guessing
from scenarios.outcome import Outcome, outcome_of
from scenarios.pipeline import NOW, a_pipeline, a_store, the_knowledge


class Disk:
    """Lets the store grow, or not by one page."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_full = False
        event.listen(database.engine, "connect", self._on_connect)

    def fill(self) -> None:
        """Let the store grow no further."""
        self._is_full = True
        self._database.engine.dispose()

    def free(self) -> None:
        """Let the store grow again."""
        self._is_full = False
        self._database.engine.dispose()

    def _on_connect(self, connection: Any, _record: object) -> None:
        if self._is_full:
            # SQLite takes a limit below the present size for the present size.
            connection.execute("PRAGMA max_page_count=1")


@contextmanager
def a_reader(log: Path, knowledge: Knowledge, database: Database, on_failure: Any) -> Iterator[Reader]:
    """Follow a log into a store for the length of a block."""

    def opened(cursors: Mapping[str, Cursor]) -> Source:
        return FileSource(FileOptions("servers", (str(log),), "start"), cursors, clock=lambda: NOW)

    reader = Reader(
        a_pipeline(knowledge, database),
        {"servers": opened},
        database,
        batch_bytes=65_536,
        on_report=lambda _report: None,
        on_store_failure=on_failure,
    )
    reading = Thread(target=reader.run)
    reading.start()
    try:
        yield reader
    finally:
        reader.stop()
        reading.join(30)
    assert not reading.is_alive()


@pytest.mark.store_file
def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """While the store is full, failures are counted and the batch waits; afterwards all is as if it had never been."""
    first = guessing(0, "quocbao", "203.0.113.7")
    then = [*guessing(100, "root", "203.0.113.8"), *(f"no pack knows line {number}" for number in range(3000))]
    knowledge = the_knowledge(tmp_path / "site")
    with a_store(tmp_path / "full.sqlite") as database:
        disk, has_failed, log = Disk(database), Event(), tmp_path / "full.log"
        append(log, *first)
        with a_reader(log, knowledge, database, has_failed.set):
            await_(lambda: outcome_of(database).lines == len(first), what="the first lines are taken")
            before = outcome_of(database)
            disk.fill()
            append(log, *then)
            assert has_failed.wait(30)
            assert before == outcome_of(database)
            disk.free()
            await_(lambda: outcome_of(database).lines >= len(first) + len(then), what="the others are taken")
        _hold_equal(_undisturbed([*first, *then], knowledge, tmp_path), outcome_of(database))


def _undisturbed(lines: list[str], knowledge: Knowledge, folder: Path) -> Outcome:
    log = folder / "free.log"
    append(log, *lines)
    with a_store(folder / "free.sqlite") as database:
        with a_reader(log, knowledge, database, lambda: None):
            await_(lambda: outcome_of(database).lines >= len(lines), what="all lines are taken")
        return outcome_of(database)


def _hold_equal(expected: Outcome, actual: Outcome) -> None:
    for part in fields(Outcome):
        assert getattr(expected, part.name) == getattr(actual, part.name), part.name
