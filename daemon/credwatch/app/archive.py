"""Opens the archive of events, for the daemon that fills it and for whoever asks it."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from credwatch.app import keys
from credwatch.app.settings import Settings
from credwatch.archive.folder import ArchiveFolder
from credwatch.archive.form import unpacked
from credwatch.archive.reading import ArchiveReader
from credwatch.archive.sealing import MasterKey
from credwatch.archive.search import Search
from credwatch.kernel.clock import Clock
from credwatch.pipeline.archiving import ArchiveInlet, Keyring
from credwatch.store.archive_keys import all_keys
from credwatch.store.database import Database
from credwatch.store.state import unarchived

_AT_ONCE_BYTES = 4_194_304


def archive_folder(settings: Settings) -> ArchiveFolder:
    """Name the folder of the archive, which need not be there yet."""
    return ArchiveFolder(settings.archive.folder or settings.daemon.state_directory / "archive")


def build_inlet(settings: Settings, database: Database, clock: Clock) -> ArchiveInlet | None:
    """Build what takes the events of batches; None where they are not archived. Raises ConfigurationError."""
    if not settings.archive.enabled:
        return None
    return ArchiveInlet(settings.archive, _keyring(settings, database, clock) if settings.archive.seal else None)


def open_search(settings: Settings, database: Database, clock: Clock) -> Search:
    """Open the archive for questions, with what waits in the store; raises ConfigurationError and StoreError."""
    folder = archive_folder(settings)
    with database.reading() as connection:
        has_keys = bool(all_keys(connection))
    keys_by_name = _keyring(settings, database, clock).by_name() if has_keys else {}
    return Search(ArchiveReader(folder, lambda: _waiting(database)), keys_by_name)


def _keyring(settings: Settings, database: Database, clock: Clock) -> Keyring:
    return Keyring(database, MasterKey(keys.archive_key(settings)), clock)


def _waiting(database: Database) -> Iterator[pl.DataFrame]:
    """Give what waits in the store, a few megabytes at a time."""
    behind = 0
    while True:
        with database.reading() as connection:
            some = unarchived.waiting(connection, behind, _AT_ONCE_BYTES)
        if not some:
            return
        behind = some[-1].number
        yield unpacked(((it.number, it.packed) for it in some), numbered=True)
