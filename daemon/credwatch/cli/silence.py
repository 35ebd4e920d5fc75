"""`credwatch silence`: what is not to be heard of for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.moments import read_span
from credwatch.cli.options import (
    DEFAULT_CONFIG,
    AccountOption,
    AddressOption,
    ConfigOption,
    CustomerOption,
    HostOption,
    JsonOption,
    RuleOption,
)
from credwatch.cli.output import ExitCode, print_error, print_json, say, tell, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock
from credwatch.kernel.criteria import Criteria
from credwatch.kernel.ids import stable_id
from credwatch.kernel.silence import Silence

if TYPE_CHECKING:
    from credwatch.casework.silences import Foresight

silence_app = typer.Typer(help="Silence detections for a while, with a reason.", no_args_is_help=True)

_LOOK_BACK = timedelta(days=30)
_SHOWN = 10


@silence_app.command()
def add(
    why: Annotated[str, typer.Option("--why", help="The reason, kept with the silence.")],
    lasts: Annotated[
        timedelta,
        typer.Option("--for", metavar="SPAN", parser=read_span, help="How long: 12h, 7d; 90 days at most."),
    ],
    rule: RuleOption = "",
    account: AccountOption = "",
    address: AddressOption = "",
    customer: CustomerOption = "",
    host: HostOption = "",
    second: Annotated[str, typer.Option(metavar="NAME", help="Who else agreed; needed to hide what is grave.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Hide detections for a while, after showing which.

    Shows what it would have hidden in the last 30 days, and asks. Exit code 1 where the answer is no.
    """
    now, who = system_clock(), login_name(by)
    silence = Silence(
        id=stable_id("silence", who, rfc3339(now), why, length=8),
        by=who,
        why=why,
        starts_at=now,
        expires_at=now + lasts,
        rule=rule,
        account=account,
        address=address,
        customer=customer,
        host=host,
        second=second.strip(),
    )
    with told_plainly():
        from credwatch.casework.silences import Silences, described

        with Silences.at(config) as book:
            _show(book.foresight(silence, now - _LOOK_BACK))
            if not yes and not typer.confirm("Begin it?", err=True):
                raise typer.Exit(ExitCode.NO)
            book.add(silence)
    print_json(described(silence, now, 0)) if as_json else say(f"{silence.id} until {rfc3339(silence.expires_at)}")


@silence_app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the silences, and what each has hidden."""
    with told_plainly():
        from credwatch.casework.silences import Silences

        with Silences.at(config) as book:
            rows = book.listed(system_clock(), everything=everything)
    for row in rows:
        print_json(row) if as_json else say(_row(row))
    if not rows and not as_json:
        tell("no silences" if everything else "no silence holds now")


@silence_app.command()
def end(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The silence, as `silence list` names it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """End a silence before its time.

    The operators are told what it hid. Exit code 1 where nobody made it.
    """
    now = system_clock()
    with told_plainly():
        from credwatch.casework.silences import Silences

        with Silences.at(config) as book:
            ended = book.end(id_, by=login_name(by), now=now)
            rows = [row for row in book.listed(now, everything=True) if row["id"] == id_]
    if ended is None:
        print_error(f"no silence {id_}; `credwatch silence list --all` names them")
        raise typer.Exit(ExitCode.NO)
    print_json(rows[0]) if as_json else say(f"{id_} is over; it hid {rows[0]['hidden']}")


def _show(foresight: Foresight) -> None:
    """Say what a silence would have hidden, and what it never hides."""
    tell(f"in the last {_LOOK_BACK.days} days it would have hidden {len(foresight.hidden)} detections")
    for detection in foresight.hidden[:_SHOWN]:
        tell(f"    {_stamp(detection.detected_at)}  {detection.level.name.lower():<13}  {detection.title}")
    if len(foresight.hidden) > _SHOWN:
        tell(f"    and {len(foresight.hidden) - _SHOWN} before these")
    if foresight.exceptions:
        grave = "takeovers, acts of staff and what others must be told of"
        tell(f"it would not have hidden {len(foresight.exceptions)} more: {grave} need a second person (--second)")


def _stamp(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"


def _row(row: dict[str, Any]) -> str:
    meant = ", ".join(f"{name} {row[name]}" for name in Criteria.__struct_fields__ if row[name])
    people = " and ".join(filter(None, (row["by"], row["second"])))
    until = row["ended_at"] or row["expires_at"]
    return f"{row['id']}  {row['state']:<7}  until {until}  hid {row['hidden']}  {meant}  by {people}: {row['why']}"
