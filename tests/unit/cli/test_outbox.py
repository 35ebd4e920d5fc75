"""`credwatch outbox`: what waits, and trying it again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders_outbox import NOON, a_command
from credwatch.cli.outbox import outbox_app
from credwatch.kernel.receipt import Delivered, Refused
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, queue


@pytest.fixture
def store(tmp_path: Path) -> Iterator[str]:
    """A store with one message delivered, one refused and one waiting."""
    database = Database(tmp_path / "store.db")
    database.migrate()
    with database.writing() as connection:
        queue(connection, [a_command(1), a_command(2), a_command(3)])
    outbox = OutboxStore(database)
    for number, receipt in ((1, Delivered(NOON, "250 ok")), (2, Refused("550 no such user"))):
        outbox.begin(a_command(number).id, NOON)
        outbox.settle(a_command(number).id, receipt, NOON, None)
    yield str(tmp_path / "store.db")
    database.close()


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(outbox_app, list(arguments), env={"COLUMNS": "200"})
    return result.exit_code, result.stdout, result.stderr


def _listed(store: str, *more: str) -> list[tuple[str, str, str]]:
    lines = _run("list", "--store", store, "--json", *more)[1].splitlines()
    return [(item["id"][-1], item["state"], item["last_reason"]) for item in map(json.loads, lines)]


def test_what_is_not_delivered_is_listed(store: str) -> None:
    """Waiting and refused messages, one JSON object a line; delivered ones on request."""
    assert [("2", "refused", "550 no such user"), ("3", "queued", "")] == _listed(store)
    assert 3 == len(_listed(store, "--all"))


def test_a_list_comes_in_pages(store: str) -> None:
    """No more than the limit over all states, oldest first, with the place where the rest begins."""
    first, second = a_command(1).id, a_command(2).id
    assert ["1", "2"] == [row[0] for row in _listed(store, "--all", "--limit", "2")]
    assert f"there are more: --after {second}" in _run("list", "--store", store, "--all", "--limit", "2")[2]
    assert ["2", "3"] == [row[0] for row in _listed(store, "--all", "--limit", "2", "--after", first)]
    code, _, talk = _run("list", "--store", store, "--after", second)
    assert (0, False) == (code, "there are more" in talk)


def test_a_person_reads_a_table(store: str) -> None:
    """Without --json the reply of the server stands in the table."""
    code, shown, _ = _run("list", "--store", store)
    assert 0 == code
    assert "550 no such user" in shown


def test_refused_messages_are_tried_again(store: str) -> None:
    """Without ids every refused message is put back."""
    assert (0, '{"id": "cw-0000000000000002", "state": "queued"}\n', "") == _run("retry", "--store", store, "--json")
    assert [("2", "queued", "550 no such user"), ("3", "queued", "")] == _listed(store)


def test_a_delivered_message_is_not_sent_again(store: str) -> None:
    """An id that does not wait is named on stderr, with exit code 1."""
    code, put_back, talk = _run("retry", "--store", store, a_command(1).id, a_command(2).id)
    assert (1, f"{a_command(2).id} queued\n") == (code, put_back)
    assert a_command(1).id in talk


def test_a_store_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """A wrong path makes no new store."""
    assert 2 == _run("list", "--store", str(tmp_path / "none.db"))[0]
    assert [] == list(tmp_path.iterdir())
