"""Backs up and restores the store of a settings file, and copies stores from one database to another."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from credwatch.app import keys
from credwatch.app.lock import holder_of
from credwatch.app.settings import Settings
from credwatch.app.store import open_store
from credwatch.kernel.clock import rfc3339, system_clock
from credwatch.kernel.errors import StoreError
from credwatch.ledger.entry import MACHINE, Act, ActKind
from credwatch.store import audit
from credwatch.store.copying import copy_store
from credwatch.store.place import Place, ServerPlace
from credwatch.store.state import progress, seeing


def back_up(settings: Settings, file: Path, now: datetime, by: str = MACHINE) -> int:
    """Write what the store holds to a file, beside the daemon that may be using it; return how many rows it has.

    The store notes that it was done `now`.

    The file is a store of SQLite, wherever the store is, and `FILE.sha256` has its digest as sha256sum(1) writes it.
    Raises StoreError.
    """
    database = open_store(keys.store_place(settings))
    try:
        rows = copy_store(database, file)
        digest = _digest(file)
        _digest_file(file).write_text(f"{digest}  {file.name}\n", encoding="utf-8")
        details: dict[str, object] = {"file": str(file), "sha256": digest}
        with database.writing() as connection:
            progress.save_value(connection, seeing.BACKED_UP, rfc3339(now).encode())
            audit.append(connection, Act(now, ActKind.BACKUP_MADE, by, details=details))
    finally:
        database.close()
    return rows


def restore(settings: Settings, file: Path, by: str = MACHINE) -> int:
    """Put what a backup holds where the settings have the store, and no store is; return how many rows it has.

    Raises StoreError where the file is not what was backed up, a daemon runs, or a store is there.
    """
    _check(file)
    _refuse_daemon(settings.daemon.state_directory)
    return _copy(file, keys.store_place(settings), ActKind.STORE_RESTORED, by)


def copy(source: Place, target: Place, by: str = MACHINE) -> int:
    """Copy a store that no daemon uses to a place that has none; return how many rows it has. Raises StoreError."""
    return _copy(source, target, ActKind.STORE_COPIED, by)


def _copy(source: Place, target: Place, kind: ActKind, by: str) -> int:
    """Copy a store, and say in the audit trail of the copy where it comes from."""
    if isinstance(source, Path):
        _refuse_daemon(source.parent)
    database = open_store(source)
    try:
        database.claim()
        rows = copy_store(database, target)
    finally:
        database.close()
    made = open_store(target)
    try:
        with made.writing() as connection:
            audit.append(connection, Act(system_clock(), kind, by, details={"from": database.where}))
    finally:
        made.close()
    return rows


def place_of(text: Place, settings: Settings) -> Place:
    """Add the password that the settings have for a server, where they name the same one."""
    if isinstance(text, ServerPlace) and text.url == settings.store.url:
        return keys.store_place(settings)
    return text


def _check(file: Path) -> None:
    """Refuse what is not the backup that was made: by its digest first, for SQLite may stumble over a change."""
    try:
        noted = _digest_file(file).read_text(encoding="utf-8").split()[:1]
        is_whole = noted == [_digest(file)] and _is_intact(file)
    except (OSError, sqlite3.Error) as error:
        hint = "name a file that `credwatch backup` has made, with its .sha256 beside it"
        raise StoreError(f"cannot be read: {error}", where=str(file), hint=hint) from error
    if not is_whole:
        raise StoreError("is not what was backed up", where=str(file), hint="take another backup")


def _is_intact(file: Path) -> bool:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        (problem,) = connection.execute("PRAGMA integrity_check").fetchone()
    return bool(problem == "ok")


def _refuse_daemon(folder: Path) -> None:
    holder = holder_of(folder)
    if holder is not None:
        hint = "stop it first: what it does meanwhile would be lost"
        raise StoreError(f"a daemon uses the store: {holder}", where=str(folder), hint=hint)


def _digest_file(file: Path) -> Path:
    return Path(f"{file}.sha256")


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
