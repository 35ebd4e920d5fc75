"""Reads the unparsed lines that a store keeps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from credwatch.store.state.progress import unparsed


def latest_unparsed(connection: Connection, *, most: int) -> list[dict[str, Any]]:
    """Return the latest lines that no pack knew, newest first."""
    query = select(unparsed).order_by(unparsed.c.id.desc()).limit(most)
    return [dict(row) for row in connection.execute(query).mappings()]
