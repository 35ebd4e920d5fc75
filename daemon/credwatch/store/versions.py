"""The versions of the schema: which there are, and how a store comes from one to the next."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from credwatch.kernel.errors import StoreError

MIGRATIONS = Path(__file__).resolve().parent / "migrations"
FOREIGN_HINT = "put back a copy of the store; or, to begin anew and forget all that was known, delete it"


def revisions() -> set[str]:
    """Name all versions."""
    return {path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def newest() -> str:
    """Name the newest version."""
    return max(revisions())


def is_newest(at: str | None, where: str) -> bool:
    """Say whether a store's version is the newest; raises StoreError where it can be brought to it by no migration."""
    if at is not None and at not in revisions() and at <= newest():
        raise StoreError(f"its schema ({at}) is not known", where=where, hint=FOREIGN_HINT)
    if at is not None and at > newest():
        hint = "install that version again, or take the copy that was made before the upgrade (`*.before-*`)"
        raise StoreError(f"a newer version of credwatch has made it (schema {at})", where=where, hint=hint)
    return at == newest()


def upgrade(connection: Connection) -> None:
    """Bring a store to the newest version within the transaction of a connection."""
    # A store that is up to date never loads the migration library: a daemon need not carry it for life.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "head")
