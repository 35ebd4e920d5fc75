"""Tables of what a restart needs: cursors, window rows, words, watermarks; and of lines that no pack knew."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Index, LargeBinary, String, Table, Text, delete, func, select

from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.statements import insert, listed, many

_AT_ONCE = 500
LINES_OF = "lines of "
"""Stands before the name of a source in the count of its lines."""
UNPARSED_OF = "unparsed of "
"""Likewise in the count of those that nothing read."""

cursors = Table(
    "cursors",
    metadata,
    Column("source", String, primary_key=True),
    Column("file", String, primary_key=True),
    Column("cursor", Text, nullable=False),  # JSON, understood by the source alone
)

engine_values = Table(
    "engine_values",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

watermarks = Table(
    "watermarks",
    metadata,
    Column("source", String, primary_key=True),  # source and file, a tab between them
    Column("time", Number, nullable=False),  # microseconds since the epoch, UTC
)

window_rows = Table(
    "window_rows",
    metadata,
    Column("id", Number, primary_key=True),
    Column("stream", String, nullable=False),
    Column("last", Number, nullable=False),  # latest event time among the rows, microseconds
    Column("rows", LargeBinary, nullable=False),
    Index("window_rows_age", "stream", "last"),
)

words = Table(
    "words",
    metadata,
    Column("id", Number, primary_key=True),
    Column("generation", Number, nullable=False),
    Column("words", LargeBinary, nullable=False),  # as `Names.take_new` writes them
)

unparsed = Table(
    "unparsed",
    metadata,
    Column("id", Number, primary_key=True),
    Column("source", String, nullable=False),
    Column("file", String, nullable=False),
    Column("position", Number, nullable=False),
    Column("received", Number, nullable=False),  # microseconds since the epoch, UTC
    Column("reason", String, nullable=False),
    Column("line", Text, nullable=False),  # secrets masked
)

tallies = Table(
    "tallies",
    metadata,
    Column(
        "day", String, primary_key=True
    ),  # ISO date, in the zone of the operators, of the moment the lines were read
    Column("name", String, primary_key=True),
    Column("number", Number, nullable=False),
)


def add_tallies(connection: Connection, day: str, numbers: dict[str, int]) -> None:
    """Add to the counts of a day."""
    many(
        connection,
        "INSERT INTO tallies (day, name, number) VALUES (?, ?, ?)"
        " ON CONFLICT (day, name) DO UPDATE SET number = tallies.number + excluded.number",
        [(day, name, number) for name, number in numbers.items()],
    )


def tallies_of(connection: Connection, day: str) -> dict[str, int]:
    """Return the counts of a day."""
    query = select(tallies.c.name, tallies.c.number).where(tallies.c.day == day)
    return {name: number for name, number in connection.execute(query)}


def save_cursors(connection: Connection, places: Iterable[tuple[str, str, Any]]) -> None:
    """Remember how far logs have been read: of each its source, its file, and the cursor."""
    many(
        connection,
        "INSERT INTO cursors (source, file, cursor) VALUES (?, ?, ?)"
        " ON CONFLICT (source, file) DO UPDATE SET cursor = excluded.cursor",
        [(source, file, json.dumps(cursor)) for source, file, cursor in places],
    )


def cursors_of(connection: Connection, source: str) -> dict[str, Any]:
    """Return the cursors of a source, by file."""
    query = select(cursors.c.file, cursors.c.cursor).where(cursors.c.source == source)
    return {file: json.loads(cursor) for file, cursor in connection.execute(query)}


def sources_read(connection: Connection) -> list[str]:
    """Name the sources of which anything has been read."""
    return list(connection.scalars(select(cursors.c.source).distinct().order_by(cursors.c.source)))


def forget_files(connection: Connection, source: str, files: Iterable[str]) -> None:
    """Delete how far files of a source have been read."""
    names = list(files)
    many(connection, "DELETE FROM cursors WHERE source = ? AND file = ?", [(source, file) for file in names])
    many(connection, "DELETE FROM watermarks WHERE source = ?", [(f"{source}\t{file}",) for file in names])


def save_value(connection: Connection, name: str, value: bytes) -> None:
    """Remember one value of the engine."""
    _upsert(connection, engine_values, {"name": name, "value": value}, ["name"])


def value(connection: Connection, name: str) -> bytes | None:
    """Return one value of the engine, None where it was never saved."""
    return connection.execute(select(engine_values.c.value).where(engine_values.c.name == name)).scalar()


def save_watermarks(connection: Connection, marks: Iterable[tuple[str, int]]) -> None:
    """Remember how far logs have been read, in event time."""
    many(
        connection,
        "INSERT INTO watermarks (source, time) VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET time = excluded.time",
        list(marks),
    )


def all_watermarks(connection: Connection) -> list[tuple[str, int]]:
    """Return the latest event time of each source."""
    return [(source, time) for source, time in connection.execute(select(watermarks.c.source, watermarks.c.time))]


def add_windows(connection: Connection, deltas: Iterable[tuple[str, int, bytes]]) -> None:
    """Append window rows: stream, latest event time, rows."""
    rows = [{"stream": stream, "last": last, "rows": data} for stream, last, data in deltas]
    if rows:
        connection.execute(window_rows.insert(), rows)


def forget_windows(connection: Connection, limits: Iterable[tuple[str, int]]) -> None:
    """Delete window rows that are all older than their stream's limit."""
    for stream, oldest in limits:
        connection.execute(delete(window_rows).where(window_rows.c.stream == stream, window_rows.c.last < oldest))


def all_windows(connection: Connection) -> list[tuple[str, bytes]]:
    """Return the window rows in the order they were stored."""
    query = select(window_rows.c.stream, window_rows.c.rows).order_by(window_rows.c.id)
    return [(stream, data) for stream, data in connection.execute(query)]


def forget_streams(connection: Connection, kept: Iterable[str]) -> None:
    """Delete the rows of streams that no rule has any more: they would be kept, and read at each start, for ever."""
    connection.execute(delete(window_rows).where(window_rows.c.stream.not_in(listed(connection, kept))))


def compact_windows(connection: Connection, *, size: int = 1_000_000) -> None:
    """Join neighbouring window rows of a stream, so that a restart reads few large pieces instead of many small ones.

    A piece of `size` bytes is not joined any further: rows are deleted by piece once all of it is too old.
    """
    table = window_rows.c
    small = select(table.id, table.stream, table.last, table.rows).where(func.length(table.rows) < size)
    pieces: dict[str, list[Any]] = {}
    for row in connection.execute(small.order_by(table.id)):
        waiting = pieces.setdefault(row.stream, [])
        waiting.append(row)
        if sum(len(piece.rows) for piece in waiting) >= size:
            _join(connection, pieces.pop(row.stream))
    for waiting in pieces.values():
        _join(connection, waiting)


def _join(connection: Connection, pieces: list[Any]) -> None:
    """Put the rows of all pieces into the first, which keeps its place in the order."""
    if len(pieces) > 1:
        ids = [piece.id for piece in pieces]
        whole = {"rows": b"".join(piece.rows for piece in pieces), "last": max(piece.last for piece in pieces)}
        connection.execute(window_rows.update().where(window_rows.c.id == ids[0]).values(whole))
        for start in range(1, len(ids), _AT_ONCE):
            connection.execute(delete(window_rows).where(window_rows.c.id.in_(ids[start : start + _AT_ONCE])))


def add_words(connection: Connection, generation: int, data: bytes) -> None:
    """Append words; those two generations older are deleted."""
    connection.execute(words.insert(), {"generation": generation, "words": data})
    connection.execute(delete(words).where(words.c.generation < generation - 1))


def all_words(connection: Connection) -> list[tuple[int, bytes]]:
    """Return the words in the order they were stored."""
    query = select(words.c.generation, words.c.words).order_by(words.c.id)
    return [(generation, data) for generation, data in connection.execute(query)]


def add_unparsed(connection: Connection, rows: list[dict[str, Any]], *, most: int) -> None:
    """Keep lines that no pack knew, the latest `most` of them."""
    if not rows:
        return
    connection.execute(unparsed.insert(), rows[-most:])
    newest = connection.execute(select(func.max(unparsed.c.id))).scalar() or 0
    connection.execute(delete(unparsed).where(unparsed.c.id <= newest - most))


def forget_engine(connection: Connection) -> None:
    """Delete the window rows and words: their form has changed and they cannot be read any more."""
    for table in (window_rows, words):
        connection.execute(delete(table))


def _upsert(connection: Connection, table: Table, row: dict[str, Any], keys: list[str]) -> None:
    statement = insert(connection, table).values(row)
    changes = {name: statement.excluded[name] for name in row if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))
