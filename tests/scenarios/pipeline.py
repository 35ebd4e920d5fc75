"""The pipeline without a daemon around it: a store, the knowledge of a site, and chunks of lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from credwatch.app.build import build_knowledge
from credwatch.app.settings import load_settings
from credwatch.kernel.secret import Secret
from credwatch.pipeline.merge import Turn
from credwatch.pipeline.pipeline import Knowledge, Pipeline
from credwatch.pipeline.report import BatchResult
from credwatch.sources.interface import Chunk
from credwatch.store.database import Database
from postgresql_server import the_server
from scenarios.daemon import ON_A_SERVER, STORES, Site

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def the_knowledge(folder: Path) -> Knowledge:
    """Build what the daemon of a site would know."""
    site = Site(folder, port=25).furnish()
    return build_knowledge(load_settings(site.config), notice_key=Secret("notice key"))


@contextmanager
def a_store(path: Path) -> Iterator[Database]:
    """Make a store for the length of a block."""
    database = Database(the_server().empty_database() if STORES["usual"] == ON_A_SERVER else path)
    database.migrate()
    try:
        yield database
    finally:
        database.close()


def a_pipeline(knowledge: Knowledge, database: Database) -> Pipeline:
    """Build a pipeline whose clock stands still."""
    return Pipeline(knowledge, database, lambda: NOW)


def a_chunk(data: bytes | str, *, source: str = "servers", position: int = 0) -> Chunk:
    """Build a chunk of a file that begins at a position; a text gets its newline."""
    raw = f"{data}\n".encode() if isinstance(data, str) else data
    return Chunk(
        source=source,
        file=f"/logs/{source}",
        data=raw,
        first_position=position,
        cursor={"offset": position + len(raw)},
        received_at=NOW,
        reference=NOW,
        backlog=0,
    )


def chunks_of(pieces: Iterable[bytes], *, source: str = "servers") -> Iterator[Chunk]:
    """Build the chunks of one file from its consecutive pieces."""
    position = 0
    for piece in pieces:
        yield a_chunk(piece, source=source, position=position)
        position += len(piece)


def a_turn(pipeline: Pipeline, *chunks: Chunk) -> Turn:
    """Prepare chunks of several logs, to be taken together."""
    return Turn(tuple(each for chunk in chunks for each in pipeline.prepare([chunk])), None)


def take(pipeline: Pipeline, *chunks: Chunk) -> BatchResult:
    """Carry chunks of several logs through to the commit."""
    return pipeline.take(a_turn(pipeline, *chunks))
