"""Asks a database for the rows behind a cursor: bounded reads, each in a transaction of its own that ends before its
rows are told.

Rows that commit late have values behind others that were read already: a sequence gives its numbers before the commit.
So the last span of values is asked for again each time, and what was given of it is left out by its identity.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from sqlalchemy import Connection, CursorResult, text

from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace
from credwatch.sources.sql.connection import ReadOnlyDatabase
from credwatch.sources.sql.cursors import CursorColumn, Stored
from credwatch.sources.sql.options import SqlSourceOptions
from credwatch.sources.sql.rows import item_of, line_of

_BATCH_BYTES = 4 * 1024 * 1024
_MOST_ROWS = 10_000_000
_TIMESTAMP = 7
"""The type that MariaDB and MySQL give columns of type TIMESTAMP, which are in the session's zone: UTC."""


class _Read(Struct):
    """What one question brought."""

    at: Stored
    """Everything up to here was given."""
    items: list[Item] = field(default_factory=list)
    ends: list[Stored] = field(default_factory=list)
    """The value of each item."""
    rows: int = 0
    size: int = 0
    last: Stored | None = None
    """The value of the row that was read last."""
    is_cut: bool = False
    """Whether there are rows behind it."""


class SqlService:
    """Asks what the options say; see `PulledService`."""

    def __init__(self, options: SqlSourceOptions) -> None:
        self._options = options
        self._database = ReadOnlyDatabase(options)
        self._column = CursorColumn.of(options)
        self._zone = ZoneInfo(options.time_zone)
        self._statement = text(options.query)
        self._has_limit = "limit" in self._statement._bindparams

    @property
    def interval(self) -> float:
        """How many seconds to wait between two sweeps."""
        return self._options.interval.total_seconds()

    @property
    def width(self) -> float:
        """How coarsely the order of rows is remembered."""
        return self._column.width

    def sweep(self, place: PulledPlace | None, known: Container[str] = (), /) -> Iterator[PulledBatch]:
        """Give every row that is new; see `PulledService.sweep`."""
        at: Stored = place["at"] if place is not None else self._first()
        if place is None:
            yield self._batch((), at)
        limit = self._options.batch_rows
        while True:
            read = self._read(at, known, limit)
            at = read.at
            yield self._batch(tuple(read.items), at)
            if not read.is_cut:
                return
            limit = self._options.batch_rows if read.items else min(limit * 2, _MOST_ROWS)

    def try_out(self) -> None:
        """Ask for what is newest, and forget it; raises SourceError."""
        self._read(self._column.lowest, (), 1)

    def interrupt(self) -> None:
        """Cut the connection; see `PulledService.interrupt`."""
        self._database.interrupt()

    def close(self) -> None:
        """Do nothing: no connection outlives its question."""

    def _batch(self, items: tuple[Item, ...], at: Stored) -> PulledBatch:
        return PulledBatch(items, {"at": at}, self._column.floor(at))

    def _first(self) -> Stored:
        """Say where to begin at the very first start."""
        options = self._options
        if options.start:
            return self._read_value(int(options.start) if options.cursor_kind == "integer" else options.start)
        if options.read_from == "start":
            return self._column.lowest
        with self._database.reading() as connection:
            quoted = connection.dialect.identifier_preparer.quote(options.cursor)
            newest = text(f"SELECT MAX(newest.{quoted}) FROM ({options.query}) newest")  # noqa: S608  # the operator's
            value = connection.execute(newest, self._parameters(self._column.lowest, _MOST_ROWS)).scalar()
        return self._column.lowest if value is None else self._read_value(value)

    def _parameters(self, at: Stored, limit: int) -> dict[str, Any]:
        return {"cursor": self._column.parameter(at)} | ({"limit": limit} if self._has_limit else {})

    def _read(self, at: Stored, known: Container[str], limit: int) -> _Read:
        """Read the rows behind a value, until there are enough new ones, and no further."""
        read = _Read(at)
        with self._database.reading() as connection:
            result = connection.execute(self._statement, self._parameters(at, limit))
            zones = self._zones(connection, result)
            names = self._names(result)
            for row in result:
                if not self._take(read, dict(zip(names, row, strict=True)), known, zones):
                    break
        read.is_cut |= self._has_limit and read.rows >= limit
        if read.is_cut:
            self._leave_last(read)
        elif read.last is not None:
            read.at = self._later(read.at, read.last)
        return read

    def _take(self, read: _Read, row: dict[str, Any], known: Container[str], zones: dict[str, ZoneInfo]) -> bool:
        """Take a row, unless there are enough already; those of one value are taken together."""
        value = self._read_value(row[self._options.cursor])
        if read.last is not None and self._column.order(value) < self._column.order(read.last):
            message = f"the rows are not in the order of {self._options.cursor}"
            raise self._error(message, f"write ORDER BY {self._options.cursor} into the query")
        if value != read.last and (len(read.items) >= self._options.batch_rows or read.size >= _BATCH_BYTES):
            read.is_cut = True
            return False
        read.last = value
        read.rows += 1
        line = line_of(row, self._zone, zones)
        item = item_of(line, row, self._options.identity, self._column.order(value))
        if item.key not in known:
            read.items.append(item)
            read.ends.append(value)
            read.size += len(line)
        return True

    def _leave_last(self, read: _Read) -> None:
        """Say how far a question has led that was cut: behind a row whose value others may have that were not read.

        Where rows were left in the middle of those that have one value, the next question reads them all.
        """
        if read.rows and self._has_limit:
            while read.ends and read.ends[-1] == read.last:
                read.ends.pop()
                read.items.pop()
            behind = read.ends[-1] if read.ends else read.at
        else:
            behind = read.at if read.last is None else read.last
        read.at = self._later(read.at, behind)

    def _later(self, one: Stored, other: Stored) -> Stored:
        if self._column.kind == "text":
            return other
        return other if self._column.order(other) >= self._column.order(one) else one

    def _read_value(self, value: Any) -> Stored:
        try:
            return self._column.read(value)
        except ValueError as error:
            hint = "name another column as cursor, or set cursor_kind"
            raise self._error(f"the column {self._options.cursor} {error}", hint) from None

    def _names(self, result: CursorResult[Any]) -> list[str]:
        names = list(result.keys())
        if twice := [name for name in names if names.count(name) > 1]:
            raise self._error(f"two columns are called {twice[0]}", "give one of them another name with AS")
        if self._options.cursor not in names:
            message = f"the query gives no column {self._options.cursor}"
            raise self._error(message, f"it gives {', '.join(names)}; name one of them as cursor")
        return names

    def _zones(self, connection: Connection, result: CursorResult[Any]) -> dict[str, ZoneInfo]:
        """Say which columns are in UTC though their values tell no zone."""
        if connection.dialect.name not in ("mysql", "mariadb"):
            return {}
        columns = getattr(result.cursor, "description", None) or ()
        return {str(column[0]): ZoneInfo("UTC") for column in columns if column[1] == _TIMESTAMP}

    def _error(self, message: str, hint: str) -> SourceError:
        return SourceError(message, where=f"source {self._options.id}", hint=hint)
