"""A store for the tests of its tables; those that differ make their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from credwatch.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Make an empty store."""
    made = Database(tmp_path / "store.sqlite")
    made.migrate()
    yield made
    made.close()
