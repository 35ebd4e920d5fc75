"""`credwatch incidents`: show and close incidents; let go or drop what waits of them."""

from __future__ import annotations

from typing import Annotated

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.case_words import words_of
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.incident import Resolution

incidents_app = typer.Typer(help="List incidents, show and work on their cases, close them.", no_args_is_help=True)

WhyOption = Annotated[str, typer.Option("--why", help="The reason, kept with the incident.")]
NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The incident's number, such as CW-2026-7KQ2M4.")]


@incidents_app.command()
def show(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one incident, its detections and its messages.

    Moments stand in `daemon.time_zone` with UTC beside them; a message has the one when a mail server took it.
    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook

        with Casebook.at(config) as casebook:
            case = casebook.case(number)
    if case is None:
        raise unknown(number)
    if as_json:
        print_json(case)
        return
    for line in words_of(case):
        say(line)


@incidents_app.command()
def release(
    number: NumberArgument,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Let the held messages of an incident go.

    They are written anew and sent. What is read long after it happened is held until a person has looked at it.
    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook

        with Casebook.at(config) as casebook:
            ids = casebook.release(number, by=login_name(by), why=why, now=system_clock())
    if ids is None:
        raise unknown(number)
    if as_json:
        print_json({"number": number, "released": ids})
    else:
        say(f"{number}: {len(ids)} released")


@incidents_app.command()
def drop(
    number: NumberArgument,
    why: WhyOption,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    reports: Annotated[bool, typer.Option("--reports", help="Breach reports to the vendor too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Drop the held messages of an incident.

    They are never sent, and stay in the store with the reason. A breach report is a duty: it is dropped with --reports
    alone. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook

        now, who = system_clock(), login_name(by)
        with Casebook.at(config) as casebook:
            count = casebook.drop(number, by=who, why=why, with_reports=reports, now=now)
    if count is None:
        raise unknown(number)
    if as_json:
        print_json({"number": number, "held": count})
    else:
        say(f"{number}: dropped" + _still_held(count))


@incidents_app.command()
def close(
    number: NumberArgument,
    why: WhyOption,
    outcome: Annotated[Resolution | None, typer.Option(help="What came of it; the update tells its reader.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Close an incident with a reason.

    Whoever had a notice or a report of it is sent the update. What is held of it is dropped with the reason, but for
    breach reports, which stay held. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook, described

        with Casebook.at(config) as casebook:
            who, now = login_name(by), system_clock()
            incident = casebook.close(number, by=who, why=why, now=now, outcome=outcome)
            is_held = number in casebook.held()
    if incident is None:
        raise unknown(number)
    if as_json:
        print_json(described(incident) | {"held": is_held})
    else:
        say(f"{number} is closed" + _still_held(is_held))


def unknown(number: str) -> typer.Exit:
    """Say that nobody has this number, and give the exit."""
    print_error(f"no incident {number}; `credwatch incidents list --all` names them")
    return typer.Exit(ExitCode.NO)


def _still_held(held: int | bool) -> str:
    return "; a breach report stays held: release it, or drop it with --reports" if held else ""
