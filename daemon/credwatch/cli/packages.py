"""`credwatch incidents` package and tell: what a breach's customers are handed, and its persons are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.incidents import NumberArgument, incidents_app, unknown
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, CustomerOption, JsonOption
from credwatch.cli.output import print_json, say, tell_hint, told_plainly
from credwatch.kernel.clock import system_clock

if TYPE_CHECKING:
    from credwatch.casework.packaging import CustomerPackage


@incidents_app.command()
def package(
    number: NumberArgument,
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where each package becomes a new file.")],
    customer: CustomerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Put together what each customer of a breach is owed.

    One signed archive for each: its own accounts, its own log lines with their places, drafts of what it must report
    itself, and nobody else's name. The case notes its SHA-256. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.packaging import Packaging

        with Packaging.at(config) as packaging:
            packages = packaging.package(number, Actor(login_name(by), system_clock()), folder, customer)
    if packages is None:
        raise unknown(number)
    if as_json:
        print_json([_row(made) for made in packages])
        return
    for made in packages:
        say(f"{made.customer}: {made.file}, SHA-256 {made.sha256}")
        _hints(number, made)


def _row(made: CustomerPackage) -> dict[str, object]:
    return {
        "customer": made.customer,
        "file": str(made.file),
        "sha256": made.sha256,
        "files": list(made.names),
        "missing": {form: list(questions) for form, questions in made.missing},
        "lines_withheld": made.withheld,
    }


def _hints(number: str, made: CustomerPackage) -> None:
    """Say what is open, what is not in it, and how it is noted that somebody took it."""
    for form, questions in made.missing:
        tell_hint(f"{form} lacks: {', '.join(questions)}")
    if made.withheld:
        tell_hint(f"{made.withheld} kept lines are not in it: they are others' or name others")
    handed = f"submitted --of REGIME/package --customer {made.customer}"
    tell_hint(f'once handed over: credwatch incidents moment {number} {handed} --why "…"')


@incidents_app.command()
def tell(
    number: NumberArgument,
    regime: Annotated[str, typer.Argument(metavar="REGIME", help="The law, such as vn-personal-data-subjects.")],
    customer: CustomerOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write to the persons whom the data are about.

    Each gets a letter about its own account, where users.toml has a mailbox that no intruder is likely to read; the
    others are named, for you to tell. It ends no clock: that is `moment submitted`. Exit code 1 where the number is
    unknown.
    """
    with told_plainly():
        from credwatch.casework.acts import Actor
        from credwatch.casework.telling_persons import PersonsDesk

        with PersonsDesk.at(config) as desk:
            reach = desk.tell(number, Actor(login_name(by), system_clock()), regime, customer)
    if reach is None:
        raise unknown(number)
    if as_json:
        rows = {"written_to": list(reach.written_to), "unreached": list(reach.unreached)}
        print_json({"about": str(reach.about), "queued": reach.queued, **rows})
        return
    say(f"{number}: {len(reach.written_to)} persons written to under {reach.about}, {reach.queued} letters are new")
    for account in reach.unreached:
        tell_hint(f"not reached: {account}; tell its owner in another way")
    tell_hint(f'once all are told: credwatch incidents moment {number} submitted --of {reach.about} --why "…"')
