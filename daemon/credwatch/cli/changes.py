"""`credwatch changes`: changes of what concerns staff, which two people confirm."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.access import GATE_SOCKET, SocketOption, gate_check, typed_code
from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.staff_change import StaffChange, StaffChangeState

changes_app = typer.Typer(help="Changes of what concerns staff.", no_args_is_help=True)


@changes_app.command("list")
def list_changes(
    everything: Annotated[bool, typer.Option("--all", help="Those that wait no longer, too.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the changes that wait for people.

    Registers of staff and authorisations, rules and filters of your own, and silences that hide acts of staff.
    """
    with told_plainly():
        from credwatch.casework.access_book import AccessBook

        with AccessBook.at(config) as book:
            every = book.change_desk().changes()
    shown = [change for change in every if everything or change.state is StaffChangeState.WAITING]
    if as_json:
        print_json([_row(change) for change in shown])
        return
    for change in shown:
        say(_line(change))
    if not shown:
        say("no change waits")


@changes_app.command()
def confirm(
    number: Annotated[str, typer.Argument(metavar="CHANGE", help="The number, such as CH-7KQ2M4AB.")],
    why: Annotated[str, typer.Option("--why", help="What it is for; it is kept.")],
    config: ConfigOption = DEFAULT_CONFIG,
    socket: SocketOption = GATE_SOCKET,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Confirm a change, with a one-time code.

    It is read from the terminal or standard input. Two people confirm: who made it, and somebody else.
    """
    with told_plainly():
        from credwatch.casework.access_book import AccessBook

        with AccessBook.at(config) as book:
            code, check = typed_code(), gate_check(socket)
            change = book.change_desk().confirm(number, login_name(by), code, check, why.strip())
    print_json(_row(change)) if as_json else say(_line(change))


def _row(change: StaffChange) -> dict[str, object]:
    from msgspec import to_builtins

    row: dict[str, object] = to_builtins(change)
    return {**row, "state": change.state.value}


def _line(change: StaffChange) -> str:
    from credwatch.kernel.clock import rfc3339

    people = ", ".join(approval.by for approval in change.approvals)
    words = f"{change.id}  {change.state.value:<10}  until {rfc3339(change.due_at)}  {change.what} of {change.by}"
    return words + (f", confirmed by {people}" if people else "") + (f", {change.incident}" if change.incident else "")
