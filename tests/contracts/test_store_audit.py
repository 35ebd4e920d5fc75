"""What the audit trail promises on each kind of database."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest

from builders_outbox import NOON
from credwatch.kernel.errors import StoreError
from credwatch.ledger.entry import Act, ActKind
from credwatch.ledger.tree import GrowingTree, included_root, leaf_hash
from credwatch.store import audit, audit_tree
from credwatch.store.audit import Chosen
from credwatch.store.database import Database


def an_act(number: int = 0, *customers: str, **changes: object) -> Act:
    """Build an act that concerns these customers."""
    facts = {"kind": ActKind.NOTICE_QUEUED, "incident": "CW-1", "details": {"id": f"m-{number}"}}
    return Act(NOON, customers=customers, **(facts | changes))  # type: ignore[arg-type]


def test_entries_come_back_in_order(database: Database) -> None:
    """Entries keep the order in which they were added, and each is what was said of the act."""
    with database.writing() as connection:
        audit.append(connection, an_act(1), an_act(2, "hai-au", actor="lan"))
        audit.append(connection)
        audit.append(connection, an_act(3, incident=""))
    with database.reading() as connection:
        assert 3 == audit.size_of(connection)
        rows = audit.listed(connection, Chosen(), 10)
        assert [2, 1, 0] == [row.position for row in rows]
        assert [0] == [row.position for row in audit.listed(connection, Chosen(), 10, before=1)]
        assert [1] == [row.position for row in audit.listed(connection, Chosen(actor="lan", customer="hai-au"), 9)]
        entry = audit.entry_at(connection, 1)
        assert audit.entry_at(connection, 3) is None
    assert entry is not None
    assert {
        "actor": "lan",
        "at": "2026-11-20T05:00:00.000Z",
        "customer": "hai-au",
        "details": {"id": "m-2"},
        "incident": "CW-1",
        "kind": "notice_queued",
    } == json.loads(entry.entry)


def test_a_customer_reads_of_nobody_else(database: Database) -> None:
    """What concerns two customers is whole in an entry of nobody, and each has one that names itself alone."""
    act = an_act(1, "hai-au", "blue-harbor", unshared={"words": "hai-au and blue-harbor know"})
    with database.writing() as connection:
        audit.append(connection, act, an_act(2, "hai-au"), an_act(3, "hai-au", unshared={"words": "as blue-harbor"}))
    with database.reading() as connection:
        assert 6 == audit.size_of(connection)
        own = [b"".join(audit.whole_log(connection, name, 9)).decode() for name in ("hai-au", "blue-harbor")]
        whole = json.loads(next(audit.whole_log(connection, "", 6)))
    assert {"id": "m-1", "words": "hai-au and blue-harbor know", "customers": ["hai-au", "blue-harbor"]} == (
        whole["details"]
    )
    assert [3, 1] == [text.count('"actor"') for text in own]
    assert "blue" not in own[0]
    assert "hai-au" not in own[1]
    assert "know" not in "".join(own)


def test_what_is_rolled_back_was_never_there(database: Database) -> None:
    """An entry shares the fate of its transaction, and the next one takes its place."""

    def fail() -> None:
        with database.writing() as connection:
            audit.append(connection, an_act(1, "hai-au"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.writing() as connection:
        assert (0, 0) == (audit.size_of(connection), audit.size_of(connection, "hai-au"))
        audit.append(connection, an_act(2, "hai-au"))
        assert (1, 1) == (audit.size_of(connection), audit.size_of(connection, "hai-au"))


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET entry = '{}'", "DELETE FROM audit_entries"])
def test_the_database_refuses_changes(database: Database, statement: str) -> None:
    """A row is neither changed nor taken out."""
    with database.writing() as connection:
        audit.append(connection, an_act())
    with pytest.raises(StoreError), database.writing() as connection:
        connection.exec_driver_sql(statement)
    with database.reading() as connection:
        assert audit.entry_at(connection, 0) is not None


def test_two_who_write_at_once_take_turns(database: Database) -> None:
    """Whoever writes beside the daemon, the places follow each other, and each entry is there once."""
    other = Database(database.place)

    def write(number: int) -> None:
        with (database, other)[number % 2].writing() as connection:
            audit.append(connection, an_act(number, ("hai-au", "blue-harbor")[number % 2]))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(40)))
    other.close()
    with database.reading() as connection:
        rows = audit.listed(connection, Chosen(), 100)[::-1]
    assert list(range(40)) == [row.position for row in rows]
    assert {f"m-{number}" for number in range(40)} == {json.loads(row.entry)["details"]["id"] for row in rows}
    for customer in ("hai-au", "blue-harbor"):
        assert list(range(20)) == [row.place for row in rows if row.customer == customer]


def test_roots_and_proofs_come_from_what_is_kept(database: Database) -> None:
    """However the entries were put together, the roots and proofs at any size are those of the entries themselves."""
    acts = (an_act(number, *(["hai-au"] if number % 2 else [])) for number in range(1100))
    with database.writing() as connection:
        while portion := list(islice(acts, 173)):
            audit.append(connection, *portion)
    with database.reading() as connection:
        for log, sizes in (("", (1, 255, 256, 257, 512, 1024, 1100)), ("hai-au", (1, 256, 300, 512, 550))):
            leaves = [leaf_hash(entry) for entry in audit.whole_log(connection, log, sizes[-1])]
            assert sizes[-1] == len(leaves)
            for size in sizes:
                tree = GrowingTree()
                tree.extend(leaves[:size])
                assert tree.root() == audit_tree.root(connection, log, size)
                for index in {0, size // 2, size - 1}:
                    proof = audit_tree.proof(connection, log, index, size)
                    assert tree.root() == included_root(index, size, leaves[index], proof)


def test_a_customer_without_entries(database: Database) -> None:
    """A name that no entry has, has an empty log."""
    with database.reading() as connection:
        assert 0 == audit.size_of(connection, "nobody")
        assert [] == list(audit.whole_log(connection, "nobody", 5))
        assert [] == audit.customers_since(connection, 0)
