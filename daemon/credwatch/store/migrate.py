"""Brings a store to the present schema in a process of its own: `python -m credwatch.store.migrate PLACE`.

A daemon that did so itself would carry the migration library, a tenth of its memory, for the rest of its life. The
password of a server comes on standard input, where nobody else sees it.
"""

from __future__ import annotations

import subprocess
import sys

from msgspec.structs import replace

from credwatch.kernel.errors import StoreError
from credwatch.kernel.secret import Secret
from credwatch.store.database import Database
from credwatch.store.place import ServerPlace, place_named

_SECONDS = 600


def migrate_apart(database: Database) -> None:
    """Bring the store to the newest version; does nothing where it is. Raises StoreError."""
    if database.is_current():
        return
    place = database.place
    password = place.password.reveal() if isinstance(place, ServerPlace) and place.password else ""
    named = place.url if isinstance(place, ServerPlace) else str(place)
    command = [sys.executable, "-m", "credwatch.store.migrate", named]
    try:
        ended = subprocess.run(  # noqa: S603
            command, input=password, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"the schema cannot be brought up to date: {error}", where=database.where) from error
    if ended.returncode != 0:
        raise StoreError(
            f"the schema cannot be brought up to date: {ended.stderr.strip()}",
            where=database.where,
            hint="check free space and permissions; a newer version may have made this store",
        )


def main() -> None:
    """Migrate the store that the command line names."""
    place = place_named(sys.argv[1])
    if isinstance(place, ServerPlace) and (password := sys.stdin.read()):
        place = replace(place, password=Secret(password))
    try:
        Database(place).migrate()
    except StoreError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
