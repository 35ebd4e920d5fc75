"""The gate's tables: what stands on the disk, and what their migration makes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, create_engine, inspect, update

from credwatch.kernel.errors import StoreError
from credwatch.kernel.factor import Factor
from credwatch.kernel.secret import Secret
from credwatch.policy.history import PasswordHistory
from credwatch.policy.profile import MfaProfile, PasswordProfile
from credwatch.store.database import Database
from credwatch.store.gate import FactorRows, PasswordHashes, factors, past_passwords
from unit.policy.gate_fakes import GOOD, KEY, LAN, RFC_SECRET, START, a_totp, quick_hasher


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "store.db")
    opened.migrate()
    yield opened
    opened.close()


def test_no_secret_reaches_the_disk(database: Database, tmp_path: Path) -> None:
    """Neither a password nor a TOTP secret nor the sealing key is found in any byte of the store's files."""
    PasswordHistory(PasswordHashes(database), quick_hasher()).record(
        Secret(GOOD), LAN, PasswordProfile(remember=5), START
    )
    a_totp(FactorRows(database)).enrol(LAN, MfaProfile(), START)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in written
    assert re.search(rb"v1\.[0-9a-f]{12}\.", written)
    for secret in (GOOD, RFC_SECRET, KEY.reveal(), "12345678901234567890"):
        assert secret.encode() not in written


class WeakDatabase(Database):
    """A database whose lock lets another change in between; the test makes it on `inside`."""

    inside: Connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        with super().writing() as connection:
            self.inside = connection
            yield connection


def test_a_change_over_an_unseen_revision_is_refused(database: Database) -> None:
    """Where a database lets two changes overlap, the second is refused and its decision not kept."""
    a_totp(FactorRows(database)).enrol(LAN, MfaProfile(), START)
    weak = WeakDatabase(database.where)

    def overtaken(factor: Factor | None) -> tuple[Factor | None, bool]:
        weak.inside.execute(update(factors).values(revision=7))
        return None, True

    with pytest.raises(StoreError, match="at the same time"):
        FactorRows(weak).change(LAN, overtaken)
    weak.close()
    assert FactorRows(database).change(LAN, lambda factor: (factor, factor is not None))


def test_the_store_away_is_a_store_error(tmp_path: Path) -> None:
    """Without its tables the store raises StoreError, never an acceptance."""
    database = Database(tmp_path / "empty.db")
    with pytest.raises(StoreError):
        FactorRows(database).change(LAN, lambda factor: (factor, True))
    with pytest.raises(StoreError):
        PasswordHashes(database).hashes(LAN)
    database.close()


def test_the_migration_makes_the_tables_the_code_uses() -> None:
    """Upgrading gives the columns and keys of the table objects, and indexes of theirs; downgrading leaves nothing."""
    migration = import_module("credwatch.store.migrations.versions.0003_gate")
    later = import_module("credwatch.store.migrations.versions.0008_used_steps")
    latest = import_module("credwatch.store.migrations.versions.0025_recovery_codes")
    engine = create_engine("sqlite://")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()
        later.upgrade()
        latest.upgrade()
        for table in (past_passwords, factors):
            made = {column["name"]: str(column["type"]) for column in inspect(connection).get_columns(table.name)}
            assert {column.name: str(column.type) for column in table.columns} == made
            keys = inspect(connection).get_pk_constraint(table.name)["constrained_columns"]
            assert [column.name for column in table.primary_key.columns] == keys
            indexes = {index["name"] for index in inspect(connection).get_indexes(table.name)}
            assert indexes <= {index.name for index in table.indexes}
        latest.downgrade()
        later.downgrade()
        migration.downgrade()
        assert inspect(connection).get_table_names() == []
