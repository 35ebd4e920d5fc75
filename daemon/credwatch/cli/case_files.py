"""`credwatch incidents`: search for cases, and export one."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import typer

from credwatch.cli.incidents import NumberArgument, incidents_app, row, unknown, words_of
from credwatch.cli.options import DEFAULT_CONFIG, AfterOption, ConfigOption, JsonOption, LimitOption
from credwatch.cli.output import print_json, say, tell, tell_more, told_plainly
from credwatch.kernel.incident import Resolution

_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M%z"]


@incidents_app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Words in the case, in any letter case.")] = "",
    account: Annotated[str, typer.Option(help="An account.")] = "",
    address: Annotated[str, typer.Option(help="An address, or a network such as 192.0.2.0/24.")] = "",
    customer: Annotated[str, typer.Option(help="The id of a customer.")] = "",
    rule: Annotated[str, typer.Option(help="The id of a rule that fired.")] = "",
    kind: Annotated[str, typer.Option(help="The kind, such as account_takeover.")] = "",
    outcome: Annotated[Resolution | None, typer.Option(help="What came of it.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_DAYS, help="Detected then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_DAYS, help="Detected before, UTC.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Find incidents, open and closed, the latest first.

    What is given must all hold. Exit code 0 whether or not there are any.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook, described
        from credwatch.store.cases.case_search import Wanted
        from credwatch.store.pages import Page

        query = Wanted(
            text=text,
            account=account,
            address=_network(address),
            customer=customer,
            rule=rule,
            kind=kind,
            outcome=outcome.value if outcome else "",
            since=_in_utc(since),
            until=_in_utc(until),
        )
        with Casebook.at(config) as casebook:
            findings = casebook.search(query, Page(limit, after))
            held = casebook.held()
    for incident in findings.incidents:
        is_held = incident.number in held
        print_json(described(incident) | {"held": is_held}) if as_json else say(row(incident, is_held=is_held))
    if findings.last and len(findings.incidents) < limit:
        tell(f"looked at {findings.looked_at} incidents; to look at earlier ones: --after {findings.last}")
    elif findings.last:
        tell_more(findings.last)
    elif not findings.incidents and not after:
        tell("no such incident")


@incidents_app.command()
def export(
    number: NumberArgument,
    out: Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder that is not there yet.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Write a case into a new folder, with hashes.

    Facts, lines, messages, receipts and rules; `sha256sum -c SHA256SUMS` in it proves that nothing was changed since.
    Exit code 1 where the number is unknown.
    """
    with told_plainly():
        from credwatch.casework.export import CaseExport

        with CaseExport.at(config) as export:
            names = export.export(number, out, words_of)
    if names is None:
        raise unknown(number)
    print_json({"folder": str(out), "files": names}) if as_json else say(f"{number}: {len(names)} files in {out}")


def _network(text: str) -> str:
    try:
        return str(ip_network(text, strict=False)) if text else ""
    except ValueError as error:
        raise typer.BadParameter("expected an address or a network, such as 192.0.2.0/24") from error


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
