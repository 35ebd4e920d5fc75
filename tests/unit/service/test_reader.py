"""The reading loop survives whatever fails, and goes on from what was committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from threading import Event, Thread, get_ident

import pytest
from msgspec import Struct, field

from credwatch.kernel.errors import SourceError, StoreError
from credwatch.pipeline.merge import Turn
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.pipeline.prepared import Prepared
from credwatch.pipeline.report import BatchResult
from credwatch.service.reader import Reader
from credwatch.sources.interface import Chunk, Cursor, Tally
from credwatch.store.database import Database
from credwatch.store.state import progress
from scenarios.daemon import await_
from scenarios.lines import guessing
from scenarios.outcome import outcome_of
from scenarios.pipeline import NOW, a_pipeline, a_store, the_knowledge

LINES = [f"{line}\n".encode() for line in [*guessing(0, "quocbao", "203.0.113.7"), "who knows this"]]
POISON = b"2026-03-02T03:00:00Z srv1 sshd[1]: poison\n"


class FakeSource(Struct):
    """Gives prepared lines from a cursor on, as many as fit; may fail at first."""

    lines: list[bytes]
    at: int = 0
    failures: int = 0
    is_closed: bool = False
    name: str = "servers"
    tally: Tally = field(default_factory=Tally)
    finished: bool = False
    acknowledged: list[Cursor] = field(default_factory=list)

    def waiting(self) -> int:
        """Say that a file waits while any lines do."""
        return int(self.at < len(self.lines))

    def awaited(self) -> Collection[str]:
        """Name none."""
        return ()

    def cursor_at(self, _chunk: Chunk, position: int) -> Cursor:
        """Count the lines before a position."""
        return {"line": list(accumulate(map(len, self.lines), initial=0)).index(position)}

    def read(self, limit_bytes: int, held: Collection[str] = ()) -> Chunk | None:
        """Give what fits into the limit, at least one line."""
        if "/logs/servers" in held:
            return None
        if self.failures:
            self.failures -= 1
            raise SourceError("cannot be read", where="/logs/servers")
        data, begin = b"", self.at
        while self.at < len(self.lines) and (not data or len(data) + len(self.lines[self.at]) <= limit_bytes):
            data += self.lines[self.at]
            self.at += 1
        if not data:
            return None
        position = sum(map(len, self.lines[:begin]))
        backlog = sum(map(len, self.lines[self.at :]))
        return Chunk("servers", "/logs/servers", data, position, {"line": self.at}, NOW, NOW, backlog)

    def acknowledge(self, chunk: Chunk) -> None:
        """Remember what was committed."""
        self.acknowledged.append(chunk.cursor)

    def problems(self) -> list[SourceError]:
        """Return nothing."""
        return []

    def lag(self) -> int:
        """Return how many bytes wait."""
        return sum(map(len, self.lines[self.at :]))

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


class Poisoned(Pipeline):
    """A pipeline with a defect: it cannot carry lines that say poison."""

    def prepare(self, chunks: Sequence[Chunk]) -> list[Prepared]:
        """Fail where a chunk is poisoned."""
        if any(b"poison" in chunk.data for chunk in chunks):
            raise ZeroDivisionError
        return super().prepare(chunks)


class Refusing(Pipeline):
    """A pipeline whose store refuses the first commits."""

    refusals = 1

    def take(self, turn: Turn) -> BatchResult:
        """Refuse, then take."""
        if self.refusals:
            self.refusals -= 1
            raise StoreError("the store failed", where="store")
        return super().take(turn)


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Knowledge:
    """Build what the daemon knows."""
    return the_knowledge(tmp_path_factory.mktemp("site"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Make an empty store."""
    with a_store(tmp_path / "store.sqlite") as made:
        yield made


class Reading(Struct):
    """A reader at work, and what it said."""

    reader: Reader
    opened: list[FakeSource]
    reports: list[BatchResult]
    store_failures: list[int]


@contextmanager
def reading(
    pipeline: Pipeline, database: Database, lines: list[bytes], *, failures: int = 0, batch_bytes: int = 65_536
) -> Iterator[Reading]:
    """Run a reader over one source for the length of a block."""
    opened: list[FakeSource] = []
    reports: list[BatchResult] = []
    refused: list[int] = []

    def open_source(cursors: Mapping[str, Cursor]) -> FakeSource:
        at = cursors.get("/logs/servers", {"line": 0})["line"]
        opened.append(FakeSource(lines, at, failures=0 if opened else failures))
        return opened[-1]

    reader = Reader(
        pipeline,
        {"servers": open_source},
        database,
        batch_bytes=batch_bytes,
        on_report=reports.append,
        on_store_failure=lambda: refused.append(1),
    )
    thread = Thread(target=reader.run)
    thread.start()
    try:
        yield Reading(reader, opened, reports, refused)
    finally:
        reader.stop()
        thread.join(30)
    assert not thread.is_alive()
    assert all(source.is_closed for source in opened)


def _taken(database: Database, lines: int) -> Callable[[], bool]:
    return lambda: outcome_of(database).lines >= lines


def test_every_line_is_taken_once(knowledge: Knowledge, database: Database) -> None:
    """Small chunks, read ahead of each other, come to what one chunk would."""
    with reading(a_pipeline(knowledge, database), database, LINES, batch_bytes=200) as at_work:
        await_(_taken(database, len(LINES)), what="all lines are taken")
    assert len(LINES) == outcome_of(database).lines == sum(report.lines for report in at_work.reports)
    assert len(at_work.reports) > 5
    with database.reading() as connection:
        assert {"/logs/servers": {"line": len(LINES)}} == progress.cursors_of(connection, "servers")


def test_a_source_hears_what_is_committed(knowledge: Knowledge, database: Database) -> None:
    """Each commit is acknowledged to the source, in order, and none that was refused."""
    pipeline = Refusing(knowledge, database, lambda: NOW)
    with reading(pipeline, database, LINES, batch_bytes=200) as at_work:
        await_(_taken(database, len(LINES)), what="all lines are taken")
    refused, source = at_work.opened
    assert [] == refused.acknowledged
    assert sorted(cursor["line"] for cursor in source.acknowledged) == [it["line"] for it in source.acknowledged]
    assert {"line": len(LINES)} == source.acknowledged[-1]


def test_a_source_that_fails_is_asked_again(knowledge: Knowledge, database: Database) -> None:
    """An error of reading costs nothing but time."""
    with reading(a_pipeline(knowledge, database), database, LINES, failures=2):
        await_(_taken(database, len(LINES)), what="all lines are taken")
    assert len(LINES) == outcome_of(database).lines


def test_a_store_that_fails_is_gone_back_from(knowledge: Knowledge, database: Database) -> None:
    """After a refused commit the source is opened anew from the committed cursor."""
    pipeline = Refusing(knowledge, database, lambda: NOW)
    with reading(pipeline, database, LINES) as at_work:
        await_(_taken(database, len(LINES)), what="all lines are taken")
    assert len(LINES) == outcome_of(database).lines
    assert (1, 2) == (len(at_work.store_failures), len(at_work.opened))


def test_a_poisonous_line_is_set_aside(knowledge: Knowledge, database: Database) -> None:
    """What no pipeline can carry is kept as unread, and the lines before and behind it are taken all the same."""
    noise = [b"no pack knows this and it is long enough to fill a chunk of four kilobytes soon\n"] * 400
    lines = [*LINES, *noise, POISON, *noise, *(f"{line}\n".encode() for line in guessing(90, "root", "203.0.113.8"))]
    pipeline = Poisoned(knowledge, database, lambda: NOW)
    with reading(pipeline, database, lines):
        await_(_taken(database, len(lines)), what="all lines are taken")
    outcome = outcome_of(database)
    assert len(lines) == outcome.lines
    reasons = {line: reason for _, _, line, reason in outcome.unparsed if line == POISON.decode().strip()}
    assert {POISON.decode().strip(): "internal_error"} == reasons
    subjects = {incident.subject for incident in outcome.incidents if incident.kind == "own_guessing"}
    assert {"203.0.113.7", "203.0.113.8"} == subjects


def test_what_comes_between_batches_runs_in_the_reading_thread(knowledge: Knowledge, database: Database) -> None:
    """A reload meets no batch under way."""
    threads: list[int] = []
    done = Event()

    def act() -> None:
        threads.append(get_ident())
        done.set()

    with reading(a_pipeline(knowledge, database), database, LINES) as at_work:
        at_work.reader.between_batches(act)
        assert done.wait(10)
    assert get_ident() not in threads
