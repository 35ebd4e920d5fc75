"""Brings a store to the present schema in a process of its own: `python -m credwatch.store.migrate PATH`.

A daemon that did so itself would carry the migration library, a tenth of its memory, for the rest of its life.
"""

from __future__ import annotations

import subprocess
import sys

from credwatch.kernel.errors import StoreError
from credwatch.store.database import Database

_SECONDS = 600


def migrate_apart(database: Database) -> None:
    """Bring the store to the newest version; does nothing where it is. Raises StoreError."""
    if database.is_current():
        return
    command = [sys.executable, "-m", "credwatch.store.migrate", database.path]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(f"the schema cannot be brought up to date: {error}", where=database.path) from error
    if done.returncode != 0:
        raise StoreError(
            f"the schema cannot be brought up to date: {done.stderr.strip()}",
            where=database.path,
            hint="check free space and permissions; a newer version may have made this store",
        )


def main() -> None:
    """Migrate the store that the command line names."""
    try:
        Database(sys.argv[1]).migrate()
    except StoreError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
