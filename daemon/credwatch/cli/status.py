"""`credwatch status`: how things stand, on one screen, what is not seen first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from credwatch.cli.case_words import unseen_words
from credwatch.cli.moments import age, both_times
from credwatch.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption
from credwatch.cli.output import print_json, say, told_plainly
from credwatch.kernel.clock import system_clock

_FEW_SECONDS = 600


def status(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Say how things stand, what is not seen first.

    The times of the last seven days in which something was not seen, those that last at the top; then each source, the
    clocks of duties, messages, and open incidents.
    """
    with told_plainly():
        from credwatch.casework.standing import StandingBook

        now = system_clock()
        with StandingBook.at(config) as book:
            standing = book.standing(now)
    if as_json:
        print_json(standing)
        return
    for line in _words(standing, now):
        say(line)


def _words(standing: dict[str, Any], now: datetime) -> Iterator[str]:
    zone = standing["time_zone"]
    intervals = sorted(standing["blind"], key=lambda interval: bool(interval["ended_at"]))
    for interval in intervals:
        yield f"not seen  {unseen_words(interval, lambda text: _moment(text, zone))}"
    if not intervals:
        yield "not seen  nothing is known to have been missed in seven days"
    never = "has not noted yet that it lives, as it does each minute"
    yield f"daemon    {_heard(standing['alive_at'], now, 'noted that it lives', never)}"
    for source in standing["sources"]:
        yield f"source    {source['id']}: {_source(source, now)}"
    clocks, messages = standing["clocks"], standing["messages"]
    due = f", the next is due {_moment(clocks['next_due_at'], zone)}" if clocks["next_due_at"] else ""
    yield f"clocks    {clocks['running']} running, {clocks['overdue']} overdue{due}"
    yield f"messages  {messages['waiting']} waiting, {messages['refused']} refused, {messages['held']} held"
    if standing["canary"] is not None:
        yield f"canary    {_canary(standing['canary'], now)}"
    if standing["rehearsal"] is not None:
        yield f"rehearsal {_rehearsal(standing['rehearsal'], now)}"
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(standing["incidents"].items()) if count)
    yield f"open      {kinds or 'no incident'}"


def _source(source: dict[str, Any], now: datetime) -> str:
    facts = [_heard(source["heard_at"], now, "spoke", "has said nothing yet")]
    if source["lag_seconds"]:
        facts.append(f"its latest event was {_span(source['lag_seconds'])} on the way")
    if source["skew_seconds"]:
        facts.append(f"its clock is {_span(source['skew_seconds'])} ahead")
    if source["usual"] is not None:
        facts.append(f"speaks in {source['usual']:.0%} of the quarters of this hour of the week")
    lines, unparsed = source["lines_today"], source["unparsed_today"]
    share = f", {unparsed / lines:.1%} of them unparsed" if lines else ""
    return ", ".join([*facts, f"{lines} lines today{share}"])


def _canary(canary: dict[str, Any], now: datetime) -> str:
    if not canary["begun_at"]:
        return "none was made up yet"
    begun = f"made up {age(now - datetime.fromisoformat(canary['begun_at']))} ago"
    if canary["arrived_at"]:
        return f"{begun}, its message to {canary['address']} was accepted after {canary['seconds']:.3g} s"
    return f"{begun}, LOST: no message was accepted in time" if canary["lost_at"] else f"{begun}, under way"


def _rehearsal(run: dict[str, Any], now: datetime) -> str:
    if not run["begun_at"]:
        return f"{run['scenario']}: none was played yet"
    if not run["ended_at"]:
        return f"{run['scenario']}: under way since {age(now - datetime.fromisoformat(run['begun_at']))}"
    ended = f"{run['scenario']}: played {age(now - datetime.fromisoformat(run['ended_at']))} ago"
    return f"{ended}, FAILED: {'; '.join(run['troubles'])}" if run["troubles"] else f"{ended}, all was met"


def _span(seconds: float) -> str:
    """Write seconds as such where they are few, else in the largest unit."""
    return f"{seconds:g} s" if seconds < _FEW_SECONDS else age(timedelta(seconds=seconds))


def _heard(text: str, now: datetime, did: str, never: str) -> str:
    return f"{did} {age(now - datetime.fromisoformat(text))} ago" if text else never


def _moment(text: str, zone: str) -> str:
    return both_times(datetime.fromisoformat(text), zone, seconds=False)
