"""Asks a database for the rows behind a cursor: bounded reads, each in a transaction of its own that ends before its
rows are told.

Rows that commit late have values behind others that were read already: a sequence gives its numbers before the commit.
So the last span of values is asked for again each time, and what was given of it is left out by its identity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import Connection, CursorResult, text

from credwatch.kernel.errors import SourceError
from credwatch.sources.pull.interface import Item, PulledBatch, PulledPlace
from credwatch.sources.pull.keys import key_of
from credwatch.sources.sql.connection import ReadOnlyDatabase
from credwatch.sources.sql.cursors import CursorColumn, Stored
from credwatch.sources.sql.options import LIMIT, SqlSourceOptions, parsed_url
from credwatch.sources.sql.rows import identity_of, line_of

_BATCH_BYTES = 4 * 1024 * 1024
_MOST_ROWS = 10_000_000
_LIMITED = ("postgresql", "mysql", "mariadb", "sqlite")
"""Databases that know LIMIT: with it they need not plan for rows that nobody reads."""
_TIMESTAMP = 7
"""The type that MariaDB and MySQL give columns of type TIMESTAMP, which are in the session's zone: UTC."""


class _Read(Struct):
    """What one question brought."""

    at: Stored
    """Everything up to here was given."""
    items: list[Item] = field(default_factory=list)
    """The rows that are not known."""
    values: list[Stored] = field(default_factory=list)
    """The value of each item."""
    rows: int = 0
    """How many rows there were in all."""
    size: int = 0
    twins: Counter[bytes] = field(default_factory=Counter)
    """How often each row came that has no identity: rows of one value are read together, so a repeat has as many."""
    last: Stored | None = None
    """The value of the row that was read last."""
    is_cut: bool = False
    """Whether there are rows behind it."""


class SqlService:
    """Asks what the options say; see `PulledService`."""

    def __init__(self, options: SqlSourceOptions) -> None:
        self._options = options
        self._database = ReadOnlyDatabase(options.id, options)
        self._column = CursorColumn.of(options)
        self._zone = ZoneInfo(options.time_zone)
        self._limit = options.batch_rows
        """How many rows to ask for: new ones, and those that are known already."""
        query = options.query
        if parsed_url(options.url).get_backend_name() in _LIMITED and not LIMIT.search(query):
            query = f"{query}\nLIMIT :limit"
        self._statement = text(query)
        self._has_limit = LIMIT.search(query) is not None

    @property
    def interval(self) -> float:
        """How many seconds to wait between two sweeps."""
        return self._options.interval.total_seconds()

    @property
    def width(self) -> float:
        """How coarsely the order of rows is remembered."""
        return self._column.width

    def sweep(self, place: PulledPlace | None, keys: Container[str] = (), /) -> Iterator[PulledBatch]:
        """Give every row that is new; see `PulledService.sweep`."""
        at: Stored = self._first() if place is None else place["at"]
        first = at if place is None else None
        while True:
            read = self._read(at, keys)
            at = read.at
            yield self._batch(self._items(read, first), at)
            if not read.is_cut:
                return

    def try_out(self) -> None:
        """Ask for a few rows, and forget them; raises SourceError."""
        self._limit = 1
        self._read(self._column.lowest, ())

    def interrupt(self) -> None:
        """Cut the connection; see `PulledService.interrupt`."""
        self._database.interrupt()

    def close(self) -> None:
        """Do nothing: no connection outlives its question."""

    def _batch(self, items: tuple[Item, ...], at: Stored) -> PulledBatch:
        return PulledBatch(items, {"at": at}, self._column.floor(at))

    def _items(self, read: _Read, first: Stored | None) -> tuple[Item, ...]:
        """Return what was read; at the first start without the lines of rows that were there before it."""
        if first is None:
            return tuple(read.items)
        begin = self._column.order(first)
        return tuple(
            replace(item, line=b"") if self._column.order(value) <= begin else item
            for item, value in zip(read.items, read.values, strict=True)
        )

    def _first(self) -> Stored:
        """Say where to begin at the very first start."""
        options = self._options
        if options.start:
            return self._value(int(options.start) if options.cursor_kind == "integer" else options.start)
        if options.read_from == "start":
            return self._column.lowest
        with self._database.reading() as connection:
            quoted = connection.dialect.identifier_preparer.quote(options.cursor)
            newest = text(f"SELECT MAX(newest.{quoted}) FROM ({options.query}) newest")  # noqa: S608  # the operator's
            parameters = {"cursor": self._column.parameter(self._column.lowest)}
            parameters |= {"limit": _MOST_ROWS} if LIMIT.search(options.query) else {}
            value = connection.execute(newest, parameters).scalar()
        return self._column.lowest if value is None else self._value(value)

    def _read(self, at: Stored, keys: Container[str]) -> _Read:
        """Read the rows behind a value, until there are enough new ones, and no further."""
        read, limit = _Read(at), self._limit
        parameters = {"cursor": self._column.parameter(at)} | ({"limit": limit} if self._has_limit else {})
        with self._database.reading() as connection:
            result = connection.execute(self._statement, parameters)
            zones = self._zones(connection, result)
            names = self._names(result)
            for row in result:
                if not self._take(read, dict(zip(names, row, strict=True)), keys, zones):
                    break
        if self._has_limit and read.rows >= limit:
            self._leave_last(read)
        elif read.last is not None:
            read.at = self._later(read.at, read.last)
        return read

    def _take(self, read: _Read, row: dict[str, Any], keys: Container[str], zones: dict[str, ZoneInfo]) -> bool:
        """Take a row, unless there are enough already; those of one value are taken together."""
        value = self._value(row[self._options.cursor])
        if read.last is not None and self._column.order(value) < self._column.order(read.last):
            message = f"the rows are not in the order of {self._options.cursor}"
            raise self._error(message, f"write ORDER BY {self._options.cursor} into the query")
        if value != read.last and (len(read.items) >= self._options.batch_rows or read.size >= _BATCH_BYTES):
            read.is_cut = True
            return False
        read.last = value
        read.rows += 1
        line = line_of(row, self._zone, zones)
        item = Item(line, self._key(read, row, line), self._column.order(value))
        if item.key not in keys:
            read.items.append(item)
            read.values.append(value)
            read.size += len(line)
        return True

    def _key(self, read: _Read, row: dict[str, Any], line: bytes) -> str:
        """Say what a row is known by; of rows that are equal in everything, the second is another than the first."""
        if self._options.identity:
            return key_of(identity_of(row, self._options.identity))
        read.twins[line] += 1
        twin = read.twins[line]
        return key_of(line if twin == 1 else b"%s%d" % (line, twin))

    def _leave_last(self, read: _Read) -> None:
        """Leave the rows of the last value: others may have it that were beyond the limit. Then ask for more at once.

        Where nothing is left, the next question asks for twice as many, so that it comes beyond what is known.
        """
        read.is_cut = True
        while read.values and read.values[-1] == read.last:
            read.values.pop()
            read.items.pop()
        if read.items:
            read.at = self._later(read.at, read.values[-1])
            self._limit = min(self._options.batch_rows + read.rows - len(read.items), _MOST_ROWS)
        else:
            self._limit = min(self._limit * 2, _MOST_ROWS)

    def _later(self, one: Stored, other: Stored) -> Stored:
        is_later = self._column.kind == "text" or self._column.order(other) >= self._column.order(one)
        return other if is_later else one

    def _value(self, value: Any) -> Stored:
        try:
            return self._column.read(value)
        except ValueError as error:
            hint = "name another column as cursor, or set cursor_kind"
            raise self._error(f"the column {self._options.cursor} {error}", hint) from None

    def _names(self, result: CursorResult[Any]) -> list[str]:
        names = list(result.keys())
        if twice := [name for name in names if names.count(name) > 1]:
            raise self._error(f"two columns are called {twice[0]}", "give one of them another name with AS")
        if missing := [name for name in (self._options.cursor, *self._options.identity) if name not in names]:
            message = f"the query gives no column {missing[0]}"
            raise self._error(message, f"it gives {', '.join(names)}; name those as cursor and identity")
        return names

    def _zones(self, connection: Connection, result: CursorResult[Any]) -> dict[str, ZoneInfo]:
        """Say which columns are in UTC though their values tell no zone."""
        if connection.dialect.name not in ("mysql", "mariadb"):
            return {}
        columns = getattr(result.cursor, "description", None) or ()
        return {str(column[0]): ZoneInfo("UTC") for column in columns if column[1] == _TIMESTAMP}

    def _error(self, message: str, hint: str) -> SourceError:
        return SourceError(message, where=f"source {self._options.id}", hint=hint)
