"""`credwatch outbox`: lists messages that are not delivered, and has them tried again."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, LimitOption, StoreOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, tell, tell_more, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from credwatch.store.commands import StoredCommand

outbox_app = typer.Typer(no_args_is_help=True, help="List messages that have not arrived; try or release them.")


@outbox_app.command("list")
def list_commands(
    config: ConfigOption = DEFAULT_CONFIG,
    store: StoreOption = None,
    every: Annotated[bool, typer.Option("--all", help="Delivered and dropped ones too.")] = False,
    limit: LimitOption = 100,
    after: Annotated[str, typer.Option(metavar="ID", help="Begin behind this message.")] = "",
    as_json: JsonOption = False,
) -> None:
    """List messages, oldest first, a page at a time.

    Exit code 0 whether or not there are any.
    """
    with told_plainly():
        from credwatch.casework.casebook import opened_outbox
        from credwatch.store.commands import EVERY, WAITING
        from credwatch.store.pages import Page

        with opened_outbox(config, store) as outbox:
            listed = outbox.listed(EVERY if every else WAITING, Page(limit + 1, after))
    rows = [_described(stored) for stored in listed[:limit]]
    if as_json:
        for row in rows:
            print_json(row)
    elif rows:
        for line in chain.from_iterable(map(_told, rows)):
            say(line)
    else:
        tell("no more messages" if after else "no messages" if every else "no message waits")
    if len(listed) > limit:
        tell_more(str(rows[-1]["id"]))


@outbox_app.command()
def retry(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Messages; without any, all refused ones.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have messages tried again at once, for five days from now. Exit code 1 where an id is not waiting."""
    with told_plainly():
        from credwatch.casework.casebook import opened_outbox

        with opened_outbox(config, store) as outbox:
            put_back = outbox.retry(system_clock(), ids or [], login_name())
    for command_id in put_back:
        if as_json:
            print_json({"id": command_id, "state": "queued"})
        else:
            say(f"{command_id} queued")
    missing = sorted(set(ids or []) - set(put_back))
    for command_id in missing:
        print_error(f"{command_id}: no waiting or refused message has this id")
    if missing:
        raise typer.Exit(ExitCode.NO)


@outbox_app.command()
def release(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Held messages, as `outbox list` names them.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Let single held messages go, and not all of an incident.

    Exit code 1 where one is not held.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook

        with Casebook.at(config) as casebook:
            released = casebook.release_messages(ids, by=login_name(), now=system_clock())
    for command_id in released:
        print_json({"id": command_id, "state": "queued"}) if as_json else say(f"{command_id} queued")
    missing = sorted(set(ids) - set(released))
    for command_id in missing:
        print_error(f"{command_id}: no held message has this id")
    if missing:
        raise typer.Exit(ExitCode.NO)


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


def _told(row: dict[str, object]) -> tuple[str, str]:
    """Write a message on one line, and on a second one what the server said last and when it is tried again."""
    first = f"{row['id']}  {row['state']:<9}  {row['workflow']:<17}  {row['recipient']}  {row['incident']}"
    tries = f"attempts {row['attempts']}"
    next_at = f"next {row['next_at']}" if row["next_at"] else ""
    return first, "    " + "; ".join(filter(None, (tries, next_at, str(row["last_reason"]))))
