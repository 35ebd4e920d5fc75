"""What was read and is not sent yet, on disk, and with it how far each log was read.

One transaction keeps lines together with the cursor behind them and the place that they have in their log. So a kill at
any moment leaves both or none: nothing is read twice into it, and nothing is left out. What is sent is taken out only
once it was taken over there; what is sent again after a kill has the same bytes at the same places, by which the daemon
knows it.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

import zstandard
from msgspec import Struct

from credwatch.kernel.errors import StoreError
from credwatch.sources.interface import Cursor
from credwatch.sources.named import LineFormat

_FORM = "1"
_TABLES = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logs (
  source TEXT NOT NULL, file TEXT NOT NULL, cursor TEXT NOT NULL, shipped INTEGER NOT NULL, PRIMARY KEY (source, file)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
  number INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, first INTEGER NOT NULL, size INTEGER NOT NULL,
  lines INTEGER NOT NULL, before INTEGER NOT NULL, reference INTEGER NOT NULL, made INTEGER NOT NULL,
  format TEXT NOT NULL, zone TEXT NOT NULL, packed BLOB NOT NULL
);
"""
_FREE_PAGES = 256
"""So much room of what was sent may lie idle in the file before it is given back."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HINT = "see that the disk has room and can be written; it is tried again, and the logs keep what is not read"


class LinesRead(Struct, frozen=True):
    """Lines of one log that were read, and where to go on."""

    source: str
    """The source's name."""
    file: str
    """What cursors are kept under."""
    log: str
    """The name of the log, as the daemon is told."""
    data: bytes
    """Whole lines; nothing where only the cursor moves."""
    before: bytes
    """Lines before them, where they need them."""
    reference: datetime
    """When the log was last written, UTC."""
    cursor: Cursor
    """Where to go on behind them."""
    format: LineFormat | None
    """How they begin, where the settings say it."""
    zone: str
    """The time zone of their stamps, likewise."""


class KeptBatch(Struct, frozen=True):
    """A batch in the buffer."""

    number: int
    """Its number here; later ones are larger."""
    log: str
    """The name of its log."""
    begin: int
    """How many bytes of lines of the log were kept before it."""
    size: int
    """How many bytes of lines it has."""
    lines: int
    """How many lines those are."""
    before: int
    """How many bytes of lines before them stand in front."""
    reference: datetime
    """When the log was last written, UTC."""
    format: str
    """How its lines begin; may be empty."""
    zone: str
    """The time zone of its stamps; may be empty."""
    packed: bytes
    """The lines before, and its lines, packed by zstd."""


class Buffer:
    """The buffer in one file; any thread may call any method. Raises StoreError where the disk refuses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._packer = zstandard.ZstdCompressor(level=3)
        with self._refusals("the buffer cannot be opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._claim = _claimed(path.with_suffix(".lock"))
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
            path.chmod(0o600)
            for pragma in (
                "auto_vacuum = INCREMENTAL",
                "journal_mode = WAL",
                "synchronous = FULL",
                "cache_size = -1024",
            ):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_TABLES)
            self.series = self._about("series", str(uuid.uuid4()))
            form = self._about("form", _FORM)
            query = "SELECT coalesce(sum(length(packed)), 0), count(*) FROM batches"
            self.packed_bytes, self.batches = self._connection.execute(query).fetchone()
        if form != _FORM:
            hint = "install that version, let it send what is here, or delete the file and lose it"
            raise StoreError("another version has made the buffer", where=str(path), hint=hint)

    def cursors(self, source: str) -> dict[str, Cursor]:
        """Say how far each file of a source was read."""
        with self._refusals("the buffer cannot be read"):
            rows = self._connection.execute("SELECT file, cursor FROM logs WHERE source = ?", (source,)).fetchall()
        return {file: json.loads(cursor) for file, cursor in rows}

    def keep(self, gathered: Iterable[LinesRead], now: datetime) -> None:
        """Keep what was read, all of it or none."""
        with self._refusals("the buffer cannot be written"), self._writing():
            added = [len(packed) for it in gathered if (packed := self._keep(it, now))]
        self.packed_bytes, self.batches = self.packed_bytes + sum(added), self.batches + len(added)

    def oldest(self, count: int) -> list[KeptBatch]:
        """Give the batches that were kept first."""
        query = (
            "SELECT number, log, first, size, lines, before, reference, format, zone, packed FROM batches"
            " ORDER BY number LIMIT ?"
        )
        with self._refusals("the buffer cannot be read"):
            rows = self._connection.execute(query, (count,)).fetchall()
        return [_kept(row) for row in rows]

    def oldest_at(self) -> datetime | None:
        """Say when the oldest batch was kept."""
        with self._refusals("the buffer cannot be read"):
            row = self._connection.execute("SELECT made FROM batches ORDER BY number LIMIT 1").fetchone()
        return _moment(row[0]) if row else None

    def forget(self, numbers: Iterable[int]) -> None:
        """Take out what was taken over by the other side."""
        self._delete("number IN (SELECT value FROM json_each(?))", json.dumps([*numbers]))

    def drop_before(self, moment: datetime) -> int:
        """Take out what is older than a moment, and return how many lines that were."""
        return self._delete("made < ?", _micros(moment))

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._connection.close()
            self._claim.close()

    def _keep(self, it: LinesRead, now: datetime) -> bytes:
        """Put lines behind those of their log, and move its cursor."""
        query = "SELECT shipped FROM logs WHERE source = ? AND file = ?"
        row = self._connection.execute(query, (it.source, it.file)).fetchone()
        first = row[0] if row else 0
        place = (it.source, it.file, json.dumps(it.cursor), first + len(it.data))
        self._connection.execute("INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?)", place)
        if not it.data:
            return b""
        packed = self._packer.compress(it.before + it.data)
        counts = (first, len(it.data), it.data.count(b"\n"), len(it.before))
        values = (it.log, *counts, _micros(it.reference), _micros(now), it.format or "", it.zone, packed)
        names = "log, first, size, lines, before, reference, made, format, zone, packed"
        self._connection.execute(f"INSERT INTO batches ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608
        return packed

    def _delete(self, condition: str, value: object) -> int:
        with self._refusals("the buffer cannot be written"), self._writing():
            query = f"DELETE FROM batches WHERE {condition} RETURNING lines, length(packed)"  # noqa: S608  # ours
            gone = self._connection.execute(query, (value,)).fetchall()
        self.batches -= len(gone)
        self.packed_bytes -= sum(size for _, size in gone)
        self._give_back()
        return sum(lines for lines, _ in gone)

    def _give_back(self) -> None:
        """Give the room of what was sent back to the disk, where there is much of it."""
        with self._refusals("the buffer cannot be written"):
            (free,) = self._connection.execute("PRAGMA freelist_count").fetchone()
            if free > _FREE_PAGES:
                self._connection.execute(f"PRAGMA incremental_vacuum({free})").fetchall()

    def _about(self, name: str, value: str) -> str:
        self._connection.execute("INSERT OR IGNORE INTO about VALUES (?, ?)", (name, value))
        stored: str = self._connection.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()[0]
        return stored

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _refusals(self, message: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as error:
                raise StoreError(f"{message}: {error}", where=str(self._path), hint=_HINT) from error


def _claimed(path: Path) -> IO[bytes]:
    """Lock a file for as long as it is open: two collectors on one buffer would send everything twice."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        hint = "stop the other one, or give this one a state_directory of its own"
        raise StoreError("another collector runs here", where=str(path), hint=hint) from error
    return file


def _kept(row: tuple[Any, ...]) -> KeptBatch:
    number, log, begin, size, lines, before, reference, form, zone, packed = row
    return KeptBatch(number, log, begin, size, lines, before, _moment(reference), form, zone, packed)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
