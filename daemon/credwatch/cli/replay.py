"""`credwatch replay`: finished files through the whole path, with nothing sent."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from credwatch.cli.output import console, print_json, told_plainly
from credwatch.kernel.clock import rfc3339, system_clock

_MOST_SHOWN = 20


def replay(
    files: Annotated[list[str], typer.Argument(help="Log files, oldest first; - is standard input.")],
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Settings and registers to use.")] = None,
    kind: Annotated[str, typer.Option(help="How lines begin: auto, syslog or json.")] = "auto",
    zone: Annotated[str, typer.Option(help="Time zone of stamps that say none.")] = "UTC",
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object on stdout.")] = False,
) -> None:
    """Say what the rules find in finished log files: incidents, addresses, and who would be told."""
    with told_plainly():
        from credwatch.app.replay import Tally, replay_files

        waiting = sum(Path(name).stat().st_size for name in files if Path(name).is_file())
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("replay", total=waiting or None)

            def advance(size: int, _tally: Tally) -> None:
                bar.advance(task, size)

            outcome = replay_files(files, config, kind=kind, zone=zone, clock=system_clock, on_progress=advance)
        summary = _summary(outcome)
        if as_json:
            print_json(summary)
        else:
            _print(summary)


def _summary(outcome: Any) -> dict[str, Any]:
    tally = outcome.tally
    return {
        "lines": tally.lines,
        "events": tally.events,
        "skipped": tally.skipped,
        "unparsed": sum(tally.unparsed.values()),
        "unparsed_share": round(tally.unparsed_share, 6),
        "unparsed_reasons": dict(tally.unparsed),
        "late": tally.late,
        "detections": dict(tally.detections.most_common()),
        "incidents": [
            {
                "number": incident.number,
                "kind": incident.kind,
                "level": incident.level.name.lower(),
                "subject": incident.subject,
                "organization": incident.organization,
                "detected_at": rfc3339(incident.detected_at),
                "occurred_last": rfc3339(incident.occurred_last),
                "rules": list(incident.rules),
                "addresses": list(incident.addresses),
                "accounts": list(incident.accounts),
            }
            for incident in outcome.incidents
        ],
        "addresses": sorted({address for incident in outcome.incidents for address in incident.addresses}),
        "messages": dict(Counter(f"{each.workflow} to {each.recipient}" for each in outcome.commands)),
    }


def _print(summary: dict[str, Any]) -> None:
    out = typer.echo
    share = summary["unparsed_share"] * 100
    out(
        f"{summary['lines']:,} lines: {summary['events']:,} events, {summary['skipped']:,} known as no event, ",
        nl=False,
    )
    out(f"{summary['unparsed']:,} unknown ({share:.2f} %)")
    for title, count in summary["detections"].items():
        out(f"{count:>8,}  {title}")
    out(f"{len(summary['incidents']):,} incidents from {len(summary['addresses']):,} addresses")
    for incident in summary["incidents"][:_MOST_SHOWN]:
        out(f"  {incident['detected_at']}  {incident['level']:<8}  {incident['kind']:<20}  {incident['subject']}")
    if len(summary["incidents"]) > _MOST_SHOWN:
        out(f"  … and {len(summary['incidents']) - _MOST_SHOWN:,} more; --json lists all")
    for message, count in summary["messages"].items():
        out(f"  would send {count} × {message}")
