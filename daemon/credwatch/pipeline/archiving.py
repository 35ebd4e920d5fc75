"""Hands the events of each batch to the archive: in the batch's own transaction, sealed where that is asked for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping

import polars as pl
import structlog
from msgspec import Struct

from credwatch.archive import form
from credwatch.archive.options import ArchiveOptions
from credwatch.archive.sealing import MasterKey, SealingKey, customers_in, sealed
from credwatch.kernel.clock import Clock
from credwatch.kernel.errors import StoreError
from credwatch.store.archive_keys import StoredKey, add_keys, all_keys
from credwatch.store.database import Database

log = structlog.get_logger(__name__)


class Packed(Struct, frozen=True):
    """Events on their way to the archive."""

    events: int
    """How many they are."""
    packed: bytes
    """The events."""


class Keyring:
    """The keys that seal personal fields: one for each customer, made when its first event comes."""

    def __init__(self, database: Database, master: MasterKey, clock: Clock) -> None:
        self._database = database
        self._master = master
        self._clock = clock
        self._opened: dict[str, SealingKey] = {}

    def by_name(self) -> dict[str, SealingKey]:
        """Return every key that there is, by its name; raises StoreError, and ConfigurationError for a wrong master."""
        with self._database.reading() as connection:
            stored = all_keys(connection)
        # What has been erased is forgotten here too.
        self._opened = {
            it.id: self._opened.get(it.id) or self._master.open(it.id, it.customer, it.sealed) for it in stored
        }
        return dict(self._opened)

    def of(self, customers: Collection[str]) -> Mapping[str, SealingKey]:
        """Return the keys of customers, by their ids, and make those that are missing; raises as `by_name` does."""
        keys = {key.customer: key for key in self.by_name().values()}
        missing = [self._master.make(customer) for customer in sorted(set(customers) - set(keys))]
        if not missing:
            return keys
        with self._database.writing() as connection:
            new = [StoredKey(key.id, key.customer, self._master.seal(key)) for key in missing]
            add_keys(connection, new, self._clock())
        return keys | {key.customer: key for key in missing}


class ArchiveInlet:
    """Packs the events of batches, while the store has room for what waits.

    `packed` is called by whoever commits, `measured` by any thread.
    """

    def __init__(self, options: ArchiveOptions, keyring: Keyring | None) -> None:
        self._options = options
        self._keyring = keyring if options.seal else None
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._lost = 0

    def packed(self, events: pl.DataFrame) -> Packed | None:
        """Pack the events of a batch; None where there are none, or no room. Raises StoreError."""
        if not events.height:
            return None
        try:
            rows = form.archived(events, lines=self._options.lines)
            if not rows.height:
                return None
            if self._keyring is not None:
                rows = sealed(rows, self._keyring.of(customers_in(rows)), self._options.personal)
            packed = form.packed(rows)
        except StoreError:
            raise
        except Exception:  # a defect here, or a key that is gone, must not stop detection; the loss is counted and told
            log.exception("archive.failed", events=events.height)
            self._lose(events.height)
            return None
        if not self._has_room(len(packed)):
            self._lose(events.height)
            return None
        return Packed(rows.height, packed)

    def measured(self, waiting_bytes: int) -> int:
        """Take note of how much waits in the store; return how many events were lost since this was called last."""
        with self._lock:
            self._waiting_bytes, lost, self._lost = waiting_bytes, self._lost, 0
        return lost

    def _has_room(self, size: int) -> bool:
        with self._lock:
            has_room = self._waiting_bytes + size <= self._options.waiting_bytes
            self._waiting_bytes += size if has_room else 0
        return has_room

    def _lose(self, events: int) -> None:
        with self._lock:
            self._lost += events
