"""`credwatch outbox`: lists messages that are not delivered, and has them tried again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from credwatch.kernel.clock import rfc3339, system_clock
from credwatch.store.database import Database
from credwatch.store.outbox import OutboxStore, StoredCommand

outbox_app = typer.Typer(no_args_is_help=True, help="List messages that wait or were refused; try them again.")

StorePath = Annotated[
    Path, typer.Option("--store", help="The store's file.", exists=True, dir_okay=False, show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, one object a line.")]

_WAITING = ("queued", "sending", "refused")


@outbox_app.command("list")
def list_commands(
    store: StorePath,
    every: Annotated[bool, typer.Option("--all", help="Delivered ones too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List messages, oldest first. Exit code 0 whether or not there are any."""
    items = opened(store).listed((*_WAITING, "delivered") if every else _WAITING)
    if as_json:
        for item in items:
            typer.echo(json.dumps(_described(item), ensure_ascii=False))
        return
    table = Table("id", "incident", "workflow", "recipient", "state", "attempts", "next attempt", "last reply")
    for item in items:
        row = _described(item)
        table.add_row(*(str(row[name]) for name in _COLUMNS))
    Console().print(table if items else "nothing waits")


@outbox_app.command()
def retry(
    store: StorePath,
    ids: Annotated[list[str] | None, typer.Argument(help="Messages; without any, all refused ones.")] = None,
    as_json: AsJson = False,
) -> None:
    """Have messages tried again at once, for five days from now. Exit code 1 where an id is not waiting."""
    put_back = opened(store).retry(system_clock(), ids or [])
    missing = sorted(set(ids or []) - set(put_back))
    for command_id in put_back:
        typer.echo(json.dumps({"id": command_id, "state": "queued"}) if as_json else f"{command_id} queued")
    for command_id in missing:
        typer.echo(f"{command_id}: no waiting or refused message has this id", err=True)
    if missing:
        raise typer.Exit(1)


def opened(store: Path) -> OutboxStore:
    """Open the outbox of a store."""
    return OutboxStore(Database(store))


_COLUMNS = ("id", "incident", "workflow", "recipient", "state", "attempts", "next_at", "last_reason")


def _described(item: StoredCommand) -> dict[str, object]:
    command = item.command
    return {
        "id": command.id,
        "kind": command.kind.value,
        "incident": command.incident,
        "workflow": command.workflow,
        "organization": command.organization,
        "recipient": command.recipient,
        "created_at": rfc3339(command.created_at),
        "state": item.state,
        "attempts": item.attempts,
        "next_at": rfc3339(item.next_at) if item.state == "queued" else "",
        "settled_at": rfc3339(item.settled_at) if item.settled_at else "",
        "last_reason": item.last_reason,
    }
