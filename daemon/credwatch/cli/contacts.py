"""`credwatch contacts`: who may log in on the customers' pages, and the tokens with which their programs report."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.new_token import show_new_token
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

contacts_app = typer.Typer(help="Who may log in on the customers' pages.", no_args_is_help=True)


@contacts_app.command("list")
def list_contacts(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the contacts, and what they log in with."""
    with told_plainly():
        from credwatch.casework.contact_book import ContactBook

        with ContactBook.at(config) as book:
            contacts = book.contacts()
    for contact in contacts:
        if as_json:
            print_json(contact)
            continue
        keys = f"{contact['passkeys']} passkeys" if contact["passkeys"] else ""
        factors = ", ".join(part for part in ("app" if contact["app"] else "", keys) if part) or "nothing yet"
        say(f"{contact['customer']:<20} {contact['address']:<40} {factors}")


@contacts_app.command()
def reset(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The contact's address.")],
    why: Annotated[str, typer.Option("--why", help="How you know the person; it is kept.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a contact's factors and sessions away.

    The next link that the contact asks for sets up a factor anew. Exit code 1 where there was nothing to take away.
    """
    with told_plainly():
        from credwatch.casework.contact_book import ContactBook

        with ContactBook.at(config) as book:
            was_there = book.reset(customer, address, by=login_name(by), why=why, now=system_clock())
    print_json({"reset": was_there}) if as_json else say("reset" if was_there else "there was nothing to take away")
    if not was_there:
        raise typer.Exit(ExitCode.NO)


@contacts_app.command()
def token(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's id.")],
    as_json: JsonOption = False,
) -> None:
    """Make the token with which a customer's programs report.

    The hash goes into `report_token_hashes` of the customer in customers.toml, the token to the customer. Neither is
    kept here.
    """
    show_new_token("customer", customer, "report_token_hashes", as_json)
