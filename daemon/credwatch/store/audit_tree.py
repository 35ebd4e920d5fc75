"""The hashes of complete subtrees of the logs: what a root or a proof is made of without reading the log again.

Of a log, the hash of each 256 entries is kept, of each 256 of these, and so on: as tiles do (c2sp.org/tlog-tiles).
That is one row for 255 entries. A root of a million entries reads less than 800 rows, a proof some more.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Column, Connection, LargeBinary, Table, Text, select, text

from credwatch.kernel.errors import StoreError
from credwatch.ledger.tree import Subtree, complete, inclusion, leaf_hash, root_of
from credwatch.store.columns import Number
from credwatch.store.database import metadata
from credwatch.store.statements import many

_HEIGHT = 8
_WIDTH = 1 << _HEIGHT

audit_hashes = Table(
    "audit_hashes",
    metadata,
    Column("log", Text, primary_key=True),  # the id of a customer; empty for the log of the installation
    Column("height", Number, primary_key=True, autoincrement=False),  # 1: of 256 entries, 2: of 256 of those
    Column("place", Number, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)


class TrailDamaged(StoreError):
    """Entries or hashes are missing that were there."""


def keep_hashes(connection: Connection, log: str, first: int, size: int) -> None:
    """Keep the hashes of the subtrees that the entries from `first` to before `size` have completed."""
    height = 1
    while (done := first >> (height * _HEIGHT)) < (ready := size >> (height * _HEIGHT)):
        rows = [
            (log, height, place, complete(_hashes(connection, log, height - 1, place << _HEIGHT, _WIDTH)))
            for place in range(done, ready)
        ]
        many(connection, "INSERT INTO audit_hashes (log, height, place, hash) VALUES (?, ?, ?, ?)", rows)
        height += 1


def root(connection: Connection, log: str, size: int) -> bytes:
    """Hash the tree of the first entries of a log, from what is kept of it."""
    return root_of(size, _subtrees(connection, log))


def proof(connection: Connection, log: str, index: int, size: int) -> list[bytes]:
    """Prove that the tree of the first entries of a log has the one at an index."""
    return inclusion(index, size, _subtrees(connection, log))


def _subtrees(connection: Connection, log: str) -> Subtree:
    def subtree(level: int, index: int) -> bytes:
        height, rest = divmod(level, _HEIGHT)
        return complete(_hashes(connection, log, height, index << rest, 1 << rest))

    return subtree


_ENTRIES = text("SELECT entry FROM audit_entries WHERE position >= :first AND position < :last ORDER BY position")
_OF_CUSTOMER = text(
    "SELECT entry FROM audit_entries"
    " WHERE customer = :log AND customer != '' AND place >= :first AND place < :last ORDER BY place"
)


def _hashes(connection: Connection, log: str, height: int, first: int, count: int) -> Sequence[bytes]:
    """Read some hashes of a height that follow each other; those of entries are made on the way."""
    span: dict[str, object] = {"first": first, "last": first + count}
    if height:
        table = audit_hashes.c
        is_one = (table.log == log) & (table.height == height) & table.place.between(first, first + count - 1)
        hashes = list(connection.execute(select(table.hash).where(is_one).order_by(table.place)).scalars())
    else:
        query, about = (_OF_CUSTOMER, {"log": log}) if log else (_ENTRIES, {})
        hashes = [leaf_hash(entry.encode()) for entry in connection.execute(query, span | about).scalars()]
    if len(hashes) != count:
        where, hint = f"audit trail {log}".rstrip(), "look for who has changed the store, or put back a backup"
        raise TrailDamaged(f"entries are missing between {first} and {first + count}", where=where, hint=hint)
    return hashes
