"""An empty table in each kind of database."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.sources.sql.tables import MariaTable, PostgresTable, SqliteTable, TableServer


@pytest.fixture(params=["postgresql", "mariadb", "sqlite"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> TableServer:
    """Make the table."""
    match request.param:
        case "postgresql":
            return PostgresTable(request.getfixturevalue("postgresql"))
        case "mariadb":
            return MariaTable(request.getfixturevalue("mariadb"))
    return SqliteTable(tmp_path)
