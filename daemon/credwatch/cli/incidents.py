"""`credwatch incidents`: list, show and close incidents."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, tell, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.incident import Incident

incidents_app = typer.Typer(help="List, show and close incidents.", no_args_is_help=True)

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The incident's number, such as CW-2026-7KQ2M4.")]


@incidents_app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Closed incidents too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the open incidents, the latest first."""
    with told_plainly():
        from credwatch.app.casebook import Casebook, described

        with Casebook.at(config) as casebook:
            found = casebook.incidents(only_open=not everything)
    for incident in found:
        if as_json:
            print_json(described(incident))
        else:
            say(_row(incident))
    if not found and not as_json:
        tell("no open incidents" if not everything else "no incidents")


@incidents_app.command()
def show(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one incident, its detections and its messages.

    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.app.casebook import Casebook

        with Casebook.at(config) as casebook:
            case = casebook.case(number)
    if case is None:
        raise _unknown(number)
    print_json(case) if as_json else _print(case)


@incidents_app.command()
def close(
    number: NumberArgument,
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the incident.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: Annotated[str, typer.Option("--by", help="Who closes it.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Close an incident with a reason.

    Whoever had a notice or a report of it is sent the update. Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.app.casebook import Casebook, described

        with Casebook.at(config) as casebook:
            incident = casebook.close(number, by=by or getpass.getuser(), why=why, now=system_clock())
    if incident is None:
        raise _unknown(number)
    if as_json:
        print_json(described(incident))
    else:
        say(f"{number} is closed")


def _unknown(number: str) -> typer.Exit:
    print_error(f"no incident {number}; `credwatch incidents list --all` names them")
    return typer.Exit(ExitCode.NO)


def _row(incident: Incident) -> str:
    return (
        f"{incident.number}  {incident.detected_at:%Y-%m-%d %H:%M}  {incident.level.name.lower():<13}  "
        f"{incident.status:<11}  {incident.kind:<25}  {incident.organization or '-':<12}  {incident.subject}"
    )


def _print(case: dict[str, Any]) -> None:
    def tell(name: str, value: object) -> None:
        say(f"{name:<14} {value}")

    for name in ("number", "title", "kind", "level", "status", "organization", "subject", "clause"):
        tell(name, case[name])
    for name in ("occurred_first", "occurred_last", "detected_at"):
        tell(name, _moment(case[name]))
    for name in ("accounts", "addresses", "organizations", "lines"):
        for value in case[name]:
            tell(name, value)
    for name, value in case["details"]:
        tell("detail", f"{name} = {value}")
    for each in case["found"]:
        tell("detection", f"{_moment(each['opened_at'])}  {each['title']}, {each['count']} counted")
    for each in case["messages"]:
        tell("message", f"{each['workflow']} to {each['recipient']}: {each['state']} {each['last_reason']}")
    for each in case["transitions"]:
        tell("history", f"{_moment(each['at'])}  {each['status']} by {each['by']}: {each['why']}")


def _moment(text: str) -> str:
    """Write an RFC 3339 moment in UTC as a person reads it, to the second."""
    return f"{text[:10]} {text[11:19]} UTC"
