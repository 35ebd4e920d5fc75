"""`credwatch archive`: what a person decides about the archive of events."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

archive_app = typer.Typer(help="Erase what the archive of events has of a customer.", no_args_is_help=True)


@archive_app.callback()
def _group() -> None:
    """Let `erase` be a command of its own, though it is the only one."""


@archive_app.command()
def erase(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The id of a customer.")],
    why: Annotated[str, typer.Option("--why", help="The reason, kept in the audit trail.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Erase the key of a customer's archived events.

    Nobody can read their sealed fields any more, also not those in copies of the archive; the events stay, and count.
    Copies of the store still have the key: let them go too. Exit code 1 where the archive has no key of the customer.
    """
    with told_plainly():
        from credwatch.casework.events import ArchiveBook

        with ArchiveBook.at(config) as book:
            is_erased = book.erase(customer, by=login_name(by), why=why, now=system_clock())
    if not is_erased:
        print_error(f"the archive has no key of {customer}: nothing of it is sealed, or it is erased already")
        raise typer.Exit(ExitCode.NO)
    print_json({"customer": customer, "erased": True}) if as_json else say(f"{customer}: the key is erased")
