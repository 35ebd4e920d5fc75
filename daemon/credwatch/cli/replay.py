"""`credwatch replay`: finished files through the whole path, with nothing sent."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.options import JsonOption, KindOption, LineKind, ShippedOption, ZoneOption
from credwatch.cli.output import print_json, say, tell, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

if TYPE_CHECKING:
    from credwatch.kernel.incident import Incident
    from credwatch.replay.attempts import AddressAttempts
    from credwatch.replay.replay import Replayed

_MOST_SHOWN = 20


def replay(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Log files, oldest first; - is standard input.")],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="Settings and registers to use.")
    ] = None,
    rules: Annotated[
        list[Path] | None, typer.Option("--rules", metavar="PATH", help="Rules in place of the settings' folders.")
    ] = None,
    shipped: ShippedOption = True,
    kind: KindOption = LineKind.AUTO,
    zone: ZoneOption = "UTC",
    source: Annotated[
        str, typer.Option("--source", metavar="ID", help="Take the lines as those of a source of the settings.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Say what the rules find in finished log files; sends nothing.

    Tells who guessed, what was detected, which incidents it makes, and who would be written to.
    """
    with told_plainly():
        outcome = _replayed(files, config, rules or [], shipped, kind, zone, source)
    if as_json:
        print_json(_summary(outcome))
        return
    for line in _report(outcome):
        say(line)
    if config is None and outcome.incidents:
        tell("No customers are known, so nobody would be told: name a settings file with --config.")


def _replayed(
    files: list[str],
    config: Path | None,
    rules: list[Path],
    with_shipped: bool,
    kind: LineKind,
    zone: str,
    source: str,
) -> Replayed:
    """Replay the files behind a progress bar."""
    from credwatch.replay.replay import replay_files

    waiting = sum(os.path.getsize(name) for name in files if os.path.isfile(name))  # noqa: PTH113, PTH202  # never raise
    with _bar(waiting) as advance:
        return replay_files(
            files,
            config,
            kind=kind.value,
            zone=zone,
            clock=system_clock,
            rules=rules,
            with_shipped=with_shipped,
            source=source,
            on_progress=lambda size, _tally: advance(size),
        )


@contextmanager
def _bar(waiting: int) -> Iterator[Callable[[int], None]]:
    """Show, where a person watches, how far of so many bytes a replay is; give what moves it on."""
    if not sys.stderr.isatty():
        yield lambda _size: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("replay", total=waiting or None)
        yield lambda size: bar.advance(task, size)


def _summary(outcome: Replayed) -> dict[str, Any]:
    tally = outcome.tally
    kinds = _kinds_by_address(outcome.incidents)
    return {
        "lines": tally.lines,
        "events": tally.events,
        "skipped": tally.skipped,
        "unparsed": sum(tally.unparsed.values()),
        "unparsed_share": round(tally.unparsed_share, 6),
        "unparsed_reasons": dict(tally.unparsed),
        "late": tally.late,
        "ahead": tally.ahead,
        "guessed": tally.guessed,
        "unread_values": [
            {"field": field, "reason": reason, "count": count} for (field, reason), count in tally.unread.most_common()
        ],
        "addresses": [_address(address, kinds.get(address.address, [])) for address in outcome.addresses],
        "detections": dict(tally.by_title(shadow=False).most_common()),
        "shadow_detections": dict(tally.by_title(shadow=True).most_common()),
        "incidents": [_incident(incident) for incident in outcome.incidents],
        "messages": _messages(outcome, held=False),
        "held_messages": _messages(outcome, held=True),
    }


def _address(attempts: AddressAttempts, kinds: list[str]) -> dict[str, Any]:
    return {
        "address": attempts.address,
        "failed": attempts.failed,
        "succeeded": attempts.succeeded,
        "first": rfc3339(attempts.first),
        "last": rfc3339(attempts.last),
        "incidents": kinds,
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "number": incident.number,
        "kind": incident.kind,
        "level": incident.level.name.lower(),
        "title": incident.title,
        "subject": incident.subject,
        "organization": incident.organization,
        "occurred_first": rfc3339(incident.occurred_first),
        "occurred_last": rfc3339(incident.occurred_last),
        "detected_at": rfc3339(incident.detected_at),
        "history": incident.history,
        "rules": list(incident.rules),
        "addresses": list(incident.addresses),
        "accounts": list(incident.accounts),
    }


def _messages(outcome: Replayed, *, held: bool) -> Counter[str]:
    """Count messages by duty and recipient: those that wait for a person, or those that leave at once."""
    return Counter(
        f"{command.workflow} to {command.recipient}" for command in outcome.commands if bool(command.hold) is held
    )


def _counted(counts: Counter[str]) -> list[str]:
    return [f"{count:>8,}  {name}" for name, count in counts.most_common()]


def _kinds_by_address(incidents: Iterable[Incident]) -> dict[str, list[str]]:
    """Name the kinds of incidents that each address took part in, the gravest first."""
    kinds: dict[str, list[str]] = {}
    for incident in sorted(incidents, key=lambda incident: -incident.level):
        for address in incident.addresses:
            kinds_here = kinds.setdefault(address, [])
            if incident.kind not in kinds_here:
                kinds_here.append(incident.kind)
    return kinds


def _report(outcome: Replayed) -> Iterator[str]:
    """Say it to a person: how much was read, who guessed, what was found, who would be told."""
    tally = outcome.tally
    unknown = sum(tally.unparsed.values())
    yield (
        f"{tally.lines:,} lines: {tally.events:,} events, {tally.skipped:,} known as no event, "
        f"{unknown:,} unknown ({tally.unparsed_share * 100:.2f} %)"
    )
    if unknown:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in tally.unparsed.most_common())
        yield f"unknown: {reasons}; `credwatch parse FILE` shows which"
    if tally.late:
        yield f"{tally.late:,} events came later than the lateness allows"
    if tally.ahead:
        yield f"{tally.ahead:,} events are stamped ahead of the time of reading; they were given their neighbours' time"
    if tally.guessed:
        yield f"{tally.guessed:,} lines leave it open which year, or which pass of a repeated hour, they mean"
    yield from _unread_lines(tally.unread)
    yield from _address_lines(outcome)
    yield from _titled("Detections", _counted(tally.by_title(shadow=False)))
    in_shadow = _counted(tally.by_title(shadow=True))
    yield from _titled("Detections of rules in shadow, from which nothing follows", in_shadow)
    yield from _incident_lines(outcome)
    yield from _titled("Messages it would send", _counted(_messages(outcome, held=False)))
    held = _counted(_messages(outcome, held=True))
    yield from _titled("Messages that would wait for a person, being about what is long past; after release", held)


def _unread_lines(unread: Counter[tuple[str, str]]) -> Iterator[str]:
    """Say which values could not be read; what stands for no address is none of them."""
    counts = [(field, reason, count) for (field, reason), count in unread.most_common() if reason != "placeholder"]
    if counts:
        parts = ", ".join(f"{count:,} {field} ({reason})" for field, reason, count in counts)
        yield f"values that could not be read: {parts}; `credwatch parse FILE` shows where"


def _address_lines(outcome: Replayed) -> Iterator[str]:
    kinds = _kinds_by_address(outcome.incidents)
    rows = [
        f"{address.failed:>8,}  {address.succeeded:>6,}  {address.first:%Y-%m-%d %H:%M}  "
        f"{_span(address.first, address.last):>7}  {address.address:<15}  "
        f"{', '.join(kinds.get(address.address, []))}".rstrip()
        for address in outcome.addresses
    ]
    heading = f"{'failed':>8}  {'logins':>6}  {'first (UTC)':<16}  {'lasting':>7}  {'address':<15}  incidents"
    yield from _titled("Addresses by failed attempts", rows, heading)


def _incident_lines(outcome: Replayed) -> Iterator[str]:
    gravest = sorted(outcome.incidents, key=lambda incident: -incident.level)
    rows = [
        f"{incident.occurred_last:%Y-%m-%d %H:%M}  {incident.level.name.lower():<13}  "
        f"{incident.kind:<24}  {incident.subject}"
        for incident in gravest
    ]
    yield from _titled(f"Incidents: {len(rows):,}, the gravest first", rows)


def _titled(title: str, rows: list[str], heading: str = "") -> Iterator[str]:
    """Give a block of rows, as many as a person reads, under its title; nothing where there are no rows."""
    if not rows:
        return
    yield ""
    yield title
    if heading:
        yield heading
    yield from (f"  {row}" if not heading and row[0] != " " else row for row in rows[:_MOST_SHOWN])
    if len(rows) > _MOST_SHOWN:
        yield f"  … and {len(rows) - _MOST_SHOWN:,} more; --json has all"


def _span(first: datetime, last: datetime) -> str:
    """Say how long something lasted, in its largest two units."""
    minutes, seconds = divmod(int((last - first).total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{seconds:02}s"
