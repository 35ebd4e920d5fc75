"""`credwatch incidents`: list, show and close incidents; let go or drop what waits of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from credwatch.cli.actor import ByOption, login_name
from credwatch.cli.case_entries import written
from credwatch.cli.options import DEFAULT_CONFIG, AfterOption, ConfigOption, JsonOption, LimitOption
from credwatch.cli.output import ExitCode, print_error, print_json, say, tell, tell_more, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.incident import Incident, Resolution

incidents_app = typer.Typer(help="List incidents, show and work on their cases, close them.", no_args_is_help=True)

WhyOption = Annotated[str, typer.Option("--why", help="The reason, kept with the incident.")]
_ENDS = ("released_at", "met_at", "waived_at", "escalated_at")

NumberArgument = Annotated[str, typer.Argument(metavar="NUMBER", help="The incident's number, such as CW-2026-7KQ2M4.")]


@incidents_app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    everything: Annotated[bool, typer.Option("--all", help="Closed incidents too.")] = False,
    only_held: Annotated[
        bool, typer.Option("--held", help="Those whose messages wait for you, closed ones too.")
    ] = False,
    limit: LimitOption = 100,
    after: AfterOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the open incidents, the latest first, a page at a time.

    Each with the moment when it was found, and the one when it happened last.
    """
    with told_plainly():
        from credwatch.casework.casebook import Casebook, described
        from credwatch.store.pages import Page

        page = Page(limit + 1, after)
        with Casebook.at(config) as casebook:
            held = casebook.held()
            listed = casebook.held_incidents(page) if only_held else casebook.incidents(not everything, page)
    for incident in listed[:limit]:
        if as_json:
            print_json(described(incident) | {"held": incident.number in held})
        else:
            say(row(incident, is_held=incident.number in held))
    if len(listed) > limit:
        tell_more(listed[limit - 1].number)
    elif not listed and not after and not as_json:
        tell("nothing is held" if only_held else "no incidents" if everything else "no open incidents")


@incidents_app.command()
def show(number: NumberArgument, config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Show one incident, its detections and its messages.

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


def row(incident: Incident, *, is_held: bool) -> str:
    """Write an incident as one row of a list."""
    marks = [word for word, holds in (("history", incident.history), ("held", is_held)) if holds]
    return (
        f"{incident.number}  {incident.detected_at:%Y-%m-%d %H:%M}  {incident.occurred_last:%Y-%m-%d %H:%M}  "
        f"{incident.level.name.lower():<13}  {incident.status:<11}  {incident.kind:<25}  "
        f"{incident.organization or '-':<12}  {incident.subject}" + (f"  ({', '.join(marks)})" if marks else "")
    )


def words_of(case: dict[str, Any]) -> Iterator[str]:
    """Put a case into words, line by line, from its JSON values."""
    for name, value in (*_facts(case), *_events(case)):
        yield f"{name:<14} {value}"


def _facts(case: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give what an incident is, and when."""
    for name in ("number", "title", "kind", "level", "status", "organization", "subject", "clause"):
        yield name, case[name]
    for name in ("occurred_first", "occurred_last", "recorded_at", "detected_at", "recorded_last", "detected_last"):
        yield name, _moment(case[name])
    if case["owner"]:
        yield "owner", case["owner"]
    if case["outcome"]:
        yield "outcome", case["outcome"]
    for words in filter(None, (_history(case), _by_log(case))):
        yield "history", words
    for name in ("accounts", "addresses", "organizations"):
        yield from ((name, value) for value in case[name])
    yield from _lines(case)
    for name, value in case["details"]:
        yield "detail", f"{name} = {value}"


def _lines(case: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give the lines that are kept, each with where it stands; the samples of a case that an earlier version kept."""
    lines = case["evidence"]
    if not lines:
        yield from (("line", line) for line in case["lines"])
        return
    # Several detections may rest on the same events: their numbers make no sum.
    of = f" of {case['events']} events" if len(case["detections"]) == 1 else ""
    yield "evidence", f"{len(lines)} log lines kept{of}"
    for line in lines:
        yield "line", f"{line['source']} {line['file']}:{line['position']}  {line['text']}"


def _events(case: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Give what was found, what is owed, what was written, and what was decided."""
    for entry in case["found"]:
        version = f", rule {entry['rule']} version {entry['rule_version'][:12]}" if entry["rule_version"] else ""
        yield "detection", f"{_moment(entry['opened_at'])}  {entry['title']}, {entry['count']} counted{version}"
    for entry in case["clocks"]:
        yield "clock", _clock(entry)
    for entry in case["messages"]:
        yield "message", f"{entry['workflow']} to {entry['recipient']}: {entry['state']} {entry['last_reason']}"
    for entry in case["transitions"]:
        yield "change", f"{_moment(entry['at'])}  {entry['status']} by {entry['by']}: {entry['why']}"
    for entry in case["entries"]:
        yield "entry", f"{_moment(entry['at'])}  {written(entry)}"


def _history(case: dict[str, Any]) -> str:
    """Say that a case is history, and what that means for those concerned; empty where it is not."""
    if not case["history"]:
        return ""
    waits = any(message["state"] == "held" for message in case["messages"])
    return "read long after it happened" + ("; its messages wait: release or close it" if waits else "")


def _by_log(case: dict[str, Any]) -> str:
    return "kept by an earlier version: recorded and detected are the log's time" if case["timed_by_log"] else ""


def _clock(clock: dict[str, Any]) -> str:
    ends = [f"{name.removesuffix('_at')} {_moment(clock[name])}" for name in _ENDS if clock[name]]
    state = ", ".join(ends) or ("held" if clock["held"] else "running")
    began = f"{clock['starts']} {_moment(clock['started_at'])}"
    return f"{clock['workflow']} {clock['organization']}: {began}, due {_moment(clock['due_at'])}: {state}"


def _moment(text: str) -> str:
    """Write an RFC 3339 moment in UTC as a person reads it, to the second."""
    return f"{text[:10]} {text[11:19]} UTC"
