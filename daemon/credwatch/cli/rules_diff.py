"""`credwatch rules diff`: what another set of rules would have changed over history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from credwatch.cli.moments import DAYS, in_utc
from credwatch.cli.options import JsonOption, KindOption, LineKind, ShippedOption, ToolConfigOption, ZoneOption
from credwatch.cli.output import ExitCode, print_json, say, tell, told_plainly
from credwatch.kernel.clock import system_clock
from credwatch.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from credwatch.replay.diff import RuleDiff
    from credwatch.replay.replay import Replayed


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The rules as they are.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The rules as they shall be.")],
    files: Annotated[
        list[str] | None, typer.Argument(metavar="[FILE]", help="Log files, oldest first.", show_default=False)
    ] = None,
    archive: Annotated[
        bool, typer.Option("--archive", help="The archived events of --config, in place of files.", show_default=False)
    ] = False,
    since: Annotated[datetime | None, typer.Option(formats=DAYS, help="Archived events from then on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=DAYS, help="Archived events until then, UTC.")] = None,
    config: ToolConfigOption = None,
    shipped: ShippedOption = True,
    kind: KindOption = LineKind.AUTO,
    zone: ZoneOption = "UTC",
    as_json: JsonOption = False,
) -> None:
    """Say what other rules would have found, and told to whom.

    OLD and NEW take the place of the settings' folders of rules, one after the other. Messages are compared where
    --config names customers. With --archive, rules that read the line itself find nothing in an archive without lines.
    Nothing is sent. Exit code 0 where both find and send the same, 1 where they do not.
    """
    with told_plainly():
        _check(files or [], archive=archive, config=config, is_span=bool(since or until))
        from credwatch.replay.archived import replay_archive
        from credwatch.replay.diff import compare
        from credwatch.replay.replay import replay_files

        def replayed(rules: Path) -> Replayed:
            if config is not None and archive:
                return replay_archive(
                    config, in_utc(since), in_utc(until), clock=system_clock, rules=[rules], with_shipped=shipped
                )
            return replay_files(
                files or [], config, kind=kind.value, zone=zone, clock=system_clock, rules=[rules], with_shipped=shipped
            )

        difference = compare(replayed(old), replayed(new))
    if as_json:
        print_json(_described(difference))
    else:
        for line in _report(difference):
            say(line)
        if difference.is_empty:
            tell("both find and send the same")
    raise typer.Exit(ExitCode.DONE if difference.is_empty else ExitCode.NO)


def _check(files: list[str], *, archive: bool, config: Path | None, is_span: bool) -> None:
    """Make sure that there is one history to compare over; raises ConfigurationError."""
    if "-" in files:
        raise ConfigurationError("standard input cannot be read twice", where="FILE", hint="put it into a file")
    if archive == bool(files):
        hint = "name log files, or --archive for the archived events"
        raise ConfigurationError("expected either log files or --archive", where="FILE", hint=hint)
    if archive and config is None:
        raise ConfigurationError("which archive?", where="--archive", hint="name its settings file with --config")
    if is_span and not archive:
        hint = "--since and --until choose archived events"
        raise ConfigurationError("log files are read as a whole", where="--since", hint=hint)


def _described(difference: RuleDiff) -> dict[str, Any]:
    return {
        "gained": [_detection(*entry) for entry in sorted(difference.gained.items())],
        "lost": [_detection(*entry) for entry in sorted(difference.lost.items())],
        "messages_gained": [_message(*entry) for entry in sorted(difference.messages_gained.items())],
        "messages_lost": [_message(*entry) for entry in sorted(difference.messages_lost.items())],
    }


def _detection(key: tuple[str, str, tuple[tuple[str, str], ...], bool], count: int) -> dict[str, Any]:
    rule, title, group, shadow = key
    return {"rule": rule, "title": title, "group": dict(group), "shadow": shadow, "count": count}


def _message(key: tuple[str, str], count: int) -> dict[str, Any]:
    workflow, recipient = key
    return {"workflow": workflow, "recipient": recipient, "count": count}


def _report(difference: RuleDiff) -> Iterator[str]:
    """Say it to a person: a line for each, with + for what is gained and - for what is lost."""
    for sign, counts in (("+", difference.gained), ("-", difference.lost)):
        yield from (f"{sign}{count:>6,}  {_named(*key)}" for key, count in sorted(counts.items()))
    messages: tuple[tuple[str, Counter[tuple[str, str]]], ...] = (
        ("+", difference.messages_gained),
        ("-", difference.messages_lost),
    )
    for sign, sent in messages:
        for (workflow, recipient), count in sorted(sent.items()):
            yield f"{sign}{count:>6,}  message: {workflow} to {recipient}"


def _named(_rule: str, title: str, group: tuple[tuple[str, str], ...], shadow: bool) -> str:
    values = ", ".join(f"{name} = {value or 'absent'}" for name, value in group)
    return f"{title}{' (in shadow)' if shadow else ''}: {values}"
