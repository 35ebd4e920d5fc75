"""`credwatch enforce`: what is done against accounts and addresses, why, and how to stop it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, LimitOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, tell, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock
from credwatch.kernel.measure import MeasureState
from credwatch.kernel.span import write_span

if TYPE_CHECKING:
    from credwatch.casework.enforcing import Decision
    from credwatch.kernel.measure import Measure

enforce_app = typer.Typer(no_args_is_help=True, help="See why measures are taken; approve, undo or stop them.")

IdsArgument = Annotated[
    list[str] | None, typer.Argument(metavar="ID", help="Measures, as `enforce list` names them.", show_default=False)
]
WhyMeasureOption = Annotated[str, typer.Option("--why", help="The reason, kept with the decision.")]


class BanFormat(StrEnum):
    """How bans are written."""

    PLAIN = "plain"
    CROWDSEC = "crowdsec"
    CSV = "csv"


@enforce_app.command("list")
def list_measures(
    config: ConfigOption = DEFAULT_CONFIG,
    state: Annotated[list[MeasureState] | None, typer.Option("--state", help="Only those that stand so.")] = None,
    plan: Annotated[str, typer.Option("--plan", help="Only those of this plan.")] = "",
    limit: LimitOption = 100,
    as_json: JsonOption = False,
) -> None:
    """List measures, the latest first.

    Each has what was decided, and why.

    Exit code 0 whether or not there are any.
    """
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing, described

        with Enforcing.at(config) as desk:
            listed, stop = desk.listed(state or (), limit, plan), desk.stopped()
            rows = [described(measure) for measure in listed]
    if stop is not None:
        tell(f"enforcement is stopped since {rfc3339(stop.at)} by {stop.by}: {stop.why}")
    for row in rows:
        print_json(row) if as_json else say(_line(row))
    if not rows and not as_json:
        tell("no measures")


@enforce_app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="A measure, as `enforce list` names it.")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say everything of one measure.

    Why it was taken or not, by whom, until when, and what its channel said.

    Exit code 1 where the id is unknown.
    """
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing, described

        with Enforcing.at(config) as desk:
            shown = desk.measure(id_)
            row = described(shown[0]) if shown else {}
    if shown is None:
        print_error(f"{id_}: no measure has this id")
        raise typer.Exit(ExitCode.NO)
    measure, attempts = shown
    if as_json:
        print_json(row | {"attempts": attempts})
        return
    for name, text in _facts(measure, row):
        say(f"{name:<12} {text}")
    for attempt in attempts:
        say(f"{'attempt':<12} {attempt['started_at']}  {attempt['result']}  {attempt['reply']}")


@enforce_app.command()
def approve(
    why: WhyMeasureOption,
    ids: IdsArgument = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything that waits.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say yes to measures that wait. Beyond a cap, it takes a second person.

    Nothing is approved where one of them does not wait, or you have approved it before.
    """
    _require_some(bool(ids), everything)
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing, described

        with Enforcing.at(config) as desk:
            rows = [described(measure) for measure in desk.approve(ids or (), _decision(by, why))]
    _print(rows, as_json)


@enforce_app.command()
def undo(
    why: WhyMeasureOption,
    ids: IdsArgument = None,
    plan: Annotated[str, typer.Option("--plan", help="Everything of this plan that can be undone.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything that can be undone.")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    by: ByOption = "",
    as_json: JsonOption = False,
) -> None:
    """Undo measures before their time, and call off those that wait.

    Nothing is undone where one that is named cannot be.
    """
    _require_some(bool(ids), bool(plan), everything)
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing, described

        with Enforcing.at(config) as desk:
            undone = desk.undo(ids or (), _decision(by, why), plan, everything=everything)
            rows = [described(measure) for measure in undone]
    _print(rows, as_json)


@enforce_app.command()
def stop(
    why: WhyMeasureOption, config: ConfigOption = DEFAULT_CONFIG, by: ByOption = "", as_json: JsonOption = False
) -> None:
    """Stop enforcement at once: no further measure begins. What is being undone goes on."""
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing

        with Enforcing.at(config) as desk:
            count = desk.stop(_decision(by, why))
    print_json({"stopped": True, "measures": count}) if as_json else say(f"stopped; {count} measures were on their way")


@enforce_app.command()
def resume(
    why: WhyMeasureOption, config: ConfigOption = DEFAULT_CONFIG, by: ByOption = "", as_json: JsonOption = False
) -> None:
    """Have enforcement go on, with what was on its way. What was decided meanwhile waits for `approve`."""
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing

        with Enforcing.at(config) as desk:
            count = desk.resume(_decision(by, why))
    print_json({"stopped": False, "measures": count}) if as_json else say(f"resumed; {count} measures go on")


@enforce_app.command()
def bans(
    config: ConfigOption = DEFAULT_CONFIG,
    form: Annotated[
        BanFormat, typer.Option("--format", help="plain: one a line. crowdsec, csv: for `cscli decisions import`.")
    ] = BanFormat.PLAIN,
    as_json: JsonOption = False,
) -> None:
    """Write the addresses that are banned now, for other programs."""
    with told_plainly():
        from credwatch.casework.enforcing import Enforcing

        with Enforcing.at(config) as desk:
            banned = desk.bans(system_clock())
    if as_json:
        for target, left, measure in banned:
            print_json({"target": target, "seconds": round(left.total_seconds()), "measure": measure.id})
        return
    for line in _bans(banned, form):
        say(line)


@enforce_app.command()
def keys(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """List the public keys of security event tokens.

    As JSON they are the JWK set that receivers verify tokens with.
    """
    with told_plainly():
        from credwatch.app.enforcement import signal_keys
        from credwatch.app.settings import load_settings

        public = signal_keys(load_settings(config))
    if as_json:
        print_json({"keys": public})
        return
    for key in public:
        say(f"{key['kid']}  {key['alg']}")
    if not public:
        tell("no channel of kind ssf")


def _bans(banned: list[tuple[str, timedelta, Measure]], form: BanFormat) -> list[str]:
    """Write bans in one form; CrowdSec's are those of its `decisions import`."""
    if form is BanFormat.PLAIN:
        return [target for target, _, _ in banned]
    rows = [
        {
            "duration": f"{max(1, int(left.total_seconds()))}s",
            "reason": f"credwatch/{measure.kind}",
            "scope": "range" if "/" in target else "ip",
            "type": "ban",
            "value": target,
        }
        for target, left, measure in banned
    ]
    if form is BanFormat.CSV:
        names = ("duration", "reason", "scope", "type", "value")
        return [",".join(names), *(",".join(row[name] for name in names) for row in rows)]
    from json import dumps

    return [dumps(rows)]


def _decision(by: str, why: str) -> Decision:
    from credwatch.casework.enforcing import Decision

    return Decision(login_name(by), system_clock(), why)


def _require_some(*chosen: bool) -> None:
    if sum(chosen) != 1:
        raise typer.BadParameter("name measures, or say which by one option")


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    for row in rows:
        print_json(row) if as_json else say(_line(row))
    if not rows and not as_json:
        tell("nothing to do")


def _line(row: dict[str, Any]) -> str:
    mark = "dry " if row["dry"] and row["state"] != "dry" else ""
    until = f"  until {row['until']}" if row["until"] else ""
    return f"{row['id']}  {mark}{row['state']:<8}  {row['action']:<15}  {row['target']}  {row['incident']}{until}"


def _facts(measure: Measure, row: dict[str, Any]) -> list[tuple[str, str]]:
    """Say what a measure is about, what was decided, and what came of it; what is empty is left out."""
    ended = f"{measure.undone_by}: {measure.undone_why}" if measure.undone_by else ""
    people = [("approved", f"{rfc3339(one.at)} by {one.by}: {one.why}") for one in measure.approvals]
    lasts = f"{write_span(measure.lasts)}, after {measure.repeats} before" if measure.lasts else "done in a moment"
    facts = [
        ("measure", measure.id),
        ("action", f"{measure.action} by {measure.channel}, plan {measure.plan}"),
        ("target", measure.target),
        ("customer", measure.organization),
        ("incident", f"{measure.incident} ({measure.kind})"),
        ("because", measure.title),
        ("state", measure.state.value),
        ("why", str(row["why"])),
        ("asked for", str(row["proposed_at"])),
        *people,
        ("let go", str(row["acted_at"])),
        ("done", str(row["done_at"])),
        ("lasts", lasts),
        ("until", str(row["until"])),
        ("ended by", ended),
        ("undone", str(row["undone_at"])),
        ("reply", measure.reply),
    ]
    return [(name, text) for name, text in facts if text]
