"""`credwatch inbox`: which mails came in, and what became of each."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.mail_outcome import MailOutcome

inbox_app = typer.Typer(help="The mails that came in, and what became of each.", no_args_is_help=True)


@inbox_app.command("list")
def list_mails(
    outcome: Annotated[MailOutcome | None, typer.Option("--outcome", help="Only what became of this kind.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many are shown at most.")] = 100,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """List the mails that came in, the latest first.

    Each with what became of it, from whom it says it is, and the case that it belongs to.
    """
    with told_plainly():
        from credwatch.casework.mail_book import MailBook

        with MailBook.at(config) as book:
            mails = book.mails(outcome.value if outcome else "", limit)
    for mail in mails:
        if as_json:
            print_json(mail)
        else:
            again = f"  ({mail['repeats']} times more)" if mail["repeats"] else ""
            words = (mail["received_at"], mail["outcome"], mail["incident"] or "-", mail["sender"] or "-")
            say("  ".join([f"{words[0]:<20} {words[1]:<10} {words[2]:<18} {words[3]}", mail["subject"] + again]))
