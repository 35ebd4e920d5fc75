"""The one transaction of a batch, broken off before each of its statements in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event

from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.sources.interface import Chunk
from credwatch.store.database import Database
from credwatch.store.state import progress
from scenarios.lines import app_guessing, guessing, staff_access
from scenarios.outcome import Outcome, outcome_of
from scenarios.pipeline import a_pipeline, a_store, a_turn, chunks_of, take, the_knowledge


class Crash(BaseException):
    """Something that no code of the daemon expects."""


class Saboteur:
    """Raises `Crash` before a statement of a store, once, or before all that follow too."""

    def __init__(self, database: Database) -> None:
        self.seen = 0
        self._before: int | None = None
        self._lasts = False
        event.listen(database.engine, "before_cursor_execute", self._on_statement)

    @contextmanager
    def striking(self, before: int, *, lasts: bool = False) -> Iterator[None]:
        """Raise before the statement of that number within the block, the first being 0."""
        self.seen, self._before, self._lasts = 0, before, lasts
        try:
            yield
        finally:
            self._before = None

    def _on_statement(self, *_: object) -> None:
        self.seen += 1
        if self._before is not None and self.seen > self._before:
            self._before = self._before if self._lasts else None
            raise Crash


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Build what the daemon knows."""
    return the_knowledge(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def chunks() -> list[Chunk]:
    """Return a break-in told in two batches, another application's in one, and unread lines."""
    servers = [f"{line}\n".encode() for line in [*guessing(0, "quocbao", "203.0.113.7"), "what is this"]]
    told = [*app_guessing(0, "ke.toan@haiau.example", "hai-au", "203.0.113.9"), staff_access(60, "minh", "x", "hai-au")]
    application = b"".join(f"{line}\n".encode() for line in told)
    pieces = [b"".join(servers[:7]), b"".join(servers[7:])]
    return [*chunks_of(pieces), *chunks_of([application], source="application")]


@pytest.fixture(scope="module")
def undisturbed(knowledge: Knowledge, chunks: list[Chunk], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Take the chunks with nothing in the way."""
    with a_store(tmp_path_factory.mktemp("store") / "store.sqlite") as database:
        pipeline = a_pipeline(knowledge, database)
        for chunk in chunks:
            take(pipeline, chunk)
        return outcome_of(database)


def test_a_crash_before_a_statement_changes_nothing(
    knowledge: Knowledge, chunks: list[Chunk], undisturbed: Outcome, tmp_path: Path
) -> None:
    """Broken off before every second statement and taken again, by the same or a new pipeline, all comes out alike."""
    crashes = 0
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline, saboteur = a_pipeline(knowledge, database), Saboteur(database)
        for chunk in chunks:
            number = 0
            while _crashes(pipeline, chunk, saboteur, number):
                number, crashes = number + 2, crashes + 1
                assert chunk.cursor != _cursor(database, chunk)
                pipeline = a_pipeline(knowledge, database) if number % 10 == 0 else pipeline
            assert chunk.cursor == _cursor(database, chunk)
        assert crashes > 10 * len(chunks)
        assert undisturbed == outcome_of(database)


def test_a_store_that_stays_away_changes_nothing(
    knowledge: Knowledge, chunks: list[Chunk], undisturbed: Outcome, tmp_path: Path
) -> None:
    """Where the state before a batch cannot be read either, nothing of that batch is remembered."""
    with a_store(tmp_path / "store.sqlite") as database:
        pipeline, saboteur = a_pipeline(knowledge, database), Saboteur(database)
        for chunk in chunks:
            turn = a_turn(pipeline, chunk)
            for _ in range(2):
                with saboteur.striking(5, lasts=True), pytest.raises(Crash):
                    pipeline.take(turn)
            take(pipeline, chunk)
        assert undisturbed == outcome_of(database)


def _crashes(pipeline: Pipeline, chunk: Chunk, saboteur: Saboteur, number: int) -> bool:
    """Take a chunk with a crash before a statement; tell whether the statement was ever reached."""
    turn = a_turn(pipeline, chunk)
    with saboteur.striking(number):
        try:
            pipeline.take(turn)
        except Crash:
            return True
    return False


def _cursor(database: Database, chunk: Chunk) -> object:
    with database.reading() as connection:
        return progress.cursors_of(connection, chunk.source).get(chunk.file)
