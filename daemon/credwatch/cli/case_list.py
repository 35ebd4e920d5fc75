"""`credwatch incidents`: list cases, and search for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from credwatch.cli.incidents import incidents_app
from credwatch.cli.moments import DAYS, age, both_times, in_utc, read_span
from credwatch.cli.options import (
    DEFAULT_CONFIG,
    AccountOption,
    AddressOption,
    AfterOption,
    ConfigOption,
    CustomerOption,
    HostOption,
    JsonOption,
    LimitOption,
    RuleOption,
)
from credwatch.cli.output import print_json, say, tell, tell_more, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.incident import Incident, Resolution, Status

if TYPE_CHECKING:
    from credwatch.casework.casebook import Marks

_HEAD = (
    f"{'NUMBER':<16}  {'FOUND':<32}  {'HAPPENED':<16}  {'AGE':<4}  "
    f"{'LEVEL':<13}  {'STATUS':<11}  {'OWNER':<12}  {'CUSTOMER':<12}  WHAT"
)


@incidents_app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Closed incidents too.")] = False,
    only_held: Annotated[
        bool, typer.Option("--held", help="Those whose messages wait for you, closed ones too.")
    ] = False,
    only_forgotten: Annotated[
        bool, typer.Option("--forgotten", help="Open ones that nobody has worked on for long, the longest first.")
    ] = False,
    untouched: Annotated[
        timedelta | None,
        typer.Option(metavar="SPAN", parser=read_span, help="Forgotten after: 12h, 7d; else as in the settings."),
    ] = None,
    limit: LimitOption = 100,
    after: AfterOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the open incidents, the latest first, a page at a time.

    Each with when it was found, by local time and UTC, when it happened last, its age and who is in charge.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook
        from credwatch.store.pages import Page

        page = Page(limit + 1, after)
        with Casebook.at(config) as casebook:
            if only_forgotten:
                listed = casebook.forgotten(system_clock(), untouched, page)
            else:
                listed = casebook.held_incidents(page) if only_held else casebook.incidents(not everything, page)
            marks = casebook.marks(listed)
    _write(listed[:limit], marks, as_json=as_json)
    if len(listed) > limit:
        tell_more(listed[limit - 1].number)
    elif not listed and not after and not as_json:
        tell(_nothing(only_held=only_held, only_forgotten=only_forgotten, everything=everything))


def _nothing(*, only_held: bool, only_forgotten: bool, everything: bool) -> str:
    if only_forgotten:
        return "nothing is forgotten"
    return "nothing is held" if only_held else "no incidents" if everything else "no open incidents"


@incidents_app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Words in the case, in any letter case.")] = "",
    account: AccountOption = "",
    address: AddressOption = "",
    customer: CustomerOption = "",
    rule: RuleOption = "",
    host: HostOption = "",
    kind: Annotated[str, typer.Option(help="The kind, such as account_takeover.")] = "",
    outcome: Annotated[Resolution | None, typer.Option(help="What came of it.")] = None,
    since: Annotated[datetime | None, typer.Option(formats=DAYS, help="Detected then or later, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAYS, help="Detected before, UTC.")] = None,
    limit: LimitOption = 50,
    after: AfterOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Find incidents, open and closed, the latest first.

    What is given must all hold. Exit code 0 whether or not there are any.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook
        from credwatch.store.cases.case_search import Wanted
        from credwatch.store.pages import Page

        asked = Wanted(
            text=text,
            account=account,
            address=address,
            customer=customer,
            rule=rule,
            host=host,
            kind=kind,
            outcome=outcome.value if outcome else "",
            since=in_utc(since),
            until=in_utc(until),
        )
        with Casebook.at(config) as casebook:
            findings = casebook.search(asked, Page(limit, after))
            marks = casebook.marks(findings.incidents)
    _write(findings.incidents, marks, as_json=as_json)
    if findings.last and len(findings.incidents) < limit:
        tell(f"looked at {findings.looked_at} incidents; to look at earlier ones: --after {findings.last}")
    elif findings.last:
        tell_more(findings.last)
    elif not findings.incidents and not after:
        tell("no such incident")


def _write(chosen: Iterable[Incident], marks: Marks, *, as_json: bool) -> None:
    """Write incidents as rows under a head, or as JSON."""
    from credwatch.casework.casebook import described

    now, head = system_clock(), _HEAD
    for incident in chosen:
        if as_json:
            owner = marks.owners.get(incident.number, "")
            print_json(described(incident) | {"held": incident.number in marks.held, "owner": owner})
            continue
        if head:
            tell(head)
            head = ""
        say(row(incident, marks, now))


def row(incident: Incident, marks: Marks, now: datetime) -> str:
    """Write an incident as one row of a list; only an open one has an age."""
    moment = both_times(incident.detected_at, marks.zone, seconds=False)
    happened = incident.occurred_last.astimezone(ZoneInfo(marks.zone))
    old = "-" if incident.status is Status.CLOSED else age(now - incident.detected_at)
    return (
        f"{incident.number:<16}  {moment:<32}  {happened:%Y-%m-%d %H:%M}  {old:<4}  "
        f"{incident.level.name.lower():<13}  {incident.status:<11}  {marks.owners.get(incident.number, '-'):<12}  "
        f"{incident.organization or '-':<12}  {_what(incident, is_held=incident.number in marks.held)}"
    )


def _what(incident: Incident, *, is_held: bool) -> str:
    """Say what it is about: the title of its first rule, how many others fired, whom it concerns, what is odd."""
    others = len(incident.rules) - 1
    more = f" and {others} more" if others > 0 else ""
    marks = [word for word, holds in (("history", incident.history), ("held", is_held)) if holds]
    return f"{incident.title}{more}: {incident.subject}" + (f" ({', '.join(marks)})" if marks else "")
