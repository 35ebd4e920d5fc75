"""Opens the store of a daemon for whoever asks it."""

from __future__ import annotations

import os
from pathlib import Path

from credwatch.kernel.errors import StoreError
from credwatch.store.database import Database
from credwatch.store.place import Place, ServerPlace


def open_store(place: Place) -> Database:
    """Open the store that a daemon has made; raises StoreError where there is none or it may not be used."""
    return Database(place) if isinstance(place, ServerPlace) else _open_file(place)


def _open_file(path: Path) -> Database:
    if os.access(path.parent, os.X_OK) and not path.is_file():
        raise StoreError("there is no store", where=str(path), hint="start the daemon once, or name its settings file")
    if not os.access(path, os.R_OK | os.W_OK):
        hint = "the store is its owner's: sudo -u credwatch credwatch …"
        raise StoreError("the store may not be used", where=str(path), hint=hint)
    return Database(path)
